// What the Wi-Fi module answers to each command: a table from command to function.
#pragma once

#include <string>
#include <string_view>

#include "board/modem/wifi_module.hpp"

namespace microvisor::board {

/// Executes one command line on a module: a line is one command here. Made for the line, gone after it.
class WifiCommands {
 public:
  explicit WifiCommands(WifiModule& module) : module_(module) {}
  at::Result execute(const std::string& line);

 private:
  using Handler = at::Result (WifiCommands::*)(const at::Command&);
  struct Entry {
    std::string_view name;
    Handler handler;
  };
  static const Entry kTable[];

  at::Result accept(const at::Command& command);
  at::Result echo(const at::Command& command);
  at::Result reset(const at::Command& command);
  at::Result version(const at::Command& command);
  at::Result mode(const at::Command& command);
  at::Result join(const at::Command& command);
  at::Result state(const at::Command& command);
  at::Result list(const at::Command& command);
  at::Result leave(const at::Command& command);
  at::Result ethernet(const at::Command& command);
  at::Result firmware(const at::Command& command);
  at::Result firmware_piece(const at::Command& command);
  at::Result firmware_end(const at::Command& command);
  at::Result firmware_confirm(const at::Command& command);
  at::Result firmware_return(const at::Command& command);
  at::Result restart();
  at::Result dial(const at::Command& command) { return module_.dial(command); }
  at::Result hang_up(const at::Command&) { return module_.hang_up(); }
  at::Result online(const at::Command&) { return module_.online(); }
  [[nodiscard]] bool joined() const { return module_.station_ == WifiModule::Station::Joined; }
  void information(const std::string& text) { module_.information(text); }

  WifiModule& module_;
};

}  // namespace microvisor::board

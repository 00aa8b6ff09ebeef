// What the module answers to each command: a table from command to function.
#pragma once

#include <string_view>

#include "board/modem/at_modem.hpp"

namespace microvisor::board {

/// Executes one command line on a module. Made for the line, gone after it.
class AtCommands {
 public:
  explicit AtCommands(AtModem& modem) : modem_(modem) {}
  /// Commands are executed in order up to the first that fails or enters data mode.
  at::Result execute(std::string_view line);

 private:
  using Handler = at::Result (AtCommands::*)(const at::Command&);
  struct Entry {
    std::string_view name;
    Handler handler;
  };
  static const Entry kTable[];

  at::Result run(const at::Command& command);
  void information(std::string_view text);
  at::Result set_flag(const at::Command& command, bool& flag);
  at::Result registration(const at::Command& command, unsigned& mode);
  at::Result identity(const at::Command& command, std::string_view text);
  [[nodiscard]] bool sim_missing(at::Result& result) const;

  at::Result accept(const at::Command& command);
  at::Result echo(const at::Command& command);
  at::Result quiet(const at::Command& command);
  at::Result verbose(const at::Command& command);
  at::Result defaults(const at::Command& command);
  at::Result dial(const at::Command& command);
  at::Result hang_up(const at::Command& command);
  at::Result online(const at::Command& command);
  at::Result product(const at::Command& command);
  at::Result error_reports(const at::Command& command);
  at::Result manufacturer(const at::Command& command);
  at::Result model(const at::Command& command);
  at::Result revision(const at::Command& command);
  at::Result imei(const at::Command& command);
  at::Result imsi(const at::Command& command);
  at::Result iccid(const at::Command& command);
  at::Result pin(const at::Command& command);
  at::Result creg(const at::Command& command);
  at::Result cgreg(const at::Command& command);
  at::Result cereg(const at::Command& command);
  at::Result signal_quality(const at::Command& command);
  at::Result operator_name(const at::Command& command);
  at::Result functionality(const at::Command& command);
  at::Result define_context(const at::Command& command);
  at::Result attach(const at::Command& command);
  at::Result activate(const at::Command& command);
  at::Result address(const at::Command& command);
  at::Result enter_data(const at::Command& command);
  at::Result flow_control(const at::Command& command);

  AtModem& modem_;
};

}  // namespace microvisor::board

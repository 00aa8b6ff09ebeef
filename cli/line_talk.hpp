// A talk with a device on the bench about what its bearers are brought up with: lines of text over the serial
// line of its modem, after its call (protocol/LINK.md, "Without a gateway").
//
// One thread.
#pragma once

#include <string>

#include "cli/line_call.hpp"

namespace microvisor::cli {

class LineTalk {
 public:
  /// Waits for the device's call. Throws Failure.
  explicit LineTalk(const std::string& port);
  ~LineTalk();
  LineTalk(const LineTalk&) = delete;
  LineTalk& operator=(const LineTalk&) = delete;

  /// What the device says before OK. Throws Failure.
  std::string ask(const std::string& line);

 private:
  void say(const std::string& line);
  /// Without its end.
  std::string next_line();

  LineCall line_;
};

}  // namespace microvisor::cli

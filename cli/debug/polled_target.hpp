// A target that has something to say by itself, asked for it by whoever serves GDB.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "board/debug/debug_target.hpp"

namespace microvisor::cli::debug {

struct TargetEvent {
  std::optional<board::Halt> halt;
  std::string text;   ///< for the user; ends in a newline, or is empty
  bool over = false;  ///< there is nothing to debug any more
};

class PolledTarget : public board::DebugTarget {
 public:
  /// The oldest event. Waits at most so long for one.
  [[nodiscard]] virtual std::optional<TargetEvent> poll(std::chrono::milliseconds wait) = 0;
  /// The halt it is in when GDB comes.
  [[nodiscard]] virtual const board::Halt& last_halt() const = 0;
};

}  // namespace microvisor::cli::debug

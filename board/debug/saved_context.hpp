// The registers of a task that does not run, from where the context switch has put them: on its stack.
//
// Known are the ways of FreeRTOS's ports for Cortex-M33 (PSPLIM, EXC_RETURN, r4 to r11; with an MPU or secure
// contexts one word more in front of EXC_RETURN) and for Cortex-M4F (r4 to r11, EXC_RETURN), each followed by
// s16 to s31 if EXC_RETURN says that there is floating-point state, and by the frame that the core has pushed
// (Armv8-M Architecture Reference Manual, B3.19). Which it is is seen by EXC_RETURN; where none stands,
// nothing is said.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

namespace microvisor::board {

struct SavedContext {
  std::uint32_t r[16] = {};  ///< r0 to pc; sp as the task had it
  std::uint32_t xpsr = 0;
  std::optional<std::uint32_t> stack_limit;
  bool secure = false;  ///< a task of the Secure side
  bool has_float = false;
  std::uint32_t s[32] = {};
  std::uint32_t fpscr = 0;

  /// By the name of GDB's target description ("r0", "pc", "psp", "d8"), in little-endian bytes; nothing: not
  /// known.
  [[nodiscard]] std::optional<std::vector<std::uint8_t>> value(std::string_view name) const;
};

/// Reads `count` words, all or nothing.
using ReadWords =
    std::function<std::optional<std::vector<std::uint32_t>>(std::uint32_t address, std::uint32_t count)>;

[[nodiscard]] std::optional<SavedContext> read_saved_context(std::uint32_t stack_pointer,
                                                             const ReadWords& read);

}  // namespace microvisor::board

// The tasks of a FreeRTOS in a target's memory, found by walking the kernel's lists.
//
// Nothing that stands there is believed: each list has to close, each of its items to point back at it and to
// lie in the task that owns it, at the same place in all. What does not fit is not FreeRTOS as it is known
// here, and there are no tasks. The walk is bounded, whatever memory says. docs/debugging.md says which
// configurations are known.
//
// On the target's thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "board/debug/debug_target.hpp"

namespace microvisor::board {

/// What a debugger has to be asked for by name (tasks.c of FreeRTOS).
enum class RtosSymbol : std::uint8_t {
  CurrentTask,
  ReadyLists,
  DelayedList1,
  DelayedList2,
  PendingReadyList,
  TaskCount,
  SuspendedList,  // from here on not in every configuration
  TerminationList,
  TaskNumber,
  SchedulerRunning,
  Count,
};
inline constexpr std::size_t kRtosSymbols = static_cast<std::size_t>(RtosSymbol::Count);
[[nodiscard]] std::string_view name_of(RtosSymbol symbol);

/// Addresses, as far as they are known.
class RtosSymbols {
 public:
  void set(RtosSymbol symbol, std::uint32_t address) {
    addresses_[static_cast<std::size_t>(symbol)] = address;
  }
  [[nodiscard]] std::optional<std::uint32_t> operator[](RtosSymbol symbol) const {
    return addresses_[static_cast<std::size_t>(symbol)];
  }
  /// All that every configuration has are known.
  [[nodiscard]] bool complete() const;

 private:
  std::array<std::optional<std::uint32_t>, kRtosSymbols> addresses_{};
};

enum class RtosState : std::uint8_t { Running, Ready, Blocked, Suspended, Deleted };
[[nodiscard]] std::string_view name_of(RtosState state);

struct RtosTask {
  std::uint32_t block = 0;                ///< address of its control block
  std::uint32_t saved_stack_pointer = 0;  ///< below it its registers, unless it runs
  std::uint32_t stack_limit = 0;
  std::uint32_t priority = 0;
  RtosState state = RtosState::Ready;
  std::string name;
};

/// What is cheap to read and changes when the set of tasks does.
struct RtosCensus {
  std::uint32_t running = 0;  ///< control block of the task that runs
  std::uint32_t count = 0;
  std::uint32_t created = 0;  ///< how many there ever were; 0 if that is not known
  /// No task has come or gone between the two.
  [[nodiscard]] bool same_tasks(const RtosCensus& other) const {
    return created != 0 && created == other.created && count == other.count;
  }
};

/// Nothing: the scheduler does not run, or memory does not say so.
[[nodiscard]] std::optional<RtosCensus> read_census(DebugTarget& target, const RtosSymbols& symbols);
/// All tasks, the one that runs among them. Nothing: this is no FreeRTOS that is known.
[[nodiscard]] std::optional<std::vector<RtosTask>> read_tasks(DebugTarget& target, const RtosSymbols& symbols,
                                                              const RtosCensus& census);

/// A word of the target's memory, little-endian.
[[nodiscard]] std::optional<std::uint32_t> read_word(DebugTarget& target, std::uint32_t address);
/// `count` words, all or nothing.
[[nodiscard]] std::optional<std::vector<std::uint32_t>> read_words(DebugTarget& target, std::uint32_t address,
                                                                   std::uint32_t count);

}  // namespace microvisor::board

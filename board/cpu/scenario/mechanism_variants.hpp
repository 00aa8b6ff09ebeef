// The variants of the mechanism and what must become of each: some stay clean for good, some cannot.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <ostream>
#include <string_view>

#include "board/cpu/scenario/mechanism.hpp"
#include "board/cpu/scenario/scenario_board.hpp"

namespace microvisor::board {

struct MechanismVariant {
  std::string_view name;
  bool clean;  ///< no error, whatever the length of the run; else it goes wrong
  Setup setup;
  unsigned application_period = 397;  ///< instructions between two interrupts on line 5

  friend std::ostream& operator<<(std::ostream& stream, const MechanismVariant& variant) {
    return stream << variant.name;
  }
};

inline constexpr std::array kMechanismVariants{
    // Gates.
    MechanismVariant{.name = "trap_gate", .clean = true, .setup = {}},
    MechanismVariant{.name = "veneer",
                     .clean = false,
                     .setup = {.gate = Gate::Veneer, .floats = 0},
                     .application_period = 151},
    MechanismVariant{.name = "veneer_closed",
                     .clean = false,
                     .setup = {.gate = Gate::VeneerClosed, .floats = 0},
                     .application_period = 151},
    MechanismVariant{.name = "veneer_closed_masked",
                     .clean = true,
                     .setup = {.gate = Gate::VeneerClosedMasked, .floats = 0},
                     .application_period = 151},
    MechanismVariant{
        .name = "veneer_masked", .clean = true, .setup = {.gate = Gate::VeneerMasked, .floats = 0}},
    // Calls that wait in Secure Thread mode.
    MechanismVariant{.name = "one_parked_call",
                     .clean = true,
                     .setup = {.gate = Gate::VeneerMasked, .parked = 1, .floats = 0}},
    MechanismVariant{.name = "two_parked_calls",
                     .clean = false,
                     .setup = {.gate = Gate::VeneerMasked, .parked = 2, .floats = 0}},
    // Where the worker stands against the task switcher: above it, PendSV_NS sees a frame without an FP
    // context
    // in place of the task's, and saves no S16 to S31.
    MechanismVariant{
        .name = "switcher_above_the_worker", .clean = false, .setup = {.switcher_priority = 0xD0}},
    MechanismVariant{.name = "compatibility_mode",
                     .clean = true,
                     .setup = {.worker_priority = 0x70, .switcher_priority = 0xD0}},
    MechanismVariant{
        .name = "application_masks_interrupts", .clean = true, .setup = {.masked_spins = 20'000}},
    MechanismVariant{.name = "fast_interrupts", .clean = true, .setup = {.fast_interrupts = 1}},
    MechanismVariant{.name = "debugger_halts", .clean = true, .setup = {.worker_priority = 0x70, .halts = 1}},
};

/// A pulse on an interrupt line every so many instructions.
class Pulse {
 public:
  Pulse(ScenarioBoard& board, unsigned line, std::uint64_t instructions)
      : board_(board),
        line_(line),
        ticks_(instructions * board.scheduler.instruction_ticks()),
        event_(board.scheduler, [this] { fire(); }) {
    event_.after(ticks_);
  }

 private:
  void fire() {
    board_.core.set_line(line_, true);
    board_.core.set_line(line_, false);
    event_.at(event_.due() + ticks_);
  }
  ScenarioBoard& board_;
  unsigned line_;
  Time ticks_;
  Scheduler::Event event_;
};

struct MechanismResult {
  bool ended = false;  ///< got to its end, with all figures
  std::array<Word, kFigures> figures{};
  std::uint64_t instructions = 0;
  std::uint32_t program_counter = 0;

  [[nodiscard]] bool clean() const { return ended && figures[kErrors] == 0; }
};

/// Runs a variant until its application has seen `milliseconds` ticks of 4,000 instructions, or something has
/// gone so wrong that it never will. The interrupts come at periods that have nothing in common.
inline MechanismResult run_mechanism(const MechanismVariant& variant, Word milliseconds) {
  ScenarioBoard board(SCENARIO_DIRECTORY "/mechanism.elf");
  Setup setup = variant.setup;
  setup.ticks = milliseconds;
  std::array<Word, sizeof setup / 4> words{};
  std::memcpy(words.data(), &setup, sizeof setup);
  for (std::size_t index = 0; index < words.size(); ++index) {
    board.poke(kSetupAddress + static_cast<std::uint32_t>(4 * index), 4, words[index]);
  }
  const Pulse application(board, 5, variant.application_period), urgent(board, 1, 2861), fast(board, 2, 5003);
  MechanismResult result;
  const bool exited = board.run(std::uint64_t{milliseconds} * 40'000 + 10'000'000);
  const std::vector<std::uint32_t> log = board.log();
  result.ended = exited && log.size() == kFigures;
  if (result.ended) std::ranges::copy(log, result.figures.begin());
  result.instructions = board.core.retired;
  result.program_counter = board.core.state.r[15];
  return result;
}

}  // namespace microvisor::board

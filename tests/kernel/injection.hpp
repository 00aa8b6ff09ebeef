// An interrupt of the application's at every instruction of a call: one run of the board for each, from a
// snapshot taken at the branch to the gate.
//
// Measured is how long the interrupt has to wait: from the moment it becomes pending to its handler's first
// instruction. Checked is that the call comes out as it does without the interrupt: results, registers,
// stacks, memory; and that the handler ran exactly once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "abi/interface.hpp"
#include "tests/kernel/hostile_rule.hpp"

namespace microvisor::tests {

/// Begins the erase of a page of flash bank 2 in which nothing is, from outside, as the kernel's updater
/// would.
void begin_erase_of_bank_2(CallerMachine& caller);
/// Whether the controller of the flash is at work.
[[nodiscard]] bool flash_is_busy(CallerMachine& caller);

/// The circumstances of a row of runs.
struct Disturbance {
  std::uint8_t priority = 0;   ///< of the interrupt
  bool handler_calls = false;  ///< its handler makes a call of its own
  bool erase = false;          ///< a page of flash bank 2 is being erased all the while
  bool compare = true;         ///< outcomes are compared; else waiting times are measured only
  std::uint64_t distance = 1;  ///< at every so many instructions
  std::uint64_t first = 0;     ///< beginning with this one
  std::uint64_t at_most =
      ~std::uint64_t{0};  ///< runs of one call, about: what is longer is looked at less often
  bool at_traps = false;  ///< instead: where each trap begins, from where a wait is longest
};

/// What came of a row of runs.
struct Injected {
  std::string id;
  std::uint64_t path = 0;  ///< instructions from the branch to what follows it, undisturbed
  std::uint64_t runs = 0;
  std::uint64_t longest_wait = 0;     ///< instructions
  std::uint64_t longest_wait_at = 0;  ///< pending in front of this instruction of the path
  double longest_microseconds = 0;    ///< of the board's time, in any of the runs
  std::vector<std::string> failures;
};

class Injection {
 public:
  Injection(const abi::CallShape& call, Amount amount, const Disturbance& disturbance);

  /// Calls that leave an application which can be compared; the others end it.
  [[nodiscard]] static bool possible(const abi::CallShape& call);
  [[nodiscard]] Injected run();
  /// Instructions of the path alone.
  [[nodiscard]] std::uint64_t path() const { return path_; }
  /// What the call says when it is left alone.
  [[nodiscard]] abi::Status status() const { return static_cast<abi::Status>(undisturbed_.after[0]); }

 private:
  void prepare(CallerMachine& caller) const;
  void measure_path();
  void disturb(std::uint64_t instruction, Injected& result) const;
  [[nodiscard]] std::string compare(CallerMachine& caller, const Outcome& outcome) const;

  const abi::CallShape& call_;
  Amount amount_;
  Disturbance disturbance_;
  std::shared_ptr<const board::Snapshot> at_branch_;
  std::uint64_t path_ = 0;
  std::vector<std::uint64_t>
      traps_;  // instructions of the path that branched to the gate, or came back to it
  command undisturbed_{};
  MemoryPicture reference_;
  std::vector<Expectation::Bytes> times_;
};

/// How long an urgent interrupt waits: the longest of `moments` waits of TIM7's line, in instructions, at
/// moments drawn by a fixed seed, in front of each of which `before` is called with its number.
[[nodiscard]] std::uint64_t longest_wait(board::Board& board, unsigned moments,
                                         const std::function<void(unsigned)>& before = {});

/// How long an urgent interrupt waits while the worker is kept busy by bytes from the modem's line: the
/// longest of `moments` waits, in instructions, at moments drawn by a fixed seed.
[[nodiscard]] std::uint64_t longest_wait_in_background(unsigned moments);

[[nodiscard]] std::string_view to_string(Amount amount);

}  // namespace microvisor::tests

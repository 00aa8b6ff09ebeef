// What is asked of every hostile case, whatever the kernel does: a status that the call may give, or the
// application ended and started again; no byte of the application's memory changed but the call's results;
// nothing of the kernel's constants or canaries changed, and no canary leaked; no reset; and the next call is
// served.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/kernel/caller_machine.hpp"

namespace microvisor::tests {

struct HostileCase {
  std::string id;
  /// What is wrong; empty if all is as it has to be.
  std::function<std::string()> run;
};

/// What is particular to a case.
struct Expectation {
  bool refused = false;   ///< the status must not be OKAY
  bool may_end = false;   ///< the application may be ended
  bool must_end = false;  ///< it has to be
  bool may_hang = false;  ///< the application may be busy with itself for ever
  bool judged = true;     ///< status, registers and memory are the call's alone
  struct Bytes {
    std::uint32_t address;
    std::uint32_t size;
  };
  std::vector<Bytes> results{};  ///< memory the call may write
};

[[nodiscard]] bool application_may_read(std::uint32_t address, std::uint64_t size);
[[nodiscard]] bool application_may_write(std::uint32_t address, std::uint64_t size);

/// The extents of all results of a call that lie in the application's memory.
[[nodiscard]] std::vector<Expectation::Bytes> results_of(const CallImage& image);

/// Carries the command out and judges what came of it. `image` may be null: no call is judged.
[[nodiscard]] std::string try_hostile(CallerMachine& caller, const CallImage* image, const command& order,
                                      const Expectation& expected);
/// The second half of it, for cases that run the board themselves.
[[nodiscard]] std::string judge(CallerMachine& caller, const CallImage* image, const MemoryPicture& before,
                                const Outcome& outcome, const Expectation& expected);

/// Makes GPDMA copy words, without any right beyond the application's.
[[nodiscard]] command dma_order(std::uint32_t source, std::uint32_t destination, std::uint32_t bytes);

[[nodiscard]] std::vector<HostileCase> pointer_cases();
[[nodiscard]] std::vector<HostileCase> changing_memory_cases();
[[nodiscard]] std::vector<HostileCase> handle_cases();
[[nodiscard]] std::vector<HostileCase> context_cases();
[[nodiscard]] std::vector<HostileCase> return_cases();
[[nodiscard]] std::vector<HostileCase> register_cases();
[[nodiscard]] std::vector<HostileCase> dma_cases();
[[nodiscard]] std::vector<HostileCase> all_hostile_cases();

}  // namespace microvisor::tests

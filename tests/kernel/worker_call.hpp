// Calls functions of the kernel image in the place of its worker, as the worker would: for parts of the
// kernel that nothing but a whole connection drives.
//
// The worker is caught where it enters worker_run_errand(), which it does at each of its waits; there the
// function is entered with the worker's own stack, returns to that place, and the worker goes on as if
// nothing had happened. While the function runs everything else of the board does too.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <vector>

#include "tests/kernel/kernel_machine.hpp"

namespace microvisor::tests {

/// Memory of the application's that tests give to such functions; no guest uses it.
inline constexpr std::uint32_t kScratch = 0x2006'0000;

/// Runs until the core is about to execute `address`, with this stack pointer if it is not 0. False: the time
/// is over.
[[nodiscard]] bool run_to(board::Board& board, std::uint32_t address, std::uint32_t sp,
                          unsigned milliseconds);

/// One time that the worker comes by, in which any number of functions is called. Throws if it does not come
/// within `milliseconds` of board time, or a function does not return.
class WorkerVisit {
 public:
  explicit WorkerVisit(KernelMachine& machine, unsigned milliseconds = 3'000);
  /// r0 when the function has returned. The machine has not been run since the last call.
  std::uint32_t call(const std::string& function, std::initializer_list<std::uint32_t> arguments);

 private:
  std::uint32_t address_of(const std::string& function);

  KernelMachine& machine_;
  std::uint32_t place_;
  unsigned milliseconds_;
  std::map<std::string, std::uint32_t> addresses_;
};

/// r0 when the function has returned. Throws if the worker does not come by, or the function does not return,
/// within `milliseconds` of board time each.
std::uint32_t call_in_worker(KernelMachine& machine, const std::string& function,
                             std::initializer_list<std::uint32_t> arguments, unsigned milliseconds = 3'000);

void write_words(KernelMachine& machine, std::uint32_t address, const std::vector<std::uint32_t>& words);

}  // namespace microvisor::tests

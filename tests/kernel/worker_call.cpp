#include "tests/kernel/worker_call.hpp"

#include <stdexcept>

#include "board/cpu/halting.hpp"

namespace microvisor::tests {

namespace {

const std::string kSpace = "microvisor::firmware::kernel::";

}  // namespace

bool run_to(board::Board& board, std::uint32_t address, std::uint32_t sp, unsigned milliseconds) {
  board::Core& core = board.core();
  const board::Time end = board.scheduler().now() + milliseconds * 1000 * board::kTicksPerMicrosecond;
  board::set_breakpoint(core, address);
  board.on_halt([&board](board::HaltReason) { board.stop(); });
  bool there = false;
  while (!there && board.scheduler().now() < end) {
    board.run({.until = end});
    if (!board.halted()) break;
    there = core.state.r[15] == address && (sp == 0 || core.state.r[13] == sp);
    board.go_on(false);
  }
  board::clear_breakpoint(core, address);
  board.on_halt({});
  return there;
}

WorkerVisit::WorkerVisit(KernelMachine& machine, unsigned milliseconds)
    : machine_(machine),
      place_(kernel_symbol(kSpace + "worker_run_errand()") & ~1u),
      milliseconds_(milliseconds) {
  if (!run_to(machine_.board(), place_, 0, milliseconds))
    throw std::runtime_error("the worker does not come by");
}

std::uint32_t WorkerVisit::call(const std::string& function, std::initializer_list<std::uint32_t> arguments) {
  auto& state = machine_.board().core().state;
  const auto before = state.r;
  std::size_t index = 0;
  for (const std::uint32_t argument : arguments) state.r[index++] = argument;
  state.r[14] = place_ | 1;
  state.r[15] = address_of(function);
  if (!run_to(machine_.board(), place_, before[13], milliseconds_))
    throw std::runtime_error(function + " does not return");
  const std::uint32_t result = state.r[0];
  for (const unsigned r : {0, 1, 2, 3, 12, 14}) state.r[r] = before[r];
  return result;
}

std::uint32_t WorkerVisit::address_of(const std::string& function) {
  const auto [entry, fresh] = addresses_.try_emplace(function, 0);
  if (fresh) entry->second = kernel_symbol(kSpace + function) & ~1u;
  return entry->second;
}

std::uint32_t call_in_worker(KernelMachine& machine, const std::string& function,
                             std::initializer_list<std::uint32_t> arguments, unsigned milliseconds) {
  return WorkerVisit(machine, milliseconds).call(function, arguments);
}

void write_words(KernelMachine& machine, std::uint32_t address, const std::vector<std::uint32_t>& words) {
  for (const std::uint32_t word : words) {
    if (!machine.board().bus().poke(address, 4, word)) throw std::runtime_error("no memory there");
    address += 4;
  }
}

}  // namespace microvisor::tests

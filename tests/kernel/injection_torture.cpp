// All injection runs: every call, typical and with its largest arguments, an interrupt at every instruction
// of its path.
//
//   injection_torture [--only CALL] [--for SECONDS]   all variants; each failure prints the command that
//   replays it injection_torture --figures                       waiting times as JSON, for script/bench
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "tests/kernel/injection.hpp"

namespace microvisor::tests {
namespace {

constexpr Disturbance kVariants[] = {
    {.priority = 0},
    {.priority = 0xF0},
    {.priority = 0x40, .handler_calls = true},
    {.priority = 0, .erase = true},
};

unsigned long long number(std::uint64_t value) { return value; }

int torture(std::string_view only, double seconds, const char* self) {
  const auto started = std::chrono::steady_clock::now();
  std::uint64_t cases = 0;
  std::uint64_t failed = 0;
  for (const abi::CallShape& call : abi::kCallShapes) {
    if (!Injection::possible(call) || (!only.empty() && only != call.name)) continue;
    for (const Disturbance& variant : kVariants) {
      for (const Amount amount : {Amount::Typical, Amount::Largest}) {
        if (std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count() > seconds)
          continue;
        Injected result;
        try {
          result = Injection(call, amount, variant).run();
        } catch (const std::exception& error) {
          result.failures.emplace_back(error.what());
          result.runs = 1;
        }
        cases += result.runs;
        failed += result.failures.size();
        std::printf("%s: path %llu, %llu runs, longest wait %llu at %llu\n", result.id.c_str(),
                    number(result.path), number(result.runs), number(result.longest_wait),
                    number(result.longest_wait_at));
        for (const std::string& failure : result.failures) {
          std::printf("FAILED %s at %s\n  replay: %s --only %s\n", result.id.c_str(), failure.c_str(), self,
                      call.name);
        }
        std::fflush(stdout);
      }
    }
  }
  std::printf("torture: %llu cases, %llu failed\n", number(cases), number(failed));
  return failed == 0 ? 0 : 1;
}

/// Of each call: instructions of its path and the longest wait with its largest arguments; waits in
/// microseconds of the board while bank 2 is erased. Waits are longest for what comes with a trap.
int figures() {
  std::printf("{\"calls\": [");
  const char* separator = "";
  for (const abi::CallShape& call : abi::kCallShapes) {
    if (!Injection::possible(call)) continue;
    constexpr Disturbance kWaits{.compare = false, .at_traps = true};
    constexpr Disturbance kWaitsWithErase{.erase = true, .compare = false, .at_traps = true};
    Injection typical(call, Amount::Typical, kWaits);
    const Injected plain = Injection(call, Amount::Largest, kWaits).run();
    const Injected erase = Injection(call, Amount::Largest, kWaitsWithErase).run();
    const Injected usual = typical.run();
    std::printf(
        "%s\n  {\"name\": \"%s\", \"path\": %llu, \"largest_path\": %llu, \"wait\": %llu, \"erase_us\": "
        "%.3f}",
        separator, call.name, number(typical.path()), number(plain.path),
        number(std::max(plain.longest_wait, usual.longest_wait)), erase.longest_microseconds);
    separator = ",";
  }
  std::printf("\n], \"background_wait\": %llu}\n", number(longest_wait_in_background(20'000)));
  return 0;
}

}  // namespace
}  // namespace microvisor::tests

int main(int argc, char** argv) {
  std::string only;
  double seconds = 1e9;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--figures") return microvisor::tests::figures();
    if (i + 1 == argc) break;
    if (option == "--only") only = argv[++i];
    if (option == "--for") seconds = std::stod(argv[++i]);
  }
  return microvisor::tests::torture(only, seconds, argv[0]);
}

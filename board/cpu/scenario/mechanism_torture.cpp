// The long run of the mechanism: clean variants for ten thousand million instructions each, failing variants
// until they fail.
//
//   mechanism_torture [--instructions N] [--only NAME] [--jobs N]
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>

#include "board/cpu/scenario/mechanism_variants.hpp"

namespace microvisor::board {
namespace {

struct Options {
  std::uint64_t instructions = 10'000'000'000;
  std::string only;
  unsigned jobs = 1;
};

constexpr std::uint64_t kInstructionsPerTick = 4'000;
/// What goes wrong does so within a second or two; a run that hangs would take all of its limit.
constexpr std::uint64_t kEnoughToFail = 40'000'000;

/// True if the variant ended as it must. What it says goes to stdout.
bool run_one(const MechanismVariant& variant, std::uint64_t instructions) {
  if (!variant.clean) instructions = std::min(instructions, kEnoughToFail);
  const MechanismResult result = run_mechanism(
      variant, static_cast<Word>(std::max<std::uint64_t>(1, instructions / kInstructionsPerTick)));
  const bool right = result.clean() == variant.clean;
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  std::printf("%-30s %s: %s after %llu instructions; %u errors, %u calls, %u slices, %u task switches\n",
              std::string(variant.name).c_str(), right ? "as it must be" : "WRONG",
              result.clean() ? "clean" : "failed", static_cast<unsigned long long>(result.instructions),
              result.figures[kErrors], result.figures[kCalls], result.figures[kSlices],
              result.figures[kTaskSwitches]);
  if (!right) {
    std::printf(
        "  PC %08x; replay: build/board/cpu/scenario/mechanism_torture --only %s --instructions %llu\n",
        result.program_counter, std::string(variant.name).c_str(),
        static_cast<unsigned long long>(instructions));
  }
  std::fflush(stdout);
  return right;
}

int run(const Options& options) {
  std::vector<const MechanismVariant*> chosen;
  for (const MechanismVariant& variant : kMechanismVariants) {
    if (options.only.empty() || options.only == variant.name) chosen.push_back(&variant);
  }
  std::atomic<std::size_t> next{0}, failed{0};
  std::vector<std::thread> threads;
  for (unsigned job = 0; job < std::max(1u, options.jobs); ++job) {
    threads.emplace_back([&] {
      for (std::size_t index = next++; index < chosen.size(); index = next++) {
        if (!run_one(*chosen[index], options.instructions)) ++failed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::cout << "torture: " << chosen.size() << " cases, " << failed << " failed\n";
  return failed == 0 && !chosen.empty() ? 0 : 1;
}

Options parse(int argc, char** argv) {
  Options options;
  for (int index = 1; index + 1 < argc; index += 2) {
    const std::string name = argv[index], value = argv[index + 1];
    if (name == "--instructions") {
      options.instructions = std::stoull(value);
    } else if (name == "--only") {
      options.only = value;
    } else if (name == "--jobs") {
      options.jobs = static_cast<unsigned>(std::stoul(value));
    } else {
      throw std::runtime_error("unknown option " + name);
    }
  }
  return options;
}

}  // namespace
}  // namespace microvisor::board

int main(int argc, char** argv) {
  try {
    return microvisor::board::run(microvisor::board::parse(argc, argv));
  } catch (const std::exception& error) {
    std::cerr << "mechanism_torture: " << error.what() << "\n";
    return 2;
  }
}

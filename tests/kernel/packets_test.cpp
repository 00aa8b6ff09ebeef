// Packets of the application's on their way keep its interrupts waiting no longer than anything else of
// Microvisor's.
#include <gtest/gtest.h>

#include <cstdio>

#include "tests/kernel/gateway_bench.hpp"
#include "tests/kernel/injection.hpp"

namespace microvisor::tests {
namespace {

constexpr std::uint64_t kLongestWait = 400;  // instructions (docs/kernel.md)

TEST(PacketsOnBoard, KeepInterruptsWaitingForAMoment) {
  GatewayBench bench;
  KernelMachine machine({.guest = "packets", .identity = bench.identity()});
  bench.connect(machine);
  ASSERT_TRUE(machine.run_until_line("sent 40", 30'000));
  const unsigned before = machine.count("sent");
  const std::uint64_t longest = longest_wait(machine.board(), 6'000);
  std::printf("longest wait %llu instructions, %u packets\n", static_cast<unsigned long long>(longest),
              4 * (machine.count("sent") - before));
  EXPECT_LE(longest, kLongestWait);
  EXPECT_GT(machine.count("sent"), before) << "packets went out meanwhile";
}

}  // namespace
}  // namespace microvisor::tests

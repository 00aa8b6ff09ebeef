// The device stays reachable whatever the application does with its interrupts: it connects, and keeps the
// connection.
#include <gtest/gtest.h>

#include "tests/kernel/gateway_bench.hpp"

namespace microvisor::tests {
namespace {

struct Occupation {
  const char* name;
  const char* guest;
  GuestParameters parameters;  // as the guest's source tells them
};

class Reachable : public testing::TestWithParam<Occupation> {};

TEST_P(Reachable, ConnectsAndStaysConnected) {
  GatewayBench bench;
  KernelMachine machine(KernelMachineSetup{
      .guest = GetParam().guest, .parameters = GetParam().parameters, .identity = bench.identity()});
  bench.connect(machine);
  for (unsigned i = 0; i < 600 && bench.gateway.seen().sessions == 0; ++i) machine.run(20);
  ASSERT_EQ(bench.gateway.seen().sessions, 1u) << "after " << machine.seconds() << " s";
  machine.run(3'000);
  EXPECT_EQ(bench.gateway.seen().sessions, 1u);
  EXPECT_TRUE(bench.gateway.seen().ends.empty());
  EXPECT_EQ(machine.count("start"), 1u);
  EXPECT_EQ(machine.board().resets(), 0u);
}

INSTANTIATE_TEST_SUITE_P(All, Reachable,
                         testing::Values(Occupation{"InterruptsMasked", "hostile", {4, 0, 0}},
                                         Occupation{"StormAt00", "storm", {1, 0x00, 1}},
                                         Occupation{"StormAtF0", "storm", {1, 0xF0, 1}},
                                         Occupation{"HandlerThatNeverReturns", "storm", {0, 0x00, 1}}),
                         [](const auto& occupation) { return occupation.param.name; });

}  // namespace
}  // namespace microvisor::tests

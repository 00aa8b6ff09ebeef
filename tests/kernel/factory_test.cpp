// The factory's verdict on the board: what is staged beside the line's test application is the product's. It
// is installed when the test is passed, and not before.
#include <gtest/gtest.h>

#include "tests/kernel/gateway_bench.hpp"

namespace microvisor::tests {
namespace {

constexpr std::uint32_t kFactory = 2;               // guests/statuses.c
constexpr GuestParameters kSaysItsReason{2, 0, 0};  // guests/storm.c

class FactoryOnBoard : public testing::Test {
 protected:
  /// The test application runs until the product's has been staged, and says this.
  void test_with_verdict(std::uint32_t verdict) {
    bench.offer(guest_image("storm", kSaysItsReason));
    machine = std::make_unique<KernelMachine>(KernelMachineSetup{.guest = "statuses",
                                                                 .parameters = {kFactory, 1, verdict},
                                                                 .factory_test = true,
                                                                 .identity = bench.identity()});
    bench.connect(*machine);
    ASSERT_TRUE(machine->run_until_line("staged", 30'000));
    ASSERT_TRUE(machine->run_until_line("done", 10'000)) << "it is not ended by the update";
    EXPECT_EQ(machine->board().resets(), 0u);
  }

  GatewayBench bench;
  std::unique_ptr<KernelMachine> machine;
};

TEST_F(FactoryOnBoard, APassedTestInstallsTheProduct) {
  test_with_verdict(0);
  ASSERT_TRUE(machine->run_until_line("start 9", 10'000));
  EXPECT_EQ(machine->board().resets(), 1u);
  ASSERT_TRUE(machine->board().power_cycle());
  EXPECT_TRUE(machine->run_until_line("start 0", 3'000)) << "a product for good";
  EXPECT_EQ(machine->count("begin"), 1u);
}

TEST_F(FactoryOnBoard, AFailedTestInstallsNothing) {
  test_with_verdict(5);
  machine->run(5'000);
  EXPECT_EQ(machine->count("start"), 0u);
  EXPECT_EQ(machine->board().resets(), 0u);
  ASSERT_TRUE(machine->board().power_cycle());
  machine->run(3'000);
  EXPECT_EQ(machine->count("begin"), 2u) << "it is tested again";
  EXPECT_EQ(machine->count("start"), 0u);
}

}  // namespace
}  // namespace microvisor::tests

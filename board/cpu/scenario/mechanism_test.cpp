// The kernel's mechanism on this core, a sample of each variant: trap gates stay clean under a task switcher
// and a background worker, secure gateways in their place do not, and so on. mechanism_torture.cpp runs them
// for long.
#include <gtest/gtest.h>

#include "board/cpu/scenario/mechanism_variants.hpp"

namespace microvisor::board {
namespace {

class Mechanism : public ::testing::TestWithParam<MechanismVariant> {};

TEST_P(Mechanism, EndsAsItMust) {
  const MechanismResult result = run_mechanism(GetParam(), 2000);
  EXPECT_EQ(result.clean(), GetParam().clean)
      << "PC " << std::hex << result.program_counter << std::dec << ", " << result.figures[kErrors]
      << " errors in " << result.figures[kCalls] << " calls";
}

INSTANTIATE_TEST_SUITE_P(All, Mechanism, ::testing::ValuesIn(kMechanismVariants),
                         [](const auto& test) { return std::string(test.param.name); });

const MechanismVariant& variant(std::string_view name) {
  return *std::ranges::find(kMechanismVariants, name, &MechanismVariant::name);
}

TEST(MechanismFigures, TrapGatesWorkerAndTaskSwitcherAllHaveTheirShare) {
  const MechanismResult result = run_mechanism(variant("trap_gate"), 2000);
  ASSERT_TRUE(result.clean());
  EXPECT_GE(result.figures[kTicks], 2000u);
  EXPECT_GT(result.figures[kCalls], 20'000u);
  EXPECT_GT(result.figures[kRestarts], 1'000u);
  EXPECT_GT(result.figures[kSlices], 1'000u);
  EXPECT_GT(result.figures[kParks], 500u);
  EXPECT_GT(result.figures[kWorkerLoops], 10'000u);
  EXPECT_GT(result.figures[kTaskSwitches], 2'000u);
}

TEST(MechanismFigures, WorkerIsBoostedWhenTheApplicationMasksItsInterrupts) {
  const MechanismResult result = run_mechanism(variant("application_masks_interrupts"), 1000);
  ASSERT_TRUE(result.clean());
  EXPECT_GT(result.figures[kBoosts], 5u);
  EXPECT_GT(result.figures[kWorkerLoops], 5'000u);
}

TEST(MechanismFigures, FastInterruptsReachTheirHandler) {
  const MechanismResult result = run_mechanism(variant("fast_interrupts"), 2000);
  ASSERT_TRUE(result.clean());
  EXPECT_GT(result.figures[kFastInterrupts], 1'000u);
}

TEST(MechanismFigures, WorkerGoesOnWhileTheMonitorHoldsTheApplication) {
  const MechanismResult result = run_mechanism(variant("debugger_halts"), 2000);
  ASSERT_TRUE(result.clean());
  EXPECT_GT(result.figures[kHalts], 30u);
  EXPECT_GT(result.figures[kWorkerLoops], 40 * result.figures[kHalts]);
}

TEST(MechanismFigures, ParkedCallsWereMade) {
  const MechanismResult result = run_mechanism(variant("one_parked_call"), 1000);
  ASSERT_TRUE(result.clean());
  EXPECT_GT(result.figures[kRestarts], 50u);
}

TEST(MechanismFigures, AreTheSameInEveryRun) {
  const MechanismResult first = run_mechanism(variant("trap_gate"), 500);
  const MechanismResult second = run_mechanism(variant("trap_gate"), 500);
  ASSERT_TRUE(first.clean());
  EXPECT_EQ(first.figures, second.figures);
  EXPECT_EQ(first.instructions, second.instructions);
}

}  // namespace
}  // namespace microvisor::board

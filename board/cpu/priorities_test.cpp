// Who pre-empts whom. Expectations: Armv8-M ARM (DDI0553) B3.9 to B3.13; the table of non-secure priorities
// under PRIS is (p >> 1) + 0x80.
#include "board/cpu/system_test_bus.hpp"

namespace microvisor::board {
namespace {

class Priorities : public SystemTest {
 protected:
  void aircr(bool pris, bool faults_nonsecure, unsigned group = 0) {
    scs(0xED0C, 0x05FA'0000 | (pris ? 1u << 14 : 0) | (faults_nonsecure ? 1u << 13 : 0) | group << 8);
  }
};

TEST_F(Priorities, FixedOnes) {
  EXPECT_EQ(exception_priority(core, kReset, kSecure, true), -4);
  EXPECT_EQ(exception_priority(core, kNmi, kSecure, true), -2);
  EXPECT_EQ(exception_priority(core, kHardFault, kSecure, true), -1);
  aircr(false, true);
  EXPECT_EQ(exception_priority(core, kHardFault, kSecure, true), -3);
  EXPECT_EQ(exception_priority(core, kHardFault, kNonSecure, true), -1);
}

TEST_F(Priorities, TargetsFollowBfhfnmins) {
  for (const unsigned number : {unsigned{kNmi}, unsigned{kBusFault}, unsigned{kHardFault}}) {
    EXPECT_EQ(target_world(core, number, kNonSecure), kSecure) << number;
  }
  EXPECT_EQ(target_world(core, kUsageFault, kNonSecure), kNonSecure);
  EXPECT_EQ(target_world(core, kSecureFault, kNonSecure), kSecure);
  aircr(false, true);
  EXPECT_EQ(target_world(core, kNmi, kSecure), kNonSecure);
  EXPECT_EQ(target_world(core, kBusFault, kSecure), kNonSecure);
  EXPECT_EQ(target_world(core, kHardFault, kSecure), kSecure);
  EXPECT_EQ(target_world(core, kHardFault, kNonSecure), kNonSecure);
}

TEST_F(Priorities, PrisMovesNonSecureIntoTheLowerHalf) {
  const std::array<std::array<int, 2>, 5> table{
      {{0x00, 0x80}, {0x10, 0x88}, {0xD0, 0xE8}, {0xE0, 0xF0}, {0xF0, 0xF8}}};
  aircr(true, false);
  for (const auto& [field, compared] : table) {
    pend_line(3, kNonSecure, static_cast<std::uint8_t>(field));
    EXPECT_EQ(exception_priority(core, kFirstInterrupt + 3, kNonSecure, false), compared);
  }
  pend_line(4, kSecure, 0xE0);
  EXPECT_EQ(exception_priority(core, kFirstInterrupt + 4, kSecure, false), 0xE0);
}

TEST_F(Priorities, MasksBothWorlds) {
  struct {
    bool pris, faults_nonsecure;
    int primask_s, primask_ns, faultmask_s, faultmask_ns;
  } const cases[] = {
      {false, false, 0, 0, -1, 0}, {true, false, 0, 0x80, -1, 0x80}, {false, true, 0, 0, -3, -1}};
  for (const auto& expected : cases) {
    aircr(expected.pris, expected.faults_nonsecure);
    const auto with = [this](auto set) {
      core.state.primask = core.state.faultmask = {};
      set(core.state);
      const int priority = execution_priority(core);
      core.state.primask = core.state.faultmask = {};
      return priority;
    };
    EXPECT_EQ(with([](CoreState& state) { state.primask[kSecure] = true; }), expected.primask_s);
    EXPECT_EQ(with([](CoreState& state) { state.primask[kNonSecure] = true; }), expected.primask_ns);
    EXPECT_EQ(with([](CoreState& state) { state.faultmask[kSecure] = true; }), expected.faultmask_s);
    EXPECT_EQ(with([](CoreState& state) { state.faultmask[kNonSecure] = true; }), expected.faultmask_ns);
  }
}

TEST_F(Priorities, BasepriOfBothWorlds) {
  core.state.basepri[kNonSecure] = 0x40;
  EXPECT_EQ(execution_priority(core), 0x40);
  aircr(true, false);
  EXPECT_EQ(execution_priority(core), 0xA0);
  core.state.basepri[kSecure] = 0x60;
  EXPECT_EQ(execution_priority(core), 0x60);
  core.state.basepri = {};
  EXPECT_EQ(execution_priority(core), 256);
}

TEST_F(Priorities, NonSecurePrimaskDoesNotHoldSecureInterruptsUnderPris) {
  aircr(true, false);
  run_thread(kNonSecure, kMain);
  core.state.primask[kNonSecure] = true;
  pend_line(3, kNonSecure, 0x00);
  EXPECT_FALSE(core.attention);
  pend_line(4, kSecure, 0x70);
  EXPECT_TRUE(core.attention);
}

TEST_F(Priorities, GroupsDecidePreEmptionSubprioritiesTheOrder) {
  aircr(false, false, 5);  // group 7:6, sub-priority 5:0
  pend_line(3, kSecure, 0x50);
  ASSERT_TRUE(take());
  pend_line(4, kSecure, 0x40);  // same group
  EXPECT_FALSE(core.attention);
  pend_line(5, kSecure, 0x30);
  EXPECT_TRUE(core.attention);
  core.state.basepri[kSecure] = 0x70;
  EXPECT_EQ(execution_priority(core), 0x40);
}

TEST_F(Priorities, PrigroupIsBanked) {
  scs_ns(0xED0C, 0x05FA'0700);
  EXPECT_EQ(scs(0xED0C) >> 8 & 7, 0u);
  EXPECT_EQ(scs_ns(0xED0C) >> 8 & 7, 7u);
  pend_line(3, kNonSecure, 0x50);
  EXPECT_EQ(exception_priority(core, kFirstInterrupt + 3, kNonSecure, true), 0);
}

TEST_F(Priorities, TiesGoToTheLowerNumberThenToSecure) {
  pend_line(9, kSecure, 0x20);
  pend_line(8, kNonSecure, 0x20);
  EXPECT_EQ(most_urgent(core).number, kFirstInterrupt + 8u);
  set_pending(core, kSysTick, kNonSecure, true);
  set_pending(core, kSysTick, kSecure, true);
  EXPECT_EQ(most_urgent(core).world, kSecure);  // both at 0
  EXPECT_EQ(most_urgent(core).number, kSysTick);
}

TEST_F(Priorities, FourBitsAreImplemented) {
  scs(0xED1C, 0xFF00'0000);
  EXPECT_EQ(scs(0xED1C), 0xF000'0000u);
  scs_byte(0xED1F, 0x4F);
  EXPECT_EQ(scs(0xED1C), 0x4000'0000u);
  scs(0xE400, 0xFFFF'FFFF);
  EXPECT_EQ(scs(0xE400), 0xF0F0'F0F0u);
}

TEST_F(Priorities, WorkerAtLowestPriorityIsPreEmptedByNonSecureInterrupts) {
  aircr(true, false);
  scs_byte(0xED22, 0xF0);  // PendSV_S
  scs(0xED04, 1u << 28);
  run_thread(kNonSecure, kProcess);
  reconsider(core);
  ASSERT_TRUE(take());
  ASSERT_EQ(core.state.ipsr, kPendSv);
  ASSERT_EQ(core.state.world, kSecure);
  pend_line(3, kNonSecure, 0xF0);  // 0xF8
  EXPECT_FALSE(core.attention);
  pend_line(4, kNonSecure, 0xE0);  // 0xF0: a tie does not pre-empt
  EXPECT_FALSE(core.attention);
  pend_line(5, kNonSecure, 0xD0);  // 0xE8
  ASSERT_TRUE(take());
  EXPECT_EQ(core.state.ipsr, kFirstInterrupt + 5u);
  EXPECT_EQ(core.state.r[14], 0xFFFF'FFF4u);  // SPSEL: CONTROL_NS as it was, for the return to put back
  EXPECT_EQ(core.state.stack[kSecure][kMain], kMspS - 0x48);
}

}  // namespace
}  // namespace microvisor::board

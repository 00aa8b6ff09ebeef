// SysTick by the clock: a round is RVR + 1 clocks, COUNTFLAG at 1 -> 0, the interrupt there too.
// Expectations: Armv8-M ARM (DDI0553) B12, D1.2 SYST_*. One instruction is 1920 ticks (4 MHz) after reset.
#include "board/cpu/system_test_bus.hpp"

namespace microvisor::board {
namespace {

class SysTickTest : public SystemTest {
 protected:
  static constexpr Time kClock = 1920;
  /// Lets `clocks` of HCLK pass, firing what is due on the way.
  void pass(std::uint64_t clocks) {
    const Time end = scheduler.now() + clocks * kClock;
    while (scheduler.next_due() <= end) {
      scheduler.budget = 0;
      scheduler.skip_to(scheduler.next_due());
      scheduler.dispatch();
    }
    scheduler.skip_to(end);
  }
  bool pending(World world) { return is_pending(core, kSysTick, world); }
};

TEST_F(SysTickTest, FirstRoundLoadsThenCountsDown) {
  scs(0xE014, 9);
  scs(0xE018, 0);
  scs(0xE010, 7);
  EXPECT_EQ(scs(0xE018), 0u);
  pass(1);
  EXPECT_EQ(scs(0xE018), 9u);
  pass(1);
  EXPECT_EQ(scs(0xE018), 8u);
  pass(7);
  EXPECT_EQ(scs(0xE018), 1u);
  EXPECT_FALSE(pending(kSecure));
  pass(1);
  EXPECT_EQ(scs(0xE018), 0u);
  EXPECT_TRUE(pending(kSecure));
  pass(1);
  EXPECT_EQ(scs(0xE018), 9u);
}

TEST_F(SysTickTest, PeriodIsReloadPlusOneWithoutDrift) {
  scs(0xE014, 3999);
  scs(0xE010, 7);
  for (unsigned round = 1; round <= 1000; ++round) {
    pass(4000 - 1);
    EXPECT_FALSE(pending(kSecure)) << round;
    pass(1);
    EXPECT_TRUE(pending(kSecure)) << round;
    set_pending(core, kSysTick, kSecure, false);
  }
}

TEST_F(SysTickTest, CountFlagIsClearedByReadingAndByWritingTheValue) {
  scs(0xE014, 9);
  scs(0xE010, 5);  // no interrupt
  pass(10);
  EXPECT_EQ(core.peek_ppb(0xE000'E010, kSecure), 0x0001'0005u);  // a debugger clears nothing
  EXPECT_EQ(scs(0xE010), 0x0001'0005u);
  EXPECT_EQ(scs(0xE010), 5u);
  EXPECT_FALSE(pending(kSecure));
  pass(10);
  scs(0xE018, 123);
  EXPECT_EQ(scs(0xE010), 5u);
  EXPECT_EQ(scs(0xE018), 0u);
}

TEST_F(SysTickTest, WritingTheValueRestartsTheRoundWithoutAnInterrupt) {
  scs(0xE014, 9);
  scs(0xE010, 7);
  pass(5);
  scs(0xE018, 1);
  EXPECT_FALSE(pending(kSecure));
  pass(9);
  EXPECT_FALSE(pending(kSecure));
  pass(1);
  EXPECT_TRUE(pending(kSecure));
}

TEST_F(SysTickTest, NewReloadCountsFromTheNextRound) {
  scs(0xE014, 9);
  scs(0xE010, 7);
  pass(1);
  scs(0xE014, 99);
  pass(9);
  EXPECT_TRUE(pending(kSecure));
  set_pending(core, kSysTick, kSecure, false);
  pass(99);
  EXPECT_FALSE(pending(kSecure));
  pass(1);
  EXPECT_TRUE(pending(kSecure));
}

TEST_F(SysTickTest, ReloadZeroStops) {
  scs(0xE014, 4);
  scs(0xE010, 7);
  pass(1);
  scs(0xE014, 0);
  pass(4);
  EXPECT_TRUE(pending(kSecure));
  set_pending(core, kSysTick, kSecure, false);
  pass(1000);
  EXPECT_FALSE(pending(kSecure));
  EXPECT_EQ(scs(0xE018), 0u);
}

TEST_F(SysTickTest, DisablingHoldsTheValue) {
  scs(0xE014, 99);
  scs(0xE010, 5);
  pass(11);
  scs(0xE010, 4);
  pass(50);
  EXPECT_EQ(scs(0xE018), 89u);
  scs(0xE010, 5);
  pass(1);
  EXPECT_EQ(scs(0xE018), 88u);
}

TEST_F(SysTickTest, ExternalClockIsAnEighth) {
  scs(0xE014, 9);
  scs(0xE010, 3);
  pass(8 * 10 - 1);
  EXPECT_FALSE(pending(kSecure));
  pass(1);
  EXPECT_TRUE(pending(kSecure));
}

TEST_F(SysTickTest, ClockChangeKeepsTheCountSoFar) {
  scs(0xE014, 99);
  scs(0xE010, 7);
  pass(1 + 40);
  EXPECT_EQ(scs(0xE018), 59u);
  set_systick_clocks(core, kClock / 4, kClock * 2);
  EXPECT_EQ(scs(0xE018), 59u);
  pass(1);
  EXPECT_EQ(scs(0xE018), 55u);
  set_systick_clocks(core, kClock, kClock * 8);
  pass(54);
  EXPECT_FALSE(pending(kSecure));
  pass(1);
  EXPECT_TRUE(pending(kSecure));
}

TEST_F(SysTickTest, DeepSleepStopsBoth) {
  scs(0xE014, 9);
  scs(0xE010, 7);
  pass(4);
  stop_core_clock(core);
  pass(100);
  EXPECT_FALSE(pending(kSecure));
  start_core_clock(core);
  EXPECT_EQ(scs(0xE018), 6u);
  pass(6);
  EXPECT_TRUE(pending(kSecure));
}

TEST_F(SysTickTest, ThereAreTwo) {
  scs(0xE014, 9);
  scs_ns(0xE014, 19);
  scs(0xE010, 7);
  scs_ns(0xE010, 7);
  pass(10);
  EXPECT_TRUE(pending(kSecure));
  EXPECT_FALSE(pending(kNonSecure));
  pass(10);
  EXPECT_TRUE(pending(kNonSecure));
  std::uint32_t value = 0;
  EXPECT_TRUE(read_ppb(core, 0xE000'E014, 4, false, true, value));
  EXPECT_EQ(value, 19u);
}

TEST_F(SysTickTest, ReloadIs24Bits) {
  scs(0xE014, 0xFFFF'FFFF);
  EXPECT_EQ(scs(0xE014), 0x00FF'FFFFu);
}

}  // namespace
}  // namespace microvisor::board

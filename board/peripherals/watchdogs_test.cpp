// Expectations: RM0456 chapters 61 (IWDG) and 62 (WWDG); start-up sequence of the vendor's drivers.
#include "board/peripherals/watchdogs.hpp"

#include <gtest/gtest.h>

#include "board/peripherals/test_bench.hpp"

namespace microvisor::board {
namespace {

using namespace testing;

class WatchdogTest : public ::testing::Test {
 protected:
  Scheduler scheduler;
  FixedClocks clocks;
  RecordedLines lines;
  unsigned resets = 0, starts = 0;
  std::uint32_t options = ~0U;
  IndependentWatchdog iwdg{
      scheduler, lines, {[this] { ++resets; }, [this] { ++starts; }, [this] { return options; }}};
  WindowWatchdog wwdg{scheduler, clocks, lines, [this] { ++resets; }};

  /// Vendor driver: start, unlock, prescaler, reload, (no early wake-up), wait, then reload through the
  /// window.
  void start(std::uint32_t prescaler, std::uint32_t reload, std::uint32_t window) {
    write(iwdg, 0, 0xCCCC);
    write(iwdg, 0, 0x5555);
    write(iwdg, 4, prescaler);
    write(iwdg, 8, reload);
    ASSERT_EQ(read(iwdg, 0xC) & 0xF, 0U);
    if (read(iwdg, 0x10) != window) {
      write(iwdg, 0x10, window);
    } else {
      write(iwdg, 0, 0xAAAA);
    }
  }
};

TEST_F(WatchdogTest, ExpiresAfterThePeriod) {
  start(3, 999, 0xFFF);  // 32 kHz / 32: one second
  EXPECT_EQ(starts, 1U);
  run_for(scheduler, seconds(1) - 1);
  EXPECT_EQ(resets, 0U);
  write(iwdg, 0, 0xAAAA);
  run_for(scheduler, seconds(1) - 1);
  EXPECT_EQ(resets, 0U);
  run_for(scheduler, 1);
  EXPECT_EQ(resets, 1U);
}

TEST_F(WatchdogTest, RegistersNeedTheKey) {
  write(iwdg, 4, 5);
  EXPECT_EQ(read(iwdg, 4), 0U);
  write(iwdg, 0, 0x5555);
  write(iwdg, 4, 5);
  write(iwdg, 0, 0xAAAA);
  write(iwdg, 8, 1);
  EXPECT_EQ(read(iwdg, 4), 5U);
  EXPECT_EQ(read(iwdg, 8), 0xFFFU);
  EXPECT_EQ(read(iwdg, 0x10), 0xFFFU);
}

TEST_F(WatchdogTest, RefreshBeforeTheWindowResets) {
  start(3, 999, 500);
  EXPECT_EQ(read(iwdg, 0x10), 500U);
  run_for(scheduler, milliseconds(100));
  write(iwdg, 0, 0xAAAA);
  EXPECT_EQ(resets, 1U);
}

TEST_F(WatchdogTest, RefreshInsideTheWindowCounts) {
  start(3, 999, 500);
  run_for(scheduler, milliseconds(600));
  write(iwdg, 0, 0xAAAA);
  EXPECT_EQ(resets, 0U);
  run_for(scheduler, milliseconds(600));
  EXPECT_EQ(resets, 0U);
}

TEST_F(WatchdogTest, EarlyWarning) {
  write(iwdg, 0, 0xCCCC);
  write(iwdg, 0, 0x5555);
  write(iwdg, 4, 3);
  write(iwdg, 8, 999);
  write(iwdg, 0x14, bit(15) | bit(14) | 101);
  run_for(scheduler, milliseconds(899) - 1);
  EXPECT_FALSE(lines.level(27));
  run_for(scheduler, 1);
  EXPECT_TRUE(lines.level(27));
  EXPECT_TRUE(test(read(iwdg, 0xC), 14));
  set_bits(iwdg, 0x14, bit(14));
  EXPECT_FALSE(lines.level(27));
}

TEST_F(WatchdogTest, HardwareStartByOption) {
  options = ~bit(16);
  iwdg.reset(Reset::System);
  EXPECT_EQ(scheduler.next_due(), scheduler.now() + Time{4096} * 4 * 240'000);
}

TEST_F(WatchdogTest, WindowWatchdogTimesOut) {
  // 160 MHz / 4096 / 8: 204.8 us a count.
  write(wwdg, 0, 0xFF);
  write(wwdg, 4, (3U << 11) | 0x7F);
  run_for(scheduler, milliseconds(1));
  EXPECT_EQ(read(wwdg, 0), 0xFFU - 4);
  const Time count = Time{4096} * 8 * 48;
  run_until(scheduler, Time{64} * count);
  EXPECT_EQ(resets, 1U);
}

TEST_F(WatchdogTest, WindowWatchdogWarnsAndRefusesEarlyRefresh) {
  write(wwdg, 0, 0xC1);
  write(wwdg, 4, bit(9) | 0x50);
  run_for(scheduler, Time{4096} * 48);
  EXPECT_TRUE(lines.level(0));
  write(wwdg, 8, 0);
  EXPECT_FALSE(lines.level(0));
  write(wwdg, 0, 0x7F);
  EXPECT_EQ(resets, 0U);
  write(wwdg, 0, 0x7F);
  EXPECT_EQ(resets, 1U);
}

}  // namespace
}  // namespace microvisor::board

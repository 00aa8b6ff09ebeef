// Expectations: RM0456 chapters 63 (RTC) and 64 (TAMP); sequences of the vendor's drivers.
#include "board/peripherals/rtc.hpp"

#include <gtest/gtest.h>

#include "board/peripherals/tamp.hpp"
#include "board/peripherals/test_bench.hpp"

namespace microvisor::board {
namespace {

using namespace testing;

constexpr std::uint32_t kTr = 0, kDr = 4, kSsr = 8, kIcsr = 0xC, kPrer = 0x10, kWutr = 0x14, kCr = 0x18,
                        kSeccfgr = 0x20, kWpr = 0x24, kShiftr = 0x2C, kAlrmar = 0x40, kAlrmassr = 0x44,
                        kSr = 0x50, kMisr = 0x54, kSmisr = 0x58, kScr = 0x5C;

class RtcTest : public ::testing::Test {
 protected:
  RtcTest() {
    clocks.kernel_hertz = 32'768;
    clocks.change(160'000'000);
  }
  Scheduler scheduler;
  FixedClocks clocks;
  RecordedLines lines;
  RtcState state;
  bool writable = true;
  unsigned wakes = 0, illegal = 0;
  Rtc rtc{scheduler,
          clocks,
          lines,
          state,
          {[this] { return writable; },
           [this](bool level) { wakes += level ? 1 : 0; },
           [this] { ++illegal; },
           {}}};

  static void unlock(Rtc& block) {
    write(block, kWpr, 0xCA);
    write(block, kWpr, 0x53);
  }
  static void lock(Rtc& block) { write(block, kWpr, 0xFF); }
  /// Vendor driver: unlock, INIT, wait INITF, registers, leave INIT, wait RSF, lock.
  void set(std::uint32_t tr, std::uint32_t dr) {
    unlock(rtc);
    set_bits(rtc, kIcsr, bit(7));
    ASSERT_TRUE(test(read(rtc, kIcsr), 6));
    write(rtc, kTr, tr);
    write(rtc, kDr, dr);
    clear_bits(rtc, kIcsr, bit(7));
    ASSERT_TRUE(test(read(rtc, kIcsr), 5));
    lock(rtc);
  }
};

TEST_F(RtcTest, ResetValues) {
  EXPECT_EQ(read(rtc, kPrer), 0x007F'00FFU);
  EXPECT_EQ(read(rtc, kWutr), 0xFFFFU);
  EXPECT_EQ(read(rtc, kDr), 0x0000'2101U);
  EXPECT_EQ(read(rtc, kIcsr) & ~bit(5), bit(2));
}

TEST_F(RtcTest, CountsThroughTheEndOfALeapFebruary) {
  set(0x23'5958, 0x24'E228);  // 2024-02-28, weekday 7
  run_for(scheduler, seconds(2));
  EXPECT_EQ(read(rtc, kTr), 0U);
  EXPECT_EQ(read(rtc, kDr), (0x24U << 16) | (1U << 13) | 0x229U);
  run_for(scheduler, seconds(86'400));
  EXPECT_EQ(read(rtc, kTr), 0U);
  EXPECT_EQ(read(rtc, kDr), (0x24U << 16) | (2U << 13) | 0x301U);
  EXPECT_TRUE(test(read(rtc, kIcsr), 4));
}

TEST_F(RtcTest, SubsecondsCountDown) {
  set(0, 0x2101);
  EXPECT_EQ(read(rtc, kSsr), 255U);
  read(rtc, kDr);
  run_for(scheduler, milliseconds(500));
  EXPECT_EQ(read(rtc, kSsr), 127U);
}

TEST_F(RtcTest, ReadingTheTimeHoldsTheDate) {
  set(0x23'5959, 0x23'0101 | (1U << 13));
  EXPECT_EQ(read(rtc, kTr), 0x23'5959U);
  run_for(scheduler, seconds(1));
  EXPECT_EQ(read(rtc, kTr), 0x23'5959U);
  EXPECT_EQ(read(rtc, kDr), 0x23'0101U | (1U << 13));
  EXPECT_EQ(read(rtc, kTr), 0U);
}

TEST_F(RtcTest, ProtectionAndBackupAccess) {
  write(rtc, kCr, bit(5));
  EXPECT_EQ(read(rtc, kCr), 0U);
  unlock(rtc);
  writable = false;
  write(rtc, kCr, bit(5));
  EXPECT_EQ(read(rtc, kCr), 0U);
  writable = true;
  write(rtc, kCr, bit(5));
  EXPECT_EQ(read(rtc, kCr), bit(5));
  lock(rtc);
  write(rtc, kCr, 0);
  EXPECT_EQ(read(rtc, kCr), bit(5));
}

TEST_F(RtcTest, TwelveHourFormat) {
  unlock(rtc);
  write(rtc, kCr, bit(6));
  set(0x12'0000 | bit(22), 0x23'2101);
  EXPECT_EQ(read(rtc, kTr), 0x12'0000U | bit(22));
  read(rtc, kDr);
  run_for(scheduler, seconds(3600));
  EXPECT_EQ(read(rtc, kTr), 0x01'0000U | bit(22));
  read(rtc, kDr);
  run_for(scheduler, seconds(11 * 3600));
  EXPECT_EQ(read(rtc, kTr), 0x12'0000U);
}

TEST_F(RtcTest, WakeupTimerInterruptsPeriodically) {
  unlock(rtc);
  EXPECT_TRUE(test(read(rtc, kIcsr), 2));
  write(rtc, kWutr, 2047);  // 2048 / (32768 / 16) = 1 s
  write(rtc, kCr, bit(10) | bit(14));
  EXPECT_FALSE(test(read(rtc, kIcsr), 2));
  const Time begin = scheduler.now();
  for (unsigned i = 1; i <= 3; ++i) {
    ASSERT_EQ(scheduler.next_due(), begin + seconds(i));
    run_until(scheduler, begin + seconds(i));
    EXPECT_TRUE(lines.level(2));
    EXPECT_EQ(read(rtc, kMisr), 4U);
    write(rtc, kScr, 4);
    EXPECT_FALSE(lines.level(2));
  }
  EXPECT_EQ(wakes, 3U);
  EXPECT_EQ(read(rtc, kScr), 0U);
}

TEST_F(RtcTest, WakeupOnSecondsClock) {
  unlock(rtc);
  write(rtc, kWutr, 9);
  write(rtc, kCr, bit(10) | bit(14) | 4);
  EXPECT_EQ(scheduler.next_due(), scheduler.now() + seconds(10));
}

TEST_F(RtcTest, AlarmMatchesOnceAtItsTime) {
  set(0x11'5930, 0x23'2101);
  unlock(rtc);
  write(rtc, kAlrmar, bit(31) | 0x12'0000);  // 12:00:00 on any day
  write(rtc, kCr, bit(8) | bit(12));
  EXPECT_EQ(scheduler.next_due(), scheduler.now() + seconds(30));
  run_for(scheduler, seconds(30));
  EXPECT_TRUE(lines.level(2));
  EXPECT_EQ(read(rtc, kSr), 1U);
  write(rtc, kScr, 1);
  EXPECT_EQ(scheduler.next_due(), scheduler.now() + seconds(86'400));
}

TEST_F(RtcTest, AlarmByWeekdayAndDate) {
  set(0, 0x24'2101);  // Monday 1 January 2024
  unlock(rtc);
  write(rtc, kAlrmar, bit(30) | (3U << 24));  // Wednesday 00:00:00
  write(rtc, kCr, bit(8));
  EXPECT_EQ(scheduler.next_due(), scheduler.now() + seconds(2 * 86'400));
  write(rtc, kCr, 0);
  write(rtc, kAlrmar, 0x31U << 24);  // the 31st
  write(rtc, kCr, bit(8));
  EXPECT_EQ(scheduler.next_due(), scheduler.now() + seconds(30 * 86'400));
}

TEST_F(RtcTest, SubsecondAlarmEveryEighthOfASecond) {
  set(0, 0x2101);
  unlock(rtc);
  write(rtc, kAlrmar, bit(31) | bit(23) | bit(15) | bit(7));
  write(rtc, kAlrmassr, (5U << 24) | 31);  // five bits compared: 8 matches in 256
  write(rtc, kCr, bit(8));
  const Time begin = scheduler.now();
  for (unsigned i = 1; i <= 20; ++i) {
    ASSERT_EQ(scheduler.next_due(), begin + seconds(1) * i / 8);
    run_until(scheduler, scheduler.next_due());
  }
}

TEST_F(RtcTest, ShiftAndSummerTime) {
  set(0x10'0000, 0x23'2101);
  unlock(rtc);
  write(rtc, kCr, bit(16));
  EXPECT_EQ(read(rtc, kTr), 0x11'0000U);
  read(rtc, kDr);
  EXPECT_EQ(read(rtc, kCr), 0U);
  run_for(scheduler, milliseconds(500));
  write(rtc, kShiftr, bit(31) | 128);  // a second less 128/256: half a second forward
  EXPECT_EQ(read(rtc, kSsr), 255U);
  EXPECT_EQ(read(rtc, kTr), 0x11'0001U);
}

TEST_F(RtcTest, FunctionsBelongToWorlds) {
  write(rtc, kSeccfgr, bit(1) | bit(13) | bit(14));
  unlock(rtc);
  write(rtc, kWutr, 2047);
  write(rtc, kCr, bit(10) | bit(14) | bit(9) | bit(13), kNonSecure);
  EXPECT_EQ(read(rtc, kCr), bit(10) | bit(14));  // alarm B is the secure world's
  run_for(scheduler, seconds(1));
  EXPECT_TRUE(lines.level(2));
  write(rtc, kSeccfgr, bit(2));
  EXPECT_FALSE(lines.level(2));
  EXPECT_TRUE(lines.level(3));
  EXPECT_EQ(read(rtc, kMisr), 0U);
  EXPECT_EQ(read(rtc, kSmisr), 4U);
  EXPECT_EQ(read(rtc, kWutr, kNonSecure), 0U);
  EXPECT_EQ(illegal, 1U);
  EXPECT_NE(read(rtc, kDr, kNonSecure), 0U);
}

TEST_F(RtcTest, OutlivesResetsAndPowerCuts) {
  set(0x08'0000, 0x23'2101);
  run_for(scheduler, seconds(90));
  rtc.reset(Reset::System);
  EXPECT_EQ(read(rtc, kTr), 0x08'0130U);
  Scheduler later;
  Rtc again{later, clocks, lines, state, {}};
  EXPECT_EQ(read(again, kTr), 0x08'0130U);
  read(again, kDr);
  run_for(later, seconds(30));
  EXPECT_EQ(read(again, kTr), 0x08'0200U);
  again.reset_backup_domain();
  EXPECT_EQ(read(again, kPrer), 0x007F'00FFU);
  EXPECT_FALSE(test(read(again, kIcsr), 4));
}

TEST_F(RtcTest, NoClockNoInit) {
  struct NoClock final : Clocks {
    std::uint32_t hclk() const override { return 1; }
    std::uint32_t pclk1() const override { return 1; }
    std::uint32_t pclk2() const override { return 1; }
    std::uint32_t pclk3() const override { return 1; }
    std::uint32_t kernel_clock(std::uint32_t) const override { return 0; }
    bool enabled(std::uint32_t) const override { return true; }
    void on_change(std::function<void()>) override {}
  } none;
  RtcState fresh;
  Rtc dead{scheduler, none, lines, fresh, {}};
  unlock(dead);
  set_bits(dead, kIcsr, bit(7));
  EXPECT_FALSE(test(read(dead, kIcsr), 6));
}

class TampTest : public ::testing::Test {
 protected:
  RecordedLines lines;
  TampState state;
  bool writable = true;
  unsigned erased = 0, illegal = 0;
  bool event = false;
  Tamp tamp{lines,
            state,
            {[this] { return writable; }, [this] { ++erased; }, [this](bool level) { event = level; },
             [this] { ++illegal; }}};
};

TEST_F(TampTest, BackupRegistersKeepAndNeedAccess) {
  write(tamp, 0x100, 0x1234);
  writable = false;
  write(tamp, 0x104, 0x5678);
  tamp.reset(Reset::System);
  EXPECT_EQ(read(tamp, 0x100), 0x1234U);
  EXPECT_EQ(read(tamp, 0x104), 0U);
}

TEST_F(TampTest, Zones) {
  write(tamp, 0x20, (8U << 16) | 4U);  // 0-3 secure, 4-7 readable, the rest free
  for (std::uint32_t i = 0; i < 12; ++i) write(tamp, 0x100 + 4 * i, 0xA0 + i);
  EXPECT_EQ(read(tamp, 0x10C, kNonSecure), 0U);
  EXPECT_EQ(illegal, 1U);
  EXPECT_EQ(read(tamp, 0x110, kNonSecure), 0xA4U);
  write(tamp, 0x110, 1, kNonSecure);
  EXPECT_EQ(illegal, 2U);
  EXPECT_EQ(read(tamp, 0x110), 0xA4U);
  write(tamp, 0x120, 1, kNonSecure);
  EXPECT_EQ(read(tamp, 0x120), 1U);
  EXPECT_EQ(read(tamp, 0x20, kNonSecure), (8U << 16) | 4U);
  write(tamp, 0x20, 0, kNonSecure);
  EXPECT_EQ(read(tamp, 0x20), (8U << 16) | 4U);
}

TEST_F(TampTest, SecureRegistersAreClosed) {
  write(tamp, 0x20, bit(31));
  write(tamp, 0x2C, 1, kNonSecure);
  EXPECT_EQ(read(tamp, 0x2C), 0U);
  EXPECT_EQ(illegal, 1U);
}

TEST_F(TampTest, CounterOnlyGoesUp) {
  write(tamp, 0x40, 0);
  write(tamp, 0x40, 0);
  EXPECT_EQ(read(tamp, 0x40), 2U);
  state.counter = ~0U;
  write(tamp, 0x40, 0);
  EXPECT_EQ(read(tamp, 0x40), ~0U);
}

TEST_F(TampTest, EventErasesAndBlocksUntilCleared) {
  write(tamp, 0x100, 7);
  write(tamp, 0x2C, bit(18));
  tamp.internal_event(3);
  EXPECT_EQ(erased, 0U);  // not enabled
  write(tamp, 0x00, bit(18));
  tamp.internal_event(3);
  EXPECT_EQ(erased, 1U);
  EXPECT_TRUE(lines.level(4));
  EXPECT_TRUE(event);
  EXPECT_EQ(read(tamp, 0x34), bit(18));
  write(tamp, 0x100, 9);
  EXPECT_EQ(read(tamp, 0x100), 0U);
  write(tamp, 0x3C, read(tamp, 0x34));
  EXPECT_FALSE(lines.level(4));
  EXPECT_FALSE(event);
  write(tamp, 0x100, 9);
  EXPECT_EQ(read(tamp, 0x100), 9U);
}

TEST_F(TampTest, EraseOnRequestAndActiveTamperSeeds) {
  write(tamp, 0x100, 7);
  write(tamp, 0x04, bit(23));
  EXPECT_EQ(read(tamp, 0x04), 0U);
  EXPECT_EQ(read(tamp, 0x100), 0U);
  EXPECT_EQ(erased, 1U);
  write(tamp, 0x10, 0x0007'0001);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(read(tamp, 0x18), 0U);
    write(tamp, 0x14, 0x1111);
  }
  EXPECT_EQ(read(tamp, 0x18), bit(15));
}

}  // namespace
}  // namespace microvisor::board

// Expectations: RM0456 chapters 54 to 57, and the use that existing applications make of TIM6 (tick) and TIM2
// (PWM).
#include "board/peripherals/timer.hpp"

#include <gtest/gtest.h>

#include "board/peripherals/test_bench.hpp"

namespace microvisor::board {
namespace {

using namespace testing;

constexpr std::uint32_t kCr1 = 0, kDier = 0xC, kSr = 0x10, kEgr = 0x14, kCcmr1 = 0x18, kCcer = 0x20,
                        kCnt = 0x24, kPsc = 0x28, kArr = 0x2C, kRcr = 0x30, kCcr1 = 0x34, kBdtr = 0x44;

const Timer::Shape& shape(std::string_view name) {
  for (const auto& entry : Timer::timers()) {
    if (entry.name == name) return entry;
  }
  throw std::out_of_range("no such timer");
}

class TimerTest : public ::testing::Test {
 protected:
  Scheduler scheduler;
  FixedClocks clocks;
  RecordedLines lines;
  Timer tim1{shape("TIM1"), scheduler, clocks, lines};
  Timer tim2{shape("TIM2"), scheduler, clocks, lines};
  Timer tim5{shape("TIM5"), scheduler, clocks, lines};
  Timer tim6{shape("TIM6"), scheduler, clocks, lines};

  /// The vendor driver's start-up of its tick: registers, UG, CEN, UIE.
  void start_tick() {
    write(tim6, kCr1, 0);
    write(tim6, kArr, 999);
    write(tim6, kPsc, 159);
    write(tim6, kEgr, 1);
    write(tim6, kDier, 1);
    write(tim6, kCr1, 1);
  }
};

TEST_F(TimerTest, ResetValues) {
  EXPECT_EQ(read(tim6, kArr), 0xFFFFU);
  EXPECT_EQ(read(tim5, kArr), 0xFFFF'FFFFU);
  EXPECT_EQ(read(tim6, kSr), 0U);
}

TEST_F(TimerTest, UpdateGenerationLoadsPrescalerAndFlags) {
  start_tick();
  EXPECT_EQ(read(tim6, kSr), 1U);  // URS = 0
  EXPECT_TRUE(lines.level(49));
  EXPECT_EQ(read(tim6, kEgr), 0U);
  write(tim6, kSr, ~1U);
  EXPECT_FALSE(lines.level(49));
}

TEST_F(TimerTest, TickIsExactOverAnHour) {
  start_tick();
  write(tim6, kSr, ~1U);
  const Time begin = scheduler.now();
  for (unsigned tick = 1; tick <= 3'600'000; ++tick) {
    const Time due = scheduler.next_due();
    ASSERT_EQ(due, begin + milliseconds(tick));
    run_until(scheduler, due);
    ASSERT_TRUE(lines.level(49));
    write(tim6, kSr, ~1U);
  }
}

TEST_F(TimerTest, TickIsExactAtAFrequencyThatDividesNothing) {
  clocks.change(98'308'593);  // counts do not fall on ticks of virtual time
  write(tim6, kArr, 999);
  write(tim6, kDier, 1);
  write(tim6, kCr1, 1);
  const Time begin = scheduler.now();
  for (std::uint64_t tick = 1; tick <= 200'000; ++tick) {
    const Time due = scheduler.next_due();
    const auto exact = static_cast<unsigned __int128>(tick * 1000) * kTicksPerSecond;
    ASSERT_EQ(due, begin + static_cast<Time>((exact + 98'308'592) / 98'308'593));
    run_until(scheduler, due);
    write(tim6, kSr, ~1U);
  }
}

TEST_F(TimerTest, NoEventWithoutListener) {
  write(tim5, kPsc, 159);
  write(tim5, kEgr, 1);
  write(tim5, kCr1, 1);
  EXPECT_EQ(scheduler.next_due(), kNever);
  run_for(scheduler, seconds(3600) + microseconds(7));
  EXPECT_EQ(read(tim5, kCnt), 3'600'000'007U);
  EXPECT_EQ(tim5.peek(kCnt), 3'600'000'007U);
}

TEST_F(TimerTest, WrapsAndFlagsOnceWhileUnattended) {
  write(tim6, kArr, 9);
  write(tim6, kCr1, 1);
  run_for(scheduler, Time{48} * 1'000'003);
  EXPECT_EQ(tim6.peek(kSr), 1U);
  EXPECT_EQ(read(tim6, kCnt), 3U);
  EXPECT_EQ(read(tim6, kSr), 1U);
}

TEST_F(TimerTest, ReprogrammingWhileRunning) {
  start_tick();
  write(tim6, kSr, ~1U);
  run_for(scheduler, milliseconds(5) / 2);
  write(tim6, kSr, ~1U);
  start_tick();
  write(tim6, kSr, ~1U);
  EXPECT_EQ(scheduler.next_due(), scheduler.now() + milliseconds(1));
}

TEST_F(TimerTest, ClockChangeKeepsTheCount) {
  write(tim5, kCr1, 1);
  run_for(scheduler, milliseconds(1));
  clocks.change(4'000'000);
  EXPECT_EQ(read(tim5, kCnt), 160'000U);
  run_for(scheduler, milliseconds(1));
  EXPECT_EQ(read(tim5, kCnt), 164'000U);
}

TEST_F(TimerTest, StoppedClockFreezes) {
  write(tim5, kCr1, 1);
  run_for(scheduler, microseconds(10));
  clocks.change(0);
  run_for(scheduler, seconds(10));
  clocks.change(160'000'000);
  EXPECT_EQ(read(tim5, kCnt), 1600U);
}

TEST_F(TimerTest, LoweredReloadWithoutPreloadRunsToNaturalEnd) {
  write(tim6, kArr, 0xFFFF);
  write(tim6, kCr1, 1);
  run_for(scheduler, Time{48} * 1000);
  write(tim6, kArr, 99);
  run_for(scheduler, Time{48} * (65536 - 1000 + 5));
  EXPECT_EQ(read(tim6, kCnt), 5U);
  run_for(scheduler, Time{48} * 100);
  EXPECT_EQ(read(tim6, kCnt), 5U);
}

TEST_F(TimerTest, PreloadedReloadWaitsForUpdate) {
  write(tim6, kArr, 99);
  write(tim6, kEgr, 1);
  write(tim6, kCr1, bit(7) | 1);
  write(tim6, kArr, 9);
  run_for(scheduler, Time{48} * 99);
  EXPECT_EQ(read(tim6, kCnt), 99U);
  run_for(scheduler, Time{48} * 12);
  EXPECT_EQ(read(tim6, kCnt), 1U);
}

TEST_F(TimerTest, OnePulseStops) {
  write(tim6, kArr, 99);
  write(tim6, kDier, 1);
  write(tim6, kCr1, bit(3) | 1);
  run_for(scheduler, Time{48} * 100);
  EXPECT_TRUE(lines.level(49));
  EXPECT_EQ(read(tim6, kCr1) & 1, 0U);
  EXPECT_EQ(read(tim6, kCnt), 0U);
}

TEST_F(TimerTest, UpdateDisabledAndRequestSource) {
  write(tim6, kCr1, bit(2));  // URS
  write(tim6, kEgr, 1);
  EXPECT_EQ(read(tim6, kSr), 0U);
  write(tim6, kArr, 9);
  write(tim6, kCr1, bit(1) | 1);  // UDIS
  run_for(scheduler, Time{48} * 25);
  EXPECT_EQ(read(tim6, kSr), 0U);
  EXPECT_EQ(read(tim6, kCnt), 5U);
}

TEST_F(TimerTest, CompareInterruptAtTheCount) {
  write(tim5, kCcr1, 5000);
  write(tim5, kDier, 2);
  write(tim5, kCr1, 1);
  EXPECT_EQ(scheduler.next_due(), scheduler.now() + Time{48} * 5000);
  run_until(scheduler, scheduler.next_due());
  EXPECT_TRUE(lines.level(48));
  EXPECT_EQ(read(tim5, kCnt), 5000U);
  write(tim5, kCcr1, 9000);
  write(tim5, kSr, ~2U);
  EXPECT_FALSE(lines.level(48));
  EXPECT_EQ(scheduler.next_due(), scheduler.now() + Time{48} * 4000);
}

TEST_F(TimerTest, CompareInThePastWaitsForTheNextRound) {
  write(tim6, kArr, 99);
  write(tim2, kArr, 99);
  write(tim2, kCr1, 1);
  run_for(scheduler, Time{48} * 50);
  write(tim2, kSr, 0);
  write(tim2, kCcr1, 20);
  write(tim2, kDier, 2);
  const Time start = scheduler.now();
  while (!lines.level(45)) run_until(scheduler, scheduler.next_due());
  EXPECT_EQ(scheduler.now(), start + Time{48} * 70);
}

TEST_F(TimerTest, DownAndCentreAlignedCounting) {
  write(tim2, kArr, 10);
  write(tim2, kCr1, bit(4));
  write(tim2, kEgr, 1);
  EXPECT_EQ(read(tim2, kCnt), 10U);
  write(tim2, kCr1, bit(4) | 1);
  run_for(scheduler, Time{48} * 3);
  EXPECT_EQ(read(tim2, kCnt), 7U);
  run_for(scheduler, Time{48} * 8);
  EXPECT_EQ(read(tim2, kCnt), 10U);

  write(tim5, kArr, 10);
  write(tim5, kCr1, (1U << 5) | 1);
  run_for(scheduler, Time{48} * 13);
  EXPECT_EQ(read(tim5, kCnt), 7U);
  EXPECT_TRUE(test(read(tim5, kCr1), 4));
  run_for(scheduler, Time{48} * 1000);  // 50 periods
  EXPECT_EQ(read(tim5, kCnt), 7U);
  run_for(scheduler, Time{48} * 10);
  EXPECT_EQ(read(tim5, kCnt), 3U);
  EXPECT_FALSE(test(read(tim5, kCr1), 4));
}

TEST_F(TimerTest, RepetitionCounterThinsOutUpdates) {
  write(tim1, kArr, 9);
  write(tim1, kRcr, 3);
  write(tim1, kEgr, 1);
  write(tim1, kSr, 0);
  write(tim1, kDier, 1);
  write(tim1, kCr1, 1);
  EXPECT_EQ(scheduler.next_due(), scheduler.now() + Time{48} * 40);
  run_for(scheduler, Time{48} * 40);
  EXPECT_TRUE(lines.level(42));
  write(tim1, kSr, 0);
  run_for(scheduler, Time{48} * 4000 + 48 * 5);
  write(tim1, kSr, 0);
  EXPECT_EQ(scheduler.next_due(), scheduler.now() + Time{48} * 35);
}

TEST_F(TimerTest, PwmReportsDutyAndPreloadsIt) {
  // The PWM of an existing application: 81 * 2502 clocks a period, channel 1 preloaded.
  TimerOutput seen;
  unsigned reports = 0;
  tim2.on_output([&](unsigned channel, const TimerOutput& output) {
    EXPECT_EQ(channel, 0U);
    seen = output;
    ++reports;
  });
  write(tim2, kPsc, 80);
  write(tim2, kArr, 2501);
  write(tim2, kCr1, bit(7));
  write(tim2, kEgr, 1);
  write(tim2, kCcmr1, (6U << 4) | bit(3));
  write(tim2, kCcr1, 625);
  write(tim2, kEgr, 1);
  write(tim2, kCcer, 1);
  write(tim2, kCr1, bit(7) | 1);
  EXPECT_TRUE(seen.driven);
  EXPECT_EQ(seen.hertz, 160'000'000U / (81 * 2502));
  EXPECT_EQ(seen.duty_permille, 250U);
  const unsigned before = reports;
  write(tim2, kCcr1, 1251);
  EXPECT_EQ(reports, before);
  run_for(scheduler, milliseconds(2));
  EXPECT_EQ(seen.duty_permille, 500U);
  EXPECT_EQ(reports, before + 1);
  run_for(scheduler, seconds(10));
  EXPECT_EQ(reports, before + 1);
}

TEST_F(TimerTest, SlowPwmReportsEdges) {
  std::vector<std::pair<Time, bool>> edges;
  tim2.on_output(
      [&](unsigned, const TimerOutput& output) { edges.emplace_back(scheduler.now(), output.level); });
  write(tim2, kPsc, 15999);  // 10 kHz
  write(tim2, kArr, 9999);   // 1 s
  write(tim2, kCcmr1, 6U << 4);
  write(tim2, kCcr1, 2500);
  write(tim2, kEgr, 1);
  write(tim2, kCcer, 1);
  const Time begin = scheduler.now();
  write(tim2, kCr1, 1);
  edges.clear();
  run_for(scheduler, seconds(2));
  const std::vector<std::pair<Time, bool>> expected = {{begin + milliseconds(250), false},
                                                       {begin + seconds(1), true},
                                                       {begin + milliseconds(1250), false},
                                                       {begin + seconds(2), true}};
  EXPECT_EQ(edges, expected);
}

TEST_F(TimerTest, AdvancedOutputsNeedMainEnable) {
  TimerOutput seen;
  tim1.on_output([&](unsigned, const TimerOutput& output) { seen = output; });
  write(tim1, kCcmr1, 5U << 4);  // forced active
  write(tim1, kCcer, 1);
  EXPECT_FALSE(seen.driven);
  write(tim1, kBdtr, bit(15));
  EXPECT_TRUE(seen.driven && seen.level);
  write(tim1, kEgr, bit(7));  // break
  EXPECT_FALSE(seen.driven);
  EXPECT_TRUE(test(read(tim1, kSr), 7));
}

TEST_F(TimerTest, SnapshotGoesOnCounting) {
  start_tick();
  write(tim6, kSr, ~1U);
  run_for(scheduler, microseconds(300));
  Archive saved;
  tim6.serialise(saved);
  tim6.reset(Reset::PowerOn);
  Archive loaded(saved.bytes());
  tim6.serialise(loaded);
  EXPECT_EQ(read(tim6, kCnt), 300U);
  EXPECT_EQ(scheduler.next_due(), scheduler.now() + microseconds(700));
}

}  // namespace
}  // namespace microvisor::board

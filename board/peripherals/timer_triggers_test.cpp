// Captures, slave modes and chained timers. Expectations: RM0456 54.3.17 to 54.3.28 and 55.3 (input capture,
// PWM input, one-pulse, encoder, timer synchronisation). One count is 1 us at 160 MHz with PSC = 159.
#include <gtest/gtest.h>

#include "board/peripherals/test_bench.hpp"
#include "board/peripherals/timer.hpp"

namespace microvisor::board {
namespace {

using namespace testing;

constexpr std::uint32_t kCr1 = 0, kCr2 = 4, kSmcr = 8, kDier = 0xC, kSr = 0x10, kEgr = 0x14, kCcmr1 = 0x18,
                        kCcer = 0x20, kCnt = 0x24, kPsc = 0x28, kArr = 0x2C, kCcr1 = 0x34, kCcr2 = 0x38;
constexpr std::uint32_t kTif = bit(6);

const Timer::Shape& shape(std::string_view name) {
  for (const auto& entry : Timer::timers()) {
    if (entry.name == name) return entry;
  }
  throw std::out_of_range("no such timer");
}

class TimerTriggerTest : public ::testing::Test {
 protected:
  Scheduler scheduler;
  FixedClocks clocks;
  RecordedLines lines;
  Timer tim1{shape("TIM1"), scheduler, clocks, lines};
  Timer tim2{shape("TIM2"), scheduler, clocks, lines};
  Timer tim3{shape("TIM3"), scheduler, clocks, lines};
  Timer tim16{shape("TIM16"), scheduler, clocks, lines};

  TimerTriggerTest() {
    tim1.connect_triggers({nullptr, &tim2, &tim3, nullptr, nullptr, nullptr, nullptr, &tim16, nullptr});
    tim2.connect_triggers({&tim1, nullptr, &tim3, nullptr, nullptr, nullptr, nullptr, &tim16, nullptr});
    tim3.connect_triggers({&tim1, &tim2, nullptr, nullptr, nullptr, nullptr, nullptr, &tim16, nullptr});
  }
  /// Counts microseconds.
  void start(Timer& timer, std::uint32_t reload = 0xFFFF) {
    write(timer, kPsc, 159);
    write(timer, kArr, reload);
    write(timer, kEgr, 1);
    write(timer, kSr, 0);
    write(timer, kCr1, 1);
  }
  void pulse(Timer& timer, unsigned input, Time high, Time low) {
    timer.set_input(input, true);
    run_for(scheduler, high);
    timer.set_input(input, false);
    run_for(scheduler, low);
  }
};

TEST_F(TimerTriggerTest, CapturesTheSelectedEdge) {
  write(tim2, kCcmr1, 1);          // IC1 on TI1
  write(tim2, kCcer, 1 | bit(1));  // falling
  write(tim2, kDier, bit(1));
  start(tim2);
  run_for(scheduler, microseconds(100));
  pulse(tim2, 0, microseconds(25), microseconds(10));
  EXPECT_TRUE(lines.level(45));
  EXPECT_EQ(read(tim2, kSr), bit(1));
  EXPECT_EQ(read(tim2, kCcr1), 125U);
  EXPECT_FALSE(lines.level(45));  // reading takes the capture
  EXPECT_EQ(read(tim2, kSr), 0U);
}

TEST_F(TimerTriggerTest, ASecondCaptureBeforeTheFirstIsTaken) {
  write(tim2, kCcmr1, 1);
  write(tim2, kCcer, 1);
  start(tim2);
  pulse(tim2, 0, microseconds(5), microseconds(5));
  pulse(tim2, 0, microseconds(5), microseconds(5));
  EXPECT_EQ(read(tim2, kSr), bit(1) | bit(9));
  EXPECT_EQ(read(tim2, kCcr1), 10U);
  EXPECT_EQ(read(tim2, kSr), bit(9));
}

TEST_F(TimerTriggerTest, BothEdgesAndThePrescaler) {
  write(tim2, kCcmr1, 1 | (1U << 2));       // every second edge
  write(tim2, kCcer, 1 | bit(1) | bit(3));  // both
  start(tim2);
  pulse(tim2, 0, microseconds(7), microseconds(3));
  EXPECT_EQ(read(tim2, kCcr1), 7U);
  write(tim2, kCcer, 0);
  tim2.set_input(0, true);
  EXPECT_EQ(read(tim2, kSr), 0U);  // the channel is off
}

TEST_F(TimerTriggerTest, SelectionOfTheNeighbourAndWritesToACapture) {
  write(tim2, kCcmr1, 2U << 8);  // IC2 on TI1
  write(tim2, kCcer, bit(4));
  start(tim2);
  run_for(scheduler, microseconds(42));
  tim2.set_input(1, true);
  EXPECT_EQ(read(tim2, kSr), 0U);
  tim2.set_input(0, true);
  write(tim2, kCcr2, 7);
  EXPECT_EQ(read(tim2, kCcr2), 42U);
}

TEST_F(TimerTriggerTest, PwmInputMeasuresPeriodAndPulse) {
  write(tim2, kCcmr1, 1 | (2U << 8));       // IC1 and IC2 on TI1
  write(tim2, kCcer, 1 | bit(4) | bit(5));  // IC1 rising, IC2 falling
  write(tim2, kSmcr, (5U << 4) | 4);        // TI1FP1 resets
  start(tim2);
  for (int i = 0; i < 3; ++i) pulse(tim2, 0, microseconds(300), microseconds(700));
  tim2.set_input(0, true);
  EXPECT_EQ(read(tim2, kCcr1), 1000U);
  EXPECT_EQ(read(tim2, kCcr2), 300U);
  EXPECT_EQ(read(tim2, kCnt), 0U);
  EXPECT_TRUE((read(tim2, kSr) & kTif) != 0);
}

TEST_F(TimerTriggerTest, ResetByATriggerIsAnUpdateEventUnlessUrs) {
  write(tim2, kSmcr, (5U << 4) | 4);
  start(tim2);
  tim2.set_input(0, true);
  EXPECT_EQ(read(tim2, kSr), kTif | 1);
  write(tim2, kSr, 0);
  write(tim2, kCr1, 1 | bit(2));
  tim2.set_input(0, false);
  tim2.set_input(0, true);
  EXPECT_EQ(read(tim2, kSr), kTif);
}

TEST_F(TimerTriggerTest, GatedModeCountsWhileTheInputIsActive) {
  write(tim2, kSmcr, (5U << 4) | 5);
  start(tim2);
  run_for(scheduler, microseconds(50));
  EXPECT_EQ(read(tim2, kCnt), 0U);
  pulse(tim2, 0, microseconds(30), microseconds(100));
  pulse(tim2, 0, microseconds(12), microseconds(100));
  EXPECT_EQ(read(tim2, kCnt), 42U);
  EXPECT_TRUE(test(read(tim2, kCr1), 0));
}

TEST_F(TimerTriggerTest, TriggerModeStartsTheCounter) {
  write(tim2, kPsc, 159);
  write(tim2, kEgr, 1);
  write(tim2, kSr, 0);
  write(tim2, kDier, bit(6));
  write(tim2, kSmcr, (6U << 4) | 6);  // TI2FP2
  run_for(scheduler, microseconds(50));
  EXPECT_FALSE(test(read(tim2, kCr1), 0));
  tim2.set_input(1, true);
  EXPECT_TRUE(lines.level(45));
  run_for(scheduler, microseconds(9));
  EXPECT_TRUE(test(read(tim2, kCr1), 0));
  EXPECT_EQ(read(tim2, kCnt), 9U);
}

TEST_F(TimerTriggerTest, OnePulseAfterADelay) {
  // Pulse of 20 us, 10 us after the edge: CCR1 = 10, ARR = 29, PWM mode 2 (RM0456 54.3.20).
  std::vector<std::pair<Time, bool>> edges;
  tim2.on_output(
      [&](unsigned, const TimerOutput& output) { edges.emplace_back(scheduler.now(), output.level); });
  write(tim2, kPsc, 159);
  write(tim2, kArr, 29);
  write(tim2, kCcmr1, (7U << 4) | (1U << 8));
  write(tim2, kCcr1, 10);
  write(tim2, kEgr, 1);
  write(tim2, kCcer, 1 | bit(4));
  write(tim2, kCr1, bit(3));
  write(tim2, kSmcr, (6U << 4) | 6);
  edges.clear();
  std::vector<std::pair<Time, bool>> expected;
  for (int i = 0; i < 2; ++i) {
    const Time begin = scheduler.now();
    expected.emplace_back(begin + microseconds(10), true);
    expected.emplace_back(begin + microseconds(30), false);
    pulse(tim2, 1, microseconds(5), microseconds(95));
    EXPECT_FALSE(test(read(tim2, kCr1), 0));
  }
  EXPECT_EQ(edges, expected);
}

TEST_F(TimerTriggerTest, ExternalClockCountsEdges) {
  write(tim2, kSmcr, (6U << 4) | 7);  // TI2FP2
  write(tim2, kArr, 9);
  write(tim2, kDier, 1);
  write(tim2, kCr1, 1);
  for (int i = 0; i < 9; ++i) pulse(tim2, 1, microseconds(1), microseconds(999));
  EXPECT_EQ(read(tim2, kCnt), 9U);
  EXPECT_FALSE(lines.level(45));
  pulse(tim2, 1, microseconds(1), microseconds(1));
  EXPECT_EQ(read(tim2, kCnt), 0U);
  EXPECT_TRUE(lines.level(45));
  write(tim2, kSmcr, 0);  // back to its own clock, from where it stands
  write(tim2, kArr, 0xFFFF);
  run_for(scheduler, Time{48} * 1000);
  EXPECT_EQ(read(tim2, kCnt), 1000U);
}

TEST_F(TimerTriggerTest, ExternalClockMode2WithPrescalerAndPolarity) {
  write(tim2, kSmcr, bit(14) | (1U << 12) | bit(15));  // every second falling edge of ETR
  tim2.set_input(Timer::kExternalTrigger, true);
  write(tim2, kCr1, 1);
  for (int i = 0; i < 10; ++i) {
    tim2.set_input(Timer::kExternalTrigger, false);
    tim2.set_input(Timer::kExternalTrigger, true);
  }
  EXPECT_EQ(read(tim2, kCnt), 5U);
}

TEST_F(TimerTriggerTest, EncoderCountsBothWays) {
  write(tim3, kCcmr1, 1 | (1U << 8));
  write(tim3, kSmcr, 3);
  write(tim3, kArr, 0xFFFF);
  write(tim3, kCr1, 1);
  const bool quadrature[4][2] = {{true, false}, {true, true}, {false, true}, {false, false}};
  for (int i = 0; i < 10; ++i) {
    tim3.set_input(0, quadrature[i % 4][0]);
    tim3.set_input(1, quadrature[i % 4][1]);
  }
  EXPECT_EQ(read(tim3, kCnt), 10U);
  EXPECT_FALSE(test(read(tim3, kCr1), 4));
  for (int i = 8; i >= -3; --i) {
    tim3.set_input(0, quadrature[(i + 4) % 4][0]);
    tim3.set_input(1, quadrature[(i + 4) % 4][1]);
  }
  EXPECT_EQ(read(tim3, kCnt), 0xFFFEU);
  EXPECT_TRUE(test(read(tim3, kCr1), 4));
  EXPECT_TRUE(test(read(tim3, kSr), 0));  // the underflow
}

TEST_F(TimerTriggerTest, UpdatesOfOneTimerClockAnother) {
  // TIM2 overflows every millisecond; TIM3 counts milliseconds and overflows after a second.
  write(tim3, kSmcr, (1U << 4) | 7);  // ITR1
  write(tim3, kArr, 999);
  write(tim3, kDier, 1);
  write(tim3, kCr1, 1);
  write(tim2, kCr2, 2U << 4);
  write(tim2, kPsc, 159);
  write(tim2, kArr, 999);
  write(tim2, kCr1, bit(2));
  write(tim2, kEgr, 1);
  write(tim3, kEgr, 1);
  write(tim3, kSr, 0);
  write(tim2, kCr1, bit(2) | 1);
  const Time begin = scheduler.now();
  run_until(scheduler, begin + milliseconds(250) + microseconds(3));
  EXPECT_EQ(read(tim3, kCnt), 250U);
  EXPECT_EQ(read(tim2, kCnt), 3U);
  EXPECT_FALSE(lines.level(46));
  run_until(scheduler, begin + seconds(1));
  EXPECT_TRUE(lines.level(46));
  EXPECT_EQ(read(tim3, kCnt), 0U);
}

TEST_F(TimerTriggerTest, OneTimerEnablesAnother) {
  write(tim2, kCr2, 1U << 4);         // TRGO is the enable
  write(tim3, kSmcr, (1U << 4) | 5);  // gated by it
  start(tim3);
  run_for(scheduler, microseconds(20));
  EXPECT_EQ(read(tim3, kCnt), 0U);
  start(tim2);
  run_for(scheduler, microseconds(20));
  write(tim2, kCr1, 0);
  run_for(scheduler, microseconds(20));
  EXPECT_EQ(read(tim3, kCnt), 20U);
}

TEST_F(TimerTriggerTest, ACompareOutputGatesAnother) {
  // TIM1's OC1REF is high for the first 300 us of each millisecond.
  write(tim3, kSmcr, (0U << 4) | 5);
  start(tim3);
  write(tim1, kCr2, 4U << 4);
  write(tim1, kCcmr1, 6U << 4);
  write(tim1, kCcr1, 300);
  start(tim1, 999);
  run_for(scheduler, milliseconds(10));
  EXPECT_EQ(read(tim3, kCnt), 3000U);
}

TEST_F(TimerTriggerTest, TheOnlyChannelOfASmallTimerIsItsTrigger) {
  write(tim16, kCcmr1, 6U << 4);
  write(tim16, kCcr1, 5);
  write(tim2, kSmcr, (3U << 4) | (1U << 20) | 7);  // ITR7
  write(tim2, kCr1, 1);
  start(tim16, 9);
  run_for(scheduler, microseconds(105));
  EXPECT_EQ(read(tim2, kCnt), 10U);  // OC1REF was high before the start; it rises again with each period
}

TEST_F(TimerTriggerTest, ARingOfTriggersStops) {
  write(tim2, kSmcr, (2U << 4) | 4);
  write(tim3, kSmcr, (1U << 4) | 4);
  start(tim2);
  start(tim3);
  run_for(scheduler, microseconds(5));
  write(tim2, kEgr, 1);
  EXPECT_EQ(read(tim3, kCnt), 0U);
}

TEST_F(TimerTriggerTest, SnapshotKeepsTheInputs) {
  write(tim2, kSmcr, (6U << 4) | 7);
  write(tim2, kCr1, 1);
  pulse(tim2, 1, microseconds(1), microseconds(1));
  Archive saved;
  tim2.serialise(saved);
  tim2.reset(Reset::PowerOn);
  Archive loaded(saved.bytes());
  tim2.serialise(loaded);
  pulse(tim2, 1, microseconds(1), microseconds(1));
  EXPECT_EQ(read(tim2, kCnt), 2U);
}

}  // namespace
}  // namespace microvisor::board

// Expectations: RM0456 chapters 58 (LPTIM) and 12 (CRS); sequences of the vendor's drivers.
#include "board/peripherals/lptim.hpp"

#include <gtest/gtest.h>

#include "board/peripherals/crs.hpp"
#include "board/peripherals/test_bench.hpp"

namespace microvisor::board {
namespace {

using namespace testing;

constexpr std::uint32_t kIsr = 0, kIcr = 4, kDier = 8, kCfgr = 0xC, kCr = 0x10, kCcr1 = 0x14, kArr = 0x18,
                        kCnt = 0x1C, kRcr = 0x28;

class LptimTest : public ::testing::Test {
 protected:
  LptimTest() {
    clocks.kernel_hertz = 32'768;
    clocks.change(160'000'000);
  }
  Scheduler scheduler;
  FixedClocks clocks;
  RecordedLines lines;
  LowPowerTimer lptim{LowPowerTimer::timers()[0], scheduler, clocks, lines};
};

TEST_F(LptimTest, InitialisationHandshake) {
  EXPECT_EQ(read(lptim, kArr), 1U);
  write(lptim, kCr, 1);
  for (const auto& [offset, flag] :
       {std::pair{kRcr, 8U}, std::pair{kArr, 4U}, std::pair{kCcr1, 3U}, std::pair{kDier, 24U}}) {
    write(lptim, kIcr, bit(flag));
    write(lptim, offset, 0);
    EXPECT_TRUE(test(read(lptim, kIsr), flag));
  }
  EXPECT_EQ(read(lptim, kIcr), 0U);
  write(lptim, kCr, 0);
  write(lptim, kArr, 77);
  EXPECT_EQ(read(lptim, kArr), 0U);
}

TEST_F(LptimTest, ContinuousCountingInterruptsEachSecond) {
  write(lptim, kCr, 1);
  write(lptim, kArr, 32'767);
  write(lptim, kDier, 2);
  write(lptim, kCr, 1 | 4);
  const Time begin = scheduler.now();
  for (unsigned i = 1; i <= 3; ++i) {
    // ARRM rises when the counter reaches ARR, one clock before the period ends.
    ASSERT_EQ(scheduler.next_due(), begin + seconds(i) - kTicksPerSecond / 32'768);
    run_until(scheduler, scheduler.next_due());
    EXPECT_TRUE(lines.level(67));
    write(lptim, kIcr, 2);
    EXPECT_FALSE(lines.level(67));
  }
}

TEST_F(LptimTest, SingleShotStops) {
  write(lptim, kCfgr, 3U << 9);  // divided by 8
  write(lptim, kCr, 1);
  write(lptim, kArr, 99);
  write(lptim, kCr, 1 | 2);
  run_for(scheduler, kTicksPerSecond * 8 * 50 / 32'768);
  EXPECT_EQ(read(lptim, kCnt), 50U);
  EXPECT_TRUE(test(read(lptim, kCr), 1));
  run_for(scheduler, seconds(1));
  EXPECT_EQ(read(lptim, kCnt), 0U);
  EXPECT_FALSE(test(read(lptim, kCr), 1));
  EXPECT_TRUE(test(read(lptim, kIsr), 1));
}

TEST_F(LptimTest, CounterResets) {
  write(lptim, kCr, 1);
  write(lptim, kArr, 0xFFFF);
  write(lptim, kCr, 1 | 4);
  run_for(scheduler, seconds(1));
  EXPECT_EQ(read(lptim, kCnt), 32'768U);
  set_bits(lptim, kCr, 8);
  EXPECT_EQ(read(lptim, kCnt), 0U);
  EXPECT_FALSE(test(read(lptim, kCr), 3));
}

TEST(CrsTest, SynchronisesWithTheCrystal) {
  Scheduler scheduler;
  RecordedLines lines;
  bool lse = true;
  Crs crs{scheduler, lines, [&] { return lse; }};
  EXPECT_EQ(read(crs, 4), 0x2022'BB7FU);
  write(crs, 4, 0x1022'BB7F);
  write(crs, 0, 0x4000 | bit(5) | bit(6) | 1);
  run_for(scheduler, milliseconds(1));  // (0xBB7F + 1) / 48 MHz
  EXPECT_TRUE(test(read(crs, 8), 0));
  EXPECT_TRUE(lines.level(74));
  write(crs, 0xC, 9);
  EXPECT_FALSE(lines.level(74));
  write(crs, 4, 0);
  EXPECT_EQ(read(crs, 4), 0x1022'BB7FU);
}

}  // namespace
}  // namespace microvisor::board

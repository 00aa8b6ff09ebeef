// Expectations: RM0456 chapter 48; poll sequences of the vendor's RNG driver.
#include "board/peripherals/rng.hpp"

#include <gtest/gtest.h>

#include <set>

#include "board/peripherals/test_bench.hpp"

namespace microvisor::board {
namespace {

using namespace testing;

constexpr std::uint32_t kCr = 0, kSr = 4, kDr = 8, kHtcr = 0x10;

class RngTest : public ::testing::Test {
 protected:
  RngTest() { clocks.kernel_hertz = 48'000'000; }
  Scheduler scheduler;
  FixedClocks clocks;
  RecordedLines lines;
  std::uint64_t position = 0;
  Rng rng{scheduler, clocks, lines, 1234, position};

  static void initialise(Rng& block) {
    clear_bits(block, kCr, bit(2));
    write(block, kCr, bit(30) | 0x00F0'0D00);
    clear_bits(block, kCr, bit(30));
    EXPECT_FALSE(test(read(block, kCr), 30));
    set_bits(block, kCr, bit(2));
  }
  std::uint32_t draw(Rng& block) {
    while (!test(read(block, kSr), 0)) run_for(scheduler, microseconds(1));
    return read(block, kDr);
  }
};

TEST_F(RngTest, WordsComeInTimeAndDiffer) {
  initialise(rng);
  EXPECT_EQ(read(rng, kCr) & 0x00F0'0D00, 0x00F0'0D00U);
  EXPECT_FALSE(test(read(rng, kSr), 0));
  EXPECT_EQ(read(rng, kDr), 0U);
  std::set<std::uint32_t> words;
  for (int i = 0; i < 1000; ++i) words.insert(draw(rng));
  EXPECT_EQ(words.size(), 1000U);
  EXPECT_EQ(words.count(0), 0U);
  EXPECT_LT(scheduler.now(), milliseconds(1000));
}

TEST_F(RngTest, DeterminedByTheSeed) {
  std::uint64_t same_position = 0, other_position = 0;
  Rng same{scheduler, clocks, lines, 1234, same_position};
  Rng other{scheduler, clocks, lines, 1235, other_position};
  for (Rng* block : {&rng, &same, &other}) initialise(*block);
  const std::uint32_t word = draw(rng);
  EXPECT_EQ(draw(same), word);
  EXPECT_NE(draw(other), word);
}

TEST_F(RngTest, NothingIsDrawnTwiceAcrossAPowerCut) {
  initialise(rng);
  const std::uint32_t word = draw(rng);
  Rng after{scheduler, clocks, lines, 1234, position};
  initialise(after);
  EXPECT_NE(draw(after), word);
}

TEST_F(RngTest, ConfigurationNeedsConditioningAndLocks) {
  write(rng, kCr, 0x00F0'0D00);
  EXPECT_EQ(read(rng, kCr), 0U);
  write(rng, kHtcr, 0x1759'0ABC);
  write(rng, kHtcr, 0x0000'A2B0);
  EXPECT_EQ(read(rng, kHtcr), 0xA2B0U);
  write(rng, kCr, bit(31) | bit(30));
  write(rng, kCr, bit(30) | 0x00F0'0D00);
  write(rng, kCr, 0);
  EXPECT_EQ(read(rng, kCr), bit(31));
  write(rng, kHtcr, 1);
  EXPECT_EQ(read(rng, kHtcr), 0xA2B0U);
}

TEST_F(RngTest, MissingClockIsAnError) {
  clocks.kernel_hertz = 48'000'000;
  initialise(rng);
  struct NoClock final : Clocks {
    std::uint32_t hclk() const override { return 0; }
    std::uint32_t pclk1() const override { return 0; }
    std::uint32_t pclk2() const override { return 0; }
    std::uint32_t pclk3() const override { return 0; }
    std::uint32_t kernel_clock(std::uint32_t) const override { return 0; }
    bool enabled(std::uint32_t) const override { return true; }
    void on_change(std::function<void()>) override {}
  } dead;
  Rng starved{scheduler, dead, lines, 1, position};
  initialise(starved);
  EXPECT_EQ(read(starved, kSr), bit(1) | bit(5));
  EXPECT_EQ(starved.peek(kDr), 0U);
}

TEST_F(RngTest, SeedErrorRecoversByConditioning) {
  initialise(rng);
  draw(rng);
  rng.inject_seed_error();
  EXPECT_EQ(read(rng, kSr), bit(2) | bit(6));
  set_bits(rng, kCr, bit(30));
  clear_bits(rng, kCr, bit(30));
  EXPECT_EQ(read(rng, kSr) & bit(2), 0U);
  write(rng, kSr, 0);
  EXPECT_NE(draw(rng), 0U);
}

TEST_F(RngTest, InterruptIsALevel) {
  initialise(rng);
  set_bits(rng, kCr, bit(3));
  EXPECT_FALSE(lines.level(94));
  run_for(scheduler, milliseconds(1));
  EXPECT_TRUE(lines.level(94));
  clear_bits(rng, kCr, bit(3));
  EXPECT_FALSE(lines.level(94));
}

}  // namespace
}  // namespace microvisor::board

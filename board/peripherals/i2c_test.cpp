// Expectations: RM0456 chapter 65; poll sequences of the vendor's I2C driver; MCP9808 data sheet.
#include "board/peripherals/i2c.hpp"

#include <gtest/gtest.h>

#include "board/peripherals/mcp9808.hpp"
#include "board/peripherals/test_bench.hpp"

namespace microvisor::board {
namespace {

using namespace testing;

constexpr std::uint32_t kCr1 = 0, kCr2 = 4, kTimingr = 0x10, kIsr = 0x18, kIcr = 0x1C, kRxdr = 0x24,
                        kTxdr = 0x28;
constexpr std::uint32_t kTxe = bit(0), kTxis = bit(1), kRxne = bit(2), kNackf = bit(4), kStopf = bit(5),
                        kTc = bit(6), kTcr = bit(7), kBusy = bit(15);
constexpr std::uint32_t kStart = bit(13), kAutoEnd = bit(25), kReload = bit(24), kRead = bit(10);

/// Remembers what it was sent and answers with a count.
struct Recorder final : I2cSlave {
  bool start(bool reading) override {
    log.push_back(reading ? -2 : -1);
    return true;
  }
  bool write(std::uint8_t byte) override {
    log.push_back(byte);
    return log.size() < limit;
  }
  std::uint8_t read() override { return next++; }
  void stop() override { log.push_back(-3); }
  void serialise(Archive& archive) override { archive(log, limit, next); }
  std::vector<int> log;
  std::size_t limit = ~std::size_t{0};
  std::uint8_t next = 0x40;
};

class I2cTest : public ::testing::Test {
 protected:
  Scheduler scheduler;
  FixedClocks clocks{16'000'000};
  RecordedLines lines;
  I2c i2c{I2c::buses()[0], scheduler, clocks, lines};
  Recorder recorder;

  void SetUp() override {
    write(i2c, kTimingr, 0x00C0'1F67);
    write(i2c, kCr1, 1);
    i2c.attach(0x40, &recorder);
  }
  static std::uint32_t transfer(std::uint8_t address, std::uint32_t count, std::uint32_t flags) {
    return (std::uint32_t{address} << 1) | (count << 16) | flags;
  }
  /// Polls ISR as the driver does, for at most a millisecond.
  bool wait(std::uint32_t flag) {
    for (int i = 0; i < 1000; ++i) {
      if ((read(i2c, kIsr) & flag) != 0) return true;
      run_for(scheduler, microseconds(1));
    }
    return false;
  }
};

TEST_F(I2cTest, AbsentTargetGivesNackAndStop) {
  EXPECT_EQ(read(i2c, kIsr), kTxe);
  write(i2c, kCr2, transfer(0x70, 0, kStart | kAutoEnd));
  EXPECT_EQ(read(i2c, kIsr) & kBusy, kBusy);
  EXPECT_NE(read(i2c, kCr2) & kStart, 0U);
  ASSERT_TRUE(wait(kStopf));
  EXPECT_EQ(read(i2c, kIsr), kTxe | kNackf | kStopf);
  EXPECT_EQ(read(i2c, kCr2) & kStart, 0U);
  write(i2c, kIcr, kNackf | kStopf);
  EXPECT_EQ(read(i2c, kIsr), kTxe);
  EXPECT_LT(scheduler.now(), milliseconds(1));
}

TEST_F(I2cTest, PresentTargetAcknowledgesProbe) {
  write(i2c, kCr2, transfer(0x40, 0, kStart | kAutoEnd));
  ASSERT_TRUE(wait(kStopf));
  EXPECT_EQ(read(i2c, kIsr) & kNackf, 0U);
  EXPECT_EQ(recorder.log, (std::vector<int>{-1, -3}));
}

TEST_F(I2cTest, MasterTransmitWithAutomaticEnd) {
  write(i2c, kCr2, transfer(0x40, 2, kStart | kAutoEnd));
  ASSERT_TRUE(wait(kTxis));
  write(i2c, kTxdr, 0x11);
  EXPECT_EQ(read(i2c, kIsr) & kTxis, 0U);
  ASSERT_TRUE(wait(kTxis));
  write(i2c, kTxdr, 0x22);
  ASSERT_TRUE(wait(kStopf));
  EXPECT_EQ(read(i2c, kIsr) & (kTxis | kTc | kBusy), 0U);
  EXPECT_EQ(recorder.log, (std::vector<int>{-1, 0x11, 0x22, -3}));
}

TEST_F(I2cTest, MemoryReadWithRepeatedStart) {
  write(i2c, kCr2, transfer(0x40, 1, kStart));
  ASSERT_TRUE(wait(kTxis));
  write(i2c, kTxdr, 0x05);
  ASSERT_TRUE(wait(kTc));
  EXPECT_EQ(read(i2c, kIsr) & kStopf, 0U);
  write(i2c, kCr2, transfer(0x40, 3, kStart | kAutoEnd | kRead));
  EXPECT_EQ(read(i2c, kIsr) & kTc, 0U);
  for (std::uint32_t expected = 0x40; expected < 0x43; ++expected) {
    ASSERT_TRUE(wait(kRxne));
    EXPECT_EQ(read(i2c, kRxdr), expected);
  }
  ASSERT_TRUE(wait(kStopf));
  EXPECT_EQ(recorder.log, (std::vector<int>{-1, 5, -2, -3}));
}

TEST_F(I2cTest, ReadIsStretchedUntilTheByteIsTaken) {
  write(i2c, kCr2, transfer(0x40, 2, kStart | kAutoEnd | kRead));
  ASSERT_TRUE(wait(kRxne));
  run_for(scheduler, milliseconds(10));
  EXPECT_EQ(i2c.peek(kRxdr), 0x40U);
  EXPECT_EQ(read(i2c, kRxdr), 0x40U);
  ASSERT_TRUE(wait(kRxne));
  EXPECT_EQ(read(i2c, kRxdr), 0x41U);
  ASSERT_TRUE(wait(kStopf));
}

TEST_F(I2cTest, ReloadContinuesInChunks) {
  write(i2c, kCr2, transfer(0x40, 1, kStart | kReload));
  ASSERT_TRUE(wait(kTxis));
  write(i2c, kTxdr, 1);
  ASSERT_TRUE(wait(kTcr));
  write(i2c, kCr2, transfer(0x40, 1, kAutoEnd));
  EXPECT_EQ(read(i2c, kIsr) & kTcr, 0U);
  ASSERT_TRUE(wait(kTxis));
  write(i2c, kTxdr, 2);
  ASSERT_TRUE(wait(kStopf));
  EXPECT_EQ(recorder.log, (std::vector<int>{-1, 1, 2, -3}));
}

TEST_F(I2cTest, DataNackStopsByItself) {
  recorder.limit = 2;
  write(i2c, kCr2, transfer(0x40, 3, kStart));
  ASSERT_TRUE(wait(kTxis));
  write(i2c, kTxdr, 1);
  ASSERT_TRUE(wait(kNackf));
  ASSERT_TRUE(wait(kStopf));
  EXPECT_EQ(read(i2c, kIsr) & (kBusy | kTxis), 0U);
}

TEST_F(I2cTest, InterruptsFollowFlags) {
  write(i2c, kCr1, 1 | bit(5) | bit(4));
  write(i2c, kCr2, transfer(0x70, 0, kStart | kAutoEnd));
  run_for(scheduler, milliseconds(1));
  EXPECT_TRUE(lines.level(55));
  write(i2c, kIcr, kNackf);
  EXPECT_TRUE(lines.level(55));
  write(i2c, kIcr, kStopf);
  EXPECT_FALSE(lines.level(55));
  EXPECT_FALSE(lines.level(56));
}

TEST_F(I2cTest, DisablingReleasesTheBus) {
  write(i2c, kCr2, transfer(0x40, 2, kStart));
  ASSERT_TRUE(wait(kTxis));
  clear_bits(i2c, kCr1, 1);
  EXPECT_EQ(read(i2c, kIsr), kTxe);
  EXPECT_EQ(recorder.log.back(), -3);
  EXPECT_EQ(read(i2c, kTimingr), 0x00C0'1F67U);
}

TEST_F(I2cTest, TransfersTakeBusTime) {
  // (SCLL + 1 + SCLH + 1) = 104 + 32 clocks of 16 MHz a bit, 9 bits a byte.
  const Time begin = scheduler.now();
  write(i2c, kCr2, transfer(0x40, 1, kStart | kAutoEnd));
  EXPECT_EQ(scheduler.next_due(), begin + Time{9} * 136 * 480);
}

TEST_F(I2cTest, Mcp9808IdentifiesAndMeasures) {
  Mcp9808 sensor(-3.25);
  i2c.attach(0x18, &sensor);
  const auto read_word = [&](std::uint8_t pointer) {
    write(i2c, kCr2, transfer(0x18, 1, kStart));
    EXPECT_TRUE(wait(kTxis));
    write(i2c, kTxdr, pointer);
    EXPECT_TRUE(wait(kTc));
    write(i2c, kCr2, transfer(0x18, 2, kStart | kAutoEnd | kRead));
    EXPECT_TRUE(wait(kRxne));
    const std::uint32_t high = read(i2c, kRxdr);
    EXPECT_TRUE(wait(kRxne));
    const std::uint32_t low = read(i2c, kRxdr);
    EXPECT_TRUE(wait(kStopf));
    write(i2c, kIcr, kStopf);
    return (high << 8) | low;
  };
  EXPECT_EQ(read_word(6), 0x0054U);
  EXPECT_EQ(read_word(7), 0x0400U);
  // -3.25 degrees = -52/16, 13-bit two's complement; below the lower limit of 0.
  EXPECT_EQ(read_word(5), 0x2000U | 0x1FCCU);
  sensor.set_temperature(25.0625);
  EXPECT_EQ(read_word(5), 0xC000U | 0x191U);
}

}  // namespace
}  // namespace microvisor::board

// Who asks the DMA controllers for what, on a whole chip: each block with its line of RM0456 tables 137 and
// 139. The core does nothing here; the registers are written as secure firmware would write them.
#include <gtest/gtest.h>

#include "board/board.hpp"
#include "board/bus/edge.hpp"
#include "board/peripherals/i2c_slave.hpp"
#include "board/peripherals/register_block.hpp"
#include "board/peripherals/test_bench.hpp"

namespace microvisor::board {
namespace {

using namespace testing;

constexpr std::uint32_t kGpdma = 0x5002'0000, kLpdma = 0x5602'5000;
constexpr std::uint32_t kRcc = 0x5602'0C00;
constexpr std::uint32_t kSram = 0x3000'4000, kSram4 = 0x3800'0000;
constexpr std::uint32_t kBytes = 0, kHalves = 1 | 1U << 16, kWords = 2 | 2U << 16;
constexpr std::uint32_t kSinc = bit(3), kDinc = bit(19), kSecureBoth = bit(15) | bit(31);
constexpr std::uint32_t kDestination = bit(10);
constexpr std::uint32_t kTcf = bit(8);

class Terminal final : public SerialDevice {
 public:
  void byte_from_chip(std::uint8_t byte) override { text += static_cast<char>(byte); }
  void chip_ready_changed(bool) override {}
  std::string text;
};

/// An I2C target of eight bytes, read from the first.
class Eight final : public I2cSlave {
 public:
  bool start(bool) override {
    next_ = 0;
    return true;
  }
  bool write(std::uint8_t byte) override {
    written.push_back(byte);
    return true;
  }
  std::uint8_t read() override { return static_cast<std::uint8_t>(0xA0 + next_++); }
  void stop() override {}
  void serialise(Archive& archive) override { archive(written, next_); }
  std::vector<std::uint8_t> written;

 private:
  unsigned next_ = 0;
};

class DmaOnBoard : public ::testing::Test {
 protected:
  void SetUp() override {
    auto created = Board::create(std::move(*BoardMemories::in_memory(BoardIdentity::from_seed(3))));
    ASSERT_TRUE(created);
    board = std::move(*created);
    // Everything that the tests use has its clock; all channels are secure and privileged.
    put(kRcc + 0x88, get(kRcc + 0x88) | 1);                           // GPDMA1
    put(kRcc + 0x8C, get(kRcc + 0x8C) | 0x1FF | bit(21));             // GPIO, OCTOSPIM
    put(kRcc + 0x90, get(kRcc + 0x90) | bit(4));                      // OCTOSPI1
    put(kRcc + 0x94, get(kRcc + 0x94) | bit(9) | bit(2));             // LPDMA1, PWR
    put(kRcc + 0x9C, get(kRcc + 0x9C) | 0x3F | bit(17) | bit(21));    // TIM2-7, USART2, I2C1
    put(kRcc + 0xA8, get(kRcc + 0xA8) | bit(6) | bit(11) | bit(21));  // LPUART1, LPTIM1, RTC
    for (const std::uint32_t controller : {kGpdma, kLpdma}) {
      put(controller, ~0U);
      put(controller + 4, ~0U);
    }
  }
  void put(std::uint32_t address, std::uint32_t value, unsigned size = 4) {
    ASSERT_EQ(board->bus().write(address, size, testing::kSecure, value), Outcome::Ok) << std::hex << address;
  }
  std::uint32_t get(std::uint32_t address, unsigned size = 4) {
    std::uint32_t value = 0;
    EXPECT_EQ(board->bus().read(address, size, testing::kSecure, value), Outcome::Ok) << std::hex << address;
    return value;
  }
  static std::uint32_t channel(std::uint32_t controller, unsigned x) { return controller + 0x50 + 0x80 * x; }
  void start(std::uint32_t base, std::uint32_t from, std::uint32_t to, std::uint32_t bytes, std::uint32_t tr1,
             std::uint32_t tr2) {
    put(base + 0x40, tr1 | kSecureBoth);
    put(base + 0x44, tr2);
    put(base + 0x48, bytes);
    put(base + 0x4C, from);
    put(base + 0x50, to);
    put(base + 0x14, 1);
  }
  std::uint32_t flags(std::uint32_t base) { return get(base + 0x10) & 0x7F00; }
  std::uint32_t left(std::uint32_t base) { return get(base + 0x48) & 0xFFFF; }
  void pass(Time ticks) { run_for(board->scheduler(), ticks); }

  std::unique_ptr<Board> board;
  const std::uint32_t first = channel(kGpdma, 0), second = channel(kGpdma, 1);
};

/// USART2 at 115200 baud from 4 MHz: BRR 35.
TEST_F(DmaOnBoard, UsartSendsAtLineRateAndTcFollowsTheLastByte) {
  constexpr std::uint32_t kUsart = 0x5000'4400;
  Terminal terminal;
  board->serial(0x4000'4400)->connect(&terminal);
  put(kUsart + 0x0C, 35);
  put(kUsart, 0xD);  // UE, RE, TE
  for (unsigned index = 0; index < 4; ++index) put(kSram + index, 'a' + index, 1);
  start(first, kSram, kUsart + 0x28, 4, kBytes | kSinc, 27 | kDestination);
  put(kUsart + 0x20, bit(6));  // clear TC
  put(kUsart + 0x08, bit(7));  // DMAT
  // One byte goes to the shifter and one waits in TDR; the rest is still in memory.
  pass(microseconds(40));
  EXPECT_EQ(left(first), 2U);
  pass(milliseconds(1));
  EXPECT_EQ(terminal.text, "abcd");
  EXPECT_EQ(flags(first) & kTcf, kTcf);
  EXPECT_TRUE(test(get(kUsart + 0x1C), 6));
  EXPECT_EQ(left(first), 0U);
}

TEST_F(DmaOnBoard, UsartReceivesIntoACircularBufferAndBndtCountsLive) {
  constexpr std::uint32_t kUsart = 0x5000'4400;
  put(kUsart + 0x0C, 35);
  put(kUsart + 0x08, bit(6));  // DMAR
  put(kUsart, 0xD);
  // One node: CTR1 .. CDAR and a link back to itself.
  const std::uint32_t node[] = {kBytes | kDinc | kSecureBoth, 26, 4, kUsart + 0x24, kSram,
                                0xF801'0000 | 0x4100};
  for (unsigned word = 0; word < 6; ++word) put(0x3000'4100 + 4 * word, node[word]);
  put(first, 0x3000'0000);
  put(first + 0x7C, 0xF801'0000 | 0x4100);
  put(first + 0x14, 1);
  pass(microseconds(50));
  EXPECT_EQ(left(first), 4U);
  for (unsigned byte = 0; byte < 6; ++byte) {
    board->serial(0x4000'4400)->byte_to_chip(static_cast<std::uint8_t>('0' + byte));
    pass(microseconds(90));
    EXPECT_EQ(left(first), 4 - (byte + 1) % 4);
  }
  EXPECT_EQ(get(kSram), 0x3332'3534U);
  EXPECT_EQ(flags(first), kTcf | bit(9));
}

TEST_F(DmaOnBoard, LpuartIsServedByTheLowPowerController) {
  constexpr std::uint32_t kLpuart = 0x5600'2400;
  Terminal terminal;
  board->serial(0x4600'2400)->connect(&terminal);
  put(kLpuart + 0x0C, 256 * 4'000'000 / 115'200);
  put(kLpuart, 0xD);
  put(kSram4, 0x6463'6261);
  start(channel(kLpdma, 2), kSram4, kLpuart + 0x28, 4, kBytes | kSinc, 1);
  put(kLpuart + 0x08, bit(7));
  pass(milliseconds(1));
  EXPECT_EQ(terminal.text, "abcd");
}

TEST_F(DmaOnBoard, I2cReadsAndWrites) {
  constexpr std::uint32_t kI2c = 0x5000'5400;
  Eight target;
  board->i2c(0x4000'5400)->attach(0x20, &target);
  put(kI2c + 0x10, 0x0000'1313);
  put(kI2c, 1 | bit(14) | bit(15));  // PE, TXDMAEN, RXDMAEN
  start(first, kI2c + 0x24, kSram, 8, kBytes | kDinc, 12);
  put(kI2c + 0x04, 0x40 | bit(10) | bit(13) | 8U << 16 | bit(25));
  pass(milliseconds(5));
  EXPECT_EQ(get(kSram), 0xA3A2'A1A0U);
  EXPECT_EQ(get(kSram + 4), 0xA7A6'A5A4U);
  put(kI2c + 0x1C, bit(5));
  start(second, kSram, kI2c + 0x28, 3, kBytes | kSinc, 13 | kDestination);
  put(kI2c + 0x04, 0x40 | bit(13) | 3U << 16 | bit(25));
  pass(milliseconds(5));
  EXPECT_EQ(target.written, (std::vector<std::uint8_t>{0xA0, 0xA1, 0xA2}));
}

TEST_F(DmaOnBoard, ATimerPacesAPortAndItsFlagIsNotTheRequest) {
  constexpr std::uint32_t kTim6 = 0x5000'1000, kGpioA = 0x5202'0000;
  put(kGpioA, 0xFFFF'F7FF & ~(3U << 10 & ~(1U << 10)));  // PA5 output
  put(kSram, bit(5));
  put(kSram + 4, bit(21));
  put(kSram + 8, bit(5));
  start(first, kSram, kGpioA + 0x18, 12, kWords | kSinc, 4 | kDestination);  // TIM6_UP
  put(kTim6 + 0x2C, 3999);                                                   // 1 ms at 4 MHz
  put(kTim6 + 0x0C, bit(8));                                                 // UDE
  put(kTim6, 1);
  pass(microseconds(1100));
  EXPECT_TRUE(board->pins().level({0, 5}));
  EXPECT_EQ(left(first), 8U);
  pass(milliseconds(1));
  EXPECT_FALSE(board->pins().level({0, 5}));
  pass(milliseconds(1));
  EXPECT_TRUE(board->pins().level({0, 5}));
  EXPECT_EQ(flags(first) & kTcf, kTcf);
  EXPECT_EQ(get(kTim6 + 0x10), 1U);  // UIF stood all the time
}

TEST_F(DmaOnBoard, CompareChannelsAndBurstsOfATimer) {
  constexpr std::uint32_t kTim3 = 0x5000'0400;
  for (unsigned word = 0; word < 6; ++word) put(kSram + 4 * word, 100 * (word + 1));
  // Each update rewrites ARR, RCR and CCR1: DBA 11, three transfers, by the update request (DBSS 1).
  put(kTim3 + 0x3DC, 11 | 2U << 8 | 1U << 16);
  start(first, kSram, kTim3 + 0x3E0, 24, kWords | kSinc, 65 | kDestination);
  start(second, kTim3 + 0x24, kSram + 0x40, 4, kWords | kDinc, 62);  // CC2: where the counter was
  put(kTim3 + 0x2C, 999);
  put(kTim3 + 0x38, 500);
  put(kTim3 + 0x0C, bit(8) | bit(10));
  put(kTim3, 1);
  pass(microseconds(245));
  EXPECT_EQ(left(first), 24U);
  EXPECT_EQ(flags(second) & kTcf, kTcf);
  EXPECT_NEAR(get(kSram + 0x40), 500, 8);
  pass(microseconds(10));
  EXPECT_EQ(left(first), 12U);
  EXPECT_EQ(get(kTim3 + 0x2C), 100U);
  EXPECT_EQ(get(kTim3 + 0x34), 300U);
}

TEST_F(DmaOnBoard, TriggersOfTimerPinAndClock) {
  constexpr std::uint32_t kTim2 = 0x5000'0000, kSoftware = bit(9), kRising = bit(24);
  // TIM2 TRGO at update, block by block
  start(first, kSram, kSram + 0x100, 4, kWords, kSoftware | kRising | 42U << 16);
  put(kTim2 + 0x04, 2U << 4);
  put(kTim2 + 0x2C, 399);
  put(kTim2, 1);
  pass(microseconds(50));
  EXPECT_EQ(left(first), 4U);
  pass(microseconds(60));
  EXPECT_EQ(left(first), 0U);
  // EXTI line 3 on port B
  start(second, kSram, kSram + 0x100, 4, kWords, kSoftware | kRising | 3U << 16);
  put(0x5602'2060, 1U << 24);
  board->pins().drive({1, 3}, false);
  put(0x5202'0400, get(0x5202'0400) & ~(3U << 6));
  board->pins().drive({0, 3}, true);
  pass(microseconds(10));
  EXPECT_EQ(left(second), 4U);
  board->pins().drive({1, 3}, true);
  pass(microseconds(10));
  EXPECT_EQ(left(second), 0U);
}

TEST_F(DmaOnBoard, TheWakeUpTimerOfTheRtcTriggersWithoutAnInterrupt) {
  constexpr std::uint32_t kRtc = 0x5600'7800;
  put(0x5602'0828, 1);  // DBP
  put(kRcc + 0xF0, bit(0) | 1U << 8 | bit(15));
  start(first, kSram, kSram + 0x100, 4, kWords, bit(9) | bit(24) | 20U << 16);
  put(kRtc + 0x24, 0xCA);
  put(kRtc + 0x24, 0x53);
  put(kRtc + 0x14, 2047);
  put(kRtc + 0x18, bit(10));
  pass(milliseconds(990));
  EXPECT_EQ(left(first), 4U);
  pass(milliseconds(20));
  EXPECT_EQ(left(first), 0U);
}

TEST_F(DmaOnBoard, UpdateOfALowPowerTimerMovesABlock) {
  constexpr std::uint32_t kLptim = 0x5600'4400;
  put(kRcc + 0xE8, 3U << 10);  // LSE
  put(0x5602'0828, 1);
  put(kRcc + 0xF0, bit(0) | bit(7));  // LSEON, LSESYSEN
  put(kSram4, 0x1234'5678);
  start(channel(kLpdma, 0), kSram4, kSram4 + 0x100, 8, kWords | kSinc | kDinc, 13 | bit(11));
  put(kLptim + 0x10, 1);
  put(kLptim + 0x18, 327);  // 10 ms
  put(kLptim + 0x08, bit(23));
  put(kLptim + 0x10, 1 | bit(2));
  pass(milliseconds(9));
  EXPECT_EQ(left(channel(kLpdma, 0)), 8U);
  pass(milliseconds(2));
  EXPECT_EQ(get(kSram4 + 0x100), 0x1234'5678U);
  EXPECT_EQ(left(channel(kLpdma, 0)), 0U);
}

TEST_F(DmaOnBoard, OctospiReadsTheIdentityOfItsFlash) {
  constexpr std::uint32_t kOctospi = 0x520D'1400;
  put(kOctospi + 0x08, 25U << 16 | 1U << 24);
  put(kOctospi, 1 | bit(2));  // EN, DMAEN
  put(kOctospi + 0x40, 2);    // three bytes
  put(kOctospi + 0x100, 1 | 1U << 24);
  start(first, kOctospi + 0x50, kSram, 3, kBytes | kDinc, 40);
  put(kOctospi, 1 | bit(2) | 1U << 28);
  put(kOctospi + 0x110, 0x9F);
  pass(milliseconds(1));
  EXPECT_EQ(get(kSram) & 0xFF'FFFF, 0x3A'85C2U);
  EXPECT_EQ(flags(first) & kTcf, kTcf);
}

}  // namespace
}  // namespace microvisor::board

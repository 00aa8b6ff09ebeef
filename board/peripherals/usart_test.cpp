// Expectations: RM0456 chapters 66 (USART) and 67 (LPUART); poll sequences of the vendor's UART driver.
#include "board/peripherals/usart.hpp"

#include <gtest/gtest.h>

#include <string>

#include "board/peripherals/test_bench.hpp"

namespace microvisor::board {
namespace {

using namespace testing;

constexpr std::uint32_t kCr1 = 0, kCr3 = 8, kBrr = 0xC, kRqr = 0x18, kIsr = 0x1C, kIcr = 0x20, kRdr = 0x24,
                        kTdr = 0x28;

struct Terminal final : SerialDevice {
  explicit Terminal(Scheduler& clock) : scheduler(clock) {}
  void byte_from_chip(std::uint8_t byte) override {
    text += static_cast<char>(byte);
    times.push_back(scheduler.now());
  }
  void chip_ready_changed(bool ready) override { chip_ready = ready; }
  Scheduler& scheduler;
  std::string text;
  std::vector<Time> times;
  bool chip_ready = false;
};

class UsartTest : public ::testing::Test {
 protected:
  Scheduler scheduler;
  FixedClocks clocks;
  RecordedLines lines;
  Terminal terminal{scheduler};
  Usart usart{Usart::ports()[1], scheduler, clocks, lines};
  Usart lpuart{Usart::ports()[5], scheduler, clocks, lines};

  void SetUp() override {
    usart.connect(&terminal);
    lpuart.connect(&terminal);
  }
  /// 115,200 baud from 160 MHz, 8N1: the vendor driver's BRR of 1389.
  void start(std::uint32_t cr1 = bit(3) | bit(2)) {
    write(usart, kBrr, 1389);
    write(usart, kCr1, cr1);
    set_bits(usart, kCr1, 1);
  }
  static Time frame() { return Time{10} * 1389 * 48; }  // 10 bits of 1389 clocks of 48 ticks
};

TEST_F(UsartTest, ResetState) {
  EXPECT_EQ(read(usart, kIsr), 0xC0U);
  EXPECT_EQ(usart.frame_time(), 0U);
  write(usart, kCr1, bit(29));
  EXPECT_EQ(read(usart, kIsr), 0x0280'00C0U);
  write(lpuart, kCr1, bit(29));
  EXPECT_EQ(read(lpuart, kIsr), 0x0080'00C0U);
}

TEST_F(UsartTest, AcknowledgesFollowEnables) {
  start();
  EXPECT_EQ(read(usart, kIsr) & (bit(21) | bit(22)), bit(21) | bit(22));
  clear_bits(usart, kCr1, bit(2));
  EXPECT_EQ(read(usart, kIsr) & (bit(21) | bit(22)), bit(21));
}

TEST_F(UsartTest, PolledTransmitTakesCharacterTime) {
  start(bit(3));
  EXPECT_EQ(usart.frame_time(), frame());
  const Time begin = scheduler.now();
  write(usart, kTdr, 'A', kNonSecure, 1);
  EXPECT_TRUE(test(read(usart, kIsr), 7));   // moved to the shifter at once
  EXPECT_FALSE(test(read(usart, kIsr), 6));  // but not sent
  write(usart, kTdr, 'B', kNonSecure, 1);
  EXPECT_FALSE(test(read(usart, kIsr), 7));
  run_until(scheduler, begin + frame() - 1);
  EXPECT_EQ(terminal.text, "");
  run_until(scheduler, begin + frame());
  EXPECT_EQ(terminal.text, "A");
  EXPECT_TRUE(test(read(usart, kIsr), 7));
  EXPECT_FALSE(test(read(usart, kIsr), 6));
  run_until(scheduler, begin + 2 * frame());
  EXPECT_EQ(terminal.text, "AB");
  EXPECT_TRUE(test(read(usart, kIsr), 6));
  EXPECT_EQ(terminal.times, (std::vector<Time>{begin + frame(), begin + 2 * frame()}));
}

TEST_F(UsartTest, TransmitInterruptsAreLevels) {
  start(bit(3));
  set_bits(usart, kCr1, bit(7));  // TXEIE
  EXPECT_TRUE(lines.level(62));
  write(usart, kTdr, 'x');
  write(usart, kTdr, 'y');
  EXPECT_FALSE(lines.level(62));
  clear_bits(usart, kCr1, bit(7));
  set_bits(usart, kCr1, bit(6));  // TCIE
  EXPECT_FALSE(lines.level(62));
  run_for(scheduler, 2 * frame());
  EXPECT_TRUE(lines.level(62));
  write(usart, kIcr, bit(6));
  EXPECT_FALSE(lines.level(62));
  EXPECT_EQ(read(usart, kIcr), 0U);
}

TEST_F(UsartTest, ReceiveOverrunAndIdle) {
  start();
  usart.byte_to_chip('a');
  EXPECT_TRUE(test(read(usart, kIsr), 5));
  usart.byte_to_chip('b');
  EXPECT_TRUE(test(read(usart, kIsr), 3));
  EXPECT_EQ(read(usart, kRdr, kNonSecure, 1), 'a');
  EXPECT_FALSE(test(read(usart, kIsr), 5));
  EXPECT_TRUE(test(read(usart, kIsr), 3));
  write(usart, kIcr, bit(3));
  EXPECT_FALSE(test(read(usart, kIsr), 3));
  EXPECT_FALSE(test(read(usart, kIsr), 4));
  run_for(scheduler, 2 * frame());
  EXPECT_TRUE(test(read(usart, kIsr), 4));
  write(usart, kIcr, bit(4));
  run_for(scheduler, 100 * frame());
  EXPECT_FALSE(test(read(usart, kIsr), 4));  // not again without a new frame
}

TEST_F(UsartTest, ALineWithoutGapsIsNotIdle) {
  start();
  write(usart, 0x14, 5);  // RTO: five bit times
  set_bits(usart, 0x04, bit(23));
  for (int i = 0; i < 20; ++i) {
    usart.byte_to_chip('a');
    EXPECT_EQ(read(usart, kRdr), 'a');
    run_for(scheduler, frame());
    EXPECT_EQ(read(usart, kIsr) & (bit(4) | bit(11)), 0U);
  }
  run_for(scheduler, frame());
  EXPECT_EQ(read(usart, kIsr) & (bit(4) | bit(11)), bit(4) | bit(11));
}

TEST_F(UsartTest, NothingIsKeptFromBeforeEnabling) {
  write(usart, kBrr, 1389);
  usart.byte_to_chip('x');
  start(bit(3));
  usart.byte_to_chip('y');
  set_bits(usart, kCr1, bit(2));
  EXPECT_EQ(read(usart, kIsr) & (bit(5) | bit(3) | bit(4)), 0U);
}

TEST_F(UsartTest, PeekDoesNotConsume) {
  start();
  usart.byte_to_chip('q');
  EXPECT_EQ(usart.peek(kRdr), static_cast<std::uint32_t>('q'));
  EXPECT_TRUE(test(usart.peek(kIsr), 5));
  EXPECT_EQ(read(usart, kRdr), static_cast<std::uint32_t>('q'));
}

TEST_F(UsartTest, FifoHoldsEightAndThresholdsCount) {
  write(usart, kCr3, (2U << 25) | bit(28));  // receive threshold 4 entries
  start(bit(3) | bit(2) | bit(29));
  for (char c = '0'; c < '3'; ++c) usart.byte_to_chip(static_cast<std::uint8_t>(c));
  EXPECT_FALSE(lines.level(62));
  usart.byte_to_chip('3');
  EXPECT_TRUE(lines.level(62));
  for (char c = '4'; c < '8'; ++c) usart.byte_to_chip(static_cast<std::uint8_t>(c));
  EXPECT_TRUE(test(read(usart, kIsr), 24));
  usart.byte_to_chip('8');
  EXPECT_TRUE(test(read(usart, kIsr), 3));
  for (char c = '0'; c < '8'; ++c) EXPECT_EQ(read(usart, kRdr), static_cast<std::uint32_t>(c));
  EXPECT_FALSE(test(read(usart, kIsr), 5));
}

TEST_F(UsartTest, FifoTransmitsBackToBack) {
  start(bit(3) | bit(29));
  for (char c = 'a'; c < 'j'; ++c)
    write(usart, kTdr, static_cast<std::uint32_t>(c));  // one shifts, eight wait
  EXPECT_FALSE(test(read(usart, kIsr), 7));
  run_for(scheduler, 9 * frame());
  EXPECT_EQ(terminal.text, "abcdefghi");
  EXPECT_EQ(terminal.times.back() - terminal.times.front(), 8 * frame());
}

TEST_F(UsartTest, LpuartDividerAndRtsCts) {
  write(lpuart, kBrr, 44'444);  // 256 * 160 MHz / 921,600
  write(lpuart, kCr3, bit(8) | bit(9));
  write(lpuart, kCr1, bit(0) | bit(2) | bit(3) | bit(29));
  const Time frame_ticks = Time{10} * 44'444 * 48 / 256;
  EXPECT_EQ(lpuart.frame_time(), frame_ticks);
  EXPECT_TRUE(terminal.chip_ready);
  for (unsigned i = 0; i < 8; ++i) {
    EXPECT_TRUE(lpuart.chip_ready());
    lpuart.byte_to_chip(static_cast<std::uint8_t>(i));
  }
  EXPECT_FALSE(terminal.chip_ready);
  read(lpuart, kRdr);
  EXPECT_TRUE(terminal.chip_ready);

  lpuart.set_device_ready(false);
  EXPECT_TRUE(test(read(lpuart, kIsr), 9));
  write(lpuart, kTdr, 'z');
  run_for(scheduler, 10 * frame_ticks);
  EXPECT_EQ(terminal.text, "");
  lpuart.set_device_ready(true);
  run_for(scheduler, frame_ticks);
  EXPECT_EQ(terminal.text, "z");
}

TEST_F(UsartTest, DisablingDropsEverything) {
  start();
  write(usart, kTdr, 'a');
  write(usart, kTdr, 'b');
  usart.byte_to_chip('c');
  clear_bits(usart, kCr1, 1);
  run_for(scheduler, 10 * frame());
  EXPECT_EQ(terminal.text, "");
  EXPECT_EQ(read(usart, kIsr), 0xC0U);
}

TEST_F(UsartTest, ParityTravelsInTheTopBit) {
  write(usart, kBrr, 1389);
  write(usart, kCr1, bit(0) | bit(2) | bit(3) | bit(10) | bit(12));  // 8 data bits, even parity
  usart.byte_to_chip(0x07);
  EXPECT_EQ(read(usart, kRdr), 0x107U);
  EXPECT_EQ(usart.frame_time(), Time{11} * 1389 * 48);
}

TEST_F(UsartTest, RequestsFlush) {
  start();
  usart.byte_to_chip('x');
  write(usart, kRqr, bit(3));
  EXPECT_FALSE(test(read(usart, kIsr), 5));
  EXPECT_EQ(read(usart, kRqr), 0U);
}

TEST_F(UsartTest, SnapshotInMidFrame) {
  start();
  const Time begin = scheduler.now();
  write(usart, kTdr, 'S');
  Archive saved;
  usart.serialise(saved);
  usart.reset(Reset::PowerOn);
  Archive loaded(saved.bytes());
  usart.serialise(loaded);
  run_until(scheduler, begin + frame());
  EXPECT_EQ(terminal.text, "S");
}

}  // namespace
}  // namespace microvisor::board

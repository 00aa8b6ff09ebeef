// Expectations: RM0456 chapters 13 (GPIO) and 23 (EXTI); register use of existing applications (LED, switch,
// button).
#include "board/peripherals/gpio.hpp"

#include <gtest/gtest.h>

#include "board/peripherals/exti.hpp"
#include "board/peripherals/test_bench.hpp"

namespace microvisor::board {
namespace {

using namespace testing;

constexpr std::uint32_t kModer = 0, kOtyper = 4, kPupdr = 0xC, kIdr = 0x10, kOdr = 0x14, kBsrr = 0x18,
                        kLckr = 0x1C, kAfrl = 0x20, kBrr = 0x28, kSeccfgr = 0x30;
constexpr PinId kPA5{0, 5}, kPB11{1, 11}, kPF3{5, 3};

class GpioTest : public ::testing::Test {
 protected:
  RecordedLines lines;
  PinMatrix pins;
  Gpio a{0, pins}, b{1, pins}, f{5, pins};
  unsigned illegal = 0;
  Exti exti{lines, Exti::Hooks{[this] { ++illegal; }, {}}};
  std::vector<std::pair<PinId, bool>> seen;

  void SetUp() override {
    pins.on_output_change([this](PinId pin, bool level) { seen.emplace_back(pin, level); });
    pins.on_level_change([this](PinId pin, bool level) { exti.pin_changed(pin, level); });
    write(a, kSeccfgr, 0);
    write(b, kSeccfgr, 0);
    write(f, kSeccfgr, 0);
  }
  static void set_mode(Gpio& port, unsigned pin, std::uint32_t mode) {
    write(port, kModer, (read(port, kModer, kNonSecure) & ~(3U << (2 * pin))) | (mode << (2 * pin)),
          kNonSecure);
  }
};

TEST_F(GpioTest, ResetValues) {
  EXPECT_EQ(read(a, kModer), 0xABFF'FFFFU);
  EXPECT_EQ(read(b, kModer), 0xFFFF'FEBFU);
  EXPECT_EQ(read(f, kModer), 0xFFFF'FFFFU);
  EXPECT_EQ(read(a, kPupdr), 0x6400'0000U);
  Gpio fresh{2, pins};
  EXPECT_EQ(read(fresh, kSeccfgr), 0xFFFFU);
  EXPECT_TRUE(fresh.has_secure_pin());
}

TEST_F(GpioTest, LedTogglesTheVendorWay) {
  write(a, kBrr, bit(5), kNonSecure);
  set_mode(a, 5, 1);
  EXPECT_TRUE(seen.empty());  // low before and after
  for (int i = 0; i < 2; ++i) {
    const std::uint32_t odr = read(a, kOdr, kNonSecure);
    write(a, kBsrr, ((odr & bit(5)) << 16) | (~odr & bit(5)), kNonSecure);
  }
  EXPECT_EQ(seen, (std::vector<std::pair<PinId, bool>>{{kPA5, true}, {kPA5, false}}));
  write(a, kBsrr, bit(5) | bit(21), kNonSecure);
  EXPECT_TRUE(test(read(a, kIdr, kNonSecure), 5));  // set wins
}

TEST_F(GpioTest, InputReadsPadAndPulls) {
  set_mode(b, 11, 0);
  EXPECT_FALSE(test(read(b, kIdr), 11));
  write(b, kPupdr, 1U << 22);
  EXPECT_TRUE(test(read(b, kIdr), 11));
  pins.drive(kPB11, false);
  EXPECT_FALSE(test(read(b, kIdr), 11));
  pins.drive(kPB11, std::nullopt);
  EXPECT_TRUE(test(read(b, kIdr), 11));
  set_mode(b, 11, 3);
  EXPECT_FALSE(test(read(b, kIdr), 11));  // analog
}

TEST_F(GpioTest, OpenDrainLetsGo) {
  write(b, kOtyper, bit(11));
  set_mode(b, 11, 1);
  EXPECT_FALSE(pins.level(kPB11));
  write(b, kBsrr, bit(11));
  pins.drive(kPB11, false);
  EXPECT_FALSE(test(read(b, kIdr), 11));
}

TEST_F(GpioTest, SecurePinsAreInvisible) {
  write(a, kSeccfgr, bit(5));
  set_mode(a, 4, 1);
  write(a, kModer, 0, kNonSecure);
  EXPECT_EQ(bits(read(a, kModer), 11, 10), 3U);
  EXPECT_EQ(read(a, kModer, kNonSecure) & 0xC00, 0U);
  write(a, kBsrr, bit(5) | bit(4), kNonSecure);
  EXPECT_EQ(read(a, kOdr), bit(4));
  write(a, kSeccfgr, 0, kNonSecure);
  EXPECT_EQ(read(a, kSeccfgr, kNonSecure), bit(5));
  write(a, kAfrl, 0xFFFF'FFFF, kNonSecure);
  EXPECT_EQ(read(a, kAfrl), 0xFF0F'FFFFU);
}

TEST_F(GpioTest, LockSequenceFreezesPins) {
  write(a, kLckr, bit(16) | bit(5));
  write(a, kLckr, bit(5));
  write(a, kLckr, bit(16) | bit(5));
  EXPECT_EQ(read(a, kLckr), bit(16) | bit(5));
  const std::uint32_t before = read(a, kModer);
  write(a, kModer, 0);
  EXPECT_EQ(read(a, kModer), before & 0xC00);
}

TEST_F(GpioTest, BrokenLockSequenceDoesNothing) {
  write(a, kLckr, bit(16) | bit(5));
  write(a, kLckr, bit(6));
  write(a, kLckr, bit(16) | bit(5));
  EXPECT_FALSE(test(read(a, kLckr), 16));
}

TEST_F(GpioTest, AlternateFunctionCarriesPwm) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> duties;
  pins.on_duty_change([&](PinId pin, std::uint32_t hertz, std::uint32_t permille) {
    EXPECT_EQ(pin, kPA5);
    duties.emplace_back(hertz, permille);
  });
  set_mode(a, 5, 2);
  write(a, kAfrl, 1U << 20);
  pins.set_timer_output(0x4000'0000, 0, {.driven = true, .hertz = 789, .duty_permille = 250});
  pins.set_timer_output(0x4000'0000, 0, {.driven = true, .hertz = 789, .duty_permille = 500});
  EXPECT_EQ(duties, (std::vector<std::pair<std::uint32_t, std::uint32_t>>{{789, 250}, {789, 500}}));
  EXPECT_TRUE(seen.empty());
}

TEST_F(GpioTest, ButtonsRaiseTheirInterrupts) {
  // PB11 falling, PF3 rising: EXTICR3 byte 3 = 1, EXTICR1 byte 3 = 5.
  set_mode(b, 11, 0);
  set_mode(f, 3, 0);
  pins.drive(kPB11, true);
  write(exti, 0x68, 1U << 24, kNonSecure);
  write(exti, 0x60, 5U << 24, kNonSecure);
  write(exti, 0x00, bit(3), kNonSecure);
  write(exti, 0x04, bit(11), kNonSecure);
  write(exti, 0x80, bit(3) | bit(11), kNonSecure);
  pins.drive(kPB11, false);
  EXPECT_TRUE(lines.level(22));
  EXPECT_EQ(read(exti, 0x10), bit(11));
  write(exti, 0x10, bit(11), kNonSecure);
  EXPECT_FALSE(lines.level(22));
  pins.drive(kPF3, true);
  EXPECT_TRUE(lines.level(14));
  pins.drive(kPF3, false);
  EXPECT_EQ(read(exti, 0x10), 0U);
  write(exti, 0x0C, bit(3), kNonSecure);
  EXPECT_FALSE(lines.level(14));
}

TEST_F(GpioTest, PendingIndependentOfMask) {
  set_mode(f, 3, 0);
  write(exti, 0x60, 5U << 24);
  write(exti, 0x00, bit(3));
  pins.drive(kPF3, true);
  EXPECT_FALSE(lines.level(14));
  write(exti, 0x80, bit(3));
  EXPECT_TRUE(lines.level(14));
}

/// RM0456 23.3: an event needs neither IMR nor a pending bit to be cleared.
TEST_F(GpioTest, AnEdgeIsAnEventIfItsLineSaysSo) {
  set_mode(f, 3, 0);
  write(exti, 0x60, 5U << 24);
  write(exti, 0x00, bit(3));
  pins.drive(kPF3, true);
  EXPECT_EQ(lines.events, 0U);
  write(exti, 0x84, bit(3));
  pins.drive(kPF3, false);
  pins.drive(kPF3, true);
  EXPECT_EQ(lines.events, 1U);
  write(exti, 0x08, bit(3));
  EXPECT_EQ(lines.events, 2U);
  EXPECT_FALSE(lines.level(14));
}

TEST_F(GpioTest, SoftwareInterruptAndSecureLines) {
  write(exti, 0x14, bit(2));
  write(exti, 0x80, bit(2) | bit(4));
  write(exti, 0x08, bit(2) | bit(4), kNonSecure);
  EXPECT_FALSE(lines.level(13));
  EXPECT_TRUE(lines.level(15));
  write(exti, 0x08, bit(2));
  EXPECT_TRUE(lines.level(13));
  EXPECT_EQ(read(exti, 0x0C, kNonSecure), bit(4));
  write(exti, 0x14, 0, kNonSecure);
  EXPECT_EQ(illegal, 1U);
  EXPECT_EQ(read(exti, 0x14, kNonSecure), bit(2));
  write(exti, 0x70, 1);
  write(exti, 0x14, 0);
  EXPECT_EQ(read(exti, 0x14), bit(2));
}

}  // namespace
}  // namespace microvisor::board

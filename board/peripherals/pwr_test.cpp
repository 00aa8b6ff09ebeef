// Expectations: RM0456 chapter 10 and the poll sequences of the vendor's power driver.
#include "board/peripherals/pwr.hpp"

#include <gtest/gtest.h>

#include "board/peripherals/test_bench.hpp"

namespace microvisor::board {
namespace {

using namespace testing;

class PwrTest : public ::testing::Test {
 protected:
  RecordedLines lines;
  std::vector<ResetCause> resets;
  unsigned stops = 0, wakes = 0, illegal = 0;
  bool clock_secure = false;
  std::uint32_t options = 0xFFFF'FFFF;
  PinId high{0xFF, 0};
  Pwr pwr{lines, Pwr::Hooks{[this] { ++stops; }, [this] { ++wakes; },
                            [this](ResetCause cause) { resets.push_back(cause); },
                            [this] { return clock_secure; }, [this](PinId pin) { return pin == high; },
                            [this] { return options; }, [this] { ++illegal; }}};
};

TEST_F(PwrTest, VoltageScalingIsReadyAtOnce) {
  EXPECT_EQ(read(pwr, 0x0C), 0x8000U);
  write(pwr, 0x0C, (3U << 16) | bit(18));
  EXPECT_EQ(read(pwr, 0x0C), (3U << 16) | bit(18) | bit(15) | bit(14));
  EXPECT_EQ(bits(read(pwr, 0x3C), 17, 16), 3U);
  EXPECT_TRUE(test(read(pwr, 0x3C), 15));
}

TEST_F(PwrTest, RegulatorAndMonitorsReadBack) {
  write(pwr, 0x08, 2);
  write(pwr, 0x10, bit(24) | bit(29));
  EXPECT_EQ(read(pwr, 0x3C) & (bit(1) | field(27, 24)), bit(1) | bit(24));
}

TEST_F(PwrTest, BackupAccess) {
  EXPECT_FALSE(pwr.backup_writable());
  write(pwr, 0x28, 1);
  EXPECT_TRUE(pwr.backup_writable());
  pwr.reset(Reset::System);
  EXPECT_FALSE(pwr.backup_writable());
}

TEST_F(PwrTest, SecureFunctionsAreHidden) {
  write(pwr, 0x30, bit(14) | bit(12));
  write(pwr, 0x28, 1, kNonSecure);
  EXPECT_FALSE(pwr.backup_writable());
  write(pwr, 0x28, 1);
  EXPECT_EQ(read(pwr, 0x28, kNonSecure), 0U);
  write(pwr, 0x00, 4, kNonSecure);
  EXPECT_EQ(read(pwr, 0x00), 0U);
  EXPECT_EQ(read(pwr, 0x30, kNonSecure), bit(14) | bit(12));
  write(pwr, 0x30, 0, kNonSecure);
  EXPECT_EQ(illegal, 1U);
  EXPECT_TRUE(pwr.has_secure_function());
  clock_secure = true;
  write(pwr, 0x0C, 3U << 16, kNonSecure);
  EXPECT_EQ(bits(read(pwr, 0x0C), 17, 16), 0U);
}

TEST_F(PwrTest, StopSetsFlagAndClears) {
  pwr.core_asleep(false);
  EXPECT_EQ(stops, 0U);
  pwr.core_asleep(true);
  EXPECT_EQ(stops, 1U);
  pwr.core_awake();
  EXPECT_EQ(wakes, 1U);
  EXPECT_EQ(read(pwr, 0x38), 2U);
  write(pwr, 0x38, 1);
  EXPECT_EQ(read(pwr, 0x38), 0U);
}

TEST_F(PwrTest, StandbyEndsInResetWithFlag) {
  write(pwr, 0x14, bit(1));  // WKUP2 on PA4
  write(pwr, 0x00, 4);
  pwr.core_asleep(true);
  EXPECT_TRUE(resets.empty());
  pwr.pin_changed(PinId{0, 4}, true);
  EXPECT_EQ(resets, std::vector{ResetCause::Standby});
  pwr.reset(Reset::System);
  EXPECT_EQ(read(pwr, 0x38), 4U);
  EXPECT_EQ(read(pwr, 0x44), 2U);
  EXPECT_TRUE(lines.level(77));
  write(pwr, 0x48, 2);
  EXPECT_EQ(read(pwr, 0x44), 0U);
  EXPECT_FALSE(lines.level(77));
}

TEST_F(PwrTest, ShutdownLooksLikePowerOn) {
  write(pwr, 0x00, 6);
  pwr.core_asleep(true);
  pwr.wake_from_backup_domain();
  EXPECT_EQ(resets, std::vector{ResetCause::PowerOn});
}

TEST_F(PwrTest, OptionForbidsStop) {
  options = ~bit(12);
  pwr.core_asleep(true);
  EXPECT_EQ(resets, std::vector{ResetCause::LowPower});
  EXPECT_EQ(stops, 0U);
}

TEST_F(PwrTest, WakeupFlagRisesWhenEnabledAtActiveLevel) {
  high = PinId{2, 13};
  write(pwr, 0x1C, 1U << 2);  // WKUP2 from PC13
  write(pwr, 0x14, bit(1));
  EXPECT_EQ(read(pwr, 0x44), 2U);
  write(pwr, 0x14, 0);
  EXPECT_EQ(read(pwr, 0x44), 0U);
}

}  // namespace
}  // namespace microvisor::board

// Expectations: RM0456 chapter 10 and the poll sequences of the vendor's power driver.
#include "board/peripherals/pwr.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "board/bus/bus.hpp"
#include "board/memory/sram.hpp"
#include "board/peripherals/test_bench.hpp"

namespace microvisor::board {
namespace {

using namespace testing;

class PwrTest : public ::testing::Test {
 protected:
  RecordedLines lines;
  std::vector<ResetCause> resets;
  std::vector<PowerMode> modes;
  std::vector<std::uint32_t> lost;  ///< physical addresses of memories without supply
  unsigned illegal = 0;
  bool clock_secure = false, delivery_secure = false, held_up = false;
  std::uint32_t options = 0xFFFF'FFFF, backup = 0;
  PinId high{0xFF, 0};
  Pwr pwr{
      lines, backup,
      Pwr::Hooks{.mode_changed = [this](PowerMode mode) { modes.push_back(mode); },
                 .held_up = [this] { return held_up; },
                 .lose_memory = [this](std::uint32_t physical, std::uint32_t) { lost.push_back(physical); },
                 .request_reset = [this](ResetCause cause) { resets.push_back(cause); },
                 .system_clock_secure = [this] { return clock_secure; },
                 .power_delivery_secure = [this] { return delivery_secure; },
                 .secure_pins = [](unsigned port) { return port == 1 ? 0xF000U : 0U; },
                 .pin_level = [this](PinId pin) { return pin == high; },
                 .option_register = [this] { return options; },
                 .report_illegal_access = [this] { ++illegal; }}};

  /// The mode reached with `lpms` in CR1.
  PowerMode sleep_deeply(std::uint32_t lpms) {
    write(pwr, 0x00, (read(pwr, 0x00) & ~7U) | lpms);
    return pwr.core_asleep(true);
  }
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

// RM0456 table 109: what stands with whom.
TEST_F(PwrTest, PullsBelongToTheOwnerOfThePin) {
  write(pwr, 0x58, 0xFFFF, kNonSecure);  // PUCRB
  EXPECT_EQ(read(pwr, 0x58), 0x0FFFU);
  write(pwr, 0x50, 0xFFFF, kNonSecure);  // PUCRA
  EXPECT_EQ(read(pwr, 0x50), 0xFFFFU);
  write(pwr, 0x58, 0xFFFF);
  EXPECT_EQ(read(pwr, 0x58, kNonSecure), 0x0FFFU);
  delivery_secure = true;
  write(pwr, 0x2C, 3, kNonSecure);
  EXPECT_EQ(read(pwr, 0x2C), 0U);
}

TEST_F(PwrTest, StatusIsOpenToAllButItsClearBitIsNot) {
  ASSERT_EQ(sleep_deeply(0), PowerMode::Stop0);
  pwr.core_awake();
  write(pwr, 0x30, bit(12));  // LPMSEC
  write(pwr, 0x34, 3);        // SPRIV, NSPRIV
  EXPECT_EQ(read(pwr, 0x38, kUnprivileged), 2U);
  write(pwr, 0x38, 1, kNonSecure);
  EXPECT_EQ(read(pwr, 0x38), 2U);
  write(pwr, 0x38, 1);
  EXPECT_EQ(read(pwr, 0x38), 0U);
}

TEST_F(PwrTest, WakeupPinsAreSecuredOneByOne) {
  write(pwr, 0x30, bit(1));
  write(pwr, 0x14, 0xFF, kNonSecure);
  write(pwr, 0x1C, 0xFFFF, kNonSecure);
  EXPECT_EQ(read(pwr, 0x14), 0xFDU);
  EXPECT_EQ(read(pwr, 0x1C), 0xFFF3U);
}

TEST_F(PwrTest, BackupRetentionLiesBehindDbpAndTheLdo) {
  write(pwr, 0x20, 0x11);
  EXPECT_EQ(backup, 0U);
  write(pwr, 0x28, 1);
  write(pwr, 0x20, 0x11);
  EXPECT_EQ(backup, 0x11U);
  write(pwr, 0x08, 2);  // SMPS
  write(pwr, 0x20, 0x00);
  EXPECT_EQ(read(pwr, 0x20), 0x01U);
  pwr.reset(Reset::PowerOn);
  EXPECT_EQ(read(pwr, 0x20), 0x01U);
  pwr.reset_backup_domain();
  EXPECT_EQ(read(pwr, 0x20), 0U);
}

TEST_F(PwrTest, SleepIsNoStop) {
  EXPECT_EQ(pwr.core_asleep(false), PowerMode::Sleep);
  pwr.core_awake();
  EXPECT_EQ(modes, (std::vector{PowerMode::Sleep, PowerMode::Run}));
  EXPECT_EQ(read(pwr, 0x38), 0U);
}

TEST_F(PwrTest, StopSetsFlagAndClears) {
  write(pwr, 0x0C, (3U << 16) | bit(18));
  ASSERT_EQ(sleep_deeply(0), PowerMode::Stop0);
  pwr.core_awake();
  EXPECT_EQ(modes, (std::vector{PowerMode::Stop0, PowerMode::Run}));
  EXPECT_EQ(read(pwr, 0x38), 2U);
  EXPECT_EQ(read(pwr, 0x0C), bit(15));  // range 4, booster off
  write(pwr, 0x38, 1);
  EXPECT_EQ(read(pwr, 0x38), 0U);
}

TEST_F(PwrTest, EntryWaitsUntilNobodyAsksForAClock) {
  held_up = true;
  EXPECT_EQ(sleep_deeply(2), PowerMode::Sleep);
  EXPECT_EQ(read(pwr, 0x38), 0U);
  held_up = false;
  EXPECT_EQ(pwr.core_asleep(true), PowerMode::Stop2);
  EXPECT_EQ(read(pwr, 0x38), 2U);
}

/// RM0456 10.10.1: LPMS 1xx; with BREN set 11x is Standby (10.7.11).
TEST_F(PwrTest, LpmsSelectsTheMode) {
  const std::pair<std::uint32_t, PowerMode> kModes[] = {
      {0, PowerMode::Stop0},   {1, PowerMode::Stop1},   {2, PowerMode::Stop2},    {3, PowerMode::Stop3},
      {4, PowerMode::Standby}, {5, PowerMode::Standby}, {6, PowerMode::Shutdown}, {7, PowerMode::Shutdown}};
  for (const auto& [lpms, mode] : kModes) {
    EXPECT_EQ(sleep_deeply(lpms), mode);
    pwr.reset(Reset::System);
  }
  backup = 1;
  EXPECT_EQ(sleep_deeply(6), PowerMode::Standby);
}

// What is lost is what the retention bits give up (RM0456 10.10.1, 10.10.2).
TEST_F(PwrTest, StopLosesTheSwitchedOffPages) {
  ASSERT_EQ(sleep_deeply(3), PowerMode::Stop3);
  EXPECT_EQ(lost, (std::vector<std::uint32_t>{kPhysicalSram + kSram2Offset,
                                              kPhysicalSram + kSram2Offset + 0x2000}));
  pwr.core_awake();
  write(pwr, 0x00, bit(5) | bit(6));                     // RRSB1, RRSB2
  write(pwr, 0x04, bit(2) | bit(5) | bit(6) | bit(23));  // SRAM1 page 3, SRAM2 page 2, SRAM4, SRAM3 page 8
  lost.clear();
  ASSERT_EQ(sleep_deeply(2), PowerMode::Stop2);
  EXPECT_EQ(lost, (std::vector<std::uint32_t>{kPhysicalSram + 0x2'0000, kPhysicalSram + kSram2Offset + 0x2000,
                                              kPhysicalSram4, kPhysicalSram + kSram3Offset + 0x7'0000}));
  pwr.core_awake();
  lost.clear();
  ASSERT_EQ(sleep_deeply(3), PowerMode::Stop3);
  EXPECT_EQ(lost, (std::vector<std::uint32_t>{kPhysicalSram + 0x2'0000, kPhysicalSram4,
                                              kPhysicalSram + kSram3Offset + 0x7'0000}));
}

TEST_F(PwrTest, StandbyKeepsOfSram2WhatIsAskedFor) {
  write(pwr, 0x00, bit(6));  // RRSB2: the upper 56 Kbytes
  ASSERT_EQ(sleep_deeply(4), PowerMode::Standby);
  EXPECT_EQ(lost, (std::vector<std::uint32_t>{kPhysicalSram + kSram2Offset, kPhysicalSram,
                                              kPhysicalSram + kSram3Offset, kPhysicalSram4}));
  pwr.reset(Reset::System);
  lost.clear();
  ASSERT_EQ(sleep_deeply(4), PowerMode::Standby);
  EXPECT_EQ(lost.back(), kPhysicalBackup);  // neither BREN nor RRSB
  pwr.reset(Reset::System);
  lost.clear();
  backup = 1;
  ASSERT_EQ(sleep_deeply(4), PowerMode::Standby);
  EXPECT_EQ(std::ranges::count(lost, kPhysicalBackup), 0);
}

TEST_F(PwrTest, SramIsSwitchedOffInRunMode) {
  write(pwr, 0x00, bit(8) | bit(11));
  EXPECT_EQ(lost, (std::vector<std::uint32_t>{kPhysicalSram, kPhysicalSram4}));
}

// Wake-up flags and their configuration outlive Standby only (reset value lines of RM0456 10.10.6
// to 10.10.18).
TEST_F(PwrTest, StandbyEndsInResetWithFlag) {
  write(pwr, 0x14, bit(1));  // WKUP2 on PA4
  ASSERT_EQ(sleep_deeply(4), PowerMode::Standby);
  EXPECT_TRUE(resets.empty());
  pwr.pin_changed(PinId{0, 4}, true);
  EXPECT_EQ(resets, std::vector{ResetCause::Standby});
  pwr.reset(Reset::Standby);
  EXPECT_EQ(read(pwr, 0x38), 4U);
  EXPECT_EQ(read(pwr, 0x44), 2U);
  EXPECT_EQ(read(pwr, 0x00), 4U);
  write(pwr, 0x48, 2);
  EXPECT_EQ(read(pwr, 0x44), 0U);
  pwr.reset(Reset::System);
  EXPECT_EQ(read(pwr, 0x38), 4U);
  EXPECT_EQ(read(pwr, 0x14), 0U);
}

// RM0456 table 110: the interrupt of the wake-up pins is for Stop 3.
TEST_F(PwrTest, WakeupInterruptIsForStop3) {
  write(pwr, 0x14, bit(0));
  ASSERT_EQ(sleep_deeply(1), PowerMode::Stop1);
  pwr.pin_changed(PinId{0, 0}, true);
  EXPECT_EQ(read(pwr, 0x44), 1U);
  EXPECT_FALSE(lines.level(77));
  pwr.core_awake();
  write(pwr, 0x48, 1);
  ASSERT_EQ(sleep_deeply(3), PowerMode::Stop3);
  pwr.pin_changed(PinId{0, 0}, true);
  EXPECT_TRUE(lines.level(77));
  write(pwr, 0x48, 1);
  EXPECT_FALSE(lines.level(77));
}

// WUSEL = 11 of pins 6 to 8 is the RTC and TAMP; the flag stands as long as the event does.
TEST_F(PwrTest, BackupEventsWakeThroughTheirPin) {
  ASSERT_EQ(sleep_deeply(4), PowerMode::Standby);
  pwr.set_backup_event(true, true);
  EXPECT_TRUE(resets.empty());
  pwr.set_backup_event(true, false);
  pwr.reset(Reset::System);
  write(pwr, 0x1C, 3U << 12);  // WKUP7
  write(pwr, 0x14, bit(6));
  ASSERT_EQ(sleep_deeply(4), PowerMode::Standby);
  pwr.set_backup_event(true, true);
  EXPECT_EQ(resets, std::vector{ResetCause::Standby});
  pwr.reset(Reset::Standby);
  EXPECT_EQ(read(pwr, 0x44), bit(6));
  write(pwr, 0x48, bit(6));
  EXPECT_EQ(read(pwr, 0x44), bit(6));
  pwr.set_backup_event(true, false);
  EXPECT_EQ(read(pwr, 0x44), 0U);
}

TEST_F(PwrTest, StandbyIsNotEnteredWithAnEventPending) {
  high = PinId{0, 0};
  write(pwr, 0x14, bit(0));
  sleep_deeply(4);
  EXPECT_EQ(resets, std::vector{ResetCause::Standby});
}

TEST_F(PwrTest, ShutdownLooksLikePowerOn) {
  write(pwr, 0x14, bit(0));
  ASSERT_EQ(sleep_deeply(6), PowerMode::Shutdown);
  EXPECT_EQ(read(pwr, 0x38), 0U);
  pwr.pin_changed(PinId{0, 0}, true);
  EXPECT_EQ(resets, std::vector{ResetCause::PowerOn});
}

// OPTR: nRST_STOP 12, nRST_STDBY 13, nRST_SHDW 14.
TEST_F(PwrTest, OptionsForbidModes) {
  for (const auto& [number, lpms] : {std::pair{12U, 3U}, {13U, 4U}, {14U, 6U}}) {
    options = ~bit(number);
    resets.clear();
    sleep_deeply(lpms);
    EXPECT_EQ(resets, std::vector{ResetCause::LowPower});
  }
  EXPECT_TRUE(modes.empty());
}

TEST_F(PwrTest, PullsOfIsolatedPads) {
  write(pwr, 0x50, bit(3));  // PUCRA
  write(pwr, 0x54, bit(4));  // PDCRA
  EXPECT_FALSE(pwr.applied_pull({0, 3}).has_value());
  write(pwr, 0x4C, 1);  // APC
  EXPECT_EQ(pwr.applied_pull({0, 3}), true);
  EXPECT_EQ(pwr.applied_pull({0, 4}), false);
  EXPECT_FALSE(pwr.applied_pull({0, 5}).has_value());
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

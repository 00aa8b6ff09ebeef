// Security controller: attributes, locks, flags (RM0456 chapter 5).
#include "board/peripherals/gtzc.hpp"

#include <gtest/gtest.h>

#include "board/peripherals/test_bench.hpp"

namespace microvisor::board {
namespace {

using namespace testing;

constexpr std::uint32_t kUsart2 = 0x4000'4400;   // TZSC1 register 1 bit 9
constexpr std::uint32_t kLpuart1 = 0x4600'2400;  // TZSC2 register 1 bit 1
constexpr Access kSecureUnprivileged{.secure = true, .privileged = false};
constexpr Access kSecureFetch{.secure = true, .privileged = true, .fetch = true};

class GtzcTest : public ::testing::Test {
 protected:
  GtzcTest() {
    for (const auto& [base, block] : gtzc.blocks()) block->reset(Reset::PowerOn);
    gtzc.on_change([this] { ++changes; });
  }
  Peripheral& block(std::uint32_t base) {
    for (const auto& [at, peripheral] : gtzc.blocks()) {
      if (at == base) return *peripheral;
    }
    throw std::logic_error("no such block");
  }

  RecordedLines lines;
  unsigned changes = 0;
  Gtzc gtzc{lines};
};

TEST_F(GtzcTest, PeripheralsStartNonSecureAndUnprivileged) {
  EXPECT_FALSE(gtzc.secure(kUsart2));
  EXPECT_FALSE(gtzc.privileged(kUsart2));
}

TEST_F(GtzcTest, AttributeBitsOfBothInstances) {
  write(block(kTzsc1), 0x10, 1U << 9);
  write(block(kTzsc2), 0x10, 1U << 1);
  write(block(kTzsc2), 0x20, 1U << 1);
  EXPECT_TRUE(gtzc.secure(kUsart2));
  EXPECT_TRUE(gtzc.secure(kLpuart1));
  EXPECT_FALSE(gtzc.privileged(kUsart2));
  EXPECT_TRUE(gtzc.privileged(kLpuart1));
  EXPECT_EQ(changes, 3U);
}

TEST_F(GtzcTest, AttributesAreReadableByAllAndWritableBySecureCode) {
  write(block(kTzsc1), 0x10, 1U << 9);
  EXPECT_EQ(read(block(kTzsc1), 0x10, kNonSecure), 1U << 9);
  write(block(kTzsc1), 0x10, 0, kNonSecure);
  EXPECT_TRUE(gtzc.secure(kUsart2));
  EXPECT_EQ(read(block(kTzic1), 0x1C), 1U << 14);  // TZSC1 in SR4
}

TEST_F(GtzcTest, BitsThatDoNotExistReadZero) {
  write(block(kTzsc1), 0x10, ~0U);
  write(block(kTzsc1), 0x14, ~0U);
  write(block(kTzsc1), 0x18, ~0U);
  EXPECT_EQ(read(block(kTzsc1), 0x10), 0x000F'FFFFU);
  EXPECT_EQ(read(block(kTzsc1), 0x14), 0x0000'01FFU);
  EXPECT_EQ(read(block(kTzsc1), 0x18), 0x007F'FFFFU);
}

TEST_F(GtzcTest, UnprivilegedSecureCodeMovesUnprivilegedPeripheralsOnly) {
  write(block(kTzsc1), 0x20, 1U << 9);
  write(block(kTzsc1), 0x10, 3U << 9, kSecureUnprivileged);
  EXPECT_EQ(read(block(kTzsc1), 0x10), 1U << 10);
}

TEST_F(GtzcTest, LockFreezesBothSets) {
  write(block(kTzsc1), 0x00, 1);
  write(block(kTzsc1), 0x00, 0);
  EXPECT_EQ(read(block(kTzsc1), 0x00), 1U);
  write(block(kTzsc1), 0x10, 1);
  write(block(kTzsc1), 0x20, 1);
  EXPECT_EQ(read(block(kTzsc1), 0x10), 0U);
  EXPECT_EQ(read(block(kTzsc1), 0x20), 0U);
  block(kTzsc1).reset(Reset::System);
  write(block(kTzsc1), 0x10, 1);
  EXPECT_EQ(read(block(kTzsc1), 0x10), 1U);
}

TEST_F(GtzcTest, FlagsLatchWithoutEnableAndInterruptNeedsIt) {
  gtzc.report_illegal_access(kUsart2);
  EXPECT_EQ(read(block(kTzic1), 0x10), 1U << 9);
  EXPECT_FALSE(lines.level(8));
  write(block(kTzic1), 0x00, 1U << 9);
  EXPECT_TRUE(lines.level(8));
  write(block(kTzic1), 0x20, 1U << 9);
  EXPECT_EQ(read(block(kTzic1), 0x10), 0U);
  EXPECT_FALSE(lines.level(8));
}

TEST_F(GtzcTest, SecondInstanceDrivesTheSameLine) {
  write(block(kTzic2), 0x00, 1U << 1);
  gtzc.report_illegal_access(kLpuart1);
  EXPECT_TRUE(lines.level(8));
  EXPECT_EQ(read(block(kTzic2), 0x10), 1U << 1);
}

TEST_F(GtzcTest, InterruptControllerIsSecureAndReportsItself) {
  gtzc.report_illegal_access(kUsart2);
  EXPECT_EQ(read(block(kTzic1), 0x10, kNonSecure), 0U);
  EXPECT_EQ(read(block(kTzic1), 0x1C), 1U << 15);
  write(block(kTzic2), 0x00, ~0U, kNonSecure);
  EXPECT_EQ(read(block(kTzic2), 0x00), 0U);
  EXPECT_EQ(read(block(kTzic2), 0x14), 1U << 15);
}

TEST_F(GtzcTest, SramStartsSecureAndPrivileged) {
  for (unsigned index = 0; index < 4; ++index) {
    EXPECT_EQ(gtzc.sram(index).check(0, kSecure), Violation::None);
    EXPECT_EQ(gtzc.sram(index).check(0, kNonSecure), Violation::NonSecureToSecure);
    EXPECT_EQ(gtzc.sram(index).check(0, kSecureUnprivileged), Violation::Unprivileged);
  }
}

TEST_F(GtzcTest, RegistersExistPerSuperBlock) {
  const std::pair<std::uint32_t, unsigned> sizes[] = {
      {kMpcbb1, 12}, {kMpcbb2, 4}, {kMpcbb3, 32}, {kMpcbb4, 1}};
  for (const auto& [base, super_blocks] : sizes) {
    EXPECT_EQ(read(block(base), 0x100 + 4 * (super_blocks - 1)), ~0U);
    if (super_blocks < 32) {
      EXPECT_EQ(read(block(base), 0x100 + 4 * super_blocks), 0U);
    }
  }
}

TEST_F(GtzcTest, BlocksOf512Bytes) {
  write(block(kMpcbb1), 0x104, ~(1U << 5));  // super-block 1, block 5 non-secure
  const std::uint32_t start = 16 * 1024 + 5 * 512;
  EXPECT_EQ(gtzc.sram(0).check(start - 1, kNonSecure), Violation::NonSecureToSecure);
  EXPECT_EQ(gtzc.sram(0).check(start, kNonSecure), Violation::None);
  EXPECT_EQ(gtzc.sram(0).check(start + 511, kNonSecure), Violation::None);
  EXPECT_EQ(gtzc.sram(0).check(start + 512, kNonSecure), Violation::NonSecureToSecure);
  EXPECT_EQ(gtzc.sram(0).alike(start + 100).first, start);
  EXPECT_EQ(gtzc.sram(0).alike(start + 100).end, start + 512);
  EXPECT_EQ(gtzc.sram(0).alike(0).end, start);
  EXPECT_EQ(gtzc.sram(0).alike(start + 512).end, 192U * 1024);
}

TEST_F(GtzcTest, SecureAccessToNonSecureBlock) {
  write(block(kMpcbb3), 0x100, 0);
  EXPECT_EQ(gtzc.sram(2).check(0, kSecure), Violation::SecureToNonSecureSram);
  write(block(kMpcbb3), 0x00, 1U << 31);  // SRWILADIS
  EXPECT_EQ(gtzc.sram(2).check(0, kSecure), Violation::None);
  EXPECT_EQ(gtzc.sram(2).check(0, kSecureFetch), Violation::SecureToNonSecureSram);
}

TEST_F(GtzcTest, SuperBlockLockIsSetOnly) {
  write(block(kMpcbb2), 0x10, 1U << 2);
  write(block(kMpcbb2), 0x10, 0);
  EXPECT_EQ(read(block(kMpcbb2), 0x10), 1U << 2);
  write(block(kMpcbb2), 0x108, 0);
  write(block(kMpcbb2), 0x208, 0);
  write(block(kMpcbb2), 0x10C, 0);
  EXPECT_EQ(read(block(kMpcbb2), 0x108), ~0U);
  EXPECT_EQ(read(block(kMpcbb2), 0x208), ~0U);
  EXPECT_EQ(read(block(kMpcbb2), 0x10C), 0U);
}

TEST_F(GtzcTest, GlobalLockFreezesTheControlRegister) {
  write(block(kMpcbb1), 0x00, 1);
  write(block(kMpcbb1), 0x00, 1U << 31);
  EXPECT_EQ(read(block(kMpcbb1), 0x00), 1U);
}

TEST_F(GtzcTest, NonSecureWorldSetsPrivilegeOfItsBlocksOnly) {
  write(block(kMpcbb4), 0x100, 0xFFFF'0000);
  write(block(kMpcbb4), 0x200, 0, kNonSecure);
  EXPECT_EQ(read(block(kMpcbb4), 0x200), 0xFFFF'0000U);
  write(block(kMpcbb4), 0x100, 0, kNonSecure);
  EXPECT_EQ(read(block(kMpcbb4), 0x100), 0xFFFF'0000U);
  EXPECT_EQ(read(block(kTzic2), 0x14), 1U << 25);  // MPCBB4 registers
}

TEST_F(GtzcTest, WatermarkMemoryStartsClosed) {
  EXPECT_EQ(gtzc.check_region(WatermarkMemory::Octospi1, 0, kNonSecure), Violation::NonSecureToSecure);
  EXPECT_EQ(gtzc.check_region(WatermarkMemory::Octospi1, 0, kSecure), Violation::None);
  EXPECT_EQ(gtzc.check_region(WatermarkMemory::BackupSram, 0, kSecureUnprivileged), Violation::Unprivileged);
}

TEST_F(GtzcTest, WatermarkRegionInUnitsOf128Kilobytes) {
  write(block(kTzsc1), 0x44, 2 | 3U << 16);  // MPCWM1A: start 2, length 3
  write(block(kTzsc1), 0x40, 1);             // SREN, non-secure
  constexpr std::uint32_t kUnit = 128 * 1024;
  EXPECT_EQ(gtzc.check_region(WatermarkMemory::Octospi1, 2 * kUnit - 1, kNonSecure),
            Violation::NonSecureToSecure);
  EXPECT_EQ(gtzc.check_region(WatermarkMemory::Octospi1, 2 * kUnit, kNonSecure), Violation::None);
  EXPECT_EQ(gtzc.check_region(WatermarkMemory::Octospi1, 5 * kUnit - 1, kNonSecure), Violation::None);
  EXPECT_EQ(gtzc.check_region(WatermarkMemory::Octospi1, 5 * kUnit, kNonSecure),
            Violation::NonSecureToSecure);
  EXPECT_EQ(gtzc.check_region(WatermarkMemory::Octospi1, 2 * kUnit, kSecure),
            Violation::SecureToNonSecureRegion);
}

TEST_F(GtzcTest, BackupSramRegionInUnitsOf32Bytes) {
  write(block(kTzsc1), 0x74, 1 | 1U << 16);
  write(block(kTzsc1), 0x70, 1);
  EXPECT_EQ(gtzc.check_region(WatermarkMemory::BackupSram, 31, kNonSecure), Violation::NonSecureToSecure);
  EXPECT_EQ(gtzc.check_region(WatermarkMemory::BackupSram, 32, kNonSecure), Violation::None);
  EXPECT_EQ(gtzc.check_region(WatermarkMemory::BackupSram, 64, kNonSecure), Violation::NonSecureToSecure);
}

TEST_F(GtzcTest, WatermarkRegionLock) {
  write(block(kTzsc1), 0x40, 1 | 2);  // SREN, SRLOCK
  write(block(kTzsc1), 0x40, 0);
  write(block(kTzsc1), 0x44, 1U << 16);
  EXPECT_EQ(read(block(kTzsc1), 0x40), 3U);
  EXPECT_EQ(read(block(kTzsc1), 0x44), 0U);
}

}  // namespace
}  // namespace microvisor::board

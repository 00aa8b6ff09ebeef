// RAMCFG, SYSCFG, ICACHE, DCACHE1 and DBGMCU by their registers.
#include <gtest/gtest.h>

#include <vector>

#include "board/peripherals/caches.hpp"
#include "board/peripherals/dbgmcu.hpp"
#include "board/peripherals/ramcfg.hpp"
#include "board/peripherals/syscfg.hpp"
#include "board/peripherals/test_bench.hpp"

namespace microvisor::board {
namespace {

using namespace testing;

class RamcfgTest : public ::testing::Test {
 protected:
  RamcfgTest() { ramcfg.reset(Reset::PowerOn); }
  void give_keys(std::uint32_t unit, std::uint32_t offset, std::uint32_t first, std::uint32_t second) {
    write(ramcfg, unit + offset, first);
    write(ramcfg, unit + offset, second);
  }
  std::vector<Ram> erased;
  std::uint32_t options = 0x9FEF'F8AA;
  Ramcfg ramcfg{{.erase = [this](Ram which) { erased.push_back(which); },
                 .permissions_changed = [] {},
                 .option_register = [this] { return options; }}};
};

TEST_F(RamcfgTest, EraseNeedsBothKeysInOrder) {
  write(ramcfg, 0x80, 1U << 8);
  give_keys(0x80, 0x28, 0x53, 0xCA);
  write(ramcfg, 0x80, 1U << 8);
  EXPECT_TRUE(erased.empty());
  give_keys(0x80, 0x28, 0xCA, 0x53);
  write(ramcfg, 0x80, 1U << 8);
  EXPECT_EQ(erased, std::vector{Ram::Sram3});
  EXPECT_EQ(read(ramcfg, 0x80) & 1U << 8, 0U);
  EXPECT_EQ(read(ramcfg, 0x88), 0U);  // not busy
  write(ramcfg, 0x80, 1U << 8);       // keys are used up
  EXPECT_EQ(erased.size(), 1U);
}

TEST_F(RamcfgTest, KeysOfOneMemoryDoNotOpenAnother) {
  give_keys(0x00, 0x28, 0xCA, 0x53);
  write(ramcfg, 0x40, 1U << 8);
  EXPECT_TRUE(erased.empty());
}

TEST_F(RamcfgTest, EccStartsByOptionAndIsSwitchedOffByKeys) {
  EXPECT_EQ(read(ramcfg, 0x40) & 1, 0U);
  options &= ~(1U << 24);
  ramcfg.reset(Reset::System);
  EXPECT_EQ(read(ramcfg, 0x40) & 1, 1U);
  write(ramcfg, 0x40, 0);
  EXPECT_EQ(read(ramcfg, 0x40) & 1, 1U);
  give_keys(0x40, 0x24, 0xAE, 0x75);
  write(ramcfg, 0x40, 0);
  EXPECT_EQ(read(ramcfg, 0x40) & 1, 0U);
}

TEST_F(RamcfgTest, Sram2PagesStayProtected) {
  write(ramcfg, 0x58, 1U << 3);
  write(ramcfg, 0x58, 0);
  write(ramcfg, 0x5C, 1);
  EXPECT_TRUE(ramcfg.sram2_write_protected(3 * 1024));
  EXPECT_FALSE(ramcfg.sram2_write_protected(4 * 1024));
  EXPECT_TRUE(ramcfg.sram2_write_protected(32 * 1024 + 1023));
  ramcfg.reset(Reset::System);
  EXPECT_FALSE(ramcfg.sram2_any_write_protected());
}

class SyscfgTest : public ::testing::Test {
 protected:
  SyscfgTest() { syscfg.reset(Reset::PowerOn); }
  CoreLocks locks;
  unsigned reports = 0;
  Syscfg syscfg{
      {.locks_changed = [this](const CoreLocks& now) { locks = now; }, .report = [this] { ++reports; }}};
};

TEST_F(SyscfgTest, SecureLocksAreSetOnly) {
  write(syscfg, 0x10, 4);
  write(syscfg, 0x10, 1);
  EXPECT_EQ(read(syscfg, 0x10), 5U);
  EXPECT_TRUE(locks.sau);
  EXPECT_TRUE(locks.secure_vtor_aircr);
  EXPECT_FALSE(locks.secure_mpu);
  syscfg.reset(Reset::System);
  EXPECT_FALSE(locks.sau);
}

TEST_F(SyscfgTest, NonSecureLocksAreOpenToTheNonSecureWorld) {
  write(syscfg, 0x0C, 1, kUnprivileged);
  EXPECT_FALSE(locks.nonsecure_vtor);
  write(syscfg, 0x0C, 1, kNonSecure);
  EXPECT_TRUE(locks.nonsecure_vtor);
  EXPECT_EQ(reports, 0U);
  write(syscfg, 0x10, 7, kNonSecure);
  EXPECT_FALSE(locks.sau);
  EXPECT_EQ(reports, 1U);
}

TEST_F(SyscfgTest, SecuredRegistersAreEmptyWithEvent) {
  write(syscfg, 0x04, 1U << 8);
  write(syscfg, 0x00, 1);
  EXPECT_EQ(read(syscfg, 0x04, kNonSecure), 0U);
  EXPECT_EQ(reports, 1U);
  EXPECT_EQ(read(syscfg, 0x00, kNonSecure), 1U);
  EXPECT_EQ(reports, 1U);
  write(syscfg, 0x00, 0, kNonSecure);
  EXPECT_EQ(reports, 2U);
  EXPECT_EQ(read(syscfg, 0x00), 1U);
}

TEST_F(SyscfgTest, CompensationCellsAreReadyAtOnce) {
  write(syscfg, 0x1C, 1);
  EXPECT_EQ(read(syscfg, 0x1C), 0x101U);
  write(syscfg, 0x1C, 5);
  EXPECT_EQ(read(syscfg, 0x1C), 0x305U);
}

TEST_F(SyscfgTest, ServiceCommandOutlivesASystemReset) {
  write(syscfg, 0x2C, 0x1C0);
  syscfg.reset(Reset::System);
  EXPECT_TRUE(syscfg.boots_security_services());
  syscfg.reset(Reset::PowerOn);
  EXPECT_FALSE(syscfg.boots_security_services());
}

TEST(Icache, InvalidationIsOverAtOnceAndInterrupts) {
  RecordedLines lines;
  Icache icache({&lines, 107}, [] {});
  icache.reset(Reset::PowerOn);
  EXPECT_EQ(read(icache, 0x04), 2U);
  write(icache, 0x0C, 2);
  EXPECT_EQ(read(icache, 0x04), 0U);
  write(icache, 0x08, 2);
  write(icache, 0x00, read(icache, 0x00) | 2);
  EXPECT_EQ(read(icache, 0x00) & 2, 0U);
  EXPECT_EQ(read(icache, 0x04), 2U);
  EXPECT_TRUE(lines.level(107));
  write(icache, 0x0C, 2);
  EXPECT_FALSE(lines.level(107));
}

TEST(Icache, RemapsAWindowWhileEnabled) {
  RecordedLines lines;
  unsigned changes = 0;
  Icache icache({&lines, 107}, [&] { ++changes; });
  icache.reset(Reset::PowerOn);
  // 2 MiB at 0x1000'0000 to 0x9020'0000.
  write(icache, 0x20, (0x1000'0000 >> 21) | 1U << 9 | 1U << 15 | (0x9020'0000U >> 21) << 16);
  EXPECT_FALSE(icache.remap(0x1000'0000));
  write(icache, 0x00, 5);
  EXPECT_EQ(icache.remap(0x1000'1234), 0x9020'1234U);
  EXPECT_FALSE(icache.remap(0x1020'0000));
  EXPECT_GE(changes, 1U);
  write(icache, 0x20, 0);  // ignored while the cache is on
  EXPECT_TRUE(icache.remap(0x1000'0000));
}

TEST(Dcache, RangeCommandEndsAtOnce) {
  RecordedLines lines;
  Dcache dcache({&lines, 111});
  dcache.reset(Reset::PowerOn);
  write(dcache, 0x28, 0x9000'0010);
  write(dcache, 0x2C, 0x9000'00F0);
  write(dcache, 0x00, 1 | 2U << 8 | 1U << 11);
  EXPECT_EQ(read(dcache, 0x04) & 0x19, 0x10U);  // ended, not busy
  EXPECT_EQ(read(dcache, 0x00), 1 | 2U << 8);
  write(dcache, 0x0C, 0x10);
  EXPECT_EQ(read(dcache, 0x04) & 0x10, 0U);
}

TEST(Dbgmcu, IdentityIsReadOnly) {
  Dbgmcu dbgmcu;
  dbgmcu.reset(Reset::PowerOn);
  EXPECT_EQ(read(dbgmcu, 0), 0x3001'6482U);
  write(dbgmcu, 0, 0);
  EXPECT_EQ(read(dbgmcu, 0), 0x3001'6482U);
  EXPECT_EQ(read(dbgmcu, 0, kNonSecure, 2), 0x6482U);
  write(dbgmcu, 4, ~0U);
  EXPECT_EQ(read(dbgmcu, 4), 0xF6U);
  dbgmcu.reset(Reset::System);
  EXPECT_EQ(read(dbgmcu, 4), 0xF6U);
}

}  // namespace
}  // namespace microvisor::board

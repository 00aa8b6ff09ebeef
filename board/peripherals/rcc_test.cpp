// Expectations: RM0456 chapter 11 and the poll sequences of the vendor's clock driver.
#include "board/peripherals/rcc.hpp"

#include <gtest/gtest.h>

#include <set>

#include "board/peripherals/test_bench.hpp"

namespace microvisor::board {
namespace {

using namespace testing;
using namespace rcc;

class RccTest : public ::testing::Test {
 protected:
  Scheduler scheduler;
  RecordedLines lines;
  std::uint32_t bdcr = 0;
  bool backup_writable = true;
  std::set<std::uint32_t> secure;
  std::vector<std::uint32_t> resets;
  unsigned backup_resets = 0;
  unsigned illegal = 0;
  Rcc rcc{scheduler, lines, bdcr, Rcc::Board{},
          Rcc::Hooks{[this](std::uint32_t base) { resets.push_back(base); }, [this] { ++backup_resets; },
                     [this] { return backup_writable; },
                     [this](std::uint32_t base) { return secure.contains(base); }, [this] { ++illegal; }}};

  void go_to_160_mhz() {
    write(rcc, kPll1Cfgr, 0x0004'0001);  // MSIS, M = 1, R output on
    write(rcc, kPll1Divr, 0x0100'0000 | 79);
    set_bits(rcc, kCr, bit(24));
    ASSERT_TRUE(test(read(rcc, kCr), 25));
    assign_switch(3);
  }
  void assign_switch(std::uint32_t source) { write(rcc, kCfgr1, source); }
};

TEST_F(RccTest, StartsOnMsisAtFourMegahertz) {
  EXPECT_EQ(read(rcc, kCr), 0x35U);
  EXPECT_EQ(rcc.hclk(), 4'000'000U);
  EXPECT_EQ(scheduler.instruction_ticks(), 1920U);
  EXPECT_EQ(read(rcc, kCsr), 0x0C00'4400U);
}

TEST_F(RccTest, PllFromMsisGives160Megahertz) {
  go_to_160_mhz();
  EXPECT_EQ(bits(read(rcc, kCfgr1), 3, 2), 3U);
  EXPECT_EQ(rcc.hclk(), 160'000'000U);
  EXPECT_EQ(scheduler.instruction_ticks(), 48U);
  EXPECT_EQ(read(rcc, kCfgr1), 0xFU);
}

TEST_F(RccTest, FractionalPllIsExact) {
  // 16 MHz / 2 * (12 + 2364/8192) / 1 = 98.308593... MHz: the usual audio setting.
  set_bits(rcc, kCr, bit(8));
  write(rcc, kPll2Fracr, 2364U << 3);
  write(rcc, kPll2Divr, 11 | (0U << 16));
  write(rcc, kPll2Cfgr, 2U | bit(4) | (1U << 8) | bit(17));
  set_bits(rcc, kCr, bit(26));
  write(rcc, kCcipr2, 3U << 20);
  EXPECT_EQ(rcc.kernel_clock(0x420D'1400), 98'308'593U);
}

TEST_F(RccTest, PrescalersDivideAndTimersDouble) {
  go_to_160_mhz();
  write(rcc, kCfgr2, 0x8 | (0x4 << 4) | (0x7 << 8));  // AHB /2, APB1 /2, APB2 /16
  EXPECT_EQ(rcc.hclk(), 80'000'000U);
  EXPECT_EQ(rcc.pclk1(), 40'000'000U);
  EXPECT_EQ(rcc.pclk2(), 5'000'000U);
  EXPECT_EQ(rcc.timer_clock_apb1(), 80'000'000U);
  EXPECT_EQ(rcc.timer_clock_apb2(), 10'000'000U);
}

TEST_F(RccTest, ReadyFollowsOnBothWaysButUsedOscillatorsStay) {
  set_bits(rcc, kCr, bit(8));
  EXPECT_TRUE(test(read(rcc, kCr), 10));
  clear_bits(rcc, kCr, bit(8));
  EXPECT_FALSE(test(read(rcc, kCr), 10));
  go_to_160_mhz();
  clear_bits(rcc, kCr,
             bit(0) | bit(24) | bit(4));  // MSIS feeds the PLL, the PLL is the system clock; MSIK is free
  const std::uint32_t cr = read(rcc, kCr);
  EXPECT_TRUE(test(cr, 2));
  EXPECT_TRUE(test(cr, 25));
  EXPECT_FALSE(test(cr, 5));
}

TEST_F(RccTest, PlainWriteOfMsisonStopsMsik) {
  write(rcc, kCr, 1);  // vendor start-up code
  EXPECT_EQ(read(rcc, kCr), 0x5U);
}

TEST_F(RccTest, MissingCrystalIsNeverReady) {
  std::uint32_t domain = 0;
  Rcc bare{scheduler, lines, domain, Rcc::Board{.lse_hertz = 0, .hse_hertz = 0}, {}};
  set_bits(bare, kCr, bit(16));
  write(bare, kBdcr, 1);
  EXPECT_FALSE(test(read(bare, kCr), 17));
  EXPECT_FALSE(test(read(bare, kBdcr), 1));
}

TEST_F(RccTest, MsiRangeFromOwnRegisterOnceSelected) {
  write(rcc, kIcscr1, 0xB080'0000);
  EXPECT_EQ(rcc.hclk(), 768'000U);
  write(rcc, kIcscr1, 0x0000'0000);  // MSIRGSEL cannot be cleared by software
  EXPECT_EQ(rcc.hclk(), 48'000'000U);
}

TEST_F(RccTest, EnableBitsGateBlocks) {
  EXPECT_FALSE(rcc.enabled(0x4000'4400));
  set_bits(rcc, kApb1Enr1, bit(17));
  EXPECT_TRUE(rcc.enabled(0x4000'4400));
  EXPECT_FALSE(rcc.enabled(0x4600'7C00));
  set_bits(rcc, kApb3Enr, bit(21));
  EXPECT_TRUE(rcc.enabled(0x4600'7C00));  // TAMP shares RTCAPBEN
  EXPECT_TRUE(rcc.enabled(0x4003'0400));  // ICACHE has no enable bit
}

TEST_F(RccTest, ResetBitPulseResetsTheBlockOnce) {
  set_bits(rcc, 0x74, bit(0));
  clear_bits(rcc, 0x74, bit(0));
  EXPECT_EQ(resets, std::vector<std::uint32_t>{0x4000'0000});
}

TEST_F(RccTest, KernelClockSelection) {
  go_to_160_mhz();
  EXPECT_EQ(rcc.kernel_clock(0x4000'4400), 160'000'000U);
  write(rcc, kCcipr1, 2U << 2);
  EXPECT_EQ(rcc.kernel_clock(0x4000'4400), 0U);  // HSI16 is off
  set_bits(rcc, kCr, bit(8));
  EXPECT_EQ(rcc.kernel_clock(0x4000'4400), 16'000'000U);
  write(rcc, kCcipr3, 4);
  EXPECT_EQ(rcc.kernel_clock(0x4600'2400), 4'000'000U);  // MSIK
}

TEST_F(RccTest, ResetCausesAccumulateUntilRemoved) {
  write(rcc, kCsr, bit(23));
  EXPECT_EQ(read(rcc, kCsr), 0x4400U);
  rcc.note_reset(ResetCause::Software);
  rcc.reset(Reset::System);
  EXPECT_EQ(read(rcc, kCsr) >> 25, 0x0AU);  // SFTRSTF 28 and PINRSTF 26
  rcc.note_reset(ResetCause::IndependentWatchdog);
  rcc.reset(Reset::System);
  EXPECT_EQ(read(rcc, kCsr) & 0xFE00'0000, bit(26) | bit(28) | bit(29));
}

TEST_F(RccTest, BackupRegisterNeedsAccessAndSelectsOnce) {
  backup_writable = false;
  write(rcc, kBdcr, bit(0));
  EXPECT_EQ(read(rcc, kBdcr), 0U);
  backup_writable = true;
  write(rcc, kBdcr, bit(0) | (1U << 8) | bit(15));
  EXPECT_EQ(rcc.kernel_clock(0x4600'7800), 32'768U);
  write(rcc, kBdcr, bit(0) | (2U << 8) | bit(15));
  EXPECT_EQ(bits(read(rcc, kBdcr), 9, 8), 1U);
  write(rcc, kBdcr, bit(16) | bit(26));
  EXPECT_EQ(backup_resets, 1U);
  EXPECT_EQ(read(rcc, kBdcr) & ~field(28, 26), bit(16));
  write(rcc, kBdcr, 0);
  rcc.reset(Reset::System);
  write(rcc, kBdcr, 2U << 8);
  EXPECT_EQ(bits(read(rcc, kBdcr), 9, 8), 2U);
}

TEST_F(RccTest, BackupRegisterOutlivesSystemReset) {
  write(rcc, kBdcr, bit(0));
  rcc.reset(Reset::System);
  EXPECT_EQ(read(rcc, kBdcr), 3U);
}

TEST_F(RccTest, SecuredBitsReadZeroAndKeepTheirValue) {
  go_to_160_mhz();
  write(rcc, kSeccfgr, bit(5) | bit(6) | bit(2) | bit(7));
  EXPECT_EQ(read(rcc, kCfgr1, kNonSecure), 0U);
  EXPECT_EQ(read(rcc, kPll1Cfgr, kNonSecure), 0U);
  write(rcc, kCfgr2, 0xFF, kNonSecure);
  EXPECT_EQ(rcc.hclk(), 160'000'000U);
  EXPECT_EQ(read(rcc, kSeccfgr, kNonSecure), bit(5) | bit(6) | bit(2) | bit(7));
  EXPECT_EQ(illegal, 0U);
  write(rcc, kSeccfgr, 0, kNonSecure);
  EXPECT_EQ(illegal, 1U);
  EXPECT_EQ(read(rcc, kCfgr1), 0xFU);
}

TEST_F(RccTest, GateOfSecureBlockIsClosedToNonSecure) {
  secure.insert(0x4000'0C00);  // TIM5
  write(rcc, kApb1Enr1, bit(3) | bit(4), kNonSecure);
  EXPECT_EQ(read(rcc, kApb1Enr1), bit(4));
  write(rcc, 0x74, bit(3) | bit(4), kNonSecure);
  EXPECT_EQ(resets, std::vector<std::uint32_t>{0x4000'1000});
  write(rcc, kAhb2Enr1, 0, kNonSecure);  // SRAM2 and SRAM3 belong to the secure world
  EXPECT_EQ(read(rcc, kAhb2Enr1), 0xC000'0000U);
}

TEST_F(RccTest, PrivilegeClosesToUnprivileged) {
  write(rcc, kPrivcfgr, 2, kNonSecure);
  EXPECT_EQ(read(rcc, kPrivcfgr), 2U);
  EXPECT_EQ(read(rcc, kCr, kUnprivileged), 0U);
  write(rcc, kPrivcfgr, 0, kUnprivileged);
  EXPECT_EQ(read(rcc, kPrivcfgr), 2U);
}

TEST_F(RccTest, ReadyInterruptGoesToTheOwnersLine) {
  write(rcc, kCier, bit(3));
  set_bits(rcc, kCr, bit(8));
  EXPECT_TRUE(lines.level(9));
  write(rcc, kSeccfgr, bit(0));
  EXPECT_FALSE(lines.level(9));
  EXPECT_TRUE(lines.level(10));
  write(rcc, kCicr, bit(3));
  EXPECT_FALSE(lines.level(10));
  EXPECT_EQ(read(rcc, kCicr), 0U);
}

TEST_F(RccTest, StopLeavesOnMsisWithPllsOff) {
  go_to_160_mhz();
  rcc.enter_stop();
  rcc.leave_stop();
  EXPECT_EQ(read(rcc, kCfgr1) & 0xF, 0U);
  EXPECT_EQ(read(rcc, kCr) & field(29, 24), 0U);
  EXPECT_EQ(rcc.hclk(), 4'000'000U);
}

TEST_F(RccTest, SnapshotRestoresClocks) {
  go_to_160_mhz();
  Archive saved;
  rcc.serialise(saved);
  rcc.reset(Reset::PowerOn);
  Archive loaded(saved.bytes());
  rcc.serialise(loaded);
  EXPECT_EQ(rcc.hclk(), 160'000'000U);
}

}  // namespace
}  // namespace microvisor::board

// Expectations: RM0456 chapter 11 and the poll sequences of the vendor's clock driver.
#include "board/peripherals/rcc.hpp"

#include <gtest/gtest.h>

#include <set>

#include "board/peripherals/test_bench.hpp"

namespace microvisor::board {
namespace {

using namespace testing;
using namespace rcc;

constexpr std::uint32_t kTim2 = 0x4000'0000, kTim15 = 0x4001'4000, kWwdg = 0x4000'2C00, kUsart2 = 0x4000'4400,
                        kI2c1 = 0x4000'5400, kLptim2 = 0x4000'9400, kGpdma = 0x4002'0000,
                        kLpuart = 0x4600'2400, kLptim1 = 0x4600'4400, kLpdma = 0x4602'5000,
                        kRtc = 0x4600'7800;

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
  write(rcc, kAhb2Enr2, bit(4));
  EXPECT_EQ(rcc.kernel_clock(0x420D'1400), 98'308'593U);
}

TEST_F(RccTest, PrescalersDivideAndTimersDouble) {
  go_to_160_mhz();
  write(rcc, kCfgr2, 0x8 | (0x4 << 4) | (0x7 << 8));  // AHB /2, APB1 /2, APB2 /16
  EXPECT_EQ(rcc.hclk(), 80'000'000U);
  EXPECT_EQ(rcc.pclk1(), 40'000'000U);
  EXPECT_EQ(rcc.pclk2(), 5'000'000U);
  EXPECT_EQ(rcc.kernel_clock(kTim2), 0U);  // not enabled
  write(rcc, kApb1Enr1, bit(0) | bit(11));
  write(rcc, kApb2Enr, bit(16));
  EXPECT_EQ(rcc.kernel_clock(kTim2), 80'000'000U);
  EXPECT_EQ(rcc.kernel_clock(kTim15), 10'000'000U);
  EXPECT_EQ(rcc.kernel_clock(kWwdg), 40'000'000U);
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
  write(rcc, kApb1Enr1, bit(17));
  write(rcc, kApb3Enr, bit(6));
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
  rcc.set_power_mode(PowerMode::Stop1);
  rcc.set_power_mode(PowerMode::Run);
  EXPECT_EQ(read(rcc, kCfgr1) & 0xF, 0U);
  EXPECT_EQ(read(rcc, kCr) & field(29, 24), 0U);
  EXPECT_EQ(rcc.hclk(), 4'000'000U);
}

TEST_F(RccTest, SleepTakesTheClockOfTheBlocksThatGiveItUp) {
  write(rcc, kApb1Enr1, bit(0) | bit(17));
  clear_bits(rcc, kApb1Enr1 + kSleepAboveEnable, bit(0));
  unsigned changes = 0;
  rcc.on_change([&] { ++changes; });
  rcc.set_power_mode(PowerMode::Sleep);
  EXPECT_FALSE(rcc.enabled(kTim2));
  EXPECT_TRUE(rcc.enabled(kUsart2));
  EXPECT_EQ(rcc.kernel_clock(kTim2), 0U);
  EXPECT_EQ(changes, 1U);
  rcc.set_power_mode(PowerMode::Run);
  EXPECT_EQ(rcc.kernel_clock(kTim2), 4'000'000U);
}

// RM0456 tables 115 and 116: USART and I2C of the CPU domain ask for their clocks in Stop 0 and 1, timers do
// not; HSI16 and MSIK start for who asks.
TEST_F(RccTest, CpuDomainIsAutonomousInStop1) {
  write(rcc, kApb1Enr1, bit(0) | bit(17) | bit(21));
  write(rcc, kCcipr1, (2U << 2) | (3U << 10));  // USART2 on HSI16, I2C1 on MSIK
  EXPECT_EQ(rcc.kernel_clock(kUsart2), 0U);     // in Run mode nobody has switched HSI16 on
  rcc.set_power_mode(PowerMode::Stop1);
  EXPECT_EQ(rcc.kernel_clock(kTim2), 0U);
  EXPECT_EQ(rcc.kernel_clock(kUsart2), 16'000'000U);
  EXPECT_EQ(rcc.kernel_clock(kI2c1), 4'000'000U);
  write(rcc, kCcipr1, (1U << 2));  // SYSCLK goes nowhere
  EXPECT_EQ(rcc.kernel_clock(kUsart2), 0U);
  rcc.set_power_mode(PowerMode::Stop2);
  EXPECT_FALSE(rcc.enabled(kUsart2));
}

TEST_F(RccTest, SmartRunDomainIsAutonomousInStop2WithItsBit) {
  write(rcc, kApb3Enr, bit(6) | bit(11));
  write(rcc, kAhb3Enr, bit(9));
  write(rcc, kCcipr3, 2U | (2U << 10));  // LPUART1 and LPTIM1 on HSI16
  rcc.set_power_mode(PowerMode::Stop2);
  EXPECT_EQ(rcc.kernel_clock(kLpuart), 0U);
  EXPECT_EQ(rcc.bus_clock(kLpdma), 0U);
  rcc.set_power_mode(PowerMode::Run);
  write(rcc, kSrdamr, bit(6) | bit(11) | bit(28));
  rcc.set_power_mode(PowerMode::Stop2);
  EXPECT_EQ(rcc.kernel_clock(kLpuart), 16'000'000U);
  EXPECT_EQ(rcc.bus_clock(kLpdma), 4'000'000U);
  // LPTIM cannot ask for HSI16: HSIKERON keeps it on (RM0456 11.8.48).
  EXPECT_EQ(rcc.kernel_clock(kLptim1), 0U);
  rcc.set_power_mode(PowerMode::Run);
  set_bits(rcc, kCr, bit(9));
  rcc.set_power_mode(PowerMode::Stop2);
  EXPECT_EQ(rcc.kernel_clock(kLptim1), 16'000'000U);
  rcc.set_power_mode(PowerMode::Stop3);
  EXPECT_EQ(rcc.kernel_clock(kLpuart), 0U);
  EXPECT_EQ(rcc.bus_clock(kLpdma), 0U);
}

TEST_F(RccTest, LseIsForTheBackupDomainUntilItIsLetOut) {
  write(rcc, kBdcr, bit(0) | (1U << 8) | bit(15));
  write(rcc, kApb1Enr2, bit(5));
  write(rcc, kCcipr1, 3U << 18);
  EXPECT_EQ(rcc.kernel_clock(kRtc), 32'768U);
  EXPECT_EQ(rcc.kernel_clock(kLptim2), 0U);
  set_bits(rcc, kBdcr, bit(7));
  EXPECT_TRUE(test(read(rcc, kBdcr), 11));
  EXPECT_EQ(rcc.kernel_clock(kLptim2), 32'768U);
  rcc.set_power_mode(PowerMode::Stop1);
  EXPECT_EQ(rcc.kernel_clock(kLptim2), 32'768U);
}

// RM0456 11.8.50: the reset flags outlive a system reset, the MSI ranges for the start after Standby do not.
TEST_F(RccTest, CsrOverResets) {
  set_bits(rcc, kIcscr1, bit(23));
  write(rcc, kCsr, (5U << 8) | (6U << 12));
  rcc.note_reset(ResetCause::Software);
  const std::uint32_t flags = read(rcc, kCsr) & 0xFE00'0000;
  EXPECT_NE(flags, 0U);
  rcc.reset(Reset::Standby);
  EXPECT_EQ(read(rcc, kCsr), flags | (5U << 8) | (6U << 12));
  rcc.reset(Reset::System);
  EXPECT_EQ(read(rcc, kCsr), flags | 0x4400);
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

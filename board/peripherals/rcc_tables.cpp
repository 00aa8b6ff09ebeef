#include "board/peripherals/rcc_tables.hpp"

#include "board/bus/clocks.hpp"
#include "board/peripherals/register_block.hpp"

namespace microvisor::board::rcc {
namespace {

constexpr std::uint32_t kPllConfigBits = 0x0007'FF1F;
constexpr std::uint32_t kPllDividerBits = 0x7F7F'FFFF;
constexpr std::uint32_t kAll = 0xFFFF'FFFF;

// Bits of parts with more peripherals are left out of the masks: they stay as they are after reset.
constexpr Register kRegisters[] = {
    {kCr, 0x0000'0035, 0x151D'53DB},
    {kIcscr1, 0x4400'0000, 0xFFC0'0000},
    {kIcscr2, 0x0008'4210, 0x000F'FFFF},
    {kIcscr3, 0x0010'0000, 0x001F'0000},
    {kCrrcr, 0x0000'0000, 0},
    {kCfgr1, 0x0000'0000, 0x7F00'0033},
    {kCfgr2, 0x0000'6000, 0x001F'777F},
    {kCfgr3, 0x0000'0000, 0x0003'0070},
    {kPll1Cfgr, 0, kPllConfigBits},
    {kPll2Cfgr, 0, kPllConfigBits & ~0xF000U},
    {kPll3Cfgr, 0, kPllConfigBits & ~0xF000U},
    {kPll1Divr, 0x0101'0280, kPllDividerBits},
    {kPll1Fracr, 0, 0xFFF8},
    {kPll2Divr, 0x0101'0280, kPllDividerBits},
    {kPll2Fracr, 0, 0xFFF8},
    {kPll3Divr, 0x0101'0280, kPllDividerBits},
    {kPll3Fracr, 0, 0xFFF8},
    {kCier, 0, 0x19FF},
    {kCifr, 0, 0},
    {kCicr, 0, 0},
    {kAhb1Rstr, 0, 0x0007'100F},
    {kAhb1Rstr + 4, 0, 0x19BF'55FF},
    {kAhb1Rstr + 8, 0, 0x0000'0111},
    {kAhb1Rstr + 12, 0, 0x0000'0661},
    {kAhb1Rstr + 20, 0, 0x017E'403F},
    {kAhb1Rstr + 24, 0, 0x0080'0222},
    {kAhb1Rstr + 28, 0, 0x0067'7800},
    {kAhb1Rstr + 32, 0, 0x0010'F8E2},
    {kAhb1Enr, 0xD020'0100, 0xD107'110F},
    {kAhb2Enr1, 0xC000'0000, 0xD9BF'55FF},
    {kAhb2Enr2, 0x8000'0000, 0x0000'0111},
    {kAhb3Enr, 0x8000'0000, 0x8000'1665},
    {kApb1Enr1, 0, 0x017E'483F},
    {kApb1Enr2, 0, 0x0080'0222},
    {kApb2Enr, 0, 0x0067'7800},
    {kApb3Enr, 0, 0x0030'F8E2},
    {kAhb1Smenr, kAll, kAll},
    {kAhb1Smenr + 4, kAll, kAll},
    {kAhb1Smenr + 8, kAll, kAll},
    {kAhb1Smenr + 12, kAll, kAll},
    {kAhb1Smenr + 20, kAll, kAll},
    {kAhb1Smenr + 24, kAll, kAll},
    {kAhb1Smenr + 28, kAll, kAll},
    {kAhb1Smenr + 32, kAll, kAll},
    {kSrdamr, 0, 0xBE30'F8E0},
    {kCcipr1, 0, 0xEFFF'FFFF},
    {kCcipr2, 0, 0x0030'7FE7},
    {kCcipr3, 0, 0x0007'FFDF},
    {kBdcr, 0, 0x1701'93BD},
    {kCsr, 0x0C00'4400, 0x0000'FF00},
    {kSeccfgr, 0, 0x1FFF},
    {kPrivcfgr, 0, 0x3},
};

using enum Source;
constexpr Selector kSelectors[] = {
    {0x4001'3800, kCcipr1, 0, 2, {Pclk2, Sysclk, Hsi16, Lse}},
    {0x4000'4400, kCcipr1, 2, 2, {Pclk1, Sysclk, Hsi16, Lse}},
    {0x4000'4800, kCcipr1, 4, 2, {Pclk1, Sysclk, Hsi16, Lse}},
    {0x4000'4C00, kCcipr1, 6, 2, {Pclk1, Sysclk, Hsi16, Lse}},
    {0x4000'5000, kCcipr1, 8, 2, {Pclk1, Sysclk, Hsi16, Lse}},
    {0x4000'5400, kCcipr1, 10, 2, {Pclk1, Sysclk, Hsi16, Msik}},
    {0x4000'5800, kCcipr1, 12, 2, {Pclk1, Sysclk, Hsi16, Msik}},
    {0x4000'8400, kCcipr1, 14, 2, {Pclk1, Sysclk, Hsi16, Msik}},
    {0x4000'3800, kCcipr1, 16, 2, {Pclk1, Sysclk, Hsi16, Msik}},
    {0x4000'9400, kCcipr1, 18, 2, {Pclk1, Lsi, Hsi16, Lse}},
    {0x4001'3000, kCcipr1, 20, 2, {Pclk2, Sysclk, Hsi16, Msik}},
    {Clocks::kSysTickReference, kCcipr1, 22, 2, {HclkEighth, Lsi, Lse, None}},
    {0x420C'0C00, kCcipr2, 11, 1, {Shsi, ShsiHalf}},
    {0x420C'0800, kCcipr2, 12, 2, {Hsi48, Hsi48Half, Hsi16, None}},
    {0x420D'1400, kCcipr2, 20, 2, {Sysclk, Msik, Pll1Q, Pll2Q}},
    {0x420D'2400, kCcipr2, 20, 2, {Sysclk, Msik, Pll1Q, Pll2Q}},
    {0x4600'2400, kCcipr3, 0, 3, {Pclk3, Sysclk, Hsi16, Lse, Msik}},
    {0x4600'2000, kCcipr3, 3, 2, {Pclk3, Sysclk, Hsi16, Msik}},
    {0x4600'2800, kCcipr3, 6, 2, {Pclk3, Sysclk, Hsi16, Msik}},
    {0x4600'4800, kCcipr3, 8, 2, {Msik, Lsi, Hsi16, Lse}},
    {0x4600'4C00, kCcipr3, 8, 2, {Msik, Lsi, Hsi16, Lse}},
    {0x4600'4400, kCcipr3, 10, 2, {Msik, Lsi, Hsi16, Lse}},
    {0x4202'8000, kCcipr3, 12, 3, {Hclk, Sysclk, Pll2R, Hse, Hsi16, Msik}},
    {0x4602'1000, kCcipr3, 12, 3, {Hclk, Sysclk, Pll2R, Hse, Hsi16, Msik}},
    {0x4602'1800, kCcipr3, 15, 1, {Lse, Lsi}},
    {0x4600'7800, kBdcr, 8, 2, {None, Lse, Lsi, Hse}},
    // TIM2 to TIM7, TIM1, TIM8, TIM15 to TIM17, WWDG: no choice
    {0x4000'0000, kEnd, 0, 0, {TimersApb1}},
    {0x4000'0400, kEnd, 0, 0, {TimersApb1}},
    {0x4000'0800, kEnd, 0, 0, {TimersApb1}},
    {0x4000'0C00, kEnd, 0, 0, {TimersApb1}},
    {0x4000'1000, kEnd, 0, 0, {TimersApb1}},
    {0x4000'1400, kEnd, 0, 0, {TimersApb1}},
    {0x4001'2C00, kEnd, 0, 0, {TimersApb2}},
    {0x4001'3400, kEnd, 0, 0, {TimersApb2}},
    {0x4001'4000, kEnd, 0, 0, {TimersApb2}},
    {0x4001'4400, kEnd, 0, 0, {TimersApb2}},
    {0x4001'4800, kEnd, 0, 0, {TimersApb2}},
    {0x4000'2C00, kEnd, 0, 0, {Pclk1}},
};

using enum Autonomous::Role;
constexpr Autonomous kAutonomous[] = {
    // USART1 to 3, UART4 and 5, SPI1 and 2, I2C1, 2 and 4, LPTIM2, GPDMA1
    {0x4001'3800, kCpuDomain},
    {0x4000'4400, kCpuDomain},
    {0x4000'4800, kCpuDomain},
    {0x4000'4C00, kCpuDomain},
    {0x4000'5000, kCpuDomain},
    {0x4001'3000, kCpuDomain},
    {0x4000'3800, kCpuDomain},
    {0x4000'5400, kCpuDomain},
    {0x4000'5800, kCpuDomain},
    {0x4000'8400, kCpuDomain},
    {0x4000'9400, kCpuDomain, NeedsOscillator},
    {0x4002'0000, kCpuDomain},
    // SPI3, LPUART1, I2C3, LPTIM1, 3 and 4, ADC4, DAC1, LPDMA1, ADF1
    {0x4600'2000, 5},
    {0x4600'2400, 6},
    {0x4600'2800, 7},
    {0x4600'4400, 11, NeedsOscillator},
    {0x4600'4800, 12, NeedsOscillator},
    {0x4600'4C00, 13, NeedsOscillator},
    {0x4602'1000, 25},
    {0x4602'1800, 27},
    {0x4602'5000, 28},
    {0x4602'4000, 29},
    // OPAMP, COMP, VREFBUF, RTC and TAMP registers, LPGPIO1, SRAM4
    {0x4600'5000, 14, Listens},
    {0x4600'5400, 15, Listens},
    {0x4600'7400, 20, Listens},
    {0x4600'7800, 21, Listens},
    {0x4600'7C00, 21, Listens},
    {0x4602'0000, 26, Listens},
    {0x2800'0000, 31, Listens},
};

constexpr GuardedBits kGuards[] = {
    // HSI16
    {kCr, 0, field(10, 8)},
    {kIcscr3, 0, kAll},
    {kCier, 0, bit(3)},
    {kCifr, 0, bit(3)},
    {kCicr, 0, bit(3)},
    // HSE
    {kCr, 1, field(20, 16)},
    {kCier, 1, bit(4)},
    {kCifr, 1, bit(4) | bit(10)},
    {kCicr, 1, bit(4) | bit(10)},
    // MSI
    {kCr, 2, field(7, 0)},
    {kIcscr1, 2, kAll},
    {kIcscr2, 2, kAll},
    {kCsr, 2, field(15, 8)},
    {kCier, 2, bit(2) | bit(11)},
    {kCifr, 2, bit(2) | bit(11)},
    {kCicr, 2, bit(2) | bit(11)},
    // LSI
    {kBdcr, 3, field(28, 26)},
    {kCier, 3, bit(0)},
    {kCifr, 3, bit(0)},
    {kCicr, 3, bit(0)},
    // LSE
    {kBdcr, 4, field(7, 0) | field(12, 11)},
    {kCier, 4, bit(1)},
    {kCifr, 4, bit(1)},
    {kCicr, 4, bit(1)},
    // System clock and its prescalers
    {kCfgr1, 5, kAll},
    {kCcipr1, 5, field(23, 22)},
    {kCfgr2, 6, kAll},
    {kCfgr3, 6, kAll},
    // PLLs
    {kCr, 7, field(25, 24)},
    {kPll1Cfgr, 7, kAll},
    {kPll1Divr, 7, kAll},
    {kPll1Fracr, 7, kAll},
    {kCier, 7, bit(6)},
    {kCifr, 7, bit(6)},
    {kCicr, 7, bit(6)},
    {kCr, 8, field(27, 26)},
    {kPll2Cfgr, 8, kAll},
    {kPll2Divr, 8, kAll},
    {kPll2Fracr, 8, kAll},
    {kCier, 8, bit(7)},
    {kCifr, 8, bit(7)},
    {kCicr, 8, bit(7)},
    {kCr, 9, field(29, 28)},
    {kPll3Cfgr, 9, kAll},
    {kPll3Divr, 9, kAll},
    {kPll3Fracr, 9, kAll},
    {kCier, 9, bit(8)},
    {kCifr, 9, bit(8)},
    {kCicr, 9, bit(8)},
    // 48 MHz intermediate clock, HSI48, removal of reset flags
    {kCcipr1, 10, field(27, 26)},
    {kCr, 11, field(13, 12)},
    {kCrrcr, 11, kAll},
    {kCier, 11, bit(5)},
    {kCifr, 11, bit(5)},
    {kCicr, 11, bit(5)},
    {kCsr, 12, bit(23)},
};

}  // namespace

std::span<const Register> registers() { return kRegisters; }
std::span<const Selector> selectors() { return kSelectors; }
std::span<const Autonomous> autonomous_blocks() { return kAutonomous; }
std::span<const GuardedBits> guards() { return kGuards; }

}  // namespace microvisor::board::rcc

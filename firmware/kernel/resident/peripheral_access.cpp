// Bits are RM0456 section 11.8 (RCC), 12 (CRS), 7.9.1 (FLASH_ACR) and 10.10 (PWR). A peripheral's enable,
// reset and sleep-enable bits are the application's when the peripheral is. Ports that have a pin of ours (C,
// E, G and H) stay enabled and are never reset. The clock tree itself is Microvisor's: read-only.
#include "firmware/kernel/resident/peripheral_access.hpp"

#include <algorithm>
#include <array>

namespace microvisor::firmware::kernel {

namespace {

constexpr std::uint32_t kAll = 0xFFFF'FFFF;
constexpr std::uint32_t kRcc = 0x4602'0C00;
constexpr std::uint32_t kPwr = 0x4602'0800;
constexpr std::uint32_t kFlashAcr = 0x4002'2000;
constexpr std::uint32_t kCrs = 0x4000'6000;

template <typename... Bits>
constexpr std::uint32_t bits(Bits... n) {
  return ((1u << n) | ...);
}

constexpr std::uint32_t kAhb1 = bits(0, 1, 2, 3, 12, 16, 18);  // GPDMA1 CORDIC FMAC MDF1 CRC TSC DMA2D
constexpr std::uint32_t kAhb2First = bits(0, 1, 3, 5, 8, 10, 12, 16, 17, 24, 27, 28);
// GPIOA GPIOB GPIOD GPIOF GPIOI ADC1 DCMI/PSSI AES HASH OTFDEC2 SDMMC1 SDMMC2
constexpr std::uint32_t kAhb2Second = bits(0, 8);      // FMC OCTOSPI2
constexpr std::uint32_t kAhb3 = bits(0, 5, 6, 9, 10);  // LPGPIO1 ADC4 DAC1 LPDMA1 ADF1
constexpr std::uint32_t kApb1First = bits(0, 1, 2, 4, 5, 14, 17, 18, 19, 20, 21, 22);
// TIM2 TIM3 TIM4 TIM6 TIM7 SPI2 USART2 USART3 UART4 UART5 I2C1 I2C2
constexpr std::uint32_t kApb1Second = bits(1, 5, 9, 23);  // I2C4 LPTIM2 FDCAN1 UCPD1
constexpr std::uint32_t kApb2 = bits(11, 12, 13, 16, 17, 18, 21, 22);
// TIM1 SPI1 TIM8 TIM15 TIM16 TIM17 SAI1 SAI2
constexpr std::uint32_t kApb3 = bits(5, 7, 11, 12, 13, 14, 15, 20);
// SPI3 I2C3 LPTIM1 LPTIM3 LPTIM4 OPAMP COMP VREFBUF
constexpr std::uint32_t kAutonomous = kApb3 | bits(25, 26, 27, 28, 29, 31);
// and ADC4 LPGPIO1 DAC1 LPDMA1 ADF1 SRAM4
constexpr std::uint32_t kSelectors1 =
    0x03FF'FFFC | 0xE000'0000;  // all but USART1 1:0 and the 48 MHz clock, which feeds the RNG
constexpr std::uint32_t kSelectors2 = 0x0000'47E7;
// MDF1 2:0, SAI1 7:5, SAI2 10:8, SDMMC 14; not SAES 11, RNG 13:12, OCTOSPI 21:20
constexpr std::uint32_t kSelectors3 = 0x0007'FFD8;  // all but LPUART1 2:0

constexpr std::array kRules{
    RegisterRule{kCrs + 0x00, kAll, 0x0000'7FEF},
    RegisterRule{kCrs + 0x04, kAll, kAll},
    RegisterRule{kCrs + 0x08, kAll, 0},
    RegisterRule{kCrs + 0x0C, kAll, 0x0000'000F},
    RegisterRule{kFlashAcr, kAll, 0},
    RegisterRule{kPwr + 0x0C, kAll, 0},           // VOSR
    RegisterRule{kPwr + 0x28, kAll, 0},           // DBPR
    RegisterRule{kRcc + 0x00, kAll, 0},           // CR
    RegisterRule{kRcc + 0x08, kAll, 0},           // ICSCR1
    RegisterRule{kRcc + 0x0C, kAll, 0},           // ICSCR2
    RegisterRule{kRcc + 0x10, kAll, 0},           // ICSCR3
    RegisterRule{kRcc + 0x14, kAll, 0},           // CRRCR
    RegisterRule{kRcc + 0x1C, kAll, 0},           // CFGR1
    RegisterRule{kRcc + 0x20, kAll, 0},           // CFGR2
    RegisterRule{kRcc + 0x24, kAll, 0},           // CFGR3
    RegisterRule{kRcc + 0x28, kAll, 0},           // PLL1CFGR
    RegisterRule{kRcc + 0x2C, kAll, 0},           // PLL2CFGR
    RegisterRule{kRcc + 0x30, kAll, 0},           // PLL3CFGR
    RegisterRule{kRcc + 0x34, kAll, 0},           // PLL1DIVR
    RegisterRule{kRcc + 0x38, kAll, 0},           // PLL1FRACR
    RegisterRule{kRcc + 0x3C, kAll, 0},           // PLL2DIVR
    RegisterRule{kRcc + 0x40, kAll, 0},           // PLL2FRACR
    RegisterRule{kRcc + 0x44, kAll, 0},           // PLL3DIVR
    RegisterRule{kRcc + 0x48, kAll, 0},           // PLL3FRACR
    RegisterRule{kRcc + 0x50, kAll, 0},           // CIER
    RegisterRule{kRcc + 0x54, kAll, 0},           // CIFR
    RegisterRule{kRcc + 0x58, 0, 0},              // CICR
    RegisterRule{kRcc + 0x60, kAll, kAhb1},       // AHB1RSTR
    RegisterRule{kRcc + 0x64, kAll, kAhb2First},  // AHB2RSTR1
    RegisterRule{kRcc + 0x68, kAll, kAhb2Second},
    RegisterRule{kRcc + 0x6C, kAll, kAhb3},
    RegisterRule{kRcc + 0x74, kAll, kApb1First},  // APB1RSTR1
    RegisterRule{kRcc + 0x78, kAll, kApb1Second},
    RegisterRule{kRcc + 0x7C, kAll, kApb2},
    RegisterRule{kRcc + 0x80, kAll, kApb3},
    RegisterRule{kRcc + 0x88, kAll, kAhb1},  // AHB1ENR
    RegisterRule{kRcc + 0x8C, kAll, kAhb2First},
    RegisterRule{kRcc + 0x90, kAll, kAhb2Second},
    RegisterRule{kRcc + 0x94, kAll, kAhb3},
    RegisterRule{kRcc + 0x9C, kAll, kApb1First},  // APB1ENR1
    RegisterRule{kRcc + 0xA0, kAll, kApb1Second},
    RegisterRule{kRcc + 0xA4, kAll, kApb2},
    RegisterRule{kRcc + 0xA8, kAll, kApb3},
    RegisterRule{kRcc + 0xB0, kAll, kAhb1},  // AHB1SMENR
    RegisterRule{kRcc + 0xB4, kAll, kAhb2First},
    RegisterRule{kRcc + 0xB8, kAll, kAhb2Second},
    RegisterRule{kRcc + 0xBC, kAll, kAhb3},
    RegisterRule{kRcc + 0xC4, kAll, kApb1First},  // APB1SMENR1
    RegisterRule{kRcc + 0xC8, kAll, kApb1Second},
    RegisterRule{kRcc + 0xCC, kAll, kApb2},
    RegisterRule{kRcc + 0xD0, kAll, kApb3},
    RegisterRule{kRcc + 0xD8, kAll, kAutonomous},  // SRDAMR
    RegisterRule{kRcc + 0xE0, kAll, kSelectors1},  // CCIPR1
    RegisterRule{kRcc + 0xE4, kAll, kSelectors2},
    RegisterRule{kRcc + 0xE8, kAll, kSelectors3},
    RegisterRule{kRcc + 0xF0, kAll, 0},   // BDCR: the RTC runs from the crystal, for the kernel too
    RegisterRule{kRcc + 0xF4, kAll, 0},   // CSR
    RegisterRule{kRcc + 0x110, kAll, 0},  // SECCFGR
    RegisterRule{kRcc + 0x114, kAll, 0},  // PRIVCFGR
};

}  // namespace

std::span<const RegisterRule> register_rules() { return kRules; }

const RegisterRule* find_register_rule(std::uint32_t address) {
  const auto* rule = std::lower_bound(kRules.begin(), kRules.end(), address,
                                      [](const RegisterRule& r, std::uint32_t a) { return r.address < a; });
  return rule != kRules.end() && rule->address == address ? rule : nullptr;
}

}  // namespace microvisor::firmware::kernel

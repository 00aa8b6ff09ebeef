// The clock tree as data: which selector feeds which block, which register has which writable bits, and which
// RCC_SECCFGR bit guards what. (The enable and reset bit of each block stand in board/bus/chip_map.hpp.)
//
// Sources: RM0456 chapter 11 (RCC registers, table of secured bits), STM32U585 register description file.
#pragma once

#include <cstdint>
#include <span>

namespace microvisor::board::rcc {

enum Offset : std::uint32_t {
  kCr = 0x00,
  kIcscr1 = 0x08,
  kIcscr2 = 0x0C,
  kIcscr3 = 0x10,
  kCrrcr = 0x14,
  kCfgr1 = 0x1C,
  kCfgr2 = 0x20,
  kCfgr3 = 0x24,
  kPll1Cfgr = 0x28,
  kPll2Cfgr = 0x2C,
  kPll3Cfgr = 0x30,
  kPll1Divr = 0x34,
  kPll1Fracr = 0x38,
  kPll2Divr = 0x3C,
  kPll2Fracr = 0x40,
  kPll3Divr = 0x44,
  kPll3Fracr = 0x48,
  kCier = 0x50,
  kCifr = 0x54,
  kCicr = 0x58,
  kAhb1Rstr = 0x60,
  kAhb1Enr = 0x88,
  kAhb2Enr1 = 0x8C,
  kAhb2Enr2 = 0x90,
  kAhb3Enr = 0x94,
  kApb1Enr1 = 0x9C,
  kApb1Enr2 = 0xA0,
  kApb2Enr = 0xA4,
  kApb3Enr = 0xA8,
  kAhb1Smenr = 0xB0,
  kSrdamr = 0xD8,
  kCcipr1 = 0xE0,
  kCcipr2 = 0xE4,
  kCcipr3 = 0xE8,
  kBdcr = 0xF0,
  kCsr = 0xF4,
  kSeccfgr = 0x110,
  kPrivcfgr = 0x114,
  kEnd = 0x118,
};

/// Distance of the sleep-mode register from the enable register of the same bus.
inline constexpr std::uint32_t kSleepAboveEnable = kAhb1Smenr - kAhb1Enr;
inline constexpr Offset kEnableRegisters[] = {kAhb1Enr,  kAhb2Enr1, kAhb2Enr2, kAhb3Enr,
                                              kApb1Enr1, kApb1Enr2, kApb2Enr,  kApb3Enr};

/// Reset value and writable bits of one register.
struct Register {
  std::uint16_t offset;
  std::uint32_t reset;
  std::uint32_t writable;
};
[[nodiscard]] std::span<const Register> registers();

enum class Source : std::uint8_t {
  None,
  Hclk,
  HclkEighth,
  Sysclk,
  Pclk1,
  Pclk2,
  Pclk3,
  Hsi16,
  Hsi48,
  Hsi48Half,
  Hse,
  Lse,
  Lsi,
  Msik,
  Pll1Q,
  Pll2Q,
  Pll2R,
  Shsi,
  ShsiHalf,
  TimersApb1,  ///< PCLK, doubled when the APB prescaler is not 1
  TimersApb2,
};

/// Kernel clock multiplexer of one block.
struct Selector {
  std::uint32_t base;
  std::uint16_t offset;  ///< of the register; with width 0 there is no choice
  std::uint8_t shift;
  std::uint8_t width;
  Source sources[6];
};
[[nodiscard]] std::span<const Selector> selectors();

/// A block that can ask for its clocks in Stop modes (table 116): those of the CPU domain in Stop 0 and 1,
/// those of the SmartRun domain in Stop 0 to 2 if their bit in SRDAMR is set.
struct Autonomous {
  enum class Role : std::uint8_t {
    Asks,             ///< for its bus clock and its kernel clock
    NeedsOscillator,  ///< has a kernel clock while CR.HSIKERON or MSIKERON keep its source going
    Listens,          ///< gets the bus clock that others ask for
  };
  std::uint32_t base;
  std::uint8_t mode_bit;  ///< in SRDAMR; kCpuDomain for the others
  Role role = Role::Asks;
};
inline constexpr std::uint8_t kCpuDomain = 0xFF;
[[nodiscard]] std::span<const Autonomous> autonomous_blocks();

/// Bits of one register that RCC_SECCFGR takes away from non-secure code.
struct GuardedBits {
  std::uint16_t offset;
  std::uint8_t bit;  ///< in SECCFGR
  std::uint32_t mask;
};
[[nodiscard]] std::span<const GuardedBits> guards();

/// MSI frequencies by range code (RM0456 RCC_ICSCR1.MSISRANGE).
inline constexpr std::uint32_t kMsiHertz[16] = {
    48'000'000, 24'000'000, 16'000'000, 12'000'000, 4'000'000, 2'000'000, 1'500'000, 1'000'000,
    3'072'000,  1'536'000,  1'024'000,  768'000,    400'000,   200'000,   150'000,   100'000};

}  // namespace microvisor::board::rcc

// RCC: reset and clock control (RM0456 section 11), as far as the firmware uses it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace microvisor::firmware::stm32u5 {

struct Rcc {
  volatile std::uint32_t cr;  // 0x000
  std::uint32_t reserved0;
  volatile std::uint32_t icscr1;  // 0x008
  volatile std::uint32_t icscr2;
  volatile std::uint32_t icscr3;
  volatile std::uint32_t crrcr;
  std::uint32_t reserved1;
  volatile std::uint32_t cfgr1;  // 0x01C
  volatile std::uint32_t cfgr2;
  volatile std::uint32_t cfgr3;
  volatile std::uint32_t pll1cfgr;  // 0x028
  volatile std::uint32_t pll2cfgr;
  volatile std::uint32_t pll3cfgr;
  volatile std::uint32_t pll1divr;  // 0x034
  volatile std::uint32_t pll1fracr;
  volatile std::uint32_t pll2divr;
  volatile std::uint32_t pll2fracr;
  volatile std::uint32_t pll3divr;
  volatile std::uint32_t pll3fracr;
  std::uint32_t reserved2;
  volatile std::uint32_t cier;  // 0x050
  volatile std::uint32_t cifr;
  volatile std::uint32_t cicr;
  std::uint32_t reserved3;
  volatile std::uint32_t ahb1rstr;  // 0x060
  volatile std::uint32_t ahb2rstr1;
  volatile std::uint32_t ahb2rstr2;
  volatile std::uint32_t ahb3rstr;
  std::uint32_t reserved4;
  volatile std::uint32_t apb1rstr1;  // 0x074
  volatile std::uint32_t apb1rstr2;
  volatile std::uint32_t apb2rstr;
  volatile std::uint32_t apb3rstr;
  std::uint32_t reserved5;
  volatile std::uint32_t ahb1enr;  // 0x088
  volatile std::uint32_t ahb2enr1;
  volatile std::uint32_t ahb2enr2;
  volatile std::uint32_t ahb3enr;
  std::uint32_t reserved6;
  volatile std::uint32_t apb1enr1;  // 0x09C
  volatile std::uint32_t apb1enr2;
  volatile std::uint32_t apb2enr;
  volatile std::uint32_t apb3enr;
  std::uint32_t reserved7[13];
  volatile std::uint32_t ccipr1;  // 0x0E0
  volatile std::uint32_t ccipr2;
  volatile std::uint32_t ccipr3;
  std::uint32_t reserved8;
  volatile std::uint32_t bdcr;  // 0x0F0
  volatile std::uint32_t csr;
  std::uint32_t reserved9[6];
  volatile std::uint32_t seccfgr;  // 0x110
  volatile std::uint32_t privcfgr;

  static constexpr std::uint32_t kBase = 0x5602'0C00;

  // CR
  static constexpr std::uint32_t kMsisReady = 1u << 2;
  static constexpr std::uint32_t kHsi48On = 1u << 12;
  static constexpr std::uint32_t kHsi48Ready = 1u << 13;
  static constexpr std::uint32_t kShsiOn = 1u << 14;
  static constexpr std::uint32_t kShsiReady = 1u << 15;
  static constexpr std::uint32_t kPll1On = 1u << 24;
  static constexpr std::uint32_t kPll1Ready = 1u << 25;
  // CFGR1
  static constexpr std::uint32_t kSwMask = 3u;
  static constexpr std::uint32_t kSwPll1 = 3u;
  static constexpr std::uint32_t kSwsMask = 3u << 2;
  static constexpr std::uint32_t kSwsPll1 = 3u << 2;
  // PLL1CFGR
  static constexpr std::uint32_t kPllSourceMsis = 1u;
  static constexpr std::uint32_t kPllREnable = 1u << 18;
  // Clock enables
  static constexpr std::uint32_t kAhb1Gtzc1 = 1u << 24;
  static constexpr std::uint32_t kAhb1Backup = 1u << 28;
  static constexpr std::uint32_t kAhb2Aes = 1u << 16;
  static constexpr std::uint32_t kAhb2Hash = 1u << 17;
  static constexpr std::uint32_t kAhb2Rng = 1u << 18;
  static constexpr std::uint32_t kAhb2Pka = 1u << 19;
  static constexpr std::uint32_t kAhb2Saes = 1u << 20;
  static constexpr std::uint32_t kAhb2OctospiManager = 1u << 21;
  static constexpr std::uint32_t kAhb2Octospi1 = 1u << 4;  // AHB2ENR2
  static constexpr std::uint32_t kAhb3Pwr = 1u << 2;
  static constexpr std::uint32_t kApb1Tim5 = 1u << 3;  // APB1ENR1
  // BDCR
  static constexpr std::uint32_t kLseOn = 1u << 0;
  static constexpr std::uint32_t kLseReady = 1u << 1;
  static constexpr std::uint32_t kRtcFromLse = 1u << 8;
  static constexpr std::uint32_t kRtcEnable = 1u << 15;
  // CSR
  static constexpr std::uint32_t kResetCauses = 0xFE00'0000;
  static constexpr std::uint32_t kClearResetCauses = 1u << 23;
  static constexpr std::uint32_t kPowerReset = 1u << 27;  // brown-out, which power-on is too
};
static_assert(offsetof(Rcc, cfgr1) == 0x1C && offsetof(Rcc, pll1divr) == 0x34 && offsetof(Rcc, cier) == 0x50);
static_assert(offsetof(Rcc, ahb1rstr) == 0x60 && offsetof(Rcc, ahb1enr) == 0x88 &&
              offsetof(Rcc, apb3enr) == 0xA8);
static_assert(offsetof(Rcc, ccipr1) == 0xE0 && offsetof(Rcc, csr) == 0xF4 && offsetof(Rcc, seccfgr) == 0x110);

inline Rcc& rcc() { return *reinterpret_cast<Rcc*>(Rcc::kBase); }

}  // namespace microvisor::firmware::stm32u5

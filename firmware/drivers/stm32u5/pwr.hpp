// PWR: power control (RM0456 section 10), as far as the firmware uses it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace microvisor::firmware::stm32u5 {

struct Pwr {
  volatile std::uint32_t cr1;  // 0x00
  volatile std::uint32_t cr2;
  volatile std::uint32_t cr3;
  volatile std::uint32_t vosr;  // 0x0C
  volatile std::uint32_t svmcr;
  volatile std::uint32_t wucr1;
  volatile std::uint32_t wucr2;
  volatile std::uint32_t wucr3;
  volatile std::uint32_t bdcr1;  // 0x20
  volatile std::uint32_t bdcr2;
  volatile std::uint32_t dbpr;  // 0x28
  volatile std::uint32_t ucpdr;
  volatile std::uint32_t seccfgr;  // 0x30
  volatile std::uint32_t privcfgr;
  volatile std::uint32_t sr;
  volatile std::uint32_t svmsr;  // 0x3C
  volatile std::uint32_t bdsr;
  volatile std::uint32_t wusr;
  volatile std::uint32_t wuscr;  // 0x48

  static constexpr std::uint32_t kBase = 0x5602'0800;

  // CR1.LPMS
  static constexpr std::uint32_t kModeMask = 7u;
  static constexpr std::uint32_t kStop0 = 0, kStop3 = 3, kStandby = 4, kShutdown = 6;
  static constexpr std::uint32_t kSram2Retention = 3u << 5;  // RRSB1, RRSB2: in Stop 3 and Standby
  static constexpr std::uint32_t kBackupRetention = 1u;      // BDCR1.BREN: backup SRAM in Standby
  // SR
  static constexpr std::uint32_t kClearFlags = 1u << 0;
  static constexpr std::uint32_t kStandbyFlag = 1u << 2;
  // WUCR1, WUSR, WUSCR; WUCR3: the RTC and TAMP instead of a pin
  static constexpr std::uint32_t kWakeUp8 = 1u << 7;
  static constexpr std::uint32_t kWakeUp8Internal = 3u << 14;

  static constexpr std::uint32_t kVosRange1 = 3u << 16;
  static constexpr std::uint32_t kVosMask = 3u << 16;
  static constexpr std::uint32_t kVosReady = 1u << 15;
  static constexpr std::uint32_t kBoostEnable = 1u << 18;
  static constexpr std::uint32_t kBoostReady = 1u << 14;
  static constexpr std::uint32_t kDisableBackupProtection = 1u;  // DBPR.DBP
};
static_assert(offsetof(Pwr, vosr) == 0x0C && offsetof(Pwr, dbpr) == 0x28 && offsetof(Pwr, wuscr) == 0x48);

inline Pwr& pwr() { return *reinterpret_cast<Pwr*>(Pwr::kBase); }

}  // namespace microvisor::firmware::stm32u5

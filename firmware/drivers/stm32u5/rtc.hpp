// RTC: calendar and alarms in the backup domain (RM0456 section 63), as far as the firmware uses it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace microvisor::firmware::stm32u5 {

struct Rtc {
  volatile std::uint32_t tr;  // 0x00
  volatile std::uint32_t dr;
  volatile std::uint32_t ssr;
  volatile std::uint32_t icsr;  // 0x0C
  volatile std::uint32_t prer;
  volatile std::uint32_t wutr;
  volatile std::uint32_t cr;  // 0x18
  volatile std::uint32_t privcfgr;
  volatile std::uint32_t seccfgr;  // 0x20
  volatile std::uint32_t wpr;
  std::uint32_t reserved0[8];
  volatile std::uint32_t alrmbr;  // 0x48
  volatile std::uint32_t alrmbssr;
  volatile std::uint32_t sr;  // 0x50
  volatile std::uint32_t misr;
  volatile std::uint32_t smisr;
  volatile std::uint32_t scr;  // 0x5C

  static constexpr std::uint32_t kBase = 0x5600'7800;

  // ICSR
  static constexpr std::uint32_t kCalendarSet = 1u << 4;  // INITS
  static constexpr std::uint32_t kInitialising = 1u << 6;
  static constexpr std::uint32_t kInitialise = 1u << 7;
  // CR
  static constexpr std::uint32_t kBypassShadows = 1u << 5;
  static constexpr std::uint32_t kAlarmB = (1u << 9) | (1u << 13);  // ALRBE, ALRBIE
  // SR, SCR
  static constexpr std::uint32_t kAlarmAFlag = 1u << 0;
  static constexpr std::uint32_t kAlarmBFlag = 1u << 1;
  static constexpr std::uint32_t kWakeUpFlag = 1u << 2;
  // ALRMBR
  static constexpr std::uint32_t kByWeekday = 1u << 30;
};
static_assert(offsetof(Rtc, cr) == 0x18 && offsetof(Rtc, alrmbr) == 0x48 && offsetof(Rtc, sr) == 0x50 &&
              offsetof(Rtc, scr) == 0x5C);

inline Rtc& rtc() { return *reinterpret_cast<Rtc*>(Rtc::kBase); }

/// Registers may be changed between the two (RM0456 section 63.3.11).
inline void rtc_unlock() {
  rtc().wpr = 0xCA;
  rtc().wpr = 0x53;
}
inline void rtc_lock() { rtc().wpr = 0xFF; }

}  // namespace microvisor::firmware::stm32u5

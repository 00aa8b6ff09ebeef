// TIM2 to TIM5: general-purpose timers with a 32-bit counter (RM0456 section 55).
#pragma once

#include <cstddef>
#include <cstdint>

namespace microvisor::firmware::stm32u5 {

struct Tim {
  volatile std::uint32_t cr1;  // 0x00
  volatile std::uint32_t cr2;
  volatile std::uint32_t smcr;
  volatile std::uint32_t dier;  // 0x0C
  volatile std::uint32_t sr;
  volatile std::uint32_t egr;  // 0x14
  volatile std::uint32_t ccmr1;
  volatile std::uint32_t ccmr2;
  volatile std::uint32_t ccer;  // 0x20
  volatile std::uint32_t cnt;
  volatile std::uint32_t psc;  // 0x28
  volatile std::uint32_t arr;
  std::uint32_t reserved;
  volatile std::uint32_t ccr[4];  // 0x34

  static constexpr std::uint32_t kBase5 = 0x5000'0C00;
  static constexpr std::uint32_t kEnable = 1;                    // CR1.CEN
  static constexpr std::uint32_t kUpdateOverflowOnly = 1u << 2;  // CR1.URS
  static constexpr std::uint32_t kUpdate = 1;                    // DIER.UIE, SR.UIF, EGR.UG
  static constexpr std::uint32_t kCompare1 = 1u << 1;            // DIER.CC1IE, SR.CC1IF
  static constexpr std::uint32_t kCompare2 = 1u << 2;
};
static_assert(offsetof(Tim, cnt) == 0x24 && offsetof(Tim, ccr) == 0x34);

inline Tim& tim5() { return *reinterpret_cast<Tim*>(Tim::kBase5); }

}  // namespace microvisor::firmware::stm32u5

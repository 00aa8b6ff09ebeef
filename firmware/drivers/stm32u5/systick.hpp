// SysTick (Armv8-M Architecture Reference Manual, D1.2): one for each world. The kernel's
// watches fast interrupts; the application's it only puts back to its reset state.
#pragma once

#include <cstdint>

#include "firmware/drivers/stm32u5/barrier.hpp"
#include "firmware/drivers/stm32u5/scb.hpp"

namespace microvisor::firmware::stm32u5 {

struct SysTick {
  volatile std::uint32_t csr;
  volatile std::uint32_t rvr;
  volatile std::uint32_t cvr;

  static constexpr std::uint32_t kSecureBase = 0xE000'E010;
  static constexpr std::uint32_t kNonSecureBase = 0xE002'E010;
  // CSR
  static constexpr std::uint32_t kEnable = 1u << 0;
  static constexpr std::uint32_t kInterrupt = 1u << 1;
  static constexpr std::uint32_t kProcessorClock = 1u << 2;
};

inline SysTick& systick() { return *reinterpret_cast<SysTick*>(SysTick::kSecureBase); }

/// Sleeps for so many cycles of the core, 2 to 2^24, in thread mode and while nobody else uses the timer. Its
/// exception only wakes: interrupts are masked, and one that is pending ends WFI whatever PRIMASK says
/// (Armv8-M Architecture Reference Manual, B3.29).
inline void nap(std::uint32_t cycles) {
  std::uint32_t primask = 0;
  asm volatile("mrs %0, primask\n cpsid i" : "=r"(primask) : : "memory");
  systick().rvr = cycles - 1;
  systick().cvr = 0;  // the next clock loads RVR
  systick().csr = SysTick::kEnable | SysTick::kInterrupt | SysTick::kProcessorClock;
  while ((scb().icsr & Scb::kSysTickSet) == 0) {
    data_barrier();
    asm volatile("wfi" : : : "memory");
  }
  systick().csr = 0;
  scb().icsr = Scb::kSysTickClear;
  asm volatile("msr primask, %0" : : "r"(primask) : "memory");
}

inline SysTick& systick_nonsecure() { return *reinterpret_cast<SysTick*>(SysTick::kNonSecureBase); }

}  // namespace microvisor::firmware::stm32u5

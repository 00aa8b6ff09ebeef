// SysTick (Armv8-M Architecture Reference Manual, D1.2): one for each world. The kernel's
// watches fast interrupts; the application's it only puts back to its reset state.
#pragma once

#include <cstdint>

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

inline SysTick& systick_nonsecure() { return *reinterpret_cast<SysTick*>(SysTick::kNonSecureBase); }

}  // namespace microvisor::firmware::stm32u5

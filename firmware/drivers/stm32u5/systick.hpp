// SysTick (Armv8-M Architecture Reference Manual, D1.2): one for each world. The kernel uses neither; it only
// puts the application's back to its reset state.
#pragma once

#include <cstdint>

namespace microvisor::firmware::stm32u5 {

struct SysTick {
  volatile std::uint32_t csr;
  volatile std::uint32_t rvr;
  volatile std::uint32_t cvr;

  static constexpr std::uint32_t kNonSecureBase = 0xE002'E010;
};

inline SysTick& systick_nonsecure() { return *reinterpret_cast<SysTick*>(SysTick::kNonSecureBase); }

}  // namespace microvisor::firmware::stm32u5

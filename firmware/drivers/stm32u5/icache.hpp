// ICACHE: instruction cache in front of the code bus (RM0456 section 8). It also holds data read from flash,
// so it must be emptied after the flash has been written.
#pragma once

#include <cstddef>
#include <cstdint>

namespace microvisor::firmware::stm32u5 {

struct Icache {
  volatile std::uint32_t cr;  // 0x00
  volatile std::uint32_t sr;
  volatile std::uint32_t ier;
  volatile std::uint32_t fcr;  // 0x0C

  static constexpr std::uint32_t kBase = 0x5003'0400;
  static constexpr std::uint32_t kEnable = 1u;
  static constexpr std::uint32_t kInvalidate = 1u << 1;
  static constexpr std::uint32_t kBusy = 1u;          // SR.BUSYF
  static constexpr std::uint32_t kBusyEnd = 1u << 1;  // SR.BSYENDF, cleared through FCR
};

inline Icache& icache() { return *reinterpret_cast<Icache*>(Icache::kBase); }

/// Empties the cache and waits until it is empty. Nothing to do while it is off: a disabled cache is not
/// looked up, and it is emptied before it is enabled.
inline void icache_invalidate() {
  if ((icache().cr & Icache::kEnable) == 0) return;
  icache().cr = icache().cr | Icache::kInvalidate;
  while ((icache().sr & Icache::kBusy) != 0) {
  }
  icache().fcr = Icache::kBusyEnd;
}

/// Enables the cache, empty. After a reset the hardware empties it by itself (SR.BUSYF).
inline void icache_enable() {
  while ((icache().sr & Icache::kBusy) != 0) {
  }
  icache().cr = icache().cr | Icache::kEnable;
}

}  // namespace microvisor::firmware::stm32u5

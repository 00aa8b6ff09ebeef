// IWDG: the independent watchdog, on the 32 kHz LSI (RM0456 section 60). Once started it runs until reset.
#pragma once

#include <cstddef>
#include <cstdint>

namespace microvisor::firmware::stm32u5 {

struct Iwdg {
  volatile std::uint32_t kr;  // 0x00
  volatile std::uint32_t pr;
  volatile std::uint32_t rlr;
  volatile std::uint32_t sr;  // 0x0C

  static constexpr std::uint32_t kBase = 0x5000'3000;
  static constexpr std::uint32_t kStart = 0xCCCC;
  static constexpr std::uint32_t kReload = 0xAAAA;
  static constexpr std::uint32_t kUnlock = 0x5555;
  static constexpr std::uint32_t kDivideBy256 = 6;
  static constexpr std::uint32_t kUpdating = 7;  // SR: PVU, RVU, WVU
};

inline Iwdg& iwdg() { return *reinterpret_cast<Iwdg*>(Iwdg::kBase); }

/// Starts the watchdog with `seconds` (at most 32) until it resets the chip.
inline void start_watchdog(std::uint32_t seconds) {
  iwdg().kr = Iwdg::kStart;
  iwdg().kr = Iwdg::kUnlock;
  iwdg().pr = Iwdg::kDivideBy256;
  iwdg().rlr = seconds * (32'000 / 256) - 1;
  while ((iwdg().sr & Iwdg::kUpdating) != 0) {
  }
  iwdg().kr = Iwdg::kReload;
}

inline void feed_watchdog() { iwdg().kr = Iwdg::kReload; }

}  // namespace microvisor::firmware::stm32u5

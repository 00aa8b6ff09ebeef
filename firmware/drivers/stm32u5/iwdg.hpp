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
  volatile std::uint32_t winr;
  volatile std::uint32_t ewcr;  // 0x14

  static constexpr std::uint32_t kBase = 0x5000'3000;
  static constexpr std::uint32_t kStart = 0xCCCC;
  static constexpr std::uint32_t kReload = 0xAAAA;
  static constexpr std::uint32_t kUnlock = 0x5555;
  static constexpr std::uint32_t kDivideBy256 = 6;
  static constexpr std::uint32_t kUpdating = 15;    // SR: PVU, RVU, WVU, EWU
  static constexpr std::uint32_t kWarn = 1u << 15;  // EWCR.EWIE
  static constexpr std::uint32_t kClearWarning = 1u << 14;
  static constexpr std::uint32_t kTicksPerSecond = 32'000 / 256;
};
static_assert(offsetof(Iwdg, ewcr) == 0x14);

inline Iwdg& iwdg() { return *reinterpret_cast<Iwdg*>(Iwdg::kBase); }

inline void wait_for_watchdog_update() {
  while ((iwdg().sr & Iwdg::kUpdating) != 0) {
  }
}

/// Starts the watchdog with `seconds` (at most 32) until it resets the chip, without warning.
inline void start_watchdog(std::uint32_t seconds) {
  iwdg().kr = Iwdg::kStart;
  iwdg().kr = Iwdg::kUnlock;
  iwdg().pr = Iwdg::kDivideBy256;
  iwdg().rlr = seconds * Iwdg::kTicksPerSecond - 1;
  wait_for_watchdog_update();
  iwdg().kr = Iwdg::kReload;
}

/// Starts the watchdog with `seconds` (at most 32) until it resets the chip; its line is raised when it has
/// not been fed for `warning` seconds.
inline void start_watchdog(std::uint32_t seconds, std::uint32_t warning) {
  iwdg().kr = Iwdg::kStart;
  iwdg().kr = Iwdg::kUnlock;
  iwdg().pr = Iwdg::kDivideBy256;
  iwdg().rlr = seconds * Iwdg::kTicksPerSecond - 1;
  iwdg().ewcr = Iwdg::kWarn | Iwdg::kClearWarning | ((seconds - warning) * Iwdg::kTicksPerSecond);
  wait_for_watchdog_update();
  iwdg().kr = Iwdg::kReload;
}

inline void feed_watchdog() { iwdg().kr = Iwdg::kReload; }

/// Lets the line down, and feeds.
inline void clear_watchdog_warning() {
  const std::uint32_t threshold = iwdg().ewcr;
  iwdg().kr = Iwdg::kUnlock;
  iwdg().ewcr = threshold | Iwdg::kClearWarning;
  wait_for_watchdog_update();
  iwdg().kr = Iwdg::kReload;
}

}  // namespace microvisor::firmware::stm32u5

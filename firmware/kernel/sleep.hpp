// Sleeping on the application's behalf: Sleep and the Stop modes go on where they began, Standby and Shutdown
// end in a reset (docs/kernel.md).
#pragma once

#include <cstdint>

namespace microvisor::firmware::kernel {

/// Where RTC alarm B stands when nothing asks for it earlier: a sleep is measured within a week.
inline constexpr std::uint32_t kLongestSleep = 6 * 24 * 3600;  // seconds

/// The RTC runs, and with it everything a Stop mode needs. Worker, before that is announced by
/// set_sleep_clock().
void set_sleep_clock(bool runs);

/// What woke the chip from Standby: RTC_SR, PWR_WUSR as the reset left them.
struct SleepEnd {
  bool from_standby = false;
  std::uint32_t rtc_flags = 0;
  std::uint32_t wakeup_pins = 0;
};
/// Reads it, and puts alarm and wake-up line back as they are while nobody sleeps. Once, at start-up.
[[nodiscard]] SleepEnd take_sleep_end();
/// Starts the crystal oscillator. Once, at start-up.
void start_crystal();
/// Sets the RTC up if the crystal is there; false: not yet. Short.
[[nodiscard]] bool start_sleep_clock();

}  // namespace microvisor::firmware::kernel

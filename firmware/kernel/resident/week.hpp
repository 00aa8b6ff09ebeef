// The moment of the week as the RTC tells it: weekday, time of day and sub-seconds. Enough to measure a sleep
// of less than a week and to set an alarm, without months and years.
#pragma once

#include <cstdint>

namespace microvisor::firmware::kernel {

inline constexpr std::uint32_t kSecondsOfDay = 24 * 3600;
inline constexpr std::uint32_t kSecondsOfWeek = 7 * kSecondsOfDay;
inline constexpr std::uint64_t kWeek = std::uint64_t{kSecondsOfWeek} * 1'000'000;

/// The prescalers that the kernel sets: one second is 32768 periods of the crystal, all of them visible in
/// SSR.
inline constexpr std::uint32_t kRtcPrescaler = 32'767;

/// Microseconds since the beginning of Monday. `tr`, `dr` and `ssr` are RTC_TR, RTC_DR and RTC_SSR (RM0456
/// section 63.6): BCD digits, weekday in DR 15:13 (1: Monday), SSR counting down.
[[nodiscard]] constexpr std::uint64_t moment_of_week(std::uint32_t tr, std::uint32_t dr, std::uint32_t ssr) {
  const auto two_digits = [](std::uint32_t bcd) { return (bcd >> 4 & 7) * 10 + (bcd & 15); };
  const std::uint32_t weekday = (dr >> 13 & 7) - 1;
  const std::uint32_t seconds = weekday * kSecondsOfDay + two_digits(tr >> 16 & 0x3F) * 3600 +
                                two_digits(tr >> 8 & 0x7F) * 60 + two_digits(tr & 0x7F);
  const std::uint64_t part = std::uint64_t{kRtcPrescaler - (ssr & 0x7FFF)} * 15'625 / 512;  // 10^6 / 2^15
  return std::uint64_t{seconds} * 1'000'000 + part;
}

/// RTC_ALRMBR for a second of the week, by weekday.
[[nodiscard]] constexpr std::uint32_t alarm_register(std::uint32_t second_of_week) {
  const auto bcd = [](std::uint32_t value) { return (value / 10) << 4 | value % 10; };
  const std::uint32_t second = second_of_week % kSecondsOfDay;
  return 1u << 30 | (second_of_week / kSecondsOfDay + 1) << 24 | bcd(second / 3600) << 16 |
         bcd(second / 60 % 60) << 8 | bcd(second % 60);
}

/// From one moment of the week to a later one, less than a week apart.
[[nodiscard]] constexpr std::uint64_t week_passed(std::uint64_t from, std::uint64_t to) {
  return to >= from ? to - from : to + kWeek - from;
}

}  // namespace microvisor::firmware::kernel

// The calendar of the RTC: seconds since 2000-01-01 and the BCD registers, in both directions, and when an
// alarm comes.
//
// Years 00 to 99, every fourth one leap (RM0456 63.3.2).
#pragma once

#include <cstdint>
#include <optional>

namespace microvisor::board {

struct CalendarTime {
  std::uint32_t tr = 0;
  std::uint32_t dr = 0;
};

/// TR and DR at `seconds`. `weekday` (1 to 7) is that of the day; `twelve_hours`: CR.FMT.
CalendarTime to_registers(std::int64_t seconds, std::uint32_t weekday, bool twelve_hours);
/// Seconds of TR and DR; fields out of range count as far as they go.
std::int64_t from_registers(CalendarTime registers);

inline constexpr std::int64_t kSecondsPerDay = 86'400;
inline constexpr std::int64_t kSecondsPerCentury = 36'525 * kSecondsPerDay;

/// Weekday of `seconds` if that of `reference` is `weekday`.
std::uint32_t weekday_at(std::int64_t seconds, std::int64_t reference, std::uint32_t weekday);

/// The first second at or after `from` that matches ALRMxR (masks, BCD fields, weekday); nothing within two
/// months.
std::optional<std::int64_t> next_alarm(std::uint32_t alarm, std::int64_t from, std::uint32_t weekday_of_from);

}  // namespace microvisor::board

#include "board/peripherals/calendar.hpp"

#include <algorithm>

#include "board/peripherals/register_block.hpp"

namespace microvisor::board {
namespace {

constexpr unsigned kDaysInMonth[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

constexpr std::uint32_t to_bcd(std::uint32_t value) { return (value / 10) << 4 | value % 10; }
constexpr std::uint32_t from_bcd(std::uint32_t value) { return (value >> 4) * 10 + (value & 0xF); }
constexpr bool leap(unsigned year) { return year % 4 == 0; }

constexpr unsigned days_in(unsigned year, unsigned month) {
  return kDaysInMonth[month] + (month == 1 && leap(year) ? 1 : 0);
}

struct Date {
  unsigned year, month, day;  // month and day from 0
};

Date date_of(std::int64_t days) {
  auto left = static_cast<unsigned>(days % 36'525);
  unsigned year = left / 1461 * 4;
  left %= 1461;
  while (left >= (leap(year) ? 366U : 365U)) {
    left -= leap(year) ? 366 : 365;
    ++year;
  }
  unsigned month = 0;
  while (left >= days_in(year, month)) {
    left -= days_in(year, month);
    ++month;
  }
  return {year, month, left};
}

std::int64_t days_of(unsigned year, unsigned month, unsigned day) {
  std::int64_t days = std::int64_t{year} * 365 + (year + 3) / 4;
  for (unsigned m = 0; m < month; ++m) days += days_in(year, m);
  return days + day;
}

/// Hours of a TR or alarm register with its PM flag.
unsigned hours_of(std::uint32_t word) {
  const unsigned hours = from_bcd(bits(word, 21, 16));
  return test(word, 22) ? hours % 12 + 12 : hours;
}

/// The first second of the day at or after `from` whose unmasked fields match; -1 if there is none.
std::int64_t match_in_day(std::uint32_t alarm, unsigned from) {
  const unsigned hour = hours_of(alarm), minute = from_bcd(bits(alarm, 14, 8)),
                 second = from_bcd(bits(alarm, 6, 0));
  const bool any_hour = test(alarm, 23), any_minute = test(alarm, 15), any_second = test(alarm, 7);
  for (unsigned h = from / 3600; h < 24; ++h) {
    if (!any_hour && h != hour) continue;
    const unsigned first_minute = h == from / 3600 ? from / 60 % 60 : 0;
    for (unsigned m = first_minute; m < 60; ++m) {
      if (!any_minute && m != minute) continue;
      const unsigned start = h * 3600 + m * 60;
      const unsigned first_second = from > start ? from - start : 0;
      if (first_second > 59) continue;
      if (any_second) return start + first_second;
      if (second >= first_second && second < 60) return start + second;
    }
  }
  return -1;
}

}  // namespace

CalendarTime to_registers(std::int64_t seconds, std::uint32_t weekday, bool twelve_hours) {
  const Date date = date_of(seconds / kSecondsPerDay);
  const auto of_day = static_cast<unsigned>(seconds % kSecondsPerDay);
  const unsigned hours = of_day / 3600;
  const unsigned shown = twelve_hours ? (hours + 11) % 12 + 1 : hours;
  CalendarTime result;
  result.tr = to_bcd(shown) << 16 | to_bcd(of_day / 60 % 60) << 8 | to_bcd(of_day % 60);
  if (twelve_hours && hours >= 12) result.tr |= bit(22);
  result.dr = to_bcd(date.year) << 16 | weekday << 13 | to_bcd(date.month + 1) << 8 | to_bcd(date.day + 1);
  return result;
}

std::int64_t from_registers(CalendarTime registers) {
  const unsigned month = std::clamp(from_bcd(bits(registers.dr, 12, 8)), 1U, 12U) - 1;
  const unsigned year = std::min(from_bcd(bits(registers.dr, 23, 16)), 99U);
  const unsigned day = std::max(from_bcd(bits(registers.dr, 5, 0)), 1U) - 1;
  const std::int64_t days = days_of(year, month, day);
  return days * kSecondsPerDay + hours_of(registers.tr) * 3600 + from_bcd(bits(registers.tr, 14, 8)) * 60 +
         from_bcd(bits(registers.tr, 6, 0));
}

std::uint32_t weekday_at(std::int64_t seconds, std::int64_t reference, std::uint32_t weekday) {
  const std::int64_t days = seconds / kSecondsPerDay - reference / kSecondsPerDay;
  const std::int64_t index = ((std::int64_t{weekday} - 1 + days) % 7 + 7) % 7;
  return static_cast<std::uint32_t>(index) + 1;
}

std::optional<std::int64_t> next_alarm(std::uint32_t alarm, std::int64_t from,
                                       std::uint32_t weekday_of_from) {
  constexpr int kHorizon = 62;
  for (int ahead = 0; ahead <= kHorizon; ++ahead) {
    const std::int64_t day = from / kSecondsPerDay + ahead;
    const bool by_weekday = test(alarm, 30);
    const std::uint32_t wanted = by_weekday ? bits(alarm, 27, 24) : from_bcd(bits(alarm, 29, 24));
    const std::uint32_t present =
        by_weekday ? weekday_at(day * kSecondsPerDay, from, weekday_of_from) : date_of(day).day + 1;
    if (!test(alarm, 31) && wanted != present) continue;
    const std::int64_t second =
        match_in_day(alarm, ahead == 0 ? static_cast<unsigned>(from % kSecondsPerDay) : 0);
    if (second >= 0) return day * kSecondsPerDay + second;
  }
  return std::nullopt;
}

}  // namespace microvisor::board

// Dates as text: ISO 8601, UTC, always with Z.
#include "cloud/clock/clock.hpp"

#include <cstdio>
#include <ctime>

namespace microvisor::cloud {
namespace {

std::string date_and_time(Timestamp moment) {
  // Floor, so that a moment before 1970 does not come out a second late.
  Timestamp seconds = moment / kSecond;
  if (moment % kSecond < 0) --seconds;
  const std::time_t time = seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  return text;
}

}  // namespace

std::string iso_seconds(Timestamp moment) { return date_and_time(moment) + "Z"; }

std::string iso_microseconds(Timestamp moment) {
  const Timestamp fraction = ((moment % kSecond) + kSecond) % kSecond;
  char text[16];
  std::snprintf(text, sizeof text, ".%06dZ", static_cast<int>(fraction));
  return date_and_time(moment) + text;
}

}  // namespace microvisor::cloud

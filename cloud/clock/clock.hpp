// The time of day as the cloud sees it, behind an interface so that tests (and boards with a joined network)
// set it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace microvisor::cloud {

/// Microseconds since 1970-01-01 UTC.
using Timestamp = std::int64_t;
inline constexpr Timestamp kSecond = 1'000'000;

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Timestamp now() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
};

/// 2021-01-01T12:34:56Z, as REST resources write dates.
std::string iso_seconds(Timestamp moment);
/// 2021-01-01T12:34:56.123456Z, as the log stream writes them.
std::string iso_microseconds(Timestamp moment);

}  // namespace microvisor::cloud

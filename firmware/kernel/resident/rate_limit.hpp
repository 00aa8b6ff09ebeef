// A token bucket: so many at once, so many a second.
#pragma once

#include <cstdint>

namespace microvisor::firmware::kernel {

class RateLimit {
 public:
  constexpr RateLimit(std::uint32_t burst, std::uint32_t per_second)
      : burst_(burst), microseconds_per_token_(1'000'000 / per_second), tokens_(burst) {}

  void reset() { tokens_ = burst_; }

  /// True if one may happen at `now` (microseconds, never going back).
  [[nodiscard]] bool take(std::uint64_t now) {
    refill(now);
    if (tokens_ == 0) return false;
    --tokens_;
    return true;
  }

 private:
  void refill(std::uint64_t now) {
    if (tokens_ >= burst_) {
      last_ = now;
      return;
    }
    // Longer than the whole bucket takes: full, and no division of large numbers.
    if (now - last_ >= std::uint64_t{burst_} * microseconds_per_token_) {
      tokens_ = burst_;
      last_ = now;
      return;
    }
    const std::uint32_t earned = static_cast<std::uint32_t>(now - last_) / microseconds_per_token_;
    tokens_ = tokens_ + earned > burst_ ? burst_ : tokens_ + earned;
    last_ += earned * microseconds_per_token_;
  }

  std::uint32_t burst_;
  std::uint32_t microseconds_per_token_;
  std::uint32_t tokens_;
  std::uint64_t last_ = 0;
};

}  // namespace microvisor::firmware::kernel

// A token bucket: so many at once, so many a second.
#pragma once

#include <cstdint>

namespace microvisor::firmware::kernel {

template <std::uint32_t kBurst, std::uint32_t kPerSecond>
class RateLimit {
 public:
  void reset() { spent_ = 0; }

  /// True if one may happen at `now` (microseconds, never going back).
  [[nodiscard]] bool take(std::uint64_t now) {
    refill(now);
    if (spent_ == kBurst) return false;
    ++spent_;
    return true;
  }

 private:
  static constexpr std::uint32_t kPeriod = 1'000'000 / kPerSecond;  // microseconds for one

  void refill(std::uint64_t now) {
    // All back: no division of large numbers.
    if (spent_ == 0 || now - last_ >= std::uint64_t{kBurst} * kPeriod) {
      spent_ = 0;
      last_ = now;
      return;
    }
    const std::uint32_t earned = static_cast<std::uint32_t>(now - last_) / kPeriod;
    spent_ = earned > spent_ ? 0 : spent_ - earned;
    last_ += earned * kPeriod;
  }

  std::uint32_t spent_ = 0;
  std::uint64_t last_ = 0;
};

}  // namespace microvisor::firmware::kernel

// How much of an object may be on its way to the device: as much as arrives in about a second, so that
// whatever else is said on the connection is never further behind than that, however slow the bearer is.
//
// Nobody tells a device how slow its bearer is, and it changes from minute to minute. So it is measured: from
// a grant of credit to the last byte of it, that is a round trip and the time that the whole window takes.
#pragma once

#include <algorithm>
#include <cstdint>

namespace microvisor::firmware::link {

class FetchWindow {
 public:
  /// Half of it, with the headers of frame and record, fits a segment of 536 bytes.
  static constexpr std::uint32_t kLeast = 2 * 480;
  static constexpr std::uint32_t kMost = 16 * kLeast;
  static constexpr std::uint64_t kShort = 600'000;  // microseconds; with this there is room for more
  static constexpr std::uint64_t kLong = 1'200'000;

  /// A new stream: the credit that it opens with.
  [[nodiscard]] std::uint32_t open(std::uint64_t now) {
    granted_ = size_;
    measure(now);
    return size_;
  }
  /// Bytes have arrived. False: more than was granted.
  [[nodiscard]] bool take(std::uint32_t bytes, std::uint64_t now) {
    if (bytes > granted_) return false;
    granted_ -= bytes;
    if (bytes < measured_) {
      measured_ -= bytes;
    } else if (measured_ != 0) {
      measured_ = 0;
      adjust(now - since_);
    }
    return true;
  }
  /// Credit to be given back now; 0: none yet.
  [[nodiscard]] std::uint32_t grant(std::uint64_t now) {
    if (granted_ > size_ / 2) return 0;
    const std::uint32_t credit = size_ - granted_;
    granted_ = size_;
    if (measured_ == 0) measure(now);
    return credit;
  }
  [[nodiscard]] std::uint32_t size() const { return size_; }

 private:
  void measure(std::uint64_t now) {
    measured_ = granted_;
    since_ = now;
  }
  void adjust(std::uint64_t took) {
    if (took < kShort) size_ = std::min(2 * size_, kMost);
    if (took > kLong) size_ = std::max(size_ / 2, kLeast);
  }

  std::uint32_t size_ = kLeast;
  std::uint32_t granted_ = 0;   // what the gateway may still send
  std::uint32_t measured_ = 0;  // of what was granted at since_, what has not arrived; 0: nothing is measured
  std::uint64_t since_ = 0;
};

}  // namespace microvisor::firmware::link

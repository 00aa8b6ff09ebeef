// What waits between a stream of a device's and whoever is at its far end, who both come for it when they
// can.
//
// Neither side is read faster than the other takes: the far end looks whether there is room before it reads
// on, and the device has credit only for what has been taken. A plain value of its owner's thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "protocol/bundle/bytes.hpp"

namespace microvisor::cloud {

class TwoWayBuffer {
 public:
  /// Bytes for the device beyond which there is no room for more; also the device's first credit.
  explicit TwoWayBuffer(std::size_t window) : window_(window) {}

  // The far end's side.
  [[nodiscard]] bool has_room() const { return for_device_.size() < window_; }
  void from_far_end(protocol::ByteView bytes) {
    for_device_.insert(for_device_.end(), bytes.begin(), bytes.end());
  }
  /// Everything that has come from the device. It may send as much again.
  [[nodiscard]] protocol::Bytes take_for_far_end() {
    credit_ += static_cast<std::uint32_t>(for_far_end_.size());
    return std::exchange(for_far_end_, {});
  }

  // The device's side.
  void from_device(protocol::ByteView bytes) {
    for_far_end_.insert(for_far_end_.end(), bytes.begin(), bytes.end());
  }
  [[nodiscard]] protocol::Bytes take_for_device(std::size_t at_most) {
    const auto end = for_device_.begin() + static_cast<std::ptrdiff_t>(std::min(at_most, for_device_.size()));
    protocol::Bytes bytes(for_device_.begin(), end);
    for_device_.erase(for_device_.begin(), end);
    return bytes;
  }
  [[nodiscard]] bool nothing_for_device() const { return for_device_.empty(); }
  /// Bytes that the far end has been given since the last time.
  [[nodiscard]] std::uint32_t take_credit() { return std::exchange(credit_, 0); }

 private:
  std::size_t window_;
  protocol::Bytes for_device_;
  protocol::Bytes for_far_end_;
  std::uint32_t credit_ = 0;
};

}  // namespace microvisor::cloud

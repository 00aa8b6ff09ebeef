// The time of day of a private cloud beside a virtual board: the moment of the start plus the board's own
// time, which without pacing has nothing to do with the host's, and with it falls behind on a host that is
// too slow. So what the log says of periods is what the application did. May be asked by any thread.
#pragma once

#include <atomic>

#include "cli/virtual_device.hpp"
#include "cloud/clock/clock.hpp"

namespace microvisor::cli {

class BoardClock final : public cloud::Clock {
 public:
  [[nodiscard]] cloud::Timestamp now() const override {
    const VirtualDevice* device = device_.load(std::memory_order_acquire);
    return start_ + (device == nullptr ? 0 : static_cast<cloud::Timestamp>(device->microseconds()));
  }
  /// The device must live until follow(nullptr).
  void follow(const VirtualDevice* device) { device_.store(device, std::memory_order_release); }

 private:
  cloud::Timestamp start_ = cloud::SystemClock().now();
  std::atomic<const VirtualDevice*> device_{nullptr};
};

}  // namespace microvisor::cli

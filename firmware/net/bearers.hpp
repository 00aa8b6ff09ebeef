// Which bearer to try, and when to leave the dearer one.
//
// Wi-Fi (and the cable behind the same module) is cheaper and goes first when the device has credentials for
// it. Once it has failed it is let alone for a time, which grows with each failure and is drawn at random, so
// that devices which lost one access point do not come back to it at once; a session on it that lasted ends
// the series. Whatever is tried first, a round has failed only when both have. No hardware and no waiting
// here. Worker only.
#pragma once

#include <algorithm>
#include <cstdint>

#include "firmware/net/platform.hpp"

namespace microvisor::firmware::net {

class Bearers {
 public:
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};
  static constexpr std::uint64_t kShortest = 30 * kSeconds;
  static constexpr std::uint64_t kLongest = 1800 * kSeconds;
  /// A session that lasted so long has shown that its bearer is good.
  static constexpr std::uint64_t kSteady = 60 * kSeconds;

  /// There are other credentials, or none: what is known of Wi-Fi counts no more.
  void wifi_set(bool known) {
    wifi_ = known;
    avoided_until_ = 0;
    ceiling_ = kShortest;
  }
  [[nodiscard]] bool choice() const { return wifi_; }

  [[nodiscard]] Bearer first(std::uint64_t now) const {
    return wifi_ && now >= avoided_until_ ? Bearer::Wifi : Bearer::Cellular;
  }
  [[nodiscard]] static constexpr Bearer other(Bearer bearer) {
    return bearer == Bearer::Wifi ? Bearer::Cellular : Bearer::Wifi;
  }

  /// It could not be brought up, or nothing was heard of the cloud. `random` is uniform over 32 bits.
  void failed(Bearer bearer, std::uint64_t now, std::uint32_t random) {
    if (bearer != Bearer::Wifi) return;
    const std::uint64_t half = ceiling_ / 2;
    avoided_until_ = now + half + (half * random >> 32);
    ceiling_ = std::min(2 * ceiling_, kLongest);
  }
  /// A session over it is over, and has lasted so long.
  void session_ended(Bearer bearer, std::uint64_t lasted) {
    if (bearer == Bearer::Wifi && lasted >= kSteady) ceiling_ = kShortest;
  }
  /// When Wi-Fi is to be tried beside a session that stands on `bearer`.
  [[nodiscard]] std::uint64_t return_at(Bearer bearer) const {
    return wifi_ && bearer == Bearer::Cellular ? avoided_until_ : kNever;
  }

 private:
  bool wifi_ = false;
  std::uint64_t avoided_until_ = 0;
  std::uint64_t ceiling_ = kShortest;
};

}  // namespace microvisor::firmware::net

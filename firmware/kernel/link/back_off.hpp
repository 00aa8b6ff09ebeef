// How long to wait before the next attempt: 1 s, doubling to 60 s, each time a random part between half and
// all of it (protocol/LINK.md), so that a fleet that was cut off at once does not come back at once.
#pragma once

#include <cstdint>

namespace microvisor::firmware::link {

class BackOff {
 public:
  static constexpr std::uint64_t kFirst = 1'000'000;  // microseconds
  static constexpr std::uint64_t kLongest = 60'000'000;

  /// The next wait in microseconds; `random` is uniform over 32 bits.
  [[nodiscard]] std::uint64_t next(std::uint32_t random);
  /// A connection was welcomed: the series starts anew.
  void reset() { ceiling_ = kFirst; }

 private:
  std::uint64_t ceiling_ = kFirst;
};

}  // namespace microvisor::firmware::link

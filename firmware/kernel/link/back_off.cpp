// See back_off.hpp.
#include "firmware/kernel/link/back_off.hpp"

#include <algorithm>

namespace microvisor::firmware::link {

std::uint64_t BackOff::next(std::uint32_t random) {
  const std::uint64_t half = ceiling_ / 2;
  const std::uint64_t wait = half + (half * random >> 32);
  ceiling_ = std::min(2 * ceiling_, kLongest);
  return wait;
}

}  // namespace microvisor::firmware::link

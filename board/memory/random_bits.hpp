// The board's one generator of what nobody can foretell: leftovers of power cuts, readings of unstable cells.
//
// SplitMix64 (Steele, Lea, Flood 2014): one multiplication-shift chain a number, any seed will do.
#pragma once

#include <cstdint>

namespace microvisor::board {

class RandomBits {
 public:
  explicit constexpr RandomBits(std::uint64_t seed) : state_(seed) {}
  /// Numbers drawn for the `index`-th event of a board do not depend on those of the others.
  constexpr RandomBits(std::uint64_t seed, std::uint64_t index) : state_(seed ^ index * kGamma) {}

  constexpr std::uint64_t next() {
    std::uint64_t mixed = state_ += kGamma;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58'476D'1CE4'E5B9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D0'49BB'1331'11EBU;
    return mixed ^ (mixed >> 31);
  }
  /// Evenly from 0 to `limit` - 1; `limit` is far below 2^64, so the remainder's bias does not matter.
  constexpr std::uint64_t below(std::uint64_t limit) { return next() % limit; }

 private:
  static constexpr std::uint64_t kGamma = 0x9E37'79B9'7F4A'7C15U;
  std::uint64_t state_;
};

}  // namespace microvisor::board

// A clock signal of the chip as arithmetic: how many edges it has had by some moment, and when the n-th one
// comes.
//
// Counters of the virtual board never tick. They remember an epoch and a frequency and work out their value
// when they are asked; so the value is exact after hours, whatever the frequency, because nothing is
// accumulated.
#pragma once

#include <cstdint>

#include "board/bus/time.hpp"

namespace microvisor::board {

struct Timebase {
  std::uint64_t hertz = 0;
  Time epoch = 0;  ///< moment of edge number 0

  [[nodiscard]] bool running() const { return hertz != 0; }
  /// Edges in (epoch, moment].
  [[nodiscard]] std::uint64_t edges(Time moment) const {
    if (hertz == 0 || moment <= epoch) return 0;
    std::uint64_t product = 0;  // of the usual size: no division of 128 bits
    if (!__builtin_mul_overflow(moment - epoch, hertz, &product)) return product / kTicksPerSecond;
    return static_cast<std::uint64_t>(static_cast<Wide>(moment - epoch) * hertz / kTicksPerSecond);
  }
  /// The moment of edge `number`; kNever while the clock stands still or if it lies beyond the end of time.
  [[nodiscard]] Time moment_of(std::uint64_t number) const {
    if (hertz == 0) return kNever;
    const Wide ticks = (static_cast<Wide>(number) * kTicksPerSecond + hertz - 1) / hertz;
    return ticks > kNever - epoch - 1 ? kNever : epoch + static_cast<Time>(ticks);
  }
  /// The moment of the last edge at or before `moment`, where a changed frequency takes over.
  [[nodiscard]] Time last_edge(Time moment) const {
    const std::uint64_t count = edges(moment);
    return count == 0 ? epoch : moment_of(count);
  }

 private:
  using Wide = unsigned __int128;
};

}  // namespace microvisor::board

// Virtual time of the board.
//
// One tick is 1/7.68 GHz: the least frequency of which every oscillator of the chip (160, 48, 16 and 4
// MHz, 1.024 MHz, 32,768 Hz, 32 kHz) is a whole divisor, so no period is ever rounded. 64 bits last for 76
// years.
#pragma once

#include <cstdint>

namespace microvisor::board {

using Time = std::uint64_t;

inline constexpr Time kTicksPerSecond = 7'680'000'000;
inline constexpr Time kTicksPerMicrosecond = kTicksPerSecond / 1'000'000;
inline constexpr Time kNever = ~Time{0};

/// Ticks of one period of a clock of `hertz`; 0 Hz gives kNever.
constexpr Time period_of(std::uint64_t hertz) { return hertz == 0 ? kNever : kTicksPerSecond / hertz; }

}  // namespace microvisor::board

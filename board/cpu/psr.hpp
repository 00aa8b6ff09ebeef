// xPSR as one word: APSR flags, EPSR (T, IT) and IPSR put together and taken apart.
//
// Layout (DDI0553 D1.2.215 and RETPSR): N 31, Z 30, C 29, V 28, Q 27, IT[1:0] 26:25, T 24, GE 19:16, IT[7:2]
// 15:10, exception number 8:0. In a frame bit 20 is SFPA and bit 9 SPREALIGN.
#pragma once

#include <cstdint>

#include "board/cpu/state.hpp"

namespace microvisor::board {

inline constexpr std::uint32_t kPsrSfpa = std::uint32_t{1} << 20;
inline constexpr std::uint32_t kPsrRealign = std::uint32_t{1} << 9;
inline constexpr std::uint32_t kPsrExceptionMask = 0x1FF;

inline std::uint32_t read_apsr(const CoreState& state) {
  const auto flag = [](bool value, unsigned position) {
    return static_cast<std::uint32_t>(value) << position;
  };
  return flag(state.n, 31) | flag(state.z, 30) | flag(state.c, 29) | flag(state.v, 28) | flag(state.q, 27) |
         static_cast<std::uint32_t>(state.ge & 0xF) << 16;
}

inline void write_apsr(CoreState& state, std::uint32_t value) {
  const auto flag = [value](unsigned position) { return (value >> position & 1) != 0; };
  state.n = flag(31);
  state.z = flag(30);
  state.c = flag(29);
  state.v = flag(28);
  state.q = flag(27);
  state.ge = static_cast<std::uint8_t>(value >> 16 & 0xF);
}

inline std::uint32_t read_xpsr(const CoreState& state) {
  const std::uint32_t it = state.it;
  return read_apsr(state) | (it & 3) << 25 | (it >> 2) << 10 | static_cast<std::uint32_t>(state.thumb) << 24 |
         state.ipsr;
}

/// Everything but SFPA and SPREALIGN. Changes of the exception number may change the stack in use:
/// StackSwitch.
inline void write_xpsr(CoreState& state, std::uint32_t value) {
  write_apsr(state, value);
  state.it = static_cast<std::uint8_t>((value >> 25 & 3) | (value >> 10 & 0x3F) << 2);
  state.thumb = (value >> 24 & 1) != 0;
  state.ipsr = static_cast<std::uint16_t>(value & kPsrExceptionMask);
}

}  // namespace microvisor::board

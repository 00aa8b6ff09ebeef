// Branches of the T32 instruction set as far as transfer encodings look at them: Armv8-M Architecture
// Reference Manual, BL (encoding T1) and B (encoding T4).
//
// Used by encoder and decoder; no heap, constant work.
#pragma once

#include <cstdint>
#include <span>

namespace microvisor::protocol::transfer {

/// Halfwords of a 32-bit BL or B.W.
class ThumbBranch {
 public:
  static constexpr bool is_branch(std::uint32_t first, std::uint32_t second) {
    return (first & 0xF800U) == 0xF000U && (second & 0x9000U) == 0x9000U;
  }
  static constexpr bool is_call(std::uint32_t first, std::uint32_t second) {
    return (first & 0xF800U) == 0xF000U && (second & 0xD000U) == 0xD000U;
  }
  /// Whether a halfword begins an instruction of 32 bits.
  static constexpr bool is_wide(std::uint32_t first) { return first >= 0xE800U; }
  /// Distance of the target from the instruction's own address plus 4.
  static std::uint32_t distance(std::uint32_t first, std::uint32_t second);
  /// Puts another distance in. False, and nothing changed, if it does not fit.
  [[nodiscard]] static bool set_distance(std::uint32_t& first, std::uint32_t& second, std::uint32_t distance);
};

/// Bytes that code takes at the start of `window`, which lies at an even offset of the object: 4 or 2. If it
/// is a call, its target becomes an offset in the object (`absolute`) or again a distance, modulo 2^25.
std::uint32_t convert_call(std::span<std::uint8_t, 4> window, std::uint32_t offset, bool absolute);

}  // namespace microvisor::protocol::transfer

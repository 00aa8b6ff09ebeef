// Narrow accesses to 32-bit registers: the byte or half-word lane that `offset` names.
#pragma once

#include <cstdint>

namespace microvisor::board {

/// The part of `word` that a read of `size` bytes at `offset` sees.
constexpr std::uint32_t read_lane(std::uint32_t word, std::uint32_t offset, unsigned size) {
  const std::uint32_t shifted = word >> ((offset & 3U) * 8);
  return size == 4 ? shifted : shifted & ((1U << (size * 8)) - 1);
}

/// `word` after a write of `size` bytes at `offset`.
constexpr std::uint32_t write_lane(std::uint32_t word, std::uint32_t offset, unsigned size,
                                   std::uint32_t value) {
  if (size == 4) return value;
  const std::uint32_t lane = (offset & 3U) * 8;
  const std::uint32_t mask = ((1U << (size * 8)) - 1) << lane;
  return (word & ~mask) | ((value << lane) & mask);
}

}  // namespace microvisor::board

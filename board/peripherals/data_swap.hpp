// DATATYPE: how HASH, AES and SAES turn a word on the bus into the word of their core, whose bits go from
// most to least significant (RM0456 figures 482, 497 and 502). Each of the four is its own inverse.
#pragma once

#include <bit>
#include <cstdint>

namespace microvisor::board {

constexpr std::uint32_t reverse_bytes(std::uint32_t word) {
  word = (word & 0x00FF'00FF) << 8 | (word >> 8 & 0x00FF'00FF);
  return std::rotl(word, 16);
}

constexpr std::uint32_t swap_data(std::uint32_t word, unsigned datatype) {
  switch (datatype & 3) {
    case 1: return std::rotl(word, 16);
    case 2: return reverse_bytes(word);
    case 3:
      word = (word & 0x5555'5555) << 1 | (word >> 1 & 0x5555'5555);
      word = (word & 0x3333'3333) << 2 | (word >> 2 & 0x3333'3333);
      word = (word & 0x0F0F'0F0F) << 4 | (word >> 4 & 0x0F0F'0F0F);
      return reverse_bytes(word);
    default: return word;
  }
}

}  // namespace microvisor::board

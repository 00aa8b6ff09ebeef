// Test vectors as they are printed: hexadecimal text to bytes and to words as software has them in memory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace microvisor::board::testing {

using Bytes = std::vector<std::uint8_t>;

/// Spaces are skipped.
inline Bytes from_hex(std::string_view text) {
  Bytes bytes;
  std::string digits;
  for (const char c : text) {
    if (c != ' ') digits += c;
    if (digits.size() != 2) continue;
    bytes.push_back(static_cast<std::uint8_t>(std::stoul(digits, nullptr, 16)));
    digits.clear();
  }
  return bytes;
}

inline std::string to_hex(const Bytes& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

inline Bytes from_text(std::string_view text) { return {text.begin(), text.end()}; }

/// The word that a little-endian core loads at `at`; bytes beyond the end are zero.
inline std::uint32_t word_at(const Bytes& bytes, std::size_t at) {
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < 4 && at + i < bytes.size(); ++i) {
    word |= std::uint32_t{bytes[at + i]} << (8 * i);
  }
  return word;
}

/// Appends `word` with its most significant byte first.
inline void append_big_endian(Bytes& bytes, std::uint32_t word) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(word >> shift));
}

/// Appends `word` as a little-endian core stores it.
inline void append_word(Bytes& bytes, std::uint32_t word) {
  for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<std::uint8_t>(word >> shift));
}

}  // namespace microvisor::board::testing

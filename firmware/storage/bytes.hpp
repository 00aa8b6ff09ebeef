// Little-endian fields and CRC-32 for formats kept in flash.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace microvisor::firmware::storage {

inline void put16(std::span<std::uint8_t> to, std::size_t at, std::uint16_t value) {
  to[at] = static_cast<std::uint8_t>(value);
  to[at + 1] = static_cast<std::uint8_t>(value >> 8);
}

inline void put32(std::span<std::uint8_t> to, std::size_t at, std::uint32_t value) {
  for (unsigned i = 0; i < 4; ++i) to[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
}

inline void put64(std::span<std::uint8_t> to, std::size_t at, std::uint64_t value) {
  put32(to, at, static_cast<std::uint32_t>(value));
  put32(to, at + 4, static_cast<std::uint32_t>(value >> 32));
}

[[nodiscard]] inline std::uint16_t get16(std::span<const std::uint8_t> from, std::size_t at) {
  return static_cast<std::uint16_t>(from[at] | (from[at + 1] << 8));
}

[[nodiscard]] inline std::uint32_t get32(std::span<const std::uint8_t> from, std::size_t at) {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < 4; ++i) value |= static_cast<std::uint32_t>(from[at + i]) << (8 * i);
  return value;
}

[[nodiscard]] inline std::uint64_t get64(std::span<const std::uint8_t> from, std::size_t at) {
  return get32(from, at) | std::uint64_t{get32(from, at + 4)} << 32;
}

/// CRC-32 (IEEE 802.3, reflected), four bits at a time: a table of 64 bytes. `seed` continues an earlier
/// result.
[[nodiscard, gnu::noinline]] inline std::uint32_t crc32(std::span<const std::uint8_t> data,
                                                        std::uint32_t seed = 0) {
  static constexpr std::array<std::uint32_t, 16> kTable = [] {
    std::array<std::uint32_t, 16> table{};
    for (std::uint32_t i = 0; i < 16; ++i) {
      std::uint32_t value = i;
      for (int bit = 0; bit < 4; ++bit) value = (value & 1u) != 0 ? (value >> 1) ^ 0xEDB8'8320u : value >> 1;
      table[i] = value;
    }
    return table;
  }();
  std::uint32_t crc = ~seed;
  for (const std::uint8_t byte : data) {
    crc = kTable[(crc ^ byte) & 0xF] ^ (crc >> 4);
    crc = kTable[(crc ^ (byte >> 4u)) & 0xF] ^ (crc >> 4);
  }
  return ~crc;
}

}  // namespace microvisor::firmware::storage

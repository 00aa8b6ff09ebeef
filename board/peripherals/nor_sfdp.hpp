// What the NOR chip says of itself: serial flash discoverable parameters, JESD216B.
//
// Two tables: basic parameters (16 words) and 4-byte address instructions (2 words), with the values of the
// model beside them: geometry, opcodes and times are those of nor_flash.cpp. Fields that JESD216B reserves
// are ones.
#pragma once

#include <array>
#include <cstdint>

namespace microvisor::board {

namespace sfdp {

inline constexpr std::uint32_t kBasicAt = 0x30;
inline constexpr std::uint32_t kFourByteAt = 0x80;

/// Header and the two parameter headers: signature, revision 1.6, last header's number; then id, revision and
/// length of each table, and where it stands.
inline constexpr std::array<std::uint32_t, 6> kHeaders = {
    0x5044'4653,  // "SFDP"
    0xFF01'0106,
    0x1001'0600,  // FF00h, basic parameters, 1.6, 16 words
    0xFF00'0000 | kBasicAt,
    0x0201'0084,  // FF84h, 4-byte address instructions, 1.0, 2 words
    0xFF00'0000 | kFourByteAt,
};

inline constexpr std::array<std::uint32_t, 16> kBasic = {
    // 1: uniform 4 KiB erase by 20h, writes of 64 bytes and more, 3 or 4 address bytes, DTR
    0xFF8A'20E5,
    // 2: 512 Mbit
    0x1FFF'FFFF,
    // 3, 4: no reads on two or four lines
    0,
    0,
    // 5, 6, 7: nor commands
    0xFFFF'FFEE,
    0x0000'FFFF,
    0x0000'FFFF,
    // 8, 9: erase types 2^12 by 20h and 2^16 by D8h, no others
    0xD810'200C,
    0,
    // 10: typical 25 x 1 ms and 14 x 16 ms; at most 16 times as long
    7U | 24U << 4 | 13U << 11 | 1U << 16,
    // 11: page 2^8, typical 19 x 8 us, at most 6 times as long; first byte 4 x 8 us, others 1 us; chip 3 x 64
    // s
    2U | 8U << 4 | 18U << 8 | 3U << 14 | 1U << 18 | 2U << 24 | 3U << 29 | 1U << 31,
    // 12: suspended: nothing new is begun, no reading in the suspended unit; at once, within 25 us
    0x1CCU | 1U << 9 | 24U << 13 | 1U << 18 | 1U << 20 | 24U << 24 | 1U << 29,
    // 13: resume 30h, suspend B0h
    0xB030'B030,
    // 14: status by 05h, WIP in bit 0; power-down by B9h, left by ABh within 30 x 1 us
    0x07U | 29U << 8 | 1U << 13 | 0xABU << 15 | 0xB9U << 23,
    // 15: no four-line protocol, no quad enable bit
    0xFF00'0000,
    // 16: status register 1 non-volatile by 06h; reset by 66h 99h; 4-byte mode by B7h, E9h, or own opcodes
    0x81U | 0x10U << 8 | 0x01U << 14 | 0x21U << 24,
};

inline constexpr std::array<std::uint32_t, 2> kFourByte = {
    0xFFF0'0000 | 1U << 0 | 1U << 1 | 1U << 6 | 1U << 9 | 1U << 10,  // 13h, 0Ch, 12h, erase types 1 and 2
    0xFFFF'DC21,                                                     // erased by 21h and DCh
};

/// The byte at `address`; what is not defined is ones.
constexpr std::uint8_t byte_at(std::uint32_t address) {
  const auto in = [address](const auto& words, std::uint32_t at) -> int {
    const std::uint32_t offset = address - at;
    return offset / 4 < words.size() ? static_cast<int>(words[offset / 4] >> (offset % 4 * 8) & 0xFF) : -1;
  };
  for (const int byte : {in(kHeaders, 0), in(kBasic, kBasicAt), in(kFourByte, kFourByteAt)}) {
    if (byte >= 0) return static_cast<std::uint8_t>(byte);
  }
  return 0xFF;
}

}  // namespace sfdp

}  // namespace microvisor::board

// Which parts of an object come from where in its base: long stretches that agree but for a few bytes.
//
// The method is that of bsdiff (Percival, 2003): exact matches from a suffix array of the base, begun anew
// only where that beats going on as before, and then stretched both ways over whatever mostly agrees. Host
// only.
#pragma once

#include <cstdint>
#include <vector>

#include "protocol/bundle/bytes.hpp"

namespace microvisor::protocol::transfer {

struct Piece {
  std::uint32_t object_offset = 0;
  std::uint32_t base_offset = 0;
  std::uint32_t size = 0;
};

/// Pieces in the order of the object, without overlaps; what lies between them is new. Takes time n log n and
/// 5 bytes of memory for each byte of the base.
std::vector<Piece> align(ByteView object, ByteView base);

/// A copy with the operands of branches and the addresses of flash and RAM blanked: code that only has moved
/// looks the same. Aligns better than the image itself.
Bytes without_addresses(ByteView image);

/// Whether a word may be an address: of flash or of RAM, in the memory map of Armv8-M.
constexpr bool may_be_address(std::uint32_t word) {
  return (word >= 0x0800'0000U && word < 0x1000'0000U) || (word >= 0x2000'0000U && word < 0x4000'0000U);
}

}  // namespace microvisor::protocol::transfer

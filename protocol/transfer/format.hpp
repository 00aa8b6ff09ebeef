// The numbers of the transfer format that encoder and decoder share; FORMAT.md says what they mean.
#pragma once

#include <cstdint>

namespace microvisor::protocol::transfer {

inline constexpr std::uint8_t kFormatVersion = 1;
inline constexpr std::uint32_t kSegmentBytes = 16 * 1024;  ///< of the object, but for its last segment
inline constexpr int kWindowBits = 12;                     ///< DEFLATE distances are at most 4 KiB
inline constexpr std::uint32_t kMaximumObjectBytes = 64U << 20;
inline constexpr std::uint32_t kMaximumMapEntries = 32;
/// Of the instructions of one segment, inflated: whoever needs more had better insert all of it.
inline constexpr std::uint32_t kMaximumInstructionBytes = 2 * kSegmentBytes;

/// Bits of the header's options.
inline constexpr std::uint32_t kOptionAbsoluteCalls =
    1;  ///< calls in inserted bytes name their target's offset

/// What to do next; the lowest two bits of an instruction. The others are its number.
enum class Instruction : std::uint8_t {
  Copy = 0,    ///< so many bytes as predicted from the base
  Add = 1,     ///< so many bytes, each the sum of the predicted one and one that follows
  Insert = 2,  ///< so many bytes that follow
  Move = 3,    ///< the position in the base changes by this signed number (zigzag)
};

/// Signed numbers with the sign in the lowest bit, as in protobuf.
constexpr std::uint32_t zigzag(std::int32_t value) {
  return static_cast<std::uint32_t>(value) << 1 ^ (value < 0 ? 0xFFFF'FFFFU : 0U);
}
constexpr std::int32_t unzigzag(std::uint32_t value) {
  return static_cast<std::int32_t>(value >> 1 ^ (0U - (value & 1U)));
}

constexpr std::uint32_t segments_of(std::uint32_t object_bytes) {
  return (object_bytes + kSegmentBytes - 1) / kSegmentBytes;
}

}  // namespace microvisor::protocol::transfer

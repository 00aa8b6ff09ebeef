// PPP in HDLC-like framing (RFC 1662): flag sequences, octet stuffing and the 16-bit frame check sequence.
//
// Frames here are what stands between the flags without the FCS: address and control if present, protocol,
// information.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "board/bus/archive.hpp"

namespace microvisor::board {

inline constexpr std::uint8_t kHdlcFlag = 0x7E;
inline constexpr std::uint8_t kHdlcEscape = 0x7D;
inline constexpr std::uint8_t kHdlcEscapeBit = 0x20;
inline constexpr std::uint16_t kFcsInitial = 0xFFFF;
/// What the FCS register holds after a frame with its FCS has been run through it (RFC 1662 appendix C.2).
inline constexpr std::uint16_t kFcsGood = 0xF0B8;

/// Runs `bytes` through the FCS register.
[[nodiscard]] std::uint16_t fcs16(std::uint16_t fcs, std::span<const std::uint8_t> bytes);

/// Appends `frame` with flags, FCS and stuffing to `out`. `accm` has bit n set if control character n has to
/// be escaped; flag and escape always are.
void hdlc_encode(std::span<const std::uint8_t> frame, std::uint32_t accm, std::vector<std::uint8_t>& out);

/// Takes a byte stream apart. Frames with a wrong FCS, aborted ones and ones beyond the limit are counted and
/// dropped.
class HdlcDecoder {
 public:
  static constexpr std::size_t kMaximumFrame = 1500 + 4 + 2;

  /// One more byte. A view of the frame if this byte ended a good one; it is valid until the next call.
  std::optional<std::span<const std::uint8_t>> push(std::uint8_t byte);
  void reset();
  [[nodiscard]] std::uint32_t dropped() const { return dropped_; }
  void serialise(Archive& archive) { archive(frame_, length_, escaped_, overlong_, complete_, dropped_); }

 private:
  std::optional<std::span<const std::uint8_t>> end_of_frame();

  std::array<std::uint8_t, kMaximumFrame> frame_{};
  std::size_t length_ = 0;
  bool escaped_ = false;
  bool overlong_ = false;
  bool complete_ = false;  // frame_ was handed out by the last call
  std::uint32_t dropped_ = 0;
};

}  // namespace microvisor::board

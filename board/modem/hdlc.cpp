// See hdlc.hpp. The FCS is computed by table, a byte at a time, from the reversed CCITT polynomial 0x8408.
#include "board/modem/hdlc.hpp"

namespace microvisor::board {
namespace {

constexpr std::array<std::uint16_t, 256> make_fcs_table() {
  std::array<std::uint16_t, 256> table{};
  for (unsigned value = 0; value < table.size(); ++value) {
    unsigned remainder = value;
    for (int bit = 0; bit < 8; ++bit) remainder = (remainder >> 1) ^ ((remainder & 1) != 0 ? 0x8408U : 0U);
    table[value] = static_cast<std::uint16_t>(remainder);
  }
  return table;
}

constexpr auto kFcsTable = make_fcs_table();

bool needs_escape(std::uint8_t byte, std::uint32_t accm) {
  return byte == kHdlcFlag || byte == kHdlcEscape || (byte < 0x20 && ((accm >> byte) & 1) != 0);
}

void put(std::uint8_t byte, std::uint32_t accm, std::vector<std::uint8_t>& out) {
  if (needs_escape(byte, accm)) {
    out.push_back(kHdlcEscape);
    byte ^= kHdlcEscapeBit;
  }
  out.push_back(byte);
}

}  // namespace

std::uint16_t fcs16(std::uint16_t fcs, std::span<const std::uint8_t> bytes) {
  for (const std::uint8_t byte : bytes) {
    fcs = static_cast<std::uint16_t>((fcs >> 8) ^ kFcsTable[(fcs ^ byte) & 0xFF]);
  }
  return fcs;
}

void hdlc_encode(std::span<const std::uint8_t> frame, std::uint32_t accm, std::vector<std::uint8_t>& out) {
  const auto fcs = static_cast<std::uint16_t>(~fcs16(kFcsInitial, frame));
  out.push_back(kHdlcFlag);
  for (const std::uint8_t byte : frame) put(byte, accm, out);
  put(static_cast<std::uint8_t>(fcs), accm, out);  // least significant octet first (RFC 1662 section 3.1)
  put(static_cast<std::uint8_t>(fcs >> 8), accm, out);
  out.push_back(kHdlcFlag);
}

std::optional<std::span<const std::uint8_t>> HdlcDecoder::push(std::uint8_t byte) {
  if (complete_) {
    length_ = 0;
    complete_ = false;
  }
  if (byte == kHdlcFlag) return end_of_frame();
  if (byte == kHdlcEscape) {
    escaped_ = true;
    return std::nullopt;
  }
  if (escaped_) byte ^= kHdlcEscapeBit;
  escaped_ = false;
  if (length_ < frame_.size()) {
    frame_[length_++] = byte;
  } else {
    overlong_ = true;
  }
  return std::nullopt;
}

/// A flag ends one frame and may begin the next; an escape right before it aborts the frame (RFC 1662
/// section 4.3).
std::optional<std::span<const std::uint8_t>> HdlcDecoder::end_of_frame() {
  const std::size_t length = length_;
  const bool aborted = escaped_ || overlong_;
  escaped_ = overlong_ = false;
  length_ = 0;
  if (length == 0) return std::nullopt;
  const std::span<const std::uint8_t> whole(frame_.data(), length);
  if (aborted || length < 4 || fcs16(kFcsInitial, whole) != kFcsGood) {
    ++dropped_;
    return std::nullopt;
  }
  complete_ = true;
  return whole.first(length - 2);
}

void HdlcDecoder::reset() {
  length_ = 0;
  escaped_ = overlong_ = complete_ = false;
}

}  // namespace microvisor::board

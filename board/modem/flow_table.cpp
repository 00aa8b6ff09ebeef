// See flow_table.hpp. Headers: RFC 791 (IP), RFC 9293 (TCP), RFC 768 (UDP).
#include "board/modem/flow_table.hpp"

#include <optional>

namespace microvisor::board {
namespace {

constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;
enum TcpFlag : std::uint8_t { kFin = 1, kSyn = 2, kRst = 4 };

std::uint16_t half(std::span<const std::uint8_t> bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

std::uint32_t word(std::span<const std::uint8_t> bytes, std::size_t at) {
  return std::uint32_t{half(bytes, at)} << 16 | half(bytes, at + 2);
}

struct Summary {
  std::uint8_t protocol = 0;
  std::uint32_t source = 0;
  std::uint32_t destination = 0;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  bool carries_data = false;
  std::uint8_t flags = 0;
};

/// Nothing for fragments, other protocols and malformed packets.
std::optional<Summary> summarise(std::span<const std::uint8_t> packet) {
  if (packet.size() < 28 || packet[0] >> 4 != 4) return std::nullopt;
  const std::size_t header = (packet[0] & 0xFU) * 4;
  const std::size_t total = half(packet, 2);
  if (total > packet.size() || header < 20 || header + 8 > total || (half(packet, 6) & 0x1FFF) != 0)
    return std::nullopt;
  Summary summary{packet[9], word(packet, 12), word(packet, 16), half(packet, header),
                  half(packet, header + 2)};
  if (summary.protocol == kUdp) {
    summary.carries_data = true;
    return summary;
  }
  if (summary.protocol != kTcp || header + 20 > total) return std::nullopt;
  const std::size_t offset = (packet[header + 12] >> 4) * 4U;
  summary.flags = packet[header + 13];
  summary.carries_data = header + offset < total;
  return summary;
}

}  // namespace

void FlowTable::from_board(std::span<const std::uint8_t> packet, Clock::time_point now) {
  const auto summary = summarise(packet);
  if (!summary) return;
  const Flow flow{summary->protocol, summary->source_port, summary->destination, summary->destination_port};
  if ((summary->flags & kRst) != 0) {
    unanswered_.erase(flow);
  } else if (summary->carries_data || (summary->flags & kSyn) != 0) {
    unanswered_[flow] = now;
  }
}

void FlowTable::to_board(std::span<const std::uint8_t> packet, Clock::time_point now) {
  const auto summary = summarise(packet);
  if (!summary) return;
  if (!summary->carries_data && (summary->flags & (kSyn | kFin | kRst)) == 0) return;
  if (summary->carries_data) last_data_ = now;
  unanswered_.erase({summary->protocol, summary->destination_port, summary->source, summary->source_port});
}

bool FlowTable::awaiting(Clock::time_point now) const {
  if (last_data_ != Clock::time_point::min() && now - last_data_ < kLinger) return true;
  for (const auto& [flow, asked] : unanswered_) {
    if (now - asked < kPatience) return true;
  }
  return false;
}

}  // namespace microvisor::board

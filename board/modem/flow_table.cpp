// See flow_table.hpp.
#include "board/modem/flow_table.hpp"

#include <optional>

#include "board/modem/packet.hpp"

namespace microvisor::board {
namespace {

struct Summary {
  std::uint8_t protocol = 0;
  std::uint32_t source = 0;
  std::uint32_t destination = 0;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  bool carries_data = false;
  std::uint8_t flags = 0;
};

/// Nothing for fragments, other protocols and damaged packets.
std::optional<Summary> summarise(std::span<const std::uint8_t> bytes) {
  const auto ip = packet::parse_ip(bytes);
  if (!ip) return std::nullopt;
  if (const auto datagram = packet::parse_udp(*ip)) {
    return Summary{
        ip->protocol, ip->source, ip->destination, datagram->source_port, datagram->destination_port, true};
  }
  const auto segment = packet::parse_tcp(*ip);
  if (!segment) return std::nullopt;
  return Summary{
      ip->protocol,           ip->source,    ip->destination, segment->source_port, segment->destination_port,
      !segment->data.empty(), segment->flags};
}

}  // namespace

void FlowTable::from_board(std::span<const std::uint8_t> bytes, Clock::time_point now) {
  const auto summary = summarise(bytes);
  if (!summary) return;
  const Flow flow{summary->protocol, summary->source_port, summary->destination, summary->destination_port};
  if ((summary->flags & packet::kRst) != 0) {
    unanswered_.erase(flow);
  } else if (summary->carries_data || (summary->flags & packet::kSyn) != 0) {
    unanswered_[flow] = now;
  }
}

void FlowTable::to_board(std::span<const std::uint8_t> bytes, Clock::time_point now) {
  const auto summary = summarise(bytes);
  if (!summary) return;
  if (!summary->carries_data && (summary->flags & (packet::kSyn | packet::kFin | packet::kRst)) == 0) return;
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

// See packet.hpp.
#include "board/modem/packet.hpp"

namespace microvisor::board::packet {
namespace {

constexpr std::size_t kIpHeader = 20;
constexpr std::size_t kTcpHeader = 20;
constexpr std::size_t kUdpHeader = 8;
constexpr std::uint8_t kMaximumSegmentOption = 2;

/// One's complement sum (RFC 1071), to be folded.
std::uint32_t sum(View bytes, std::uint32_t start) {
  for (std::size_t at = 0; at + 1 < bytes.size(); at += 2) start += get16(bytes, at);
  if (bytes.size() % 2 != 0) start += static_cast<std::uint32_t>(bytes.back() << 8);
  return start;
}

std::uint16_t fold(std::uint32_t total) {
  while (total >> 16 != 0) total = (total & 0xFFFF) + (total >> 16);
  return static_cast<std::uint16_t>(~total);
}

std::uint32_t pseudo_header(std::uint8_t protocol, std::uint32_t source, std::uint32_t destination,
                            std::size_t length) {
  return (source >> 16) + (source & 0xFFFF) + (destination >> 16) + (destination & 0xFFFF) + protocol +
         static_cast<std::uint32_t>(length);
}

Bytes ip_header(std::uint8_t protocol, std::uint32_t source, std::uint32_t destination, std::size_t payload) {
  Bytes packet{0x45, 0};
  packet.reserve(kIpHeader + payload);
  put16(packet, static_cast<std::uint32_t>(kIpHeader + payload));
  put32(packet, 0x4000);  // no identification; do not fragment
  packet.push_back(64);
  packet.push_back(protocol);
  put16(packet, 0);
  put32(packet, source);
  put32(packet, destination);
  set16(packet, 10, fold(sum(packet, 0)));
  return packet;
}

std::uint16_t maximum_segment(View options) {
  while (options.size() >= 2 && options[0] != 0) {
    if (options[0] == 1) {
      options = options.subspan(1);
      continue;
    }
    if (options[1] < 2 || options[1] > options.size()) return 0;
    if (options[0] == kMaximumSegmentOption && options[1] == 4) return get16(options, 2);
    options = options.subspan(options[1]);
  }
  return 0;
}

}  // namespace

std::optional<Ip> parse_ip(View bytes) {
  if (bytes.size() < kIpHeader || bytes[0] >> 4 != 4) return std::nullopt;
  const std::size_t header = (bytes[0] & 0xFU) * 4;
  const std::size_t total = get16(bytes, 2);
  const bool fragment = (get16(bytes, 6) & 0x3FFF) != 0;
  if (header < kIpHeader || header > total || total > bytes.size() || fragment) return std::nullopt;
  if (fold(sum(bytes.first(header), 0)) != 0) return std::nullopt;
  return Ip{bytes[9], get32(bytes, 12), get32(bytes, 16), bytes.subspan(header, total - header)};
}

std::optional<Tcp> parse_tcp(const Ip& ip) {
  const View bytes = ip.payload;
  if (ip.protocol != kTcp || bytes.size() < kTcpHeader) return std::nullopt;
  const std::size_t header = (bytes[12] >> 4) * 4U;
  if (header < kTcpHeader || header > bytes.size()) return std::nullopt;
  if (fold(sum(bytes, pseudo_header(kTcp, ip.source, ip.destination, bytes.size()))) != 0)
    return std::nullopt;
  return Tcp{get16(bytes, 0),
             get16(bytes, 2),
             get32(bytes, 4),
             get32(bytes, 8),
             bytes[13],
             get16(bytes, 14),
             maximum_segment(bytes.subspan(kTcpHeader, header - kTcpHeader)),
             bytes.subspan(header)};
}

std::optional<Udp> parse_udp(const Ip& ip) {
  const View bytes = ip.payload;
  if (ip.protocol != kUdp || bytes.size() < kUdpHeader) return std::nullopt;
  const std::size_t length = get16(bytes, 4);
  if (length < kUdpHeader || length > bytes.size()) return std::nullopt;
  return Udp{get16(bytes, 0), get16(bytes, 2), bytes.subspan(kUdpHeader, length - kUdpHeader)};
}

Bytes make_tcp(std::uint32_t source, std::uint32_t destination, const Tcp& segment) {
  const std::size_t header = kTcpHeader + (segment.maximum_segment != 0 ? 4 : 0);
  const std::size_t length = header + segment.data.size();
  Bytes packet = ip_header(kTcp, source, destination, length);
  put16(packet, segment.source_port);
  put16(packet, segment.destination_port);
  put32(packet, segment.sequence);
  put32(packet, segment.acknowledgement);
  packet.push_back(static_cast<std::uint8_t>(header / 4 << 4));
  packet.push_back(segment.flags);
  put16(packet, segment.window);
  put32(packet, 0);  // checksum, urgent pointer
  if (segment.maximum_segment != 0) {
    packet.push_back(kMaximumSegmentOption);
    packet.push_back(4);
    put16(packet, segment.maximum_segment);
  }
  packet.insert(packet.end(), segment.data.begin(), segment.data.end());
  const View all = View(packet).subspan(kIpHeader);
  set16(packet, kIpHeader + 16, fold(sum(all, pseudo_header(kTcp, source, destination, length))));
  return packet;
}

Bytes make_udp(std::uint32_t source, std::uint32_t destination, const Udp& datagram) {
  const std::size_t length = kUdpHeader + datagram.data.size();
  Bytes packet = ip_header(kUdp, source, destination, length);
  put16(packet, datagram.source_port);
  put16(packet, datagram.destination_port);
  put16(packet, static_cast<std::uint32_t>(length));
  put16(packet, 0);
  packet.insert(packet.end(), datagram.data.begin(), datagram.data.end());
  const View all = View(packet).subspan(kIpHeader);
  const std::uint16_t checksum = fold(sum(all, pseudo_header(kUdp, source, destination, length)));
  set16(packet, kIpHeader + 6, checksum == 0 ? 0xFFFF : checksum);
  return packet;
}

}  // namespace microvisor::board::packet

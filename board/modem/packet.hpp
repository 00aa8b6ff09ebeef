// IPv4, TCP and UDP headers, as far as the networks behind the modem read and write them (RFC 791, RFC 9293,
// RFC 768).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace microvisor::board::packet {

inline constexpr std::uint8_t kTcp = 6;
inline constexpr std::uint8_t kUdp = 17;
enum TcpFlag : std::uint8_t { kFin = 1, kSyn = 2, kRst = 4, kPush = 8, kAck = 16 };

using View = std::span<const std::uint8_t>;
using Bytes = std::vector<std::uint8_t>;

inline std::uint16_t get16(View bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}
inline std::uint32_t get32(View bytes, std::size_t at) {
  return std::uint32_t{get16(bytes, at)} << 16 | get16(bytes, at + 2);
}
inline void put16(Bytes& out, std::uint32_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}
inline void put32(Bytes& out, std::uint32_t value) {
  put16(out, value >> 16);
  put16(out, value & 0xFFFF);
}
inline void set16(Bytes& bytes, std::size_t at, std::uint32_t value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}

/// An IPv4 packet that is whole and no fragment: its addresses and what it carries.
struct Ip {
  std::uint8_t protocol = 0;
  std::uint32_t source = 0;
  std::uint32_t destination = 0;
  View payload;
};
[[nodiscard]] std::optional<Ip> parse_ip(View packet);

struct Tcp {
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  std::uint8_t flags = 0;
  std::uint16_t window = 0;
  std::uint16_t maximum_segment = 0;  ///< option of a SYN; 0: absent
  View data;
};
/// `ip.payload` as a segment whose checksum is right.
[[nodiscard]] std::optional<Tcp> parse_tcp(const Ip& ip);

struct Udp {
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  View data;
};
[[nodiscard]] std::optional<Udp> parse_udp(const Ip& ip);

/// Whole packets with checksums. `segment.data` and `datagram.data` are the payload; a SYN carries
/// maximum_segment.
[[nodiscard]] Bytes make_tcp(std::uint32_t source, std::uint32_t destination, const Tcp& segment);
[[nodiscard]] Bytes make_udp(std::uint32_t source, std::uint32_t destination, const Udp& datagram);

}  // namespace microvisor::board::packet

// A packet is looked at as a whole before anything in it is changed, and what is changed keeps its checksums
// right by the difference alone (RFC 1624): they stay wrong where they were.
#include "firmware/net/translator.hpp"

#include <algorithm>

namespace microvisor::firmware::net {

namespace {

constexpr std::uint8_t kIcmp = 1, kTcp = 6, kUdp = 17;
/// Times are kept in units of 2^20 microseconds, about a second: a division of 64 bits costs more than it is
/// worth.
constexpr std::uint32_t units(std::uint64_t microseconds) {
  return static_cast<std::uint32_t>(microseconds >> 20);
}
constexpr std::uint32_t of_seconds(std::uint64_t seconds) { return units(seconds * 1'000'000); }

// Silence after which an exchange is over.
constexpr std::uint32_t kOpeningTime = of_seconds(240);       // RFC 5382, REQ-5: transitory connections
constexpr std::uint32_t kEstablishedTime = of_seconds(7440);  // likewise, established ones
constexpr std::uint32_t kUdpTime = of_seconds(300);           // RFC 4787, REQ-5
constexpr std::uint32_t kNameTime = of_seconds(20);           // one answer, then it is over
constexpr std::uint32_t kEchoTime = of_seconds(60);           // RFC 5508, REQ-2
constexpr std::uint16_t kNamePort = 53;
constexpr std::uint8_t kFin = 0x01, kRst = 0x04;
constexpr std::uint8_t kEchoReply = 0, kUnreachable = 3, kEcho = 8, kTimeExceeded = 11;

// Offsets in headers: RFC 791, 9293, 768, 792.
constexpr std::size_t kTotalLength = 2, kFragment = 6, kTimeToLive = 8, kProtocol = 9, kHeaderSum = 10,
                      kSource = 12, kDestination = 16, kShortestHeader = 20;

}  // namespace

/// An IPv4 packet with the header of its protocol.
class Translator::Packet {
 public:
  /// `partial`: the quotation in an ICMP error, of which only the first bytes are there.
  explicit Packet(std::span<std::uint8_t> bytes, bool partial = false) : bytes_(bytes) {
    if (bytes.size() < kShortestHeader || bytes[0] >> 4 != 4) return;
    header_ = std::size_t{bytes[0]} % 16 * 4;
    const std::size_t total = get16(kTotalLength);
    const std::size_t there = partial ? bytes.size() : total;
    if (header_ < kShortestHeader || total < header_ || there > bytes.size()) return;
    if ((get16(kFragment) & 0x3FFF) != 0) return;  // a fragment: its ports are elsewhere
    const std::size_t needs = partial ? 8 : protocol() == kTcp ? 20 : 8;
    valid_ = (protocol() == kTcp || protocol() == kUdp || protocol() == kIcmp) && there >= header_ + needs;
    bytes_ = bytes.first(there);
  }
  [[nodiscard]] bool valid() const { return valid_; }
  [[nodiscard]] std::uint8_t protocol() const { return bytes_[kProtocol]; }
  [[nodiscard]] Ipv4Address source() const { return get32(kSource); }
  [[nodiscard]] Ipv4Address destination() const { return get32(kDestination); }
  [[nodiscard]] std::uint8_t icmp_type() const { return bytes_[header_]; }
  [[nodiscard]] std::uint8_t tcp_flags() const { return bytes_[header_ + 13]; }
  [[nodiscard]] bool is_echo(std::uint8_t type) const { return protocol() == kIcmp && icmp_type() == type; }
  [[nodiscard]] std::uint16_t source_port() const { return get16(source_port_at()); }
  [[nodiscard]] std::uint16_t destination_port() const {
    return get16(protocol() == kIcmp ? header_ + 4 : header_ + 2);
  }
  [[nodiscard]] std::span<std::uint8_t> payload() const { return bytes_.subspan(header_ + 8); }  // of ICMP

  /// False: it must not be passed on any further.
  [[nodiscard]] bool age() {
    if (bytes_[kTimeToLive] <= 1) return false;
    const std::uint16_t old = get16(kTimeToLive);
    put16(kTimeToLive, static_cast<std::uint16_t>(old - 0x100), kHeaderSum);
    return true;
  }
  void set_source(Ipv4Address address, std::uint16_t port) {
    set_address(kSource, address);
    set_port(source_port_at(), port);
  }
  void set_destination(Ipv4Address address, std::uint16_t port) {
    set_address(kDestination, address);
    set_port(protocol() == kIcmp ? header_ + 4 : header_ + 2, port);
  }
  void set_destination_address(Ipv4Address address) { set_address(kDestination, address); }
  /// Of an ICMP message, whose content has been changed in ways that are not followed.
  void renew_icmp_sum() {
    put_plain(header_ + 2, 0);
    std::uint32_t sum = 0;
    for (std::size_t at = header_; at < bytes_.size(); at += 2)
      sum += bytes_[at] << 8 | (at + 1 < bytes_.size() ? bytes_[at + 1] : 0);
    while (sum >> 16 != 0) sum = (sum & 0xFFFF) + (sum >> 16);
    put_plain(header_ + 2, static_cast<std::uint16_t>(~sum));
  }

 private:
  /// A query's identifier stands for both ports.
  [[nodiscard]] std::size_t source_port_at() const { return protocol() == kIcmp ? header_ + 4 : header_; }
  [[nodiscard]] std::uint16_t get16(std::size_t at) const {
    return static_cast<std::uint16_t>(bytes_[at] << 8 | bytes_[at + 1]);
  }
  [[nodiscard]] std::uint32_t get32(std::size_t at) const {
    return static_cast<std::uint32_t>(get16(at)) << 16 | get16(at + 2);
  }
  void put_plain(std::size_t at, std::uint16_t value) {
    bytes_[at] = static_cast<std::uint8_t>(value >> 8);
    bytes_[at + 1] = static_cast<std::uint8_t>(value);
  }
  /// RFC 1624, equation 3.
  void put16(std::size_t at, std::uint16_t value, std::size_t sum_at) {
    std::uint32_t sum =
        static_cast<std::uint16_t>(~get16(sum_at)) + static_cast<std::uint16_t>(~get16(at)) + value;
    while (sum >> 16 != 0) sum = (sum & 0xFFFF) + (sum >> 16);
    const auto result = static_cast<std::uint16_t>(~sum);
    const bool udp = protocol() == kUdp && sum_at != kHeaderSum;
    put_plain(sum_at, udp && result == 0 ? 0xFFFF : result);  // RFC 768: zero would mean that there is none
    put_plain(at, value);
  }
  /// Where the sum over ports and addresses is; 0: there is none.
  [[nodiscard]] std::size_t transport_sum() const {
    const std::size_t at = header_ + (protocol() == kTcp ? 16 : protocol() == kUdp ? 6 : 2);
    const bool there = at + 2 <= bytes_.size() && !(protocol() == kUdp && get16(at) == 0);
    return there ? at : 0;
  }
  void set_address(std::size_t at, Ipv4Address address) {
    for (const std::size_t half : {std::size_t{0}, std::size_t{2}}) {
      const auto value = static_cast<std::uint16_t>(half == 0 ? address >> 16 : address);
      const std::uint16_t old = get16(at + half);
      put16(at + half, value, kHeaderSum);
      if (protocol() == kIcmp || transport_sum() == 0) continue;
      put_plain(at + half, old);
      put16(at + half, value, transport_sum());
    }
  }
  void set_port(std::size_t at, std::uint16_t port) {
    if (const std::size_t sum = transport_sum()) return put16(at, port, sum);
    put_plain(at, port);
  }

  std::span<std::uint8_t> bytes_;
  std::size_t header_ = 0;
  bool valid_ = false;
};

namespace {

bool within(Ipv4Address address, Ipv4Address net, unsigned prefix) {
  return (address ^ net) >> (32 - prefix) == 0;
}

/// Whether an application may speak to this address at all (RFC 6890).
bool is_reachable(Ipv4Address address, std::uint16_t port, const BearerAddresses& bearer) {
  if (within(address, 0x0000'0000, 8) || within(address, 0x7F00'0000, 8) ||
      within(address, 0xA9FE'0000, 16) || within(address, 0xE000'0000, 3) ||
      within(address, Translator::kGateway, Translator::kPrefixLength) || address == bearer.own) {
    return false;
  }
  // The other end of the line is Microvisor's modem or its carrier's; names may be asked of it.
  return address != bearer.peer || port == kNamePort;
}

}  // namespace

std::uint32_t Translator::lifetime(const Entry& entry) {
  switch (entry.exchange.protocol) {
    case kTcp: return entry.state == State::Established ? kEstablishedTime : kOpeningTime;
    case kUdp: return entry.exchange.peer_port == kNamePort ? kNameTime : kUdpTime;
    default: return kEchoTime;
  }
}

unsigned Translator::in_use(std::uint64_t now) const {
  return static_cast<unsigned>(
      std::count_if(entries_.begin(), entries_.end(),
                    [now = units(now)](const Entry& entry) { return !ended(entry, now); }));
}

/// Without a free entry the one that has been silent for longest gives way, but not an established connection
/// to anything else than another one.
Translator::Entry* Translator::find_or_begin(const Exchange& exchange, std::uint32_t now) {
  Entry* best = entries_.data();
  const auto gives_way_before = [now](const Entry& a, const Entry& b) {
    if (ended(a, now) != ended(b, now)) return ended(a, now);
    const bool a_stands = a.state == State::Established, b_stands = b.state == State::Established;
    return a_stands != b_stands ? b_stands : a.heard < b.heard;
  };
  for (Entry& entry : entries_) {
    if (!ended(entry, now) && entry.exchange == exchange) return &entry;
    if (gives_way_before(entry, *best)) best = &entry;
  }
  *best = {State::Opening, exchange, now};
  return best;
}

Translator::Entry* Translator::find(std::uint16_t port, std::uint8_t protocol, Ipv4Address peer,
                                    std::uint16_t peer_port, std::uint32_t now) {
  if (port < kFirstPort || port >= kFirstPort + kEntries) return nullptr;
  Entry& entry = entries_[port - kFirstPort];
  const Exchange sought{protocol, entry.exchange.port, peer, peer_port};
  return !ended(entry, now) && entry.exchange == sought ? &entry : nullptr;
}

void Translator::follow(Entry& entry, const Packet& packet, bool from_peer, std::uint32_t now) {
  entry.heard = now;
  if (packet.protocol() != kTcp) return;
  const bool ends = (packet.tcp_flags() & (kFin | kRst)) != 0;
  if (ends) {
    entry.state = State::Closing;
  } else if (from_peer && entry.state == State::Opening) {
    entry.state = State::Established;
  }
}

bool Translator::send(std::span<std::uint8_t> bytes, const BearerAddresses& bearer, std::uint64_t now) {
  Packet packet(bytes);
  if (!packet.valid() || packet.source() != kApplication || bearer.own == 0) return false;
  const bool echo = packet.is_echo(kEcho);
  if (packet.protocol() == kIcmp && !echo) return false;
  const std::uint16_t peer_port = echo ? 0 : packet.destination_port();
  if (!is_reachable(packet.destination(), peer_port, bearer) || !packet.age()) return false;
  Entry* entry =
      find_or_begin({packet.protocol(), packet.source_port(), packet.destination(), peer_port}, units(now));
  follow(*entry, packet, false, units(now));
  packet.set_source(bearer.own, port_of(*entry));
  return true;
}

bool Translator::receive(std::span<std::uint8_t> bytes, const BearerAddresses& bearer, std::uint64_t now) {
  Packet packet(bytes);
  if (!packet.valid() || packet.destination() != bearer.own) return false;
  if (packet.is_echo(kUnreachable) || packet.is_echo(kTimeExceeded))
    return receive_error(packet, bearer, units(now));
  const bool reply = packet.is_echo(kEchoReply);
  if (packet.protocol() == kIcmp && !reply) return false;
  Entry* entry = find(packet.destination_port(), packet.protocol(), packet.source(),
                      reply ? std::uint16_t{0} : packet.source_port(), units(now));
  if (entry == nullptr || !packet.age()) return false;
  follow(*entry, packet, true, units(now));
  packet.set_destination(kApplication, entry->exchange.port);
  return true;
}

/// An error quotes the packet that it is about: that is the application's if it was sent for an entry.
bool Translator::receive_error(Packet& packet, const BearerAddresses& bearer, std::uint32_t now) {
  Packet quoted(packet.payload(), true);
  if (!quoted.valid() || quoted.source() != bearer.own) return false;
  const bool echo = quoted.is_echo(kEcho);
  if (quoted.protocol() == kIcmp && !echo) return false;
  const Entry* entry = find(quoted.source_port(), quoted.protocol(), quoted.destination(),
                            echo ? std::uint16_t{0} : quoted.destination_port(), now);
  if (entry == nullptr || !packet.age()) return false;
  quoted.set_source(kApplication, entry->exchange.port);
  packet.set_destination_address(kApplication);
  packet.renew_icmp_sum();
  return true;
}

}  // namespace microvisor::firmware::net

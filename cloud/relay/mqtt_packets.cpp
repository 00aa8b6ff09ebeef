// Reading goes through one cursor, which once it has run over the end stays there: each parser looks at the
// end whether all was well.
#include "cloud/relay/mqtt_packets.hpp"

#include <algorithm>

namespace microvisor::cloud::mqtt {
namespace {

constexpr std::size_t kLongestText = 65535;
constexpr unsigned kQosShift = 1;
constexpr std::uint8_t kRetainFlag = 1;
constexpr std::uint8_t kAgainFlag = 8;

/// Property identifiers, 2.2.2.2.
enum Property : std::uint32_t {
  kPayloadFormat = 1,
  kMessageExpiry = 2,
  kContentType = 3,
  kResponseTopic = 8,
  kCorrelationData = 9,
  kSubscriptionIdentifier = 11,
  kSessionExpiry = 17,
  kAssignedClient = 18,
  kServerKeepAlive = 19,
  kAuthenticationMethod = 21,
  kAuthenticationData = 22,
  kResponseInformation = 26,
  kServerReference = 28,
  kReasonString = 31,
  kReceiveMaximum = 33,
  kTopicAliasMaximum = 34,
  kTopicAlias = 35,
  kMaximumQos = 36,
  kRetainAvailable = 37,
  kUserProperty = 38,
  kMaximumPacket = 39,
  kWildcardAvailable = 40,
  kIdentifiersAvailable = 41,
  kSharedAvailable = 42,
};

// --- Writing
// -------------------------------------------------------------------------------------------------

void put_byte(std::string& out, unsigned value) { out.push_back(static_cast<char>(value)); }

void put_16(std::string& out, unsigned value) {
  put_byte(out, value >> 8U);
  put_byte(out, value & 0xFFU);
}

void put_32(std::string& out, std::uint32_t value) {
  put_16(out, value >> 16U);
  put_16(out, value & 0xFFFFU);
}

/// 1.5.5.
void put_variable(std::string& out, std::size_t value) {
  do {
    const auto low = static_cast<unsigned>(value & 0x7FU);
    value >>= 7U;
    put_byte(out, value > 0 ? low | 0x80U : low);
  } while (value > 0);
}

void put_text(std::string& out, std::string_view text) {
  put_16(out, static_cast<unsigned>(text.size()));
  out += text;
}

std::string framed(PacketType type, unsigned flags, const std::string& body) {
  std::string packet;
  put_byte(packet, static_cast<unsigned>(type) << 4U | flags);
  put_variable(packet, body.size());
  return packet + body;
}

void put_no_properties(std::string& out, Version version) {
  if (version == Version::V5) put_byte(out, 0);
}

unsigned connect_flags(const Connect& connect) {
  unsigned flags = connect.clean_start ? 2U : 0U;
  if (connect.will)
    flags |= 4U | static_cast<unsigned>(connect.will->qos) << 3U | (connect.will->retain ? 0x20U : 0U);
  return flags | (connect.password ? 0x40U : 0U) | (connect.user_name ? 0x80U : 0U);
}

void put_connect_properties(std::string& out, const Connect& connect) {
  std::string properties;
  if (connect.session_expiry_seconds > 0) {
    put_byte(properties, kSessionExpiry);
    put_32(properties, connect.session_expiry_seconds);
  }
  put_byte(properties, kReceiveMaximum);
  put_16(properties, connect.receive_maximum);
  put_variable(out, properties.size());
  out += properties;
}

// --- Reading
// -------------------------------------------------------------------------------------------------

class Cursor {
 public:
  explicit Cursor(protocol::ByteView bytes) : rest_(bytes) {}

  std::uint32_t number(std::size_t bytes) {
    std::uint32_t value = 0;
    for (const std::uint8_t byte : take(bytes)) value = value << 8U | byte;
    return value;
  }
  std::uint32_t variable() {
    std::uint32_t value = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
      const std::uint32_t byte = number(1);
      value |= (byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) return value;
    }
    good_ = false;
    return 0;
  }
  protocol::ByteView take(std::size_t count) {
    if (count > rest_.size()) {
      good_ = false;
      rest_ = {};
      return {};
    }
    const protocol::ByteView taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  protocol::ByteView block() { return take(number(2)); }
  protocol::ByteView rest() { return take(rest_.size()); }
  void fail() { good_ = false; }
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
  protocol::ByteView rest_;
  bool good_ = true;
};

std::string text_of(protocol::ByteView bytes) { return {bytes.begin(), bytes.end()}; }

/// A property that says nothing to us is passed over; one that is none ends the reading.
void skip_property(Cursor& cursor, std::uint32_t property) {
  switch (property) {
    case kPayloadFormat:
    case kWildcardAvailable:
    case kIdentifiersAvailable:
    case kSharedAvailable: cursor.take(1); return;
    case kTopicAliasMaximum: cursor.take(2); return;
    case kMessageExpiry:
    case kSessionExpiry: cursor.take(4); return;
    case kSubscriptionIdentifier: cursor.variable(); return;
    case kContentType:
    case kResponseTopic:
    case kCorrelationData:
    case kAssignedClient:
    case kAuthenticationMethod:
    case kAuthenticationData:
    case kResponseInformation:
    case kServerReference:
    case kReasonString: cursor.block(); return;
    case kUserProperty:
      cursor.block();
      cursor.block();
      return;
    default: cursor.fail();  // also an alias of a topic, which we have not allowed
  }
}

void read_properties(Cursor& cursor, Packet& packet) {
  Cursor properties(cursor.take(cursor.variable()));
  while (properties.good() && !properties.empty()) {
    const std::uint32_t property = properties.variable();
    switch (property) {
      case kServerKeepAlive:
        packet.keep_alive_seconds = static_cast<std::uint16_t>(properties.number(2));
        break;
      case kReceiveMaximum:
        packet.receive_maximum = static_cast<std::uint16_t>(properties.number(2));
        if (packet.receive_maximum == 0) properties.fail();
        break;
      case kMaximumQos: packet.maximum_qos = static_cast<std::uint8_t>(properties.number(1)); break;
      case kRetainAvailable: packet.retain_available = properties.number(1) != 0; break;
      case kMaximumPacket:
        packet.maximum_packet = properties.number(4);
        if (packet.maximum_packet == 0) properties.fail();
        break;
      default: skip_property(properties, property);
    }
  }
  if (!properties.good()) cursor.fail();
}

void read_connect_answer(Cursor& cursor, Version version, Packet& packet) {
  const std::uint32_t flags = cursor.number(1);
  if (flags > 1) cursor.fail();
  packet.session_present = flags == 1;
  packet.codes = {static_cast<std::uint8_t>(cursor.number(1))};
  if (version == Version::V5) read_properties(cursor, packet);
}

/// The packet may be cut behind its topic and identifier.
void read_publish(Cursor& cursor, Version version, unsigned flags, Packet& packet) {
  packet.publication.qos = static_cast<std::uint8_t>(flags >> kQosShift & 3U);
  packet.publication.retain = (flags & kRetainFlag) != 0;
  packet.again = (flags & kAgainFlag) != 0;
  packet.publication.topic = text_of(cursor.block());
  if (packet.publication.qos > 2 || !is_topic(packet.publication.topic)) cursor.fail();
  if (packet.publication.qos > 0) {
    packet.id = static_cast<std::uint16_t>(cursor.number(2));
    if (packet.id == 0) cursor.fail();
  }
  if (version == Version::V5) read_properties(cursor, packet);
  packet.publication.payload = text_of(cursor.rest());
}

/// PUBACK, PUBREC, PUBREL, PUBCOMP: without a code it is success (3.4.2.1).
void read_answer(Cursor& cursor, Version version, Packet& packet) {
  packet.id = static_cast<std::uint16_t>(cursor.number(2));
  if (packet.id == 0) cursor.fail();
  packet.codes = {reason::kSuccess};
  if (version != Version::V5 || cursor.empty()) return;
  packet.codes = {static_cast<std::uint8_t>(cursor.number(1))};
  if (!cursor.empty()) read_properties(cursor, packet);
}

void read_codes(Cursor& cursor, Version version, Packet& packet) {
  packet.id = static_cast<std::uint16_t>(cursor.number(2));
  if (packet.id == 0) cursor.fail();
  if (version == Version::V5) read_properties(cursor, packet);
  const protocol::ByteView codes = cursor.rest();
  packet.codes.assign(codes.begin(), codes.end());
}

void read_disconnect(Cursor& cursor, Version version, Packet& packet) {
  packet.codes = {reason::kSuccess};
  if (version != Version::V5) return cursor.fail();  // of 3.1.1 only a client sends it
  if (cursor.empty()) return;
  packet.codes = {static_cast<std::uint8_t>(cursor.number(1))};
  if (!cursor.empty()) read_properties(cursor, packet);
}

/// Length of the UTF-8 character at the front of `text` (RFC 3629); 0: there is none.
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned first = byte(0);
  if (first < 0x80) return first == 0 ? 0 : 1;
  const std::size_t length = first >= 0xC2 && first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
  if (first < 0xC2 || length == 0 || text.size() < length) return 0;
  for (std::size_t at = 1; at < length; ++at) {
    if ((byte(at) & 0xC0U) != 0x80) return 0;
  }
  const bool too_long = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
  const bool no_character = (first == 0xED && byte(1) > 0x9F) || (first == 0xF4 && byte(1) > 0x8F);
  return too_long || no_character ? 0 : length;
}

}  // namespace

std::string write_connect(const Connect& connect) {
  std::string body;
  put_text(body, "MQTT");
  put_byte(body, static_cast<unsigned>(connect.version));
  put_byte(body, connect_flags(connect));
  put_16(body, connect.keep_alive_seconds);
  if (connect.version == Version::V5) put_connect_properties(body, connect);
  put_text(body, connect.client_id);
  if (connect.will) {
    put_no_properties(body, connect.version);
    put_text(body, connect.will->topic);
    put_text(body, connect.will->payload);
  }
  if (connect.user_name) put_text(body, *connect.user_name);
  if (connect.password) put_text(body, *connect.password);
  return framed(PacketType::Connect, 0, body);
}

std::string write_publish(Version version, const Publication& publication, std::uint16_t id, bool again) {
  std::string body;
  put_text(body, publication.topic);
  if (publication.qos > 0) put_16(body, id);
  put_no_properties(body, version);
  body += publication.payload;
  const unsigned flags = (again ? kAgainFlag : 0U) | static_cast<unsigned>(publication.qos) << kQosShift |
                         (publication.retain ? kRetainFlag : 0U);
  return framed(PacketType::Publish, flags, body);
}

std::string write_answer(PacketType type, std::uint16_t id) {
  std::string body;
  put_16(body, id);
  return framed(type, type == PacketType::PublishRelease ? 2 : 0, body);
}

std::string write_subscribe(Version version, std::uint16_t id, const std::vector<Subscription>& topics) {
  std::string body;
  put_16(body, id);
  put_no_properties(body, version);
  for (const Subscription& subscription : topics) {
    put_text(body, subscription.topic);
    put_byte(body, subscription.options);
  }
  return framed(PacketType::Subscribe, 2, body);
}

std::string write_unsubscribe(Version version, std::uint16_t id, const std::vector<std::string>& topics) {
  std::string body;
  put_16(body, id);
  put_no_properties(body, version);
  for (const std::string& topic : topics) put_text(body, topic);
  return framed(PacketType::Unsubscribe, 2, body);
}

std::string write_ping() { return framed(PacketType::PingRequest, 0, ""); }

std::string write_disconnect(Version version, std::uint8_t code) {
  std::string body;
  if (version == Version::V5 && code != reason::kSuccess) put_byte(body, code);
  return framed(PacketType::Disconnect, 0, body);
}

bool is_text(std::string_view text) {
  if (text.size() > kLongestText) return false;
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool is_topic(std::string_view topic) {
  return !topic.empty() && topic.find_first_of("+#") == std::string_view::npos && is_text(topic);
}

/// A wildcard stands alone in its level, and # in the last one.
bool is_topic_filter(std::string_view filter) {
  if (filter.empty() || !is_text(filter)) return false;
  for (std::size_t at = 0; at < filter.size(); ++at) {
    if (filter[at] != '+' && filter[at] != '#') continue;
    const bool last = at + 1 == filter.size();
    if (at > 0 && filter[at - 1] != '/') return false;
    if (!last && (filter[at] == '#' || filter[at + 1] != '/')) return false;
  }
  return true;
}

/// One byte of kind and flags, one to four of length. False: it has not come as a whole, or is none.
bool PacketReader::take_header(protocol::ByteView& bytes) {
  while (!bytes.empty()) {
    const std::uint8_t byte = bytes.front();
    bytes = bytes.subspan(1);
    header_.push_back(byte);
    if (header_.size() == 1) continue;
    length_ |= static_cast<std::size_t>(byte & 0x7FU) << 7U * (header_.size() - 2);
    if ((byte & 0x80U) == 0) return true;
    if (header_.size() == 5) {
      malformed_ = true;
      return false;
    }
  }
  return false;
}

PacketReader::Status PacketReader::next(protocol::ByteView& bytes, Packet& packet) {
  if (!malformed_ && !in_body_) in_body_ = take_header(bytes);
  if (malformed_) return Status::Malformed;
  if (!in_body_) return Status::NeedMore;
  const std::size_t here = std::min(bytes.size(), length_ - passed_);
  const auto kept = static_cast<std::ptrdiff_t>(std::min(here, keep_ - std::min(keep_, body_.size())));
  body_.insert(body_.end(), bytes.begin(), bytes.begin() + kept);
  bytes = bytes.subspan(here);
  passed_ += here;
  if (passed_ < length_) return Status::NeedMore;
  packet = Packet();
  malformed_ = !parse(packet);
  header_.clear();
  body_.clear();
  in_body_ = false;
  length_ = passed_ = 0;
  return malformed_ ? Status::Malformed : Status::Packet;
}

bool PacketReader::parse(Packet& packet) const {
  Cursor cursor(body_);
  packet.type = static_cast<PacketType>(header_[0] >> 4U);
  const unsigned flags = header_[0] & 0xFU;
  const std::size_t cut = length_ - body_.size();
  if (packet.type == PacketType::Publish) {
    read_publish(cursor, version_, flags, packet);
    if (cut > 0) {
      packet.cut_length = packet.publication.payload.size() + cut;
      packet.publication.payload.clear();
    }
    return cursor.good();
  }
  const unsigned expected_flags = packet.type == PacketType::PublishRelease ? 2 : 0;
  if (cut > 0 || flags != expected_flags) return false;
  switch (packet.type) {
    case PacketType::ConnectAnswer: read_connect_answer(cursor, version_, packet); break;
    case PacketType::PublishAnswer:
    case PacketType::PublishReceived:
    case PacketType::PublishRelease:
    case PacketType::PublishComplete: read_answer(cursor, version_, packet); break;
    case PacketType::SubscribeAnswer: read_codes(cursor, version_, packet); break;
    case PacketType::UnsubscribeAnswer: read_codes(cursor, version_, packet); break;
    case PacketType::PingResponse: break;
    case PacketType::Disconnect: read_disconnect(cursor, version_, packet); break;
    default: return false;
  }
  return cursor.good() && cursor.empty();
}

}  // namespace microvisor::cloud::mqtt

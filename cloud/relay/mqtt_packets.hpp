// MQTT as a client speaks it, versions 3.1.1 and 5 (OASIS): packets written, and packets of a broker's read.
//
// A broker is not believed. Nothing of it is kept beyond a limit that the reader has, of whatever length a
// packet says it is; a publication that is longer is told by its topic and length. Numbers in comments are
// sections of the standard of version 5. Values without state, but for the reader; on any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/bundle/bytes.hpp"

namespace microvisor::cloud::mqtt {

enum class Version : std::uint8_t { V3_1_1 = 4, V5 = 5 };

/// Table 2-1.
enum class PacketType : std::uint8_t {
  Connect = 1,
  ConnectAnswer = 2,
  Publish = 3,
  PublishAnswer = 4,    // PUBACK
  PublishReceived = 5,  // PUBREC
  PublishRelease = 6,   // PUBREL
  PublishComplete = 7,  // PUBCOMP
  Subscribe = 8,
  SubscribeAnswer = 9,
  Unsubscribe = 10,
  UnsubscribeAnswer = 11,
  PingRequest = 12,
  PingResponse = 13,
  Disconnect = 14,
};

/// Reason codes of version 5 that this side itself comes to (2.4).
namespace reason {
inline constexpr std::uint8_t kSuccess = 0;
inline constexpr std::uint8_t kFailure = 0x80;  ///< from here on it is one
inline constexpr std::uint8_t kMalformed = 0x81;
inline constexpr std::uint8_t kProtocolError = 0x82;
inline constexpr std::uint8_t kKeepAliveTimeout = 0x8D;
inline constexpr std::uint8_t kReceiveMaximumExceeded = 0x93;
inline constexpr std::uint8_t kTooLarge = 0x95;
inline constexpr std::uint8_t kQuotaExceeded = 0x97;
inline constexpr std::uint8_t kRetainNotSupported = 0x9A;
inline constexpr std::uint8_t kQosNotSupported = 0x9B;
}  // namespace reason

struct Will {
  std::string topic;
  std::string payload;
  std::uint8_t qos = 0;
  bool retain = false;
};

struct Connect {
  Version version = Version::V3_1_1;
  std::string client_id;
  std::uint16_t keep_alive_seconds = 0;
  bool clean_start = true;
  std::uint32_t session_expiry_seconds = 0;  ///< version 5
  std::uint16_t receive_maximum = 65535;     ///< version 5: publications of QoS 1 and 2 on their way to us
  std::optional<std::string> user_name;
  std::optional<std::string> password;
  std::optional<Will> will;
};

struct Subscription {
  std::string topic;
  std::uint8_t options = 0;  ///< 3.8.3.1; of version 3.1.1 the QoS alone
};

struct Publication {
  std::string topic;
  std::string payload;
  std::uint8_t qos = 0;
  bool retain = false;
};

std::string write_connect(const Connect& connect);
std::string write_publish(Version version, const Publication& publication, std::uint16_t id, bool again);
/// PUBACK, PUBREC, PUBREL or PUBCOMP without a failure.
std::string write_answer(PacketType type, std::uint16_t id);
std::string write_subscribe(Version version, std::uint16_t id, const std::vector<Subscription>& topics);
std::string write_unsubscribe(Version version, std::uint16_t id, const std::vector<std::string>& topics);
std::string write_ping();
std::string write_disconnect(Version version, std::uint8_t code);

/// Whether a topic may be published to (4.7.1), or a filter subscribed to; UTF-8 of at most 65,535 bytes.
bool is_topic(std::string_view topic);
bool is_topic_filter(std::string_view filter);
/// 1.5.4, without the zero character.
bool is_text(std::string_view text);

/// What a broker has sent.
struct Packet {
  PacketType type{};
  bool session_present = false;     // ConnectAnswer
  std::uint16_t id = 0;             // of the exchange that it belongs to
  std::vector<std::uint8_t> codes;  // at least one, but for Publish and PingResponse
  // ConnectAnswer, version 5
  std::uint16_t receive_maximum = 65535;
  std::uint8_t maximum_qos = 2;
  bool retain_available = true;
  std::uint32_t maximum_packet = UINT32_MAX;
  std::optional<std::uint16_t> keep_alive_seconds;
  // Publish
  Publication publication{};
  bool again = false;
  std::optional<std::size_t> cut_length;  ///< of the payload, which was too long to be kept
};

/// Finds packets in what has come from a broker, however it is cut.
class PacketReader {
 public:
  enum class Status : std::uint8_t { Packet, NeedMore, Malformed };

  /// `keep`: of one packet, bytes.
  PacketReader(Version version, std::size_t keep) : version_(version), keep_(keep) {}
  /// Takes from the front of `bytes` what belongs to the next packet. After Malformed there is nothing more
  /// to be had.
  Status next(protocol::ByteView& bytes, Packet& packet);

 private:
  bool take_header(protocol::ByteView& bytes);
  [[nodiscard]] bool parse(Packet& packet) const;

  Version version_;
  std::size_t keep_;
  protocol::Bytes header_;
  bool in_body_ = false;
  std::size_t length_ = 0;  // of the body
  std::size_t passed_ = 0;  // bytes of it that have come
  protocol::Bytes body_;    // its beginning
  bool malformed_ = false;
};

}  // namespace microvisor::cloud::mqtt

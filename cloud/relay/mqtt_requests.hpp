// What an application asks of its MQTT channel (protocol/channel.proto), as what an MQTT client does.
//
// A device's words are as little believed as a broker's: whatever passes here can be written as MQTT. Values
// and functions without state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "cloud/relay/mqtt_packets.hpp"
#include "protocol/channel.pb.h"

namespace microvisor::cloud::mqtt {

/// The numbers are those of MvMqttRequestState (abi/interface.toml).
enum class RequestState : std::uint8_t {
  Completed = 0,
  InvalidParameters = 1,
  AlreadyConnected = 2,
  NotConnected = 3,
  NameUnknown = 4,
  UnknownAuthority = 5,
  CertificateExpired = 6,
  SocketError = 7,
  CircuitBreaker = 8,
};

struct TlsParameters {
  std::vector<std::string> authorities;   ///< DER; none: the system's and the operator's
  std::vector<std::string> certificates;  ///< DER, the client's own first
  std::string private_key;                ///< PKCS #8, DER
};

struct BrokerAddress {
  std::string host;
  std::uint16_t port = 0;
  std::optional<TlsParameters> tls;
};

struct ConnectRequest {
  BrokerAddress address;
  Connect connect;
  std::vector<std::uint32_t> delivered;
};

struct SubscribeRequest {
  std::uint32_t correlation_id = 0;
  std::vector<Subscription> topics;
};

struct UnsubscribeRequest {
  std::uint32_t correlation_id = 0;
  std::vector<std::string> topics;
};

struct PublishRequest {
  std::uint32_t correlation_id = 0;
  Publication publication;
};

inline constexpr int kMaximumTopics = 8;
inline constexpr int kMaximumCertificates = 8;

// Empty: it is not what its sender says, or cannot be performed.
std::optional<ConnectRequest> read_request(const channel::MqttConnect& message);
std::optional<SubscribeRequest> read_request(const channel::MqttSubscribe& message, Version version);
std::optional<UnsubscribeRequest> read_request(const channel::MqttUnsubscribe& message);
std::optional<PublishRequest> read_request(const channel::MqttMessage& message);

}  // namespace microvisor::cloud::mqtt

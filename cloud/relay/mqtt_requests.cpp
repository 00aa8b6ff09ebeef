// Everything that has a limit in MQTT is compared with it.
#include "cloud/relay/mqtt_requests.hpp"

#include <algorithm>

namespace microvisor::cloud::mqtt {
namespace {

constexpr std::uint32_t kLastVersion = 1;
constexpr std::uint32_t kHighestQos = 2;
constexpr std::uint32_t kNamePassword = 1;
constexpr std::size_t kLongestHost = 253;  // RFC 1035 section 2.3.4, as text
constexpr std::size_t kLongestBinary = 65535;
constexpr std::uint32_t kLongestKeepAlive = 65535;

bool is_host(const std::string& host) {
  return !host.empty() && host.size() <= kLongestHost &&
         std::all_of(host.begin(), host.end(), [](unsigned char c) { return c > ' ' && c < 0x7F; });
}

std::optional<TlsParameters> read_tls(const channel::MqttConnect& message) {
  if (message.authorities_size() > kMaximumCertificates || message.certificates_size() > kMaximumCertificates)
    return std::nullopt;
  if ((message.certificates_size() > 0) != !message.private_key().empty()) return std::nullopt;
  TlsParameters tls;
  tls.authorities.assign(message.authorities().begin(), message.authorities().end());
  tls.certificates.assign(message.certificates().begin(), message.certificates().end());
  tls.private_key = message.private_key();
  return tls;
}

std::optional<Will> read_will(const channel::MqttConnect& message) {
  if (message.will_qos() > kHighestQos || !is_topic(message.will_topic()) ||
      message.will_payload().size() > kLongestBinary)
    return std::nullopt;
  return Will{message.will_topic(), message.will_payload(), static_cast<std::uint8_t>(message.will_qos()),
              message.will_retain() != 0};
}

bool read_identity(const channel::MqttConnect& message, Connect& connect) {
  if (message.client_id().empty() || !is_text(message.client_id())) return false;
  connect.client_id = message.client_id();
  if (message.authentication() == 0) return true;
  if (message.authentication() != kNamePassword || !is_text(message.user_name()) ||
      message.password().size() > kLongestBinary)
    return false;
  connect.user_name = message.user_name();
  connect.password = message.password();
  return true;
}

}  // namespace

std::optional<ConnectRequest> read_request(const channel::MqttConnect& message) {
  ConnectRequest request;
  if (message.protocol_version() > kLastVersion || message.keep_alive_seconds() > kLongestKeepAlive ||
      !is_host(message.host()) || message.port() == 0 || message.port() > UINT16_MAX)
    return std::nullopt;
  request.address.host = message.host();
  request.address.port = static_cast<std::uint16_t>(message.port());
  if (message.tls() != 0) {
    request.address.tls = read_tls(message);
    if (!request.address.tls) return std::nullopt;
  }
  request.connect.version = message.protocol_version() == 0 ? Version::V3_1_1 : Version::V5;
  request.connect.keep_alive_seconds = static_cast<std::uint16_t>(message.keep_alive_seconds());
  request.connect.clean_start = message.clean_start() != 0;
  if (!read_identity(message, request.connect)) return std::nullopt;
  if (message.will() != 0) {
    request.connect.will = read_will(message);
    if (!request.connect.will) return std::nullopt;
  }
  request.delivered.assign(message.delivered().begin(), message.delivered().end());
  return request;
}

std::optional<SubscribeRequest> read_request(const channel::MqttSubscribe& message, Version version) {
  if (message.subscriptions_size() == 0 || message.subscriptions_size() > kMaximumTopics) return std::nullopt;
  SubscribeRequest request;
  request.correlation_id = message.correlation_id();
  for (const channel::MqttSubscription& wanted : message.subscriptions()) {
    if (!is_topic_filter(wanted.topic()) || wanted.qos() > kHighestQos || wanted.no_local() > 1 ||
        wanted.retain_as_published() > 1 || wanted.retain_handling() > 2)
      return std::nullopt;
    std::uint32_t options = wanted.qos();
    if (version == Version::V5)
      options |=
          wanted.no_local() << 2U | wanted.retain_as_published() << 3U | wanted.retain_handling() << 4U;
    request.topics.push_back({wanted.topic(), static_cast<std::uint8_t>(options)});
  }
  return request;
}

std::optional<UnsubscribeRequest> read_request(const channel::MqttUnsubscribe& message) {
  if (message.topics_size() == 0 || message.topics_size() > kMaximumTopics) return std::nullopt;
  UnsubscribeRequest request;
  request.correlation_id = message.correlation_id();
  for (const std::string& topic : message.topics()) {
    if (!is_topic_filter(topic)) return std::nullopt;
    request.topics.push_back(topic);
  }
  return request;
}

std::optional<PublishRequest> read_request(const channel::MqttMessage& message) {
  if (message.qos() > kHighestQos || !is_topic(message.topic())) return std::nullopt;
  return PublishRequest{
      message.correlation_id(),
      {message.topic(), message.payload(), static_cast<std::uint8_t>(message.qos()), message.retain() != 0}};
}

}  // namespace microvisor::cloud::mqtt

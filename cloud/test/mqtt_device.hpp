// An MQTT channel as the kernel of a device has it: messages by hand, taken as fast as a test wants.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <string>

#include "cloud/channels/channel.hpp"
#include "cloud/relay/mqtt_requests.hpp"

namespace microvisor::cloud::test {

class MqttDevice {
 public:
  struct Item {
    channel::Kind kind;
    std::string bytes;
  };

  explicit MqttDevice(const ChannelService& service, std::size_t receive_buffer = 7168,
                      const std::string& device_sid = "UV1")
      : channel_(ChannelOwner{"AC1", device_sid}, receive_buffer, [] {}) {
    channel_.serve(service(channel_));
  }

  void send(channel::Kind kind, const google::protobuf::MessageLite& message) {
    send_bytes(kind, message.SerializeAsString());
  }
  void send_bytes(channel::Kind kind, const std::string& message) {
    const auto header = static_cast<std::uint32_t>(message.size()) | static_cast<std::uint32_t>(kind) << 24U;
    std::string bytes;
    for (unsigned shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(header >> shift));
    channel_.from_device(protocol::as_bytes(bytes + message));
  }
  void send(channel::Kind kind) { send_bytes(kind, ""); }

  static channel::MqttConnect connect_message(unsigned version, const std::string& client_id,
                                              bool clean_start) {
    channel::MqttConnect message;
    message.set_protocol_version(version);
    message.set_host("broker.test");
    message.set_port(1883);
    message.set_keep_alive_seconds(60);
    message.set_client_id(client_id);
    message.set_clean_start(clean_start ? 1 : 0);
    return message;
  }
  void subscribe(std::uint32_t correlation_id, const std::vector<std::pair<std::string, unsigned>>& topics) {
    channel::MqttSubscribe message;
    message.set_correlation_id(correlation_id);
    for (const auto& [topic, qos] : topics) {
      message.add_subscriptions()->set_topic(topic);
      message.mutable_subscriptions(message.subscriptions_size() - 1)->set_qos(qos);
    }
    send(channel::KIND_MQTT_SUBSCRIBE, message);
  }
  void unsubscribe(std::uint32_t correlation_id, const std::vector<std::string>& topics) {
    channel::MqttUnsubscribe message;
    message.set_correlation_id(correlation_id);
    for (const std::string& topic : topics) message.add_topics(topic);
    send(channel::KIND_MQTT_UNSUBSCRIBE, message);
  }
  void publish(std::uint32_t correlation_id, const std::string& topic, const std::string& payload,
               unsigned qos, bool retain = false) {
    channel::MqttMessage message;
    message.set_correlation_id(correlation_id);
    message.set_topic(topic);
    message.set_payload(payload);
    message.set_qos(qos);
    message.set_retain(retain ? 1 : 0);
    send(channel::KIND_MQTT_PUBLISH, message);
  }
  void acknowledge(std::uint32_t correlation_id) {
    channel::MqttAcknowledge message;
    message.set_correlation_id(correlation_id);
    send(channel::KIND_MQTT_ACKNOWLEDGE, message);
  }

  /// What the service has sent arrives, if the device takes it.
  void take(std::size_t at_most = SIZE_MAX) {
    const protocol::Bytes bytes = channel_.take_for_device(at_most);
    arrived_.append(bytes.begin(), bytes.end());
    while (arrived_.size() >= Channel::kHeader) {
      std::uint32_t header = 0;
      for (unsigned i = 0; i < 4; ++i)
        header |= static_cast<std::uint32_t>(static_cast<unsigned char>(arrived_[i])) << 8U * i;
      const std::size_t length = header & 0xFF'FFFFU;
      if (arrived_.size() < Channel::kHeader + length) return;
      items.push_back({static_cast<channel::Kind>(header >> 24U), arrived_.substr(Channel::kHeader, length)});
      arrived_.erase(0, Channel::kHeader + length);
    }
  }
  [[nodiscard]] const std::optional<link::StreamError>& closed() const { return channel_.closed(); }
  [[nodiscard]] std::size_t queued() const { return channel_.queued(); }

  /// The first item of this kind, taken out.
  std::optional<Item> next(channel::Kind kind) {
    const auto found =
        std::find_if(items.begin(), items.end(), [kind](const Item& item) { return item.kind == kind; });
    if (found == items.end()) return std::nullopt;
    const Item item = *found;
    items.erase(found);
    return item;
  }
  [[nodiscard]] bool has(channel::Kind kind) const {
    return std::any_of(items.begin(), items.end(), [kind](const Item& item) { return item.kind == kind; });
  }

  std::deque<Item> items;
  bool takes = true;

 private:
  Channel channel_;
  std::string arrived_;
};

}  // namespace microvisor::cloud::test

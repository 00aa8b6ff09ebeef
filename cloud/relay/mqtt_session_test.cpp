// The relay of MQTT from end to end: a device's session over TLS, the running cloud, mosquitto, and what the
// metrics show.
#include <gtest/gtest.h>

#include "cloud/channels/channel.hpp"
#include "cloud/test/device_client.hpp"
#include "cloud/test/mosquitto_broker.hpp"
#include "cloud/test/running_server.hpp"

namespace microvisor::cloud {
namespace {

using test::DeviceClient;

struct MqttSessionTest : testing::Test {
  test::MosquittoBroker broker;
  std::uint16_t port = start_broker();
  test::RunningServer running{RelayOptions{{"broker.test:1883:127.0.0.1:" + std::to_string(port)}, ""}};
  test::HttpClient client = running.client();
  test::DeviceIdentity identity = test::provision(client);
  std::string arrived;

  std::uint16_t start_broker() {
    const std::uint16_t chosen = broker.listener("allow_anonymous true\n");
    broker.start();
    return chosen;
  }
  static link::Frame on_stream(std::uint32_t stream) {
    link::Frame frame;
    frame.set_stream(stream);
    return frame;
  }
  static void open(DeviceClient& device, std::uint32_t stream) {
    link::Frame frame = on_stream(stream);
    frame.mutable_open()->set_service(link::SERVICE_MQTT);
    frame.mutable_open()->set_credit(4096);
    device.send(frame);
  }
  static void send(DeviceClient& device, channel::Kind kind, const google::protobuf::MessageLite& message) {
    const std::string bytes = message.SerializeAsString();
    const std::string wire = std::string{static_cast<char>(bytes.size() & 0xFFU),
                                         static_cast<char>(bytes.size() >> 8U), 0, static_cast<char>(kind)} +
                             bytes;
    for (std::size_t at = 0; at < wire.size(); at += protocol::kMaxStreamDataBytes) {
      link::Frame frame = on_stream(1);
      frame.set_data(wire.substr(at, protocol::kMaxStreamDataBytes));
      device.send(frame);
    }
  }
  void take_more(DeviceClient& device) {
    const auto frame = device.receive(link::Frame::kData);
    if (!frame) throw std::runtime_error("the connection has ended");
    arrived += frame->data();
  }
  [[nodiscard]] std::size_t size_of_next() const {
    return Channel::kHeader +
           (static_cast<std::uint8_t>(arrived[0]) | static_cast<std::uint8_t>(arrived[1]) << 8U);
  }
  /// The next message, which is to be of this kind; its credit goes back.
  template <class Message>
  Message receive(DeviceClient& device, channel::Kind kind) {
    while (arrived.size() < Channel::kHeader || arrived.size() < size_of_next()) take_more(device);
    const std::size_t size = size_of_next();
    EXPECT_EQ(arrived[3], kind);
    Message message;
    EXPECT_TRUE(message.ParseFromString(arrived.substr(Channel::kHeader, size - Channel::kHeader)));
    arrived.erase(0, size);
    link::Frame credit = on_stream(1);
    credit.mutable_credit()->set_bytes(static_cast<std::uint32_t>(size));
    device.send(credit);
    return message;
  }
  void connect(DeviceClient& device) {
    arrived.clear();
    device.hello();
    open(device, 1);
    channel::MqttConnect message;
    message.set_protocol_version(1);
    message.set_host("broker.test");
    message.set_port(1883);
    message.set_client_id(identity.sid);
    message.set_keep_alive_seconds(60);
    send(device, channel::KIND_MQTT_CONNECT, message);
    EXPECT_EQ(receive<channel::MqttResponse>(device, channel::KIND_MQTT_CONNECT_RESPONSE).state(), 0U);
  }
  [[nodiscard]] bool shows(const std::string& line) const {
    return client.get("/metrics").body.find("\n" + line + "\n") != std::string::npos;
  }
};

TEST_F(MqttSessionTest, AMessageIsDeliveredAgainWhenTheDevicesLinkBreaks) {
  std::uint32_t number = 0;
  {
    DeviceClient device(identity);
    connect(device);
    EXPECT_TRUE(shows("microvisor_mqtt_sessions_open 1"));
    channel::MqttSubscribe subscribe;
    subscribe.add_subscriptions()->set_topic("loop");
    subscribe.mutable_subscriptions(0)->set_qos(2);
    send(device, channel::KIND_MQTT_SUBSCRIBE, subscribe);
    EXPECT_EQ(receive<channel::MqttResponse>(device, channel::KIND_MQTT_SUBSCRIBE_RESPONSE).reason_codes(),
              "\2");
    channel::MqttMessage message;
    message.set_correlation_id(7);
    message.set_qos(1);
    message.set_topic("loop");
    message.set_payload(std::string(3000, 'x'));
    send(device, channel::KIND_MQTT_PUBLISH, message);
    // The broker's acknowledgement and its message come in either order: it is the publisher as well.
    std::string kinds;
    while (kinds.size() < 2) {
      if (arrived.size() < Channel::kHeader) {
        take_more(device);
        continue;
      }
      const auto kind = static_cast<channel::Kind>(arrived[3]);
      kinds.push_back(arrived[3]);
      if (kind == channel::KIND_MQTT_PUBLISH_RESPONSE) {
        EXPECT_EQ(receive<channel::MqttResponse>(device, kind).correlation_id(), 7U);
      } else {
        const auto got = receive<channel::MqttMessage>(device, channel::KIND_MQTT_MESSAGE);
        EXPECT_EQ(got.payload(), std::string(3000, 'x'));
        number = got.correlation_id();
      }
    }
  }
  DeviceClient device(identity);
  connect(device);
  const auto again = receive<channel::MqttMessage>(device, channel::KIND_MQTT_MESSAGE);
  EXPECT_EQ(again.correlation_id(), number);
  EXPECT_EQ(again.payload(), std::string(3000, 'x'));
  EXPECT_TRUE(shows("microvisor_mqtt_sessions_total 2"));
  EXPECT_TRUE(shows("microvisor_mqtt_published_total 1"));
}

/// The cloud is started anew: the broker still has what the device has not acknowledged.
TEST_F(MqttSessionTest, ACloudThatIsStartedAnewLosesNothing) {
  {
    DeviceClient device(identity);
    connect(device);
    channel::MqttSubscribe subscribe;
    subscribe.add_subscriptions()->set_topic("to/device");
    subscribe.mutable_subscriptions(0)->set_qos(1);
    send(device, channel::KIND_MQTT_SUBSCRIBE, subscribe);
    receive<channel::MqttResponse>(device, channel::KIND_MQTT_SUBSCRIBE_RESPONSE);
    test::MqttPeer peer(port, "peer");
    peer.publish("to/device", "hello", 1);
    while (peer.published == 0) peer.poll();
    EXPECT_EQ(receive<channel::MqttMessage>(device, channel::KIND_MQTT_MESSAGE).payload(), "hello");
    running.restart();
  }
  identity.gateway_port = running.server->gateway_port();
  client = running.client();
  DeviceClient device(identity);
  connect(device);
  EXPECT_EQ(receive<channel::MqttMessage>(device, channel::KIND_MQTT_MESSAGE).payload(), "hello");
}

}  // namespace
}  // namespace microvisor::cloud

// The relay with the broker mosquitto, whose other clients are mosquitto's own: both versions, QoS 0 to 2
// both ways, TLS, who may connect, wills, and what becomes of messages when the device's link breaks.
#include <gmock/gmock.h>

#include "cloud/test/mosquitto_broker.hpp"
#include "cloud/test/mqtt_fixture.hpp"
#include "cloud/test/tls_authority.hpp"

namespace microvisor::cloud::mqtt {
namespace {

using test::MosquittoBroker;
using test::MqttDevice;
using test::MqttPeer;

constexpr auto kPublished = channel::KIND_MQTT_PUBLISH_RESPONSE;
constexpr auto kSubscribed = channel::KIND_MQTT_SUBSCRIBE_RESPONSE;
constexpr auto kDisconnected = channel::KIND_MQTT_DISCONNECT_RESPONSE;

std::string resolve_to(std::uint16_t port, const std::string& name = "broker.test:1883") {
  return name + ":127.0.0.1:" + std::to_string(port);
}

/// Rules of the broker's plugin for them: nobody may have anything to do with what lies below secret/.
constexpr const char* kNothingSecret = R"({
  "defaultACLAccess": {"publishClientSend": true, "publishClientReceive": true, "subscribe": true, "unsubscribe": true},
  "clients": [], "anonymousGroup": "all", "groups": [{"groupname": "all", "roles": [{"rolename": "all"}], "clients": []}],
  "roles": [{"rolename": "all", "acls": [
    {"acltype": "subscribePattern", "topic": "secret/#", "allow": false},
    {"acltype": "publishClientSend", "topic": "secret/#", "allow": false}]}]
})";

/// A broker for anybody but for what lies below secret/, and another client of it.
struct MqttBroker : test::MqttRelayTest, testing::WithParamInterface<unsigned> {
  MosquittoBroker broker;
  std::uint16_t port = 0;
  std::unique_ptr<MqttPeer> peer;

  void SetUp() override {
    const std::string rules = broker.write("rules.json", kNothingSecret);
    port = broker.listener("allow_anonymous true\nplugin " + std::string(MosquittoBroker::kRulesPlugin) +
                           "\nplugin_opt_config_file " + rules + "\n");
    broker.start();
    start_relay({{resolve_to(port)}, ""});
    start_peer();
  }
  void start_peer() {
    peer = std::make_unique<MqttPeer>(port, "peer");
    others = {[this] { peer->poll(); }};
    ASSERT_TRUE(until([this] { return peer->connected; }));
    peer->subscribe("from/#", 2);
    ASSERT_TRUE(until([this] { return peer->subscribed == 1; }));
  }
  [[nodiscard]] channel::MqttConnect message_for(const std::string& client_id, bool clean_start) const {
    return MqttDevice::connect_message(GetParam(), client_id, clean_start);
  }
  /// Whether the version says why: of 3.1.1 a refusal is 0x80.
  [[nodiscard]] std::string refusal() const { return GetParam() == 0 ? "\x80" : "\x87"; }
};

INSTANTIATE_TEST_SUITE_P(Versions, MqttBroker, testing::Values(0U, 1U),
                         [](const auto& version) { return version.param == 0 ? "3_1_1" : "5"; });

TEST_P(MqttBroker, EightTopicsOfWhichOneIsRefused) {
  auto one = device();
  expect_connected(*one, message_for("one", true));
  one->subscribe(77,
                 {{"a", 0}, {"b", 1}, {"c", 2}, {"secret/d", 1}, {"e/+", 1}, {"f/#", 2}, {"g", 0}, {"h", 1}});
  const auto answer = response(*one, kSubscribed);
  EXPECT_EQ(answer.correlation_id(), 77U);
  EXPECT_EQ(answer.state(), 0U);
  EXPECT_EQ(answer.reason_codes(), std::string("\0\1\2", 3) + refusal() + std::string("\1\2\0\1", 4));
  one->unsubscribe(78, {"a", "b"});
  const auto end = response(*one, channel::KIND_MQTT_UNSUBSCRIBE_RESPONSE);
  EXPECT_EQ(end.correlation_id(), 78U);
  EXPECT_EQ(end.state(), 0U);
  EXPECT_EQ(end.reason_codes(), std::string(2, '\0'));
  peer->publish("a", "not wanted any more", 1);
  peer->publish("c", "wanted", 1);
  EXPECT_EQ(message(*one).payload(), "wanted");
}

TEST_P(MqttBroker, PublicationsOfEachQosAreAnsweredAndArrive) {
  auto one = device();
  expect_connected(*one, message_for("one", true));
  for (unsigned qos = 0; qos <= 2; ++qos) {
    const std::string payload = "payload " + std::to_string(qos) + std::string("\0\xFF", 2);
    one->publish(100 + qos, "from/one", payload, qos);
    const auto answer = response(*one, kPublished);
    EXPECT_EQ(answer.correlation_id(), 100 + qos);
    EXPECT_EQ(answer.state(), 0U);
    EXPECT_EQ(answer.reason_codes(), std::string(1, '\0'));
    EXPECT_TRUE(until([&] { return peer->has("from/one", payload); }));
    EXPECT_EQ(peer->messages.back().qos, static_cast<int>(qos));
  }
  EXPECT_EQ(peer->messages.size(), 3U);
  EXPECT_EQ(relay->counters().published, 3U);
}

TEST_P(MqttBroker, ABrokersOwnCodeOfAPublication) {
  auto one = device();
  expect_connected(*one, message_for("one", true));
  one->publish(1, "secret/x", "x", 1);
  const auto refused = response(*one, kPublished);
  EXPECT_EQ(refused.state(), 0U);
  // Version 3.1.1 cannot say no.
  EXPECT_EQ(refused.reason_codes(), GetParam() == 0 ? std::string(1, '\0') : "\x87");
  one->publish(2, "nobody/listens", "x", 1);
  EXPECT_EQ(response(*one, kPublished).reason_codes(), GetParam() == 0 ? std::string(1, '\0') : "\x10");
}

TEST_P(MqttBroker, MessagesOfEachQosAndWhatWasRetained) {
  peer->publish("kept", "for later", 1, true);
  ASSERT_TRUE(until([&] { return peer->published == 1; }));
  auto one = device();
  expect_connected(*one, message_for("one", true));
  one->subscribe(1, {{"kept", 1}, {"to/one", 2}});
  response(*one, kSubscribed);
  const auto kept = message(*one);
  EXPECT_EQ(kept.payload(), "for later");
  EXPECT_EQ(kept.retain(), 1U);
  one->acknowledge(kept.correlation_id());
  for (unsigned qos = 0; qos <= 2; ++qos) {
    peer->publish("to/one", "payload " + std::to_string(qos), static_cast<int>(qos));
    const auto got = message(*one);
    EXPECT_EQ(got.topic(), "to/one");
    EXPECT_EQ(got.payload(), "payload " + std::to_string(qos));
    EXPECT_EQ(got.qos(), qos);
    EXPECT_EQ(got.retain(), 0U);
    one->acknowledge(got.correlation_id());
  }
}

TEST_P(MqttBroker, RequestsBehindTheConnectionAreDoneInTheirOrder) {
  auto one = device();
  one->send(channel::KIND_MQTT_CONNECT, message_for("one", true));
  one->subscribe(5, {{"from/one", 1}});
  for (unsigned i = 0; i < 10; ++i) one->publish(10 + i, "from/one", std::to_string(i), 1);
  one->send(channel::KIND_MQTT_DISCONNECT);
  ASSERT_TRUE(until([&] { return one->has(kDisconnected); }));
  const auto end = response(*one, kDisconnected);
  EXPECT_EQ(end.state(), 0U);
  EXPECT_EQ(one->closed(), link::STREAM_ERROR_NONE);
  EXPECT_EQ(one->items.front().kind, channel::KIND_MQTT_CONNECT_RESPONSE);
  EXPECT_EQ(response(*one, kSubscribed).state(), 0U);
  for (unsigned i = 0; i < 10; ++i) {
    const auto answer = response(*one, kPublished);
    EXPECT_EQ(answer.state(), 0U);
    EXPECT_EQ(answer.correlation_id(), 10 + i);
  }
  ASSERT_TRUE(until([&] { return peer->messages.size() == 10; }));
  for (unsigned i = 0; i < 10; ++i) EXPECT_EQ(peer->messages[i].payload, std::to_string(i));
}

TEST_P(MqttBroker, AWillIsPublishedWhenTheDeviceIsGoneAndNotWhenItDisconnects) {
  auto message = message_for("one", true);
  message.set_will(1);
  message.set_will_topic("from/will");
  message.set_will_payload("in order");
  message.set_will_qos(1);
  auto one = device();
  expect_connected(*one, message);
  one->send(channel::KIND_MQTT_DISCONNECT);
  EXPECT_EQ(response(*one, kDisconnected).state(), 0U);
  drop(one);
  message.set_will_payload("gone");
  auto other = device();
  expect_connected(*other, message);
  drop(other);
  ASSERT_TRUE(until([&] { return peer->has("from/will", "gone"); }));
  EXPECT_FALSE(peer->has("from/will", "in order"));
  EXPECT_TRUE(until([&] { return relay->sessions() == 0; }));
}

TEST_P(MqttBroker, PublicationsOnTheirWayArriveAlthoughTheLinkBreaks) {
  auto one = device();
  expect_connected(*one, message_for("one", false));
  for (unsigned i = 0; i < 8; ++i) one->publish(i, "from/one", std::to_string(i), 1 + i % 2);
  drop(one);
  EXPECT_TRUE(until([&] { return peer->messages.size() == 8; }));
  EXPECT_TRUE(until([&] { return relay->sessions() == 0; }));
  EXPECT_EQ(peer->messages.size(), 8U);
}

/// What a device has read but not acknowledged comes again with its number; what it has acknowledged does
/// not.
TEST_P(MqttBroker, MessagesAreDeliveredAgainOverCuts) {
  auto first = device();
  expect_connected(*first, message_for("one", false));
  first->subscribe(1, {{"to/one", 2}});
  response(*first, kSubscribed);
  peer->publish("to/one", "1 acknowledged", 1);
  peer->publish("to/one", "2 acknowledged", 2);
  peer->publish("to/one", "1 read", 1);
  peer->publish("to/one", "2 read", 2);
  std::map<std::string, std::uint32_t> numbers;
  for (int i = 0; i < 4; ++i) {
    const auto got = message(*first);
    numbers[got.payload()] = got.correlation_id();
  }
  ASSERT_EQ(numbers.size(), 4U);
  first->acknowledge(numbers["1 acknowledged"]);
  first->acknowledge(numbers["2 acknowledged"]);
  drop(first);
  peer->publish("to/one", "meanwhile", 1);
  ASSERT_TRUE(until([&] { return peer->published == 5; }));

  auto second = device();
  expect_connected(*second, message_for("one", false));
  std::map<std::string, std::uint32_t> again;
  for (int i = 0; i < 3; ++i) {
    const auto got = message(*second);
    again[got.payload()] = got.correlation_id();
    second->acknowledge(got.correlation_id());
  }
  ASSERT_EQ(again.size(), 3U);
  EXPECT_EQ(again["1 read"], numbers["1 read"]);
  EXPECT_EQ(again["2 read"], numbers["2 read"]);
  EXPECT_TRUE(again.contains("meanwhile"));
  peer->publish("to/one", "last", 1);
  EXPECT_EQ(message(*second).payload(), "last");
  EXPECT_TRUE(second->items.empty());
}

TEST_P(MqttBroker, WhatTheDeviceHasIsNotDeliveredAgain) {
  auto first = device();
  expect_connected(*first, message_for("one", false));
  first->subscribe(1, {{"to/one", 2}});
  response(*first, kSubscribed);
  peer->publish("to/one", "read", 2);
  const auto read = message(*first);
  drop(first);
  auto message_again = message_for("one", false);
  message_again.add_delivered(read.correlation_id());
  auto second = device();
  expect_connected(*second, message_again);
  peer->publish("to/one", "next", 2);
  const auto next = message(*second);
  EXPECT_EQ(next.payload(), "next");
  second->acknowledge(next.correlation_id());
  drop(second);
  // Neither is its number believed when it comes once more, with another message in its place.
  auto third = device();
  message_again.add_delivered(next.correlation_id());
  expect_connected(*third, message_again);
  peer->publish("to/one", "after", 2);
  EXPECT_EQ(message(*third).payload(), "after");
}

/// A new connection of the same session, before the old one has been noticed to be dead.
TEST_P(MqttBroker, TheNewestConnectionHasTheSession) {
  auto first = device();
  expect_connected(*first, message_for("one", false));
  first->subscribe(1, {{"to/one", 1}});
  response(*first, kSubscribed);
  auto second = device();
  expect_connected(*second, message_for("one", false));
  EXPECT_EQ(response(*first, kDisconnected).state(), static_cast<std::uint32_t>(RequestState::NotConnected));
  EXPECT_TRUE(first->closed());
  peer->publish("to/one", "hello", 1);
  EXPECT_EQ(message(*second).payload(), "hello");
}

TEST_P(MqttBroker, AMessageThatNeverFitsIsReportedWithItsTopicAndLength) {
  auto one = device(512);
  expect_connected(*one, message_for("one", false));
  one->subscribe(1, {{"to/one", 1}});
  response(*one, kSubscribed);
  for (const std::size_t length : {std::size_t{600}, std::size_t{3'000'000}}) {
    peer->publish("to/one", std::string(length, 'x'), 1);
    const auto lost = wait_for<channel::MqttLostMessage>(*one, channel::KIND_MQTT_LOST_MESSAGE);
    EXPECT_EQ(lost.reason(), 0U);
    EXPECT_EQ(lost.topic(), "to/one");
    EXPECT_EQ(lost.length(), length);
  }
  peer->publish("to/one", std::string(400, 'x'), 1);
  EXPECT_EQ(message(*one).payload().size(), 400U);
  EXPECT_EQ(relay->counters().lost, 2U);
}

TEST_P(MqttBroker, ABrokerThatEnds) {
  auto one = device();
  expect_connected(*one, message_for("one", true));
  broker.stop();
  EXPECT_EQ(response(*one, kDisconnected).state(), static_cast<std::uint32_t>(RequestState::NotConnected));
  EXPECT_EQ(one->closed(), link::STREAM_ERROR_NONE);
  EXPECT_EQ(relay->counters().open, 0U);
}

TEST_P(MqttBroker, ABrokerThatIsKilled) {
  auto one = device();
  expect_connected(*one, message_for("one", true));
  broker.kill();
  EXPECT_EQ(response(*one, kDisconnected).state(), static_cast<std::uint32_t>(RequestState::NotConnected));
  EXPECT_EQ(one->closed(), link::STREAM_ERROR_NONE);
  drop(one);
  expect_state(message_for("one", true), RequestState::SocketError);
}

/// Listeners with TLS: one that asks for certificates of clients, one with a password, one whose certificate
/// has run out.
struct MqttBrokerTls : test::MqttRelayTest, testing::WithParamInterface<unsigned> {
  MosquittoBroker broker;
  test::TlsAuthority root{"root"};
  test::TlsAuthority between{"between", &root};
  test::TlsAuthority stranger{"stranger"};
  test::Credential client = between.issue("the device", "");

  void SetUp() override {
    const std::string authorities = broker.write("ca.pem", root.own().certificate_pem);
    const std::uint16_t mutual =
        broker.listener(tls("server", between.issue("broker", "DNS:broker.test")) + "cafile " + authorities +
                        "\nrequire_certificate true\nuse_identity_as_username true\n");
    const std::uint16_t secret = broker.listener(tls("secret", between.issue("broker", "DNS:broker.test")) +
                                                 "allow_anonymous false\npassword_file " +
                                                 broker.passwords("user", "pass word") + "\n");
    const std::uint16_t expired = broker.listener(
        tls("expired", between.issue("broker", "DNS:broker.test", true)) + "allow_anonymous true\n");
    const std::uint16_t other =
        broker.listener(tls("other", between.issue("broker", "DNS:other.test")) + "allow_anonymous true\n");
    broker.start();
    start_relay({{resolve_to(mutual, "broker.test:8883"), resolve_to(secret, "broker.test:8884"),
                  resolve_to(expired, "broker.test:8885"), resolve_to(other, "broker.test:8886")},
                 authorities});
  }
  [[nodiscard]] std::string tls(const std::string& name, const test::Credential& server) const {
    return "certfile " + broker.write(name + ".pem", server.certificate_pem + between.own().certificate_pem) +
           "\nkeyfile " + broker.write(name + ".key", server.key_pem) + "\n";
  }
  [[nodiscard]] channel::MqttConnect to_port(std::uint32_t port, const test::TlsAuthority* authority) const {
    auto message = MqttDevice::connect_message(GetParam(), "one", true);
    message.set_port(port);
    message.set_tls(1);
    if (authority != nullptr) message.add_authorities(authority->own().certificate_der);
    return message;
  }
  [[nodiscard]] channel::MqttConnect with_certificate() const {
    auto message = to_port(8883, &root);
    message.add_certificates(client.certificate_der);
    message.add_certificates(between.own().certificate_der);
    message.set_private_key(client.key_der);
    return message;
  }
};

INSTANTIATE_TEST_SUITE_P(Versions, MqttBrokerTls, testing::Values(0U, 1U),
                         [](const auto& version) { return version.param == 0 ? "3_1_1" : "5"; });

TEST_P(MqttBrokerTls, ACertificateWithItsChain) {
  auto one = device();
  expect_connected(*one, with_certificate());
  one->subscribe(1, {{"loop", 1}});
  EXPECT_EQ(response(*one, kSubscribed).reason_codes(), "\1");
  one->publish(2, "loop", std::string(5000, 'x'), 1);
  EXPECT_EQ(message(*one).payload(), std::string(5000, 'x'));
  one->send(channel::KIND_MQTT_DISCONNECT);
  EXPECT_EQ(response(*one, kDisconnected).state(), 0U);
}

TEST_P(MqttBrokerTls, WithoutACertificateTheBrokerRefuses) {
  expect_state(to_port(8883, &root), RequestState::SocketError);
  auto foreign = to_port(8883, &root);
  const test::Credential other = stranger.issue("a device", "");
  foreign.add_certificates(other.certificate_der);
  foreign.set_private_key(other.key_der);
  expect_state(foreign, RequestState::SocketError);
}

TEST_P(MqttBrokerTls, ACertificateThatHasRunOut) {
  expect_state(to_port(8885, &root), RequestState::CertificateExpired);
  auto own = to_port(8883, &root);
  const test::Credential old = between.issue("the device", "", true);
  own.add_certificates(old.certificate_der);
  own.add_certificates(between.own().certificate_der);
  own.set_private_key(old.key_der);
  expect_state(own, RequestState::CertificateExpired);
}

TEST_P(MqttBrokerTls, AnAuthorityThatIsNotKnown) {
  expect_state(to_port(8884, &stranger), RequestState::UnknownAuthority);
  EXPECT_EQ(relay->counters().failed, 1U);
}

TEST_P(MqttBrokerTls, ABrokerOfAnotherName) { expect_state(to_port(8886, &root), RequestState::SocketError); }

TEST_P(MqttBrokerTls, CertificatesAndKeysThatAreNone) {
  const std::function<void(channel::MqttConnect&)> damages[] = {
      [](auto& message) { message.set_authorities(0, "no certificate"); },
      [&](auto& message) { message.set_authorities(0, root.own().certificate_pem); },
      [&](auto& message) { message.set_authorities(0, root.own().certificate_der + "x"); },
      [](auto& message) { message.mutable_certificates(0)->pop_back(); },
      [](auto& message) { message.set_certificates(1, ""); },
      [](auto& message) { message.mutable_private_key()->pop_back(); },
      [](auto& message) { message.clear_private_key(); },
      [](auto& message) { message.clear_certificates(); },
      [&](auto& message) { message.set_private_key(root.own().key_der); },  // another one's
      [&](auto& message) { message.set_private_key(client.key_pem); },
      [&](auto& message) {
        for (int i = 0; i < 8; ++i) message.add_authorities(root.own().certificate_der);
      },
  };
  for (const auto& damage : damages) {
    auto message = with_certificate();
    damage(message);
    expect_state(message, RequestState::InvalidParameters);
  }
}

/// The device names no authority: those of the operator vouch.
TEST_P(MqttBrokerTls, APasswordAndTheOperatorsAuthorities) {
  auto message = to_port(8884, nullptr);
  message.set_authentication(1);
  message.set_user_name("user");
  message.set_password("pass word");
  auto one = device();
  expect_connected(*one, message);
  message.set_password("wrong");
  auto other = device();
  const auto refused = connect(*other, message);
  EXPECT_EQ(refused.state(), 0U);
  EXPECT_EQ(refused.reason_codes(), GetParam() == 0 ? "\x05" : "\x87") << "not authorized";
  // There is no session: what is asked for all the same is answered so.
  other->publish(9, "x", "y", 0);
  EXPECT_EQ(response(*other, kPublished).state(), static_cast<std::uint32_t>(RequestState::NotConnected));
  EXPECT_FALSE(other->closed());
}

}  // namespace
}  // namespace microvisor::cloud::mqtt

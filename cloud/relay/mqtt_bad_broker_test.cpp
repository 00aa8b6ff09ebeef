// The relay with a broker that drops, stalls, floods, and sends what is no MQTT; and brokers that cannot be
// reached. Bytes are written down from the standard.
#include <gmock/gmock.h>

#include "cloud/test/mqtt_fixture.hpp"
#include "cloud/test/scripted_broker.hpp"

namespace microvisor::cloud::mqtt {
namespace {

using namespace std::string_literals;
using test::MqttDevice;
using test::ScriptedBroker;

constexpr auto kPublished = channel::KIND_MQTT_PUBLISH_RESPONSE;
constexpr auto kSubscribed = channel::KIND_MQTT_SUBSCRIBE_RESPONSE;
constexpr auto kDisconnected = channel::KIND_MQTT_DISCONNECT_RESPONSE;
constexpr auto kLost = channel::KIND_MQTT_LOST_MESSAGE;

std::uint32_t number(RequestState state) { return static_cast<std::uint32_t>(state); }

std::string remaining_length(std::size_t value) {
  std::string text;
  do {
    text.push_back(static_cast<char>((value & 0x7F) | (value > 0x7F ? 0x80 : 0)));
    value >>= 7U;
  } while (value > 0);
  return text;
}

struct BadBroker : test::MqttRelayTest, testing::WithParamInterface<unsigned> {
  ScriptedBroker broker{io};
  std::unique_ptr<MqttDevice> one;

  void SetUp() override { start({}); }
  void start(const Limits& limits) {
    start_relay({{"broker.test:1883:127.0.0.1:" + std::to_string(broker.port())}, ""}, limits);
    others = {[this] { broker.poll(); }};
  }
  [[nodiscard]] bool is_5() const { return GetParam() == 1; }
  [[nodiscard]] channel::MqttConnect message_for(bool clean_start = true) const {
    return MqttDevice::connect_message(GetParam(), "one", clean_start);
  }
  /// The broker's answer, with the properties that version 5 has.
  [[nodiscard]] std::string connected(bool session_present = false,
                                      const std::string& properties = "") const {
    const std::string body = (session_present ? "\1\0"s : "\0\0"s) +
                             (is_5() ? remaining_length(properties.size()) + properties : "");
    return "\x20" + remaining_length(body.size()) + body;
  }
  [[nodiscard]] std::string publish(const std::string& topic, const std::string& payload, int qos, int id,
                                    bool again = false) const {
    std::string body = "\0"s + static_cast<char>(topic.size()) + topic;
    if (qos > 0) body += "\0"s + static_cast<char>(id);
    if (is_5()) body += '\0';
    body += payload;
    return static_cast<char>(0x30 | qos << 1 | (again ? 8 : 0)) + remaining_length(body.size()) + body;
  }
  void open(bool session_present = false, bool clean_start = true, std::size_t receive_buffer = 7168,
            const std::string& properties = "") {
    const int before = broker.connections;
    if (one) drop(one);
    one = device(receive_buffer);
    one->send(channel::KIND_MQTT_CONNECT, message_for(clean_start));
    ASSERT_TRUE(until([&] { return broker.connections > before && broker.has("MQTT"); }));
    broker.clear();
    broker.send(connected(session_present, properties));
    EXPECT_EQ(response(*one, channel::KIND_MQTT_CONNECT_RESPONSE).state(), 0U);
  }
  void expect_end(RequestState state, std::uint8_t code = 0) {
    const auto end = response(*one, kDisconnected);
    EXPECT_EQ(end.state(), number(state));
    EXPECT_EQ(end.reason_codes(), std::string(1, static_cast<char>(code)));
    EXPECT_EQ(one->closed(), link::STREAM_ERROR_NONE);
    EXPECT_EQ(relay->counters().open, 0U);
  }
};

INSTANTIATE_TEST_SUITE_P(Versions, BadBroker, testing::Values(0U, 1U),
                         [](const auto& version) { return version.param == 0 ? "3_1_1" : "5"; });

TEST_P(BadBroker, DropsTheConnection) {
  open();
  one->publish(7, "x", "y", 1);
  ASSERT_TRUE(until([&] { return broker.has("x"); }));
  broker.drop();
  const auto answer = response(*one, kPublished);
  EXPECT_EQ(answer.correlation_id(), 7U);
  EXPECT_EQ(answer.state(), number(RequestState::NotConnected));
  expect_end(RequestState::NotConnected);
}

TEST_P(BadBroker, DropsTheConnectionInsteadOfAnAnswer) {
  one = device();
  one->send(channel::KIND_MQTT_CONNECT, message_for());
  one->subscribe(3, {{"x", 0}});
  ASSERT_TRUE(until([&] { return broker.has("MQTT"); }));
  broker.drop();
  EXPECT_EQ(response(*one, channel::KIND_MQTT_CONNECT_RESPONSE).state(), number(RequestState::SocketError));
  EXPECT_EQ(response(*one, kSubscribed).state(), number(RequestState::NotConnected));
}

TEST_P(BadBroker, NeverAnswers) {
  Limits limits;
  limits.connect_time = std::chrono::milliseconds(100);
  start(limits);
  one = device();
  EXPECT_EQ(connect(*one, message_for()).state(), number(RequestState::SocketError));
  EXPECT_TRUE(until([&] { return broker.closed_by_relay; }));
  one->send(channel::KIND_MQTT_CONNECT, message_for());
  EXPECT_EQ(response(*one, channel::KIND_MQTT_CONNECT_RESPONSE).state(),
            number(RequestState::AlreadyConnected));
}

TEST_P(BadBroker, StopsAnsweringPings) {
  Limits limits;
  limits.ping_time = std::chrono::milliseconds(100);
  start(limits);
  one = device();
  auto message = message_for();
  message.set_keep_alive_seconds(1);
  one->send(channel::KIND_MQTT_CONNECT, message);
  ASSERT_TRUE(until([&] { return broker.has("MQTT"); }));
  broker.send(connected());
  ASSERT_TRUE(until([&] { return broker.has("\xC0\x00"s); }));
  broker.clear();
  broker.send("\xD0\x00"s);
  ASSERT_TRUE(until([&] { return broker.has("\xC0\x00"s); })) << "an answered ping is followed by another";
  expect_end(RequestState::NotConnected, reason::kKeepAliveTimeout);
}

/// A publication of QoS 0 is answered when the network has it, and no earlier.
TEST_P(BadBroker, StopsReading) {
  open();
  broker.reads = false;
  const std::string payload(200'000, 'x');
  std::uint32_t sent = 0;
  // More than what fits the sockets' buffers, one behind the other.
  while (sent == relay->counters().published && sent < 500) {
    one->publish(++sent, "x", payload, 0);
    (void)until([&, waits = 0]() mutable { return relay->counters().published == sent || ++waits == 50; });
  }
  ASSERT_LT(relay->counters().published, sent);
  broker.reads = true;
  EXPECT_TRUE(until([&] { return relay->counters().published == sent; }));
  EXPECT_FALSE(one->closed());
}

TEST_P(BadBroker, SendsWhatIsNoPacket) {
  const std::string wrong[] = {
      "\x00\x00"s,                       // no kind
      "\xF1\x00"s,                       // flags that are reserved
      "\x10\x00"s,                       // of a client's
      "\xD0\x01\x00"s,                   // longer than it may be
      "\x30\xFF\xFF\xFF\xFF\x01"s,       // a length of five bytes
      "\x36\x05\x00\x01x\x00\x01"s,      // QoS 3
      "\x30\x03\x00\x05x"s,              // a topic that runs over the end
      "\x30\x04\x00\x01\xFFy"s,          // that is no UTF-8
      "\x30\x04\x00\x01#y"s,             // that is a filter
      "\x32\x06\x00\x01x\x00\x00\x00"s,  // an identifier of 0
      "\x40\x01\x00"s,                   // half an identifier
      "\x90\x04\x00\x01\x00\x01"s,       // answers that nobody has asked for
      "\xB0\x04\x00\x01\x00\x00"s,
      "\x20\x02\x00\x00"s,  // connects twice
  };
  for (const std::string& bytes : wrong) {
    open();
    broker.send(bytes);
    const auto end = response(*one, kDisconnected);
    EXPECT_EQ(end.state(), number(RequestState::NotConnected)) << testing::PrintToString(bytes);
    EXPECT_GE(static_cast<std::uint8_t>(end.reason_codes()[0]), reason::kMalformed);
    EXPECT_LE(static_cast<std::uint8_t>(end.reason_codes()[0]), reason::kProtocolError);
    EXPECT_EQ(one->closed(), link::STREAM_ERROR_NONE);
    EXPECT_TRUE(until([&] { return broker.closed_by_relay; }));
    EXPECT_EQ(broker.has("\xE0\x01"s + end.reason_codes()), is_5());
    drop(one);
  }
}

TEST_P(BadBroker, AnswersWithTheWrongNumberOfCodes) {
  open();
  one->subscribe(1, {{"a", 0}, {"b", 0}});
  ASSERT_TRUE(until([&] { return broker.has("a"); }));
  broker.send(is_5() ? "\x90\x04\x00\x01\x00\x00"s : "\x90\x03\x00\x01\x00"s);
  EXPECT_EQ(response(*one, kSubscribed).state(), number(RequestState::NotConnected));
  expect_end(RequestState::NotConnected, reason::kProtocolError);
}

TEST_P(BadBroker, IsToldBeforeTheMessagesThatHaveComeAreLost) {
  open();
  one->takes = false;
  broker.send(publish("x", "first", 0, 0) + publish("x", "second", 0, 0) + "\x00\x00"s);
  ASSERT_TRUE(until([&] { return relay->counters().open == 0; }));
  one->takes = true;
  ASSERT_TRUE(until([&] { return one->has(kDisconnected); }));
  ASSERT_EQ(one->items.size(), 3U);
  EXPECT_EQ(message(*one).payload(), "first");
  EXPECT_EQ(message(*one).payload(), "second");
}

/// 200 MB announced, 20 MB sent: nothing of it is kept.
TEST_P(BadBroker, SendsAMessageWithoutEnd) {
  open();
  std::string zeros;
  zeros.resize(20'000'000);
  broker.send("\x30" + remaining_length(200'000'000) + "\0\1x"s + zeros);
  ASSERT_TRUE(until([&] { return broker.sent(); }));
  one->publish(1, "still/there", "y", 0);
  EXPECT_EQ(response(*one, kPublished).state(), 0U);
  EXPECT_TRUE(until([&] { return broker.has("still/there"); }));
}

TEST_P(BadBroker, FloodsADeviceThatDoesNotTake) {
  open(false, true, 512);
  one->takes = false;
  std::string flood;
  for (int i = 0; i < 2000; ++i) flood += publish("x", std::string(400, 'x'), 0, 0);
  broker.send(flood);
  ASSERT_TRUE(until([&] { return relay->counters().open == 0; }));
  EXPECT_LE(one->queued(), 512U + 16);
  one->takes = true;
  const auto end = response(*one, kDisconnected);
  EXPECT_EQ(end.state(), number(RequestState::CircuitBreaker));
  EXPECT_EQ(one->closed(), link::STREAM_ERROR_NONE);
  EXPECT_EQ(relay->counters().broken, 1U);
  EXPECT_LE(relay->counters().received, 64U * 1024 / 400);
}

/// As many as are sent while there is room arrive, of the rest the device is told, and all goes on.
TEST_P(BadBroker, LosesMessagesOfQos0WhenTooManyWait) {
  open(false, true, 4096);
  one->takes = false;
  std::string burst;
  for (int i = 0; i < 40; ++i) burst += publish("x", std::string(2000, static_cast<char>('A' + i)), 0, 0);
  broker.send(burst);
  ASSERT_TRUE(until([&] { return relay->counters().received + relay->counters().lost == 40; }));
  EXPECT_GT(relay->counters().lost, 0U);
  one->takes = true;
  broker.send(publish("x", "after", 0, 0));
  ASSERT_TRUE(until([&] { return relay->counters().received + relay->counters().lost == 41; }));
  std::size_t messages = 0;
  std::size_t lost = 0;
  ASSERT_TRUE(until([&] { return one->items.size() == 41; }));
  while (one->next(channel::KIND_MQTT_MESSAGE)) ++messages;
  while (const auto notice = one->next(kLost)) {
    channel::MqttLostMessage parsed;
    parsed.ParseFromString(notice->bytes);
    EXPECT_EQ(parsed.topic(), "x");
    EXPECT_EQ(parsed.length(), 2000U);
    ++lost;
  }
  EXPECT_EQ(messages, relay->counters().received);
  EXPECT_EQ(lost, relay->counters().lost);
}

TEST_P(BadBroker, SendsMoreWithoutAcknowledgementThanAnyoneMay) {
  open(false, false, 512);
  std::string flood;
  for (int i = 1; i <= 129; ++i) flood += publish("x", "y", 1, i);
  broker.send(flood);
  const auto end = response(*one, kDisconnected);
  EXPECT_EQ(end.state(), number(RequestState::CircuitBreaker));
  EXPECT_FALSE(broker.has("\x40\x02"s)) << "nothing was acknowledged: the broker still has all of it";
}

/// The broker hears of a message when the device has acknowledged it, not before.
TEST_P(BadBroker, AcknowledgesWhenTheDeviceHas) {
  open();
  broker.send(publish("x", "once", 1, 5) + publish("x", "exactly", 2, 6));
  const auto once = message(*one);
  const auto exactly = message(*one);
  one->publish(1, "fence", "", 0);
  ASSERT_TRUE(until([&] { return broker.has("fence"); }));
  EXPECT_FALSE(broker.has("\x40\x02"s) || broker.has("\x50\x02"s));
  one->acknowledge(exactly.correlation_id());
  ASSERT_TRUE(until([&] { return broker.has("\x50\x02\x00\x06"s); }));
  one->acknowledge(once.correlation_id());
  ASSERT_TRUE(until([&] { return broker.has("\x40\x02\x00\x05"s); }));
  broker.send("\x62\x02\x00\x06"s);
  ASSERT_TRUE(until([&] { return broker.has("\x70\x02\x00\x06"s); }));
}

/// The link breaks after the device's acknowledgement, the broker's connection before it has heard of it.
TEST_P(BadBroker, NeverHeardOfAnAcknowledgementOfQos2) {
  open(false, false);
  broker.send(publish("x", "exactly", 2, 6));
  const auto got = message(*one);
  one->acknowledge(got.correlation_id());
  ASSERT_TRUE(until([&] { return broker.has("\x50\x02\x00\x06"s); }));
  drop(one);
  open(true, false);
  broker.send(publish("x", "exactly", 2, 6, true) + publish("x", "next", 2, 7));
  ASSERT_TRUE(until([&] { return broker.has("\x50\x02\x00\x06"s); }));
  EXPECT_EQ(message(*one).payload(), "next");
  EXPECT_TRUE(one->items.empty());
}

/// A broker that has lost its session begins anew: what was remembered of the old one means nothing.
TEST_P(BadBroker, ForgetsTheSession) {
  open(false, false);
  broker.send(publish("x", "old", 2, 6));
  const auto old = message(*one);
  drop(one);
  const int before = broker.connections;
  one = device();
  auto again = message_for(false);
  again.add_delivered(old.correlation_id());
  one->send(channel::KIND_MQTT_CONNECT, again);
  ASSERT_TRUE(until([&] { return broker.connections > before && broker.has("MQTT"); }));
  broker.send(connected(false) + publish("x", "new", 2, 6));
  const auto fresh = message(*one);
  EXPECT_EQ(fresh.payload(), "new");
  EXPECT_NE(fresh.correlation_id(), old.correlation_id());
}

/// A publication of QoS 2 goes on where the connection broke: its content is not sent again once the broker
/// has it.
TEST_P(BadBroker, ConfirmsAPublicationOfQos2OnlyTheNextTime) {
  Limits limits;
  limits.linger_time = std::chrono::milliseconds(0);
  start(limits);
  open(false, false);
  one->publish(1, "first", "", 2);
  ASSERT_TRUE(until([&] { return broker.has("first"); }));
  broker.send("\x50\x02\x00\x01"s);
  ASSERT_TRUE(until([&] { return broker.has("\x62\x02\x00\x01"s); }));
  one->publish(2, "second", "", 2);
  ASSERT_TRUE(until([&] { return broker.has("second"); }));
  drop(one);
  ASSERT_TRUE(until([&] { return broker.closed_by_relay; }));
  open(true, false);
  ASSERT_TRUE(until([&] { return broker.has("\x62\x02\x00\x01"s) && broker.has("second"); }));
  EXPECT_TRUE(broker.has("\x3C"s)) << "QoS 2, sent again";
  EXPECT_FALSE(broker.has("first"));
  one->publish(3, "third", "", 1);
  ASSERT_TRUE(until([&] { return broker.has("third"); }));
  broker.send("\x70\x02\x00\x01\x50\x02\x00\x02\x40\x02\x00\x03"s);
  EXPECT_EQ(response(*one, kPublished).correlation_id(), 3U)
      << "identifiers that are in use are not given again";
}

TEST_P(BadBroker, DoesNotConfirmWhatWasUnderWayWhenTheDeviceWent) {
  Limits limits;
  limits.linger_time = std::chrono::milliseconds(50);
  start(limits);
  open();
  one->publish(1, "x", "y", 1);
  ASSERT_TRUE(until([&] { return broker.has("x"); }));
  drop(one);
  EXPECT_TRUE(until([&] { return broker.closed_by_relay && relay->sessions() == 0; }));
  EXPECT_FALSE(broker.has("\xE0"s)) << "no farewell: the will is the broker's to publish";
}

TEST_P(BadBroker, EndsWithAReason) {
  if (!is_5()) return;
  open();
  broker.send("\xE0\x01\x8B"s);
  expect_end(RequestState::Completed, 0x8B);
}

/// Version 5: the broker's limits are kept, and what is over them is refused in its stead.
TEST_P(BadBroker, HasLimits) {
  if (!is_5()) return;
  // Receive Maximum 1, Maximum QoS 1, Retain Available 0, Maximum Packet Size 100, Server Keep Alive 1.
  open(false, true, 7168, "\x21\x00\x01\x24\x01\x25\x00\x27\x00\x00\x00\x64\x13\x00\x01"s);
  one->publish(1, "x", "y", 2);
  EXPECT_EQ(response(*one, kPublished).reason_codes(), "\x9B");
  one->publish(2, "x", "y", 0, true);
  EXPECT_EQ(response(*one, kPublished).reason_codes(), "\x9A");
  one->publish(3, "x", std::string(100, 'y'), 0);
  EXPECT_EQ(response(*one, kPublished).reason_codes(), "\x95");
  one->publish(4, "first", "", 1);
  one->publish(5, "second", "", 1);
  ASSERT_TRUE(until([&] { return broker.has("\xC0\x00"s); })) << "its keep-alive instead of a minute";
  EXPECT_TRUE(broker.has("first"));
  EXPECT_FALSE(broker.has("second"));
  broker.send("\x40\x02\x00\x01"s);
  EXPECT_EQ(response(*one, kPublished).correlation_id(), 4U);
  EXPECT_TRUE(until([&] { return broker.has("second"); }));
}

/// The device's side: bytes that are no requests, and more of them than any kernel lets an application make.
TEST_P(BadBroker, ADeviceThatDoesNotKeepTheRules) {
  open();
  one->send_bytes(channel::KIND_MQTT_PUBLISH, "\xFF\xFF");
  EXPECT_EQ(one->closed(), link::STREAM_ERROR_PROTOCOL);
  open();
  one->send_bytes(channel::KIND_HTTP_REQUEST, "");
  EXPECT_EQ(one->closed(), link::STREAM_ERROR_PROTOCOL);
  open();
  for (unsigned i = 0; i < 32; ++i) one->publish(i, "x", "y", 1);
  EXPECT_FALSE(one->closed());
  one->publish(32, "x", "y", 1);
  EXPECT_EQ(one->closed(), link::STREAM_ERROR_PROTOCOL);
  drop(one);
  one = device();
  one->publish(5, "x", "y", 0);
  EXPECT_EQ(response(*one, kPublished).state(), number(RequestState::NotConnected));
  one->send(channel::KIND_MQTT_DISCONNECT);
  EXPECT_EQ(response(*one, kDisconnected).state(), number(RequestState::NotConnected));
  EXPECT_EQ(one->closed(), link::STREAM_ERROR_NONE);
}

TEST_P(BadBroker, CannotBeReached) {
  const auto named = [&](const std::string& host, std::uint32_t port) {
    auto message = message_for();
    message.set_host(host);
    message.set_port(port);
    return message;
  };
  start_relay({{}, ""}, {}, {},
              [](const std::string& host, std::uint16_t port) -> tl::expected<Endpoints, RequestState> {
                if (host == "no.such.name") return tl::unexpected(RequestState::NameUnknown);
                return Endpoints{{boost::asio::ip::address_v4::loopback(), port}};
              });
  expect_state(named("no.such.name", 1883), RequestState::NameUnknown);
  expect_state(named("127.0.0.1", broker.port()), RequestState::SocketError);
  expect_state(named("leads.to.loopback", broker.port()), RequestState::SocketError);
  expect_state(named("not a name", 1883), RequestState::InvalidParameters);
  expect_state(named("", 1883), RequestState::InvalidParameters);
  expect_state(named("broker.test", 0), RequestState::InvalidParameters);
  expect_state(named("broker.test", 65536), RequestState::InvalidParameters);
  EXPECT_EQ(broker.connections, 0);
  const std::string named_by_operator = "broker.test:1883:127.0.0.1:" + std::to_string(broker.port());
  start_relay({{named_by_operator}, ""}, {}, {"other.test", "*.below.test"});
  expect_state(named("broker.test", 1883), RequestState::SocketError);
  EXPECT_EQ(broker.connections, 0) << "the account's list has another host";
}

TEST(MqttNames, TheSystemsResolver) {
  const auto local = resolve_by_system("127.0.0.1", 1883);
  ASSERT_TRUE(local);
  ASSERT_EQ(local->size(), 1U);
  EXPECT_EQ(local->front().port(), 1883);
  const auto six = resolve_by_system("[::1]", 1883);
  EXPECT_TRUE(!six || six->front().address().is_v6());  // a machine without IPv6 has none
}

}  // namespace
}  // namespace microvisor::cloud::mqtt

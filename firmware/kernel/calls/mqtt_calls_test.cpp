// MQTT calls: requests as the service gets them, items as the application reads them, in their order.
#include "firmware/kernel/calls/message_fixture.hpp"

namespace microvisor::firmware::kernel {
namespace {

using abi::EventType;
using abi::Gate;
using abi::MqttReadableDataType;
using abi::MqttRequestState;
using abi::Status;

class MqttCallsTest : public MessageTest {
 protected:
  MqttCallsTest() : MessageTest(abi::ChannelType::MQTT) {}

  abi::MqttConnectRequest connection() {
    abi::MqttConnectRequest request{};
    request.protocol_version = abi::MqttProtocolVersion::V5;
    request.host = text("broker.example.com");
    request.port = 8883;
    request.clientid = text("device-1");
    request.keepalive = 60;
    return request;
  }
  abi::TlsCertificateChain chain(const std::vector<std::string>& certificates) {
    const Address list = reserve(certificates.size() * sizeof(abi::SizedString) + 4);
    for (std::size_t i = 0; i < certificates.size(); ++i)
      app.write(list + static_cast<Address>(i * sizeof(abi::SizedString)), text(certificates[i]));
    return {static_cast<std::uint32_t>(certificates.size()), list};
  }
  Status connect(const abi::MqttConnectRequest& request) {
    return call(Gate::MqttRequestConnect, channel, place(request));
  }
  Status subscribe(std::uint32_t id, const std::vector<abi::MqttSubscription>& topics) {
    const Address list = reserve(topics.size() * sizeof topics[0] + 4);
    for (std::size_t i = 0; i < topics.size(); ++i)
      app.write(list + static_cast<Address>(i * sizeof topics[0]), topics[i]);
    return call(Gate::MqttRequestSubscribe, channel,
                place(abi::MqttSubscribeRequest{id, list, static_cast<std::uint32_t>(topics.size())}));
  }
  Status publish(std::uint32_t id, const std::string& topic, const std::string& payload,
                 std::uint32_t qos = 0) {
    return call(Gate::MqttRequestPublish, channel,
                place(abi::MqttPublishRequest{id, text(topic), text(payload), qos, 1}));
  }
  void answer(channel::Kind kind, std::uint32_t id, MqttRequestState state, const std::string& codes) {
    channel::MqttResponse response;
    response.set_correlation_id(id);
    response.set_state(static_cast<std::uint32_t>(state));
    response.set_reason_codes(codes);
    deliver(kind, response);
  }
  void message(std::uint32_t id, const std::string& topic, const std::string& payload,
               std::uint32_t qos = 0) {
    channel::MqttMessage message;
    message.set_correlation_id(id);
    message.set_qos(qos);
    message.set_topic(topic);
    message.set_payload(payload);
    deliver(channel::KIND_MQTT_MESSAGE, message);
  }
  MqttReadableDataType next() {
    EXPECT_EQ(call(Gate::MqttGetNextReadableDataType, channel, out()), Status::OKAY);
    return told<MqttReadableDataType>();
  }

  struct Message {
    std::uint32_t id;
    std::string topic, payload;
    std::uint32_t qos;
    std::uint8_t retain;
  };
  Status receive(Message& got, std::uint32_t topic_room = 64, std::uint32_t payload_room = 1024) {
    const Address numbers = reserve(32), topic = reserve(topic_room), payload = reserve(payload_room);
    const Status status = call(Gate::MqttReceiveMessage, channel,
                               place(abi::MqttMessage{numbers,
                                                      {topic, topic_room, numbers + 4},
                                                      {payload, payload_room, numbers + 8},
                                                      numbers + 12,
                                                      numbers + 16}));
    if (status == Status::OKAY) {
      got = {app.read<std::uint32_t>(numbers), bytes(topic, app.read<std::uint32_t>(numbers + 4)),
             bytes(payload, app.read<std::uint32_t>(numbers + 8)), app.read<std::uint32_t>(numbers + 12),
             app.read<std::uint8_t>(numbers + 16)};
    }
    return status;
  }
  Status read_codes(Gate gate, std::uint32_t room, std::vector<std::uint32_t>& codes) {
    state_at = reserve(4);
    id_at = reserve(4);
    const Address list = reserve(64), count = reserve(4);
    const Status status =
        call(gate, channel, place(abi::MqttSubscribeResponse{state_at, id_at, list, room, count}));
    codes.clear();
    if (status != Status::OKAY) return status;
    for (std::uint32_t i = 0; i < app.read<std::uint32_t>(count); ++i)
      codes.push_back(app.read<std::uint32_t>(list + 4 * i));
    return status;
  }
  Address state_at = 0, id_at = 0;
};

TEST_F(MqttCallsTest, TheServiceGetsAllOfAConnection) {
  open(7168, 4096);
  auto request = connection();
  request.clean_start = 1;
  request.tls_credentials = place(
      abi::TlsCredentials{chain({std::string(800, 'a'), "second"}), {chain({"own", "above"}), text("key")}});
  request.will = place(abi::MqttWill{text("gone"), text("goodbye"), 1, 1});
  services().delivered.add(77);
  services().delivered.add(78);
  ASSERT_EQ(connect(request), Status::OKAY);
  const auto got = sent<channel::MqttConnect>(channel::KIND_MQTT_CONNECT);
  EXPECT_EQ(got.protocol_version(), 1U);
  EXPECT_EQ(got.host(), "broker.example.com");
  EXPECT_EQ(got.port(), 8883U);
  EXPECT_EQ(got.client_id(), "device-1");
  EXPECT_EQ(got.keep_alive_seconds(), 60U);
  EXPECT_EQ(got.clean_start(), 1U);
  EXPECT_EQ(got.authentication(), 0U);
  EXPECT_EQ(got.tls(), 1U);
  ASSERT_EQ(got.authorities_size(), 2);
  EXPECT_EQ(got.authorities(0), std::string(800, 'a'));
  EXPECT_EQ(got.authorities(1), "second");
  ASSERT_EQ(got.certificates_size(), 2);
  EXPECT_EQ(got.certificates(1), "above");
  EXPECT_EQ(got.private_key(), "key");
  EXPECT_EQ(got.will(), 1U);
  EXPECT_EQ(got.will_topic(), "gone");
  EXPECT_EQ(got.will_payload(), "goodbye");
  EXPECT_EQ(got.will_qos(), 1U);
  EXPECT_EQ(got.will_retain(), 1U);
  ASSERT_EQ(got.delivered_size(), 2);
  EXPECT_EQ(got.delivered(1), 78U);
  EXPECT_EQ(connect(request), Status::REQUESTALREADYSENT);
}

TEST_F(MqttCallsTest, NameAndPassword) {
  open();
  auto request = connection();
  request.protocol_version = abi::MqttProtocolVersion::V3_1_1;
  request.authentication = {abi::MqttAuthenticationMethod::USERNAMEPASSWORD, {text("user"), text("secret")}};
  ASSERT_EQ(connect(request), Status::OKAY);
  const auto got = sent<channel::MqttConnect>(channel::KIND_MQTT_CONNECT);
  EXPECT_EQ(got.protocol_version(), 0U);
  EXPECT_EQ(got.authentication(), 1U);
  EXPECT_EQ(got.user_name(), "user");
  EXPECT_EQ(got.password(), "secret");
  EXPECT_EQ(got.tls(), 0U);
  EXPECT_EQ(got.will(), 0U);
}

TEST_F(MqttCallsTest, ConnectionsThatCannotBe) {
  open();
  const auto refused = [&](const std::function<void(abi::MqttConnectRequest&)>& change) {
    auto request = connection();
    change(request);
    return connect(request);
  };
  using Request = abi::MqttConnectRequest;
  EXPECT_EQ(refused([](Request& r) { r.host.length = 0; }), Status::REQUIREDELEMENTMISSING);
  EXPECT_EQ(refused([](Request& r) { r.clientid.length = 0; }), Status::REQUIREDELEMENTMISSING);
  EXPECT_EQ(refused([](Request& r) { r.host.data = kNowhere; }), Status::PARAMETERFAULT);
  EXPECT_EQ(refused([](Request& r) { r.will = kNowhere; }), Status::PARAMETERFAULT);
  EXPECT_EQ(refused([](Request& r) { r.tls_credentials = kNowhere; }), Status::PARAMETERFAULT);
  EXPECT_EQ(refused([&](Request& r) {
              r.will = place(abi::MqttWill{text(""), text("x"), 0, 0});
            }),
            Status::REQUIREDELEMENTMISSING);
  EXPECT_EQ(refused([&](Request& r) {
              r.will = place(abi::MqttWill{text("x"), text(""), 0, 0});
            }),
            Status::REQUIREDELEMENTMISSING);
  EXPECT_EQ(refused([&](Request& r) {
              r.tls_credentials = place(abi::TlsCredentials{chain({}), {chain({"own"}), text("")}});
            }),
            Status::REQUIREDELEMENTMISSING);
  EXPECT_EQ(refused([&](Request& r) {
              r.tls_credentials = place(abi::TlsCredentials{chain(std::vector<std::string>(9, "c")), {}});
            }),
            Status::TOOMANYELEMENTS);
  EXPECT_EQ(refused([&](Request& r) {
              r.tls_credentials = place(abi::TlsCredentials{chain({"ca"}), {chain({"own"}), text("key")}});
              r.authentication.method = abi::MqttAuthenticationMethod::USERNAMEPASSWORD;
            }),
            Status::INVALIDAUTHENTICATION);
  EXPECT_EQ(
      refused([](Request& r) { r.authentication.method = static_cast<abi::MqttAuthenticationMethod>(2); }),
      Status::INVALIDAUTHENTICATION);
  EXPECT_EQ(sent(), "");
  EXPECT_EQ(refused([](Request&) {}), Status::OKAY);
}

TEST_F(MqttCallsTest, CertificatesOutOfReachAreLateFaults) {
  open();
  auto request = connection();
  const auto authorities = chain({"ca"});
  app.write(authorities.certs, abi::SizedString{kNowhere, 4});
  request.tls_credentials = place(abi::TlsCredentials{authorities, {}});
  EXPECT_EQ(connect(request), Status::LATEFAULT);
}

TEST_F(MqttCallsTest, OneSubscriptionAtATime) {
  open();
  EXPECT_EQ(subscribe(5, std::vector<abi::MqttSubscription>(9, {text("t"), 0, 0, 0, 0})),
            Status::TOOMANYELEMENTS);
  ASSERT_EQ(subscribe(5, {{text("a/#"), 2, 1, 1, 2}, {text("b"), 0, 0, 0, 0}}), Status::OKAY);
  const auto got = sent<channel::MqttSubscribe>(channel::KIND_MQTT_SUBSCRIBE);
  EXPECT_EQ(got.correlation_id(), 5U);
  ASSERT_EQ(got.subscriptions_size(), 2);
  EXPECT_EQ(got.subscriptions(0).topic(), "a/#");
  EXPECT_EQ(got.subscriptions(0).qos(), 2U);
  EXPECT_EQ(got.subscriptions(0).no_local(), 1U);
  EXPECT_EQ(got.subscriptions(0).retain_as_published(), 1U);
  EXPECT_EQ(got.subscriptions(0).retain_handling(), 2U);
  EXPECT_EQ(got.subscriptions(1).topic(), "b");
  EXPECT_EQ(subscribe(6, {{text("c"), 0, 0, 0, 0}}), Status::RATELIMITED);
  answer(channel::KIND_MQTT_SUBSCRIBE_RESPONSE, 5, MqttRequestState::REQUESTCOMPLETED,
         std::string("\x02\x80", 2));
  EXPECT_EQ(next(), MqttReadableDataType::SUBSCRIBERESPONSE);
  std::vector<std::uint32_t> codes;
  EXPECT_EQ(read_codes(Gate::MqttReadUnsubscribeResponse, 8, codes), Status::WRONGDATAREQUESTED);
  EXPECT_EQ(read_codes(Gate::MqttReadSubscribeResponse, 1, codes), Status::INVALIDBUFFERSIZE);
  ASSERT_EQ(read_codes(Gate::MqttReadSubscribeResponse, 2, codes), Status::OKAY);
  EXPECT_EQ(codes, (std::vector<std::uint32_t>{2, 0x80}));
  EXPECT_EQ(app.read<std::uint32_t>(id_at), 5U);
  EXPECT_EQ(app.read<MqttRequestState>(state_at), MqttRequestState::REQUESTCOMPLETED);
  EXPECT_EQ(next(), MqttReadableDataType::NONE);
  EXPECT_EQ(subscribe(6, {{text("c"), 0, 0, 0, 0}}), Status::OKAY);
}

TEST_F(MqttCallsTest, OneEndOfSubscriptionsAtATime) {
  open();
  const auto topics = chain({"a", "b"});
  const Address request = place(abi::MqttUnsubscribeRequest{9, topics.certs, 2});
  ASSERT_EQ(call(Gate::MqttRequestUnsubscribe, channel, request), Status::OKAY);
  const auto got = sent<channel::MqttUnsubscribe>(channel::KIND_MQTT_UNSUBSCRIBE);
  EXPECT_EQ(got.correlation_id(), 9U);
  ASSERT_EQ(got.topics_size(), 2);
  EXPECT_EQ(got.topics(1), "b");
  EXPECT_EQ(call(Gate::MqttRequestUnsubscribe, channel, request), Status::RATELIMITED);
  answer(channel::KIND_MQTT_UNSUBSCRIBE_RESPONSE, 9, MqttRequestState::REQUESTCOMPLETED, std::string(2, 0));
  std::vector<std::uint32_t> codes;
  ASSERT_EQ(read_codes(Gate::MqttReadUnsubscribeResponse, 8, codes), Status::OKAY);
  EXPECT_EQ(codes, (std::vector<std::uint32_t>{0, 0}));
}

TEST_F(MqttCallsTest, EightPublicationsMayBeUnderWay) {
  open(2048, 2048);
  for (std::uint32_t i = 0; i < 8; ++i) ASSERT_EQ(publish(i, "topic", "payload", 1), Status::OKAY);
  EXPECT_EQ(publish(8, "topic", "payload"), Status::RATELIMITED);
  sent();
  EXPECT_EQ(publish(8, "topic", "payload"), Status::RATELIMITED);
  answer(channel::KIND_MQTT_PUBLISH_RESPONSE, 0, MqttRequestState::REQUESTCOMPLETED, std::string("\x10", 1));
  ASSERT_EQ(publish(8, "topic", "", 2), Status::OKAY);
  const auto got = sent<channel::MqttMessage>(channel::KIND_MQTT_PUBLISH);
  EXPECT_EQ(got.correlation_id(), 8U);
  EXPECT_EQ(got.qos(), 2U);
  EXPECT_EQ(got.retain(), 1U);
  EXPECT_EQ(got.topic(), "topic");
  ASSERT_EQ(call(Gate::MqttReadPublishResponse, channel, out()), Status::OKAY);
  EXPECT_EQ(told<abi::MqttPublishResponse>().request_state, MqttRequestState::REQUESTCOMPLETED);
  EXPECT_EQ(told<abi::MqttPublishResponse>().correlation_id, 0U);
  EXPECT_EQ(told<abi::MqttPublishResponse>().reason_code, 0x10U);
}

TEST_F(MqttCallsTest, APublicationWaitsForRoomOrNeverFits) {
  open(512, 512);
  ASSERT_EQ(publish(1, "t", std::string(400, 'x')), Status::OKAY);
  EXPECT_EQ(publish(2, "t", std::string(400, 'y')), Status::RATELIMITED);
  sent();
  EXPECT_EQ(publish(2, "t", std::string(600, 'y')), Status::INVALIDBUFFERSIZE);
  ASSERT_EQ(publish(2, "t", std::string(400, 'y')), Status::OKAY);  // over the ring's end
  EXPECT_EQ(sent<channel::MqttMessage>(channel::KIND_MQTT_PUBLISH).payload(), std::string(400, 'y'));
}

TEST_F(MqttCallsTest, EachItemHasItsEventAndIsReadInOrder) {
  open(1024, 512);
  answer(channel::KIND_MQTT_CONNECT_RESPONSE, 0, MqttRequestState::REQUESTCOMPLETED, std::string(1, 0));
  message(41, "first", std::string(300, 'p'), 1);
  message(42, "second", "");
  EXPECT_EQ(events(EventType::CHANNELDATAREADABLE), 3U);
  Message got{};
  EXPECT_EQ(receive(got), Status::WRONGDATAREQUESTED);
  EXPECT_EQ(next(), MqttReadableDataType::CONNECTRESPONSE);
  ASSERT_EQ(call(Gate::MqttReadConnectResponse, channel, out()), Status::OKAY);
  EXPECT_EQ(told<abi::MqttConnectResponse>().request_state, MqttRequestState::REQUESTCOMPLETED);
  EXPECT_EQ(next(), MqttReadableDataType::MESSAGERECEIVED);
  EXPECT_EQ(receive(got, 4, 1024), Status::INVALIDBUFFERSIZE);
  EXPECT_EQ(receive(got, 64, 299), Status::INVALIDBUFFERSIZE);
  ASSERT_EQ(receive(got, 5, 300), Status::OKAY);
  EXPECT_EQ(got.id, 41U);
  EXPECT_EQ(got.topic, "first");
  EXPECT_EQ(got.payload, std::string(300, 'p'));
  EXPECT_EQ(got.qos, 1U);
  ASSERT_EQ(receive(got), Status::OKAY);
  EXPECT_EQ(got.id, 42U);
  EXPECT_EQ(got.payload, "");
  EXPECT_EQ(next(), MqttReadableDataType::NONE);
  EXPECT_EQ(receive(got), Status::RESPONSENOTPRESENT);
}

TEST_F(MqttCallsTest, MessagesOfAnySizeAcrossTheRingsEnd) {
  open(1024, 512);
  for (unsigned size = 0; size < 900; size += 23) {
    const std::string payload(size, static_cast<char>('a' + size % 26));
    message(size, "topic/" + std::to_string(size), payload);
    Message got{};
    ASSERT_EQ(receive(got), Status::OKAY) << size;
    EXPECT_EQ(got.topic, "topic/" + std::to_string(size));
    EXPECT_EQ(got.payload, payload);
    EXPECT_EQ(services().channels.receive_room(slot), 1024U);
  }
}

TEST_F(MqttCallsTest, LostMessagesAreTold) {
  open();
  channel::MqttLostMessage lost;
  lost.set_length(100'000);
  lost.set_topic("large");
  deliver(channel::KIND_MQTT_LOST_MESSAGE, lost);
  EXPECT_EQ(next(), MqttReadableDataType::MESSAGELOST);
  const Address numbers = reserve(16), topic = reserve(16);
  const auto read = [&](std::uint32_t room) {
    return call(Gate::MqttReceiveLostMessageInfo, channel,
                place(abi::MqttLostMessageInfo{numbers, {topic, room, numbers + 4}, numbers + 8}));
  };
  EXPECT_EQ(read(4), Status::INVALIDBUFFERSIZE);
  ASSERT_EQ(read(16), Status::OKAY);
  EXPECT_EQ(app.read<abi::MqttLostMessageReason>(numbers),
            abi::MqttLostMessageReason::DEVICERECEIVEBUFFERTOOSMALL);
  EXPECT_EQ(app.read<std::uint32_t>(numbers + 4), 5U);
  EXPECT_EQ(app.read<std::uint32_t>(numbers + 8), 100'000U);
  EXPECT_EQ(bytes(topic, 5), "large");
}

TEST_F(MqttCallsTest, MessagesThatMayComeOnceAreRemembered) {
  open();
  Message got{};
  for (std::uint32_t id = 1; id <= 17; ++id) {
    message(id, "t", "p", id % 2 == 0 ? 1 : 2);
    ASSERT_EQ(receive(got), Status::OKAY);
  }
  EXPECT_EQ(services().delivered[0], 1U);
  EXPECT_EQ(services().delivered[1], 3U);
  EXPECT_EQ(services().delivered[8], 17U);
  EXPECT_EQ(services().delivered[9], 0U);
}

TEST_F(MqttCallsTest, AcknowledgementsAndTheEnd) {
  open();
  ASSERT_EQ(call(Gate::MqttAcknowledgeMessage, channel, 41), Status::OKAY);
  EXPECT_EQ(sent<channel::MqttAcknowledge>(channel::KIND_MQTT_ACKNOWLEDGE).correlation_id(), 41U);
  ASSERT_EQ(call(Gate::MqttRequestDisconnect, channel), Status::OKAY);
  EXPECT_EQ(sent(), framed(channel::KIND_MQTT_DISCONNECT, ""));
  EXPECT_EQ(call(Gate::MqttRequestDisconnect, channel), Status::RATELIMITED);
  EXPECT_EQ(call(Gate::MqttReadDisconnectResponse, channel, out()), Status::RESPONSENOTPRESENT);
  answer(channel::KIND_MQTT_DISCONNECT_RESPONSE, 0, MqttRequestState::NOTCONNECTED, "");
  services().channels.ended(slot, abi::ClosureReason::CHANNELCLOSEDBYSERVER, services().notifications,
                            app.now);
  ASSERT_EQ(call(Gate::MqttReadDisconnectResponse, channel, out()), Status::OKAY);
  EXPECT_EQ(told<abi::MqttDisconnectResponse>().request_state, MqttRequestState::NOTCONNECTED);
  EXPECT_EQ(told<abi::MqttDisconnectResponse>().disconnect_code, 0U);
  EXPECT_EQ(call(Gate::MqttGetNextReadableDataType, channel, out()), Status::CHANNELCLOSED);
  EXPECT_EQ(call(Gate::MqttAcknowledgeMessage, channel, 41), Status::CHANNELCLOSED);
}

TEST_F(MqttCallsTest, ResultsGoWhereTheApplicationMayWrite) {
  open();
  message(1, "topic", "payload");
  const Address good = reserve(64);
  for (unsigned bad = 0; bad < 7; ++bad) {
    const auto at = [&](unsigned place) { return place == bad ? kNowhere : good + 8 * place; };
    const Address params = place(abi::MqttMessage{at(0), {at(1), 8, at(2)}, {at(3), 8, at(4)}, at(5), at(6)});
    EXPECT_EQ(call(Gate::MqttReceiveMessage, channel, params), Status::PARAMETERFAULT) << bad;
  }
  EXPECT_EQ(call(Gate::MqttReceiveMessage, channel, kNowhere), Status::PARAMETERFAULT);
  EXPECT_EQ(call(Gate::MqttGetNextReadableDataType, channel, kNowhere), Status::PARAMETERFAULT);
  EXPECT_EQ(next(), MqttReadableDataType::MESSAGERECEIVED);
}

TEST_F(MqttCallsTest, TwoCallersTakeTurnsAndBothGetThere) {
  open();
  const Address first = place(abi::MqttPublishRequest{1, text("one"), text(std::string(300, '1')), 0, 0});
  const Address second = place(abi::MqttPublishRequest{2, text("two"), text(std::string(300, '2')), 0, 0});
  const auto trap = [&](Address request, std::uint32_t stack) {
    caller = {{{channel, request, 0, 0}}, stack, 0x0800'0101, 0};
    return perform_call(static_cast<unsigned>(Gate::MqttRequestPublish), false);
  };
  EXPECT_EQ(trap(first, 0x2000'7000), kAgain);
  EXPECT_EQ(trap(second, 0x2000'6000), kAgain);
  Status status = kAgain;
  while (status == kAgain) status = trap(second, 0x2000'6000);
  EXPECT_EQ(status, Status::OKAY);
  EXPECT_EQ(sent<channel::MqttMessage>(channel::KIND_MQTT_PUBLISH).payload(), std::string(300, '2'));
  status = kAgain;
  while (status == kAgain) status = trap(first, 0x2000'7000);
  EXPECT_EQ(status, Status::OKAY);
  EXPECT_EQ(sent<channel::MqttMessage>(channel::KIND_MQTT_PUBLISH).payload(), std::string(300, '1'));
}

}  // namespace
}  // namespace microvisor::firmware::kernel

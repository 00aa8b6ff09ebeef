// Packets as the standard writes them: OASIS MQTT 3.1.1 and 5, by hand.
#include "cloud/relay/mqtt_packets.hpp"

#include <gmock/gmock.h>

#include "cloud/relay/mqtt_memory.hpp"
#include "cloud/relay/mqtt_requests.hpp"

namespace microvisor::cloud::mqtt {
namespace {

using namespace std::string_literals;

TEST(MqttPackets, ConnectOfVersion3) {
  Connect connect;
  connect.client_id = "id";
  connect.keep_alive_seconds = 60;
  connect.clean_start = false;
  EXPECT_EQ(write_connect(connect), "\x10\x0E\0\4MQTT\x04\x00\x00\x3C\0\2id"s);
  connect.clean_start = true;
  connect.user_name = "u";
  connect.password = "p";
  connect.will = Will{"t", "w", 2, true};
  EXPECT_EQ(write_connect(connect), "\x10\x1A\0\4MQTT\x04\xF6\x00\x3C\0\2id\0\1t\0\1w\0\1u\0\1p"s);
}

TEST(MqttPackets, ConnectOfVersion5) {
  Connect connect;
  connect.version = Version::V5;
  connect.client_id = "id";
  connect.clean_start = false;
  connect.session_expiry_seconds = 0x01020304;
  connect.receive_maximum = 10;
  connect.will = Will{"t", "w", 1, false};
  EXPECT_EQ(write_connect(connect),
            "\x10\x1E\0\4MQTT\x05\x0C\x00\x00\x08\x11\1\2\3\4\x21\0\x0A\0\2id\0\0\1t\0\1w"s);
}

TEST(MqttPackets, Others) {
  EXPECT_EQ(write_publish(Version::V3_1_1, {"a/b", "hi", 0, true}, 9, false), "\x31\x07\0\3a/bhi"s);
  EXPECT_EQ(write_publish(Version::V5, {"a/b", "hi", 2, false}, 0x102, true), "\x3C\x0A\0\3a/b\1\2\0hi"s);
  EXPECT_EQ(write_publish(Version::V3_1_1, {"a", std::string(200, 'x'), 0, false}, 0, false).substr(0, 3),
            "\x30\xCB\x01"s);
  EXPECT_EQ(write_answer(PacketType::PublishRelease, 5), "\x62\x02\0\5"s);
  EXPECT_EQ(write_subscribe(Version::V3_1_1, 1, {{"a", 1}, {"b", 2}}), "\x82\x0A\0\1\0\1a\1\0\1b\2"s);
  EXPECT_EQ(write_unsubscribe(Version::V5, 1, {"a"}), "\xA2\x06\0\1\0\0\1a"s);
  EXPECT_EQ(write_disconnect(Version::V5, 0x97), "\xE0\x01\x97"s);
  EXPECT_EQ(write_disconnect(Version::V3_1_1, 0x97), "\xE0\x00"s);
}

/// Wherever the bytes are cut, the same packets come.
TEST(MqttPackets, AreFoundHoweverTheyAreCut) {
  const std::string bytes = "\xD0\x00"s + "\x34\x08\0\1a\0\7\0hi"s + "\x34\xD4\x03\0\1a\0\7\0"s +
                            std::string(462, 'x') + "\x90\x05\0\1\0\0\x87"s + "\x40\x02\0\3"s;
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    PacketReader reader(Version::V5, 100);
    std::vector<Packet> packets;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      const std::string part = bytes.substr(at, piece);
      protocol::ByteView view = protocol::as_bytes(part);
      Packet packet;
      while (reader.next(view, packet) == PacketReader::Status::Packet) packets.push_back(packet);
    }
    ASSERT_EQ(packets.size(), 5U) << piece;
    EXPECT_EQ(packets[0].type, PacketType::PingResponse);
    EXPECT_EQ(packets[1].publication.payload, "hi");
    EXPECT_EQ(packets[1].id, 7);
    EXPECT_FALSE(packets[1].cut_length);
    EXPECT_EQ(packets[2].cut_length, 462U);
    EXPECT_EQ(packets[2].publication.payload, "");
    EXPECT_THAT(packets[3].codes, testing::ElementsAre(0, 0x87));
    EXPECT_THAT(packets[4].codes, testing::ElementsAre(0));
  }
}

TEST(MqttPackets, PropertiesOfAConnectAnswer) {
  const std::string bytes =
      "\x20\x27\1\0\x24\x21\0\5\x24\1\x25\0\x27\0\0\1\0\x13\0\x1E\x12\0\1c\x26\0\1k\0\1v\x22\0\3\x28\1\x11\0\0\0\1"s;
  PacketReader reader(Version::V5, 1000);
  protocol::ByteView view = protocol::as_bytes(bytes);
  Packet packet;
  ASSERT_EQ(reader.next(view, packet), PacketReader::Status::Packet);
  EXPECT_TRUE(packet.session_present);
  EXPECT_EQ(packet.receive_maximum, 5);
  EXPECT_EQ(packet.maximum_qos, 1);
  EXPECT_FALSE(packet.retain_available);
  EXPECT_EQ(packet.maximum_packet, 256U);
  EXPECT_EQ(packet.keep_alive_seconds, 30);
}

TEST(MqttPackets, Topics) {
  for (const char* filter :
       {"a", "#", "+", "a/+", "a/+/b", "a/#", "/", "a//b", "+/+/#", "\xC3\xA9", "$share/g/a"})
    EXPECT_TRUE(is_topic_filter(filter)) << filter;
  for (const char* filter :
       {"", "a#", "a+", "#/a", "a/#/b", "+a", "a/b#", "\xC3", "\xED\xA0\x80", "\xC0\x80", "\xF4\x90\x80\x80"})
    EXPECT_FALSE(is_topic_filter(filter)) << filter;
  EXPECT_TRUE(is_topic("a/b"));
  EXPECT_FALSE(is_topic("a/+"));
  EXPECT_FALSE(is_topic("\0"s));
  EXPECT_TRUE(is_topic(std::string(65535, 'a')));
  EXPECT_FALSE(is_topic(std::string(65536, 'a')));
}

/// Options of a subscription exist in version 5 only.
TEST(MqttRequests, OptionsOfASubscription) {
  channel::MqttSubscribe message;
  auto& wanted = *message.add_subscriptions();
  wanted.set_topic("a");
  wanted.set_qos(1);
  wanted.set_no_local(1);
  wanted.set_retain_as_published(1);
  wanted.set_retain_handling(2);
  EXPECT_EQ(read_request(message, Version::V5)->topics[0].options, 0x2D);
  EXPECT_EQ(read_request(message, Version::V3_1_1)->topics[0].options, 1);
  wanted.set_retain_handling(3);
  EXPECT_FALSE(read_request(message, Version::V5));
  wanted.set_retain_handling(0);
  for (int i = 0; i < 7; ++i) message.add_subscriptions()->set_topic("b");
  EXPECT_TRUE(read_request(message, Version::V5));
  message.add_subscriptions()->set_topic("ninth");
  EXPECT_FALSE(read_request(message, Version::V5));
  EXPECT_FALSE(read_request(channel::MqttSubscribe(), Version::V5));
}

TEST(MqttMemories, HaveTheirBounds) {
  std::uint32_t seed = 0;
  Memories memories([&] { return seed += 1000; });
  Moment now{};
  const auto key = [](const std::string& device, int number) {
    return MemoryKey{"AC", device, "host", 1883, std::to_string(number)};
  };
  const auto held = memories.take(key("a", 0), now);
  EXPECT_EQ(held->correlation(), 1001U);
  for (int i = 1; i < 20; ++i) memories.take(key("a", i), now += std::chrono::seconds(1));
  EXPECT_EQ(memories.size(), kMemoriesPerDevice);
  memories.take(key("b", 0), now);
  EXPECT_EQ(memories.size(), kMemoriesPerDevice + 1) << "another device's";
  EXPECT_EQ(memories.take(key("a", 0), now), held) << "what is in use stays";
  EXPECT_EQ(memories.take(key("a", 19), now)->next_correlation, 20'000U);
  memories.tick(now + kRemembered - std::chrono::seconds(10));
  EXPECT_EQ(memories.size(), kMemoriesPerDevice + 1);
  memories.tick(now + kRemembered + std::chrono::seconds(1));
  EXPECT_EQ(memories.size(), 1U);
}

TEST(MqttMemories, KeepNoMoreOfPublicationsThanTheyMay) {
  Memory memory(0);
  for (std::uint16_t id = 1; id <= 10; ++id)
    memory.departing[id].publication.payload = std::string(10'000, 'x');
  memory.departing[11].released = true;
  memory.disconnected();
  EXPECT_EQ(memory.departing.size(), 7U);  // 6 of 10,000 bytes are less than 64 KiB
  EXPECT_TRUE(memory.departing.contains(11));
}

}  // namespace
}  // namespace microvisor::cloud::mqtt

// A fetch as the device sends it: order, what is not there, what does not fit, and what is no request.
#include "cloud/configuration/fetch_server.hpp"

#include <gtest/gtest.h>

#include "cloud/test/fixtures.hpp"

namespace microvisor::cloud {
namespace {

struct FetchTest : testing::Test {
  test::World world;
  Values values{*world.store, world.vault, world.clock};
  std::string device = world.add_device('1').sid;
  std::unique_ptr<Channel> channel;

  FetchTest() { open(1 << 16); }
  void open(std::size_t receive_buffer) {
    channel = std::make_unique<Channel>(ChannelOwner{world.account.sid, device}, receive_buffer, [] {});
    channel->serve(serve_fetches(values)(*channel));
  }
  void put(EntryKind kind, const std::string& of_device, const std::string& key, const std::string& value) {
    ASSERT_TRUE(values.create({world.account.sid, of_device, kind}, key, value));
  }
  static void ask(channel::ConfigRequest& request, EntryScope scope, EntryKind kind, const std::string& key) {
    channel::ConfigKey& item = *request.add_keys();
    item.set_scope(static_cast<std::uint32_t>(scope));
    item.set_store(static_cast<std::uint32_t>(kind));
    item.set_key(key);
  }
  /// A message as it comes off the wire (FORMAT.md).
  void send(const std::string& message, channel::Kind kind = channel::KIND_CONFIG_REQUEST) {
    protocol::Bytes wire = {static_cast<std::uint8_t>(message.size()),
                            static_cast<std::uint8_t>(message.size() >> 8), 0,
                            static_cast<std::uint8_t>(kind)};
    wire.insert(wire.end(), message.begin(), message.end());
    channel->from_device(wire);
  }
  channel::ConfigResponse answer() {
    const protocol::Bytes wire = channel->take_for_device(1 << 20);
    channel::ConfigResponse response;
    EXPECT_GE(wire.size(), 4U);
    if (wire.size() < 4) return response;
    EXPECT_LE(wire.size(), channel->receive_buffer());
    EXPECT_EQ(wire[3], channel::KIND_CONFIG_RESPONSE);
    EXPECT_EQ(static_cast<std::size_t>(wire[0] | wire[1] << 8 | wire[2] << 16), wire.size() - 4);
    EXPECT_TRUE(response.ParseFromArray(wire.data() + 4, static_cast<int>(wire.size() - 4)));
    return response;
  }
  channel::ConfigResponse answer_to(const channel::ConfigRequest& request) {
    send(request.SerializeAsString());
    EXPECT_FALSE(channel->closed());
    return answer();
  }
  void expect_protocol_error(const std::string& message, channel::Kind kind = channel::KIND_CONFIG_REQUEST) {
    open(1 << 16);
    send(message, kind);
    EXPECT_EQ(channel->closed(), link::STREAM_ERROR_PROTOCOL);
    EXPECT_EQ(channel->queued(), 0U);
  }
};

TEST_F(FetchTest, BothScopesAndStoresInTheOrderOfTheRequest) {
  put(EntryKind::Config, "", "host", "broker.example");
  put(EntryKind::Config, device, "port", "8883");
  put(EntryKind::Secret, "", "key", "308187");
  put(EntryKind::Secret, device, "empty", "");
  channel::ConfigRequest request;
  ask(request, EntryScope::Device, EntryKind::Config, "port");
  ask(request, EntryScope::Device, EntryKind::Secret, "empty");
  ask(request, EntryScope::Account, EntryKind::Secret, "key");
  ask(request, EntryScope::Device, EntryKind::Config, "host");
  ask(request, EntryScope::Account, EntryKind::Config, "host");
  ask(request, EntryScope::Device, EntryKind::Config, "port");
  const auto response = answer_to(request);
  EXPECT_EQ(response.result(), 0U);
  EXPECT_EQ(response.item_count(), 6U);
  ASSERT_EQ(response.items_size(), 6);
  const std::pair<std::uint32_t, std::string> expected[] = {
      {0, "8883"}, {0, ""}, {0, "308187"}, {1, ""}, {0, "broker.example"}, {0, "8883"}};
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(response.items(i).result(), expected[i].first) << i;
    EXPECT_EQ(response.items(i).value(), expected[i].second) << i;
  }
  EXPECT_FALSE(channel->closed()) << "the application closes";
}

TEST_F(FetchTest, WhatWasAlteredIsAServerErrorOfItsItemAlone) {
  put(EntryKind::Secret, "", "good", "value");
  put(EntryKind::Secret, "", "bad", "value");
  ConfigurationEntry entry = *world.store->entry({world.account.sid, "", EntryKind::Secret}, "bad");
  entry.value.back() ^= 1;
  ASSERT_TRUE(world.store->change_entry(entry));
  channel::ConfigRequest request;
  ask(request, EntryScope::Account, EntryKind::Secret, "bad");
  ask(request, EntryScope::Account, EntryKind::Secret, "good");
  const auto response = answer_to(request);
  ASSERT_EQ(response.items_size(), 2);
  EXPECT_EQ(response.items(0).result(), 2U);
  EXPECT_EQ(response.items(0).value(), "");
  EXPECT_EQ(response.item_count(), 2U);
  EXPECT_EQ(response.items(1).result(), 0U);
  EXPECT_EQ(response.items(1).value(), "value");
}

TEST_F(FetchTest, AnAnswerThatFillsTheBufferIsSentAndOneByteMoreIsTooLarge) {
  put(EntryKind::Config, "", "k", std::string(100, 'v'));
  channel::ConfigRequest request;
  ask(request, EntryScope::Account, EntryKind::Config, "k");
  // Header 4; count: 2; item: tag and length 2; value: tag and length 2, and 100. A result of 0 is absent.
  open(110);
  EXPECT_EQ(answer_to(request).items_size(), 1);
  open(109);
  const auto refused = answer_to(request);
  EXPECT_EQ(refused.result(), 1U);
  EXPECT_EQ(refused.item_count(), 0U);
  EXPECT_EQ(refused.items_size(), 0);
  open(5);
  send(request.SerializeAsString());
  EXPECT_EQ(channel->closed(), link::STREAM_ERROR_PROTOCOL) << "nothing fits there";
}

TEST_F(FetchTest, SixteenKeysOfTheLargestValuesAndNoMore) {
  std::string wide;
  for (std::size_t i = 0; i < kMaxValueCharacters; ++i) wide += "\xF0\x9F\x94\x91";
  put(EntryKind::Secret, device, std::string(100, 'k'), wide);
  channel::ConfigRequest request;
  for (int i = 0; i < 16; ++i) ask(request, EntryScope::Device, EntryKind::Secret, std::string(100, 'k'));
  open(1 << 20);
  const auto response = answer_to(request);
  ASSERT_EQ(response.items_size(), 16);
  for (const auto& item : response.items()) EXPECT_EQ(item.value(), wide);
  ask(request, EntryScope::Device, EntryKind::Secret, "k");
  expect_protocol_error(request.SerializeAsString());
}

TEST_F(FetchTest, WhatIsNoRequestEndsTheChannel) {
  channel::ConfigRequest request;
  ask(request, EntryScope::Account, EntryKind::Config, "k");
  const std::string good = request.SerializeAsString();
  expect_protocol_error(good, channel::KIND_CONFIG_RESPONSE);
  expect_protocol_error(good, channel::KIND_HTTP_REQUEST);
  expect_protocol_error(good.substr(0, good.size() - 1));
  expect_protocol_error("\xFF");
  request.mutable_keys(0)->set_scope(2);
  expect_protocol_error(request.SerializeAsString());
  request.mutable_keys(0)->set_scope(0);
  request.mutable_keys(0)->set_store(2);
  expect_protocol_error(request.SerializeAsString());
}

TEST_F(FetchTest, KeysThatCannotBeAreNotFound) {
  channel::ConfigRequest request;
  for (const std::string& key : {std::string(), std::string(101, 'k'), std::string("a\0b", 3),
                                 std::string("\xFF"), std::string("' OR 1=1 --")}) {
    ask(request, EntryScope::Account, EntryKind::Config, key);
  }
  const auto response = answer_to(request);
  ASSERT_EQ(response.items_size(), 5);
  for (const auto& item : response.items()) EXPECT_EQ(item.result(), 1U);
}

TEST_F(FetchTest, OneRequestAChannel) {
  const channel::ConfigRequest nothing;
  EXPECT_EQ(answer_to(nothing).items_size(), 0);
  send(nothing.SerializeAsString());
  EXPECT_EQ(channel->closed(), link::STREAM_ERROR_PROTOCOL);
}

}  // namespace
}  // namespace microvisor::cloud

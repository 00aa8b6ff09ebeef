// Which packets of an application's go out, and when; which of those that come it is given. The translation
// itself is tried in translator_test.cpp.
#include "firmware/net/application_traffic.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <vector>

namespace microvisor::firmware::net {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr Ipv4Address kOwn = 0x0A00'020F, kPeer = 0x0A40'4040, kServer = 0xC633'6407;  // 198.51.100.7
constexpr BearerAddresses kBearer{kOwn, kPeer, {0x0A00'0203, 0}};

void put16(Bytes& bytes, std::size_t at, unsigned value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}
void put32(Bytes& bytes, std::size_t at, std::uint32_t value) {
  put16(bytes, at, value >> 16);
  put16(bytes, at + 2, value & 0xFFFF);
}
unsigned get16(std::span<const std::uint8_t> bytes, std::size_t at) {
  return bytes[at] * 256U + bytes[at + 1];
}

/// A datagram of so many bytes in all; its sums are no concern here.
Bytes datagram(Ipv4Address from, unsigned from_port, Ipv4Address to, unsigned to_port,
               std::size_t size = 40) {
  Bytes packet(size, 0x77);
  packet[0] = 0x45;
  put16(packet, 2, static_cast<unsigned>(size));
  put16(packet, 6, 0);
  packet[8] = 64;
  packet[9] = 17;
  put32(packet, 12, from);
  put32(packet, 16, to);
  put16(packet, 20, from_port);
  put16(packet, 22, to_port);
  put16(packet, 26, 0);
  return packet;
}

class Queues final : public PacketQueues {
 public:
  std::uint32_t number() override { return open; }
  std::size_t take(std::span<std::uint8_t, kMaximumPacket> into) override {
    if (sent.empty()) return 0;
    const Bytes packet = sent.front();
    sent.pop_front();
    std::copy(packet.begin(), packet.end(), into.begin());
    return packet.size();
  }
  void refused() override { ++refusals; }
  void give(std::span<const std::uint8_t> packet) override {
    given.emplace_back(packet.begin(), packet.end());
  }
  void bearer_changed(const BearerAddresses& bearer, std::uint32_t mtu) override {
    bearers.push_back(bearer);
    last_mtu = mtu;
  }

  std::uint32_t open = 1;
  std::deque<Bytes> sent;
  std::vector<Bytes> given;
  std::vector<BearerAddresses> bearers;
  std::uint32_t last_mtu = 0;
  unsigned refusals = 0;
};

class ApplicationTrafficTest : public testing::Test {
 protected:
  ApplicationTrafficTest() { traffic.bearer_is(kBearer, 1500); }

  void application_sends(unsigned count = 1) {
    for (unsigned i = 0; i < count; ++i)
      queues.sent.push_back(datagram(Translator::kApplication, 4000, kServer, 7));
  }
  bool sends(bool own = false) { return !traffic.next(own, now).packet.empty(); }
  /// The port that the outside sees.
  unsigned exchange() {
    application_sends();
    return get16(traffic.next(false, now).packet, 20);
  }
  bool comes(const Bytes& packet) {
    std::copy(packet.begin(), packet.end(), traffic.room().begin());
    return traffic.expects(now) && traffic.received(packet.size(), now);
  }

  Queues queues;
  ApplicationTraffic traffic{&queues};
  std::uint64_t now = 5'000'000;
};

TEST_F(ApplicationTrafficTest, APacketGoesOutAndItsAnswerIsGivenToTheApplication) {
  const unsigned port = exchange();
  const Bytes answer = datagram(kServer, 7, kOwn, port, 1500);
  ASSERT_TRUE(comes(answer));
  ASSERT_EQ(queues.given.size(), 1U);
  EXPECT_EQ(queues.given[0].size(), 1500U);
  EXPECT_EQ(get16(queues.given[0], 22), 4000U);
}

TEST_F(ApplicationTrafficTest, NothingIsExpectedBeforeTheApplicationHasSent) {
  EXPECT_FALSE(traffic.expects(now));
  EXPECT_FALSE(comes(datagram(kServer, 7, kOwn, Translator::kFirstPort)));
  exchange();
  EXPECT_TRUE(traffic.expects(now));
  EXPECT_FALSE(comes(datagram(kServer, 8, kOwn, Translator::kFirstPort))) << "another port of the server's";
  EXPECT_TRUE(queues.given.empty());
}

TEST_F(ApplicationTrafficTest, OneAtATime) {
  application_sends(3);
  for (int i = 0; i < 3; ++i) {
    const auto outgoing = traffic.next(false, now);
    EXPECT_TRUE(outgoing.taken);
    EXPECT_FALSE(outgoing.packet.empty());
  }
  EXPECT_FALSE(traffic.next(false, now).taken);
}

TEST_F(ApplicationTrafficTest, WhatMayNotGoOutIsTakenAndCounted) {
  queues.sent.push_back(datagram(kServer, 4000, kServer, 7));                       // a source not its own
  queues.sent.push_back(datagram(Translator::kApplication, 4000, kOwn, 7));         // the device itself
  queues.sent.push_back(datagram(Translator::kApplication, 4000, 0xFFFF'FFFF, 7));  // everybody
  queues.sent.push_back(Bytes(1, 0x45));
  for (int i = 0; i < 4; ++i) {
    const auto outgoing = traffic.next(false, now);
    EXPECT_TRUE(outgoing.taken);
    EXPECT_TRUE(outgoing.packet.empty());
  }
  EXPECT_EQ(queues.refusals, 4U);
}

TEST_F(ApplicationTrafficTest, NoLongerThanTheBearerTakes) {
  traffic.bearer_is(kBearer, 600);
  queues.sent.push_back(datagram(Translator::kApplication, 4000, kServer, 7, 601));
  EXPECT_FALSE(sends());
  EXPECT_EQ(queues.refusals, 1U);
  queues.sent.push_back(datagram(Translator::kApplication, 4000, kServer, 7, 600));
  EXPECT_TRUE(sends());
}

TEST_F(ApplicationTrafficTest, OursIsFirst) {
  application_sends(2);
  EXPECT_TRUE(sends());
  EXPECT_FALSE(traffic.next(true, now).taken) << "it stays in the application's ring";
  now += ApplicationTraffic::kPatience - 1;
  EXPECT_FALSE(sends(true));
  EXPECT_TRUE(sends(false)) << "there was an answer";
}

TEST_F(ApplicationTrafficTest, WhereOursIsNotAnsweredATrickleGoesOut) {
  application_sends(100);
  EXPECT_TRUE(sends());
  now += ApplicationTraffic::kPatience;
  unsigned sent = 0;
  for (int tenth = 0; tenth < 100; ++tenth, now += 100'000) sent += sends(true) ? 1 : 0;
  EXPECT_EQ(sent, 10U) << "one a second";
}

TEST_F(ApplicationTrafficTest, ABearerIsToldOnceAndItsEndForgetsAll) {
  const unsigned port = exchange();
  ASSERT_EQ(queues.bearers.size(), 1U);
  EXPECT_EQ(queues.last_mtu, 1500U);
  traffic.bearer_is(kBearer, 1500);
  EXPECT_EQ(queues.bearers.size(), 1U) << "nothing has changed";
  traffic.bearer_is({}, 0);
  ASSERT_EQ(queues.bearers.size(), 2U);
  EXPECT_EQ(queues.bearers[1].own, 0U);
  application_sends();
  EXPECT_FALSE(traffic.next(false, now).taken) << "it waits for another bearer";
  traffic.bearer_is(kBearer, 1500);
  EXPECT_FALSE(comes(datagram(kServer, 7, kOwn, port)));
  EXPECT_TRUE(sends());
}

TEST_F(ApplicationTrafficTest, WhatOneInterfaceHasBegunIsNotTheNextOnes) {
  const unsigned port = exchange();
  queues.open = 2;
  EXPECT_FALSE(comes(datagram(kServer, 7, kOwn, port)));
  queues.open = 0;
  application_sends();
  EXPECT_FALSE(traffic.next(false, now).taken) << "none is open";
}

TEST_F(ApplicationTrafficTest, WithoutQueuesThereIsNothing) {
  ApplicationTraffic none(nullptr);
  none.bearer_is(kBearer, 1500);
  EXPECT_FALSE(none.next(false, now).taken);
  EXPECT_FALSE(none.expects(now));
}

}  // namespace
}  // namespace microvisor::firmware::net

// The application's packets on the bearer that Microvisor's link uses: the firmware's link engine, stack and
// PPP on one side, on the other the modem and a network inside the process that is watched.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "board/modem/joined_network.hpp"
#include "board/modem/radio_link.hpp"
#include "protocol/bundle/manifest.hpp"
#include "tests/link/test_device.hpp"

namespace microvisor::test {
namespace {

using board::packet::Bytes;
using firmware::net::kSeconds;
using firmware::net::Translator;
namespace packet = board::packet;

constexpr std::uint32_t kServer = 0xC633'6407, kOther = 0xC633'6408;  // 198.51.100.7 and .8
constexpr std::uint16_t kServerPort = 7777;

/// Notes what the device sends and lets a test send to it.
class WatchedNetwork final : public board::Network {
 public:
  explicit WatchedNetwork(std::unique_ptr<board::Network> behind) : behind_(std::move(behind)) {}
  void send(std::span<const std::uint8_t> bytes) override {
    sent.emplace_back(bytes.begin(), bytes.end());
    behind_->send(bytes);
  }
  void on_receive(Receiver receiver) override {
    receiver_ = receiver;
    behind_->on_receive(std::move(receiver));
  }
  bool poll(std::chrono::microseconds timeout) override { return behind_->poll(timeout); }
  [[nodiscard]] bool awaiting() const override { return behind_->awaiting(); }
  void wake() override { behind_->wake(); }

  void to_device(const Bytes& bytes) { receiver_(bytes); }

  std::vector<Bytes> sent;

 private:
  std::unique_ptr<board::Network> behind_;
  Receiver receiver_;
};

/// A joined network at the end of a radio link.
class FarNetwork final : public board::Network {
 public:
  FarNetwork(board::Scheduler& scheduler, std::unique_ptr<board::Network> behind,
             const board::RadioConditions& conditions)
      : behind_(std::move(behind)), radio_(scheduler, *behind_, conditions) {}
  void send(std::span<const std::uint8_t> bytes) override { radio_.send(bytes); }
  void on_receive(Receiver receiver) override { radio_.on_receive(std::move(receiver)); }
  bool poll(std::chrono::microseconds timeout) override { return radio_.poll(timeout); }
  [[nodiscard]] bool awaiting() const override { return radio_.awaiting(); }
  void wake() override { radio_.wake(); }

 private:
  std::unique_ptr<board::Network> behind_;
  board::RadioLink radio_;
};

/// What the application sends and gets.
class Packets final : public firmware::net::PacketQueues {
 public:
  std::uint32_t number() override { return 1; }
  std::size_t take(std::span<std::uint8_t, firmware::net::kMaximumPacket> into) override {
    if (to_send.empty() && flood.empty()) return 0;
    const Bytes bytes = to_send.empty() ? flood : to_send.front();
    if (!to_send.empty()) to_send.pop_front();
    ++taken;
    std::copy(bytes.begin(), bytes.end(), into.begin());
    return bytes.size();
  }
  void refused() override { ++refusals; }
  void give(std::span<const std::uint8_t> bytes) override { got.emplace_back(bytes.begin(), bytes.end()); }
  void bearer_changed(const firmware::net::BearerAddresses& bearer, std::uint32_t mtu) override {
    bearers.push_back(bearer);
    last_mtu = mtu;
  }

  std::deque<Bytes> to_send;
  Bytes flood;  // sent whenever there is nothing else
  std::vector<Bytes> got;
  std::vector<firmware::net::BearerAddresses> bearers;
  std::uint32_t last_mtu = 0;
  unsigned taken = 0, refusals = 0;
};

/// For the address of server.example (RFC 1035).
Bytes name_query() {
  return {0x12, 0x34, 1,   0, 0,   1,   0,   0,   0,   0,   0,   0, 6, 's', 'e', 'r',
          'v',  'e',  'r', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0, 0, 1,   0,   1};
}

class SharedBearer : public ::testing::Test {
 protected:
  explicit SharedBearer(const board::RadioConditions& conditions = {})
      : line([this, conditions](board::Scheduler& scheduler) {
          board::JoinedOptions options;
          options.names = {{"gateway.example", board::kGatewayAddress}, {"server.example", kServer}};
          auto joined = std::make_unique<board::JoinedNetwork>(
              scheduler,
              [this](board::JoinedConnection& connection, std::uint32_t address,
                     std::uint16_t port) -> std::unique_ptr<board::JoinedPeer> {
                if (address == kServer && port == kServerPort) return std::make_unique<Server>(connection);
                return port == gateway.port() ? gateway.join(connection) : nullptr;
              },
              options);
          auto watched = std::make_unique<WatchedNetwork>(
              std::make_unique<FarNetwork>(scheduler, std::move(joined), conditions));
          network = watched.get();
          return watched;
        }),
        device(line, gateway, owner.public_key()) {
    const std::string_view name = "gateway.example";
    EXPECT_TRUE(device.identity_record.gateway_host.assign(
        {reinterpret_cast<const std::uint8_t*>(name.data()), name.size()}));
    device.queues = &packets;
    device.reset();
  }

  /// Hears a line and says it again.
  class Server final : public board::JoinedPeer {
   public:
    explicit Server(board::JoinedConnection& connection) : connection_(connection) {}
    void received(std::span<const std::uint8_t> bytes) override { connection_.send(bytes); }
    void ended() override {}

   private:
    board::JoinedConnection& connection_;
  };

  void send_datagram(std::uint32_t to, std::uint16_t port, const Bytes& content, std::uint16_t from = 5000) {
    packets.to_send.push_back(packet::make_udp(
        Translator::kApplication, to, {.source_port = from, .destination_port = port, .data = content}));
  }
  void send_segment(const packet::Tcp& segment) {
    packets.to_send.push_back(packet::make_tcp(Translator::kApplication, kServer, segment));
  }
  /// Segments that have come for the application, their sums right.
  std::vector<packet::Tcp> segments() const {
    std::vector<packet::Tcp> result;
    for (const Bytes& bytes : packets.got) {
      const auto ip = packet::parse_ip(bytes);
      const auto tcp =
          ip && ip->destination == Translator::kApplication ? packet::parse_tcp(*ip) : std::nullopt;
      if (tcp) result.push_back(*tcp);
    }
    return result;
  }
  bool run_until_connected() {
    return device.run_until(
        [&] { return device.engine().status() == firmware::link::NetworkStatus::Connected; });
  }

  protocol::SigningKey owner = protocol::SigningKey::generate();
  TestGateway gateway{kDeviceSid};
  WatchedNetwork* network = nullptr;
  Packets packets;
  ModelledLine line;
  TestDevice device;
};

TEST_F(SharedBearer, TheInterfaceIsUpWithTheBearersNameServerAndSize) {
  ASSERT_TRUE(device.run_until([&] { return !packets.bearers.empty() && packets.bearers.back().own != 0; }));
  EXPECT_EQ(packets.bearers.back().own, board::kBoardAddress);
  EXPECT_EQ(packets.bearers.back().name_servers[0], board::kNameServerAddress);
  EXPECT_EQ(packets.last_mtu, 1500U);
}

TEST_F(SharedBearer, NamesAreResolvedForTheApplication) {
  send_datagram(board::kNameServerAddress, 53, name_query());
  ASSERT_TRUE(device.run_until([&] { return !packets.got.empty(); }));
  const auto ip = packet::parse_ip(packets.got[0]);
  ASSERT_TRUE(ip);
  EXPECT_EQ(ip->destination, Translator::kApplication);
  const auto answer = packet::parse_udp(*ip);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->destination_port, 5000U);
  ASSERT_GE(answer->data.size(), 4U);
  EXPECT_EQ(answer->data[0], 0x12);
  EXPECT_EQ(packet::get32(answer->data, answer->data.size() - 4), kServer);
}

TEST_F(SharedBearer, AConnectionOfTheApplicationsStandsBesideOurs) {
  const Bytes text{'h', 'e', 'l', 'l', 'o'};
  send_segment({.source_port = 40'000,
                .destination_port = kServerPort,
                .sequence = 100,
                .flags = packet::kSyn,
                .window = 4000,
                .maximum_segment = 1460,
                .data = {}});
  bool said = false;
  ASSERT_TRUE(device.run_until([&] {
    const auto all = segments();
    if (!said && !all.empty()) {
      said = true;
      EXPECT_EQ(all[0].flags, packet::kSyn | packet::kAck);
      EXPECT_EQ(all[0].destination_port, 40'000U);
      send_segment({.source_port = 40'000,
                    .destination_port = kServerPort,
                    .sequence = 101,
                    .acknowledgement = all[0].sequence + 1,
                    .flags = packet::kAck | packet::kPush,
                    .window = 4000,
                    .data = text});
      device.log = {"in the middle of it"};
    }
    const bool echoed = std::any_of(all.begin(), all.end(), [&](const packet::Tcp& one) {
      return std::equal(one.data.begin(), one.data.end(), text.begin(), text.end());
    });
    return echoed && gateway.seen().log.size() == 1;
  }));
  EXPECT_EQ(gateway.seen().sessions, 1U);
}

TEST_F(SharedBearer, NothingComesInThatTheApplicationHasNotAskedFor) {
  ASSERT_TRUE(run_until_connected());
  send_datagram(kServer, 9, {'a', 's', 'k'});
  std::uint16_t port = 0;
  ASSERT_TRUE(device.run_until([&] {
    for (const Bytes& bytes : network->sent) {
      const auto ip = packet::parse_ip(bytes);
      const auto udp = ip && ip->destination == kServer ? packet::parse_udp(*ip) : std::nullopt;
      if (udp) port = udp->source_port;
    }
    return port != 0;
  }));
  const auto comes = [&](std::uint32_t from, std::uint16_t from_port, std::uint32_t to,
                         std::uint16_t to_port) {
    const Bytes content{'x'};
    network->to_device(
        packet::make_udp(from, to, {.source_port = from_port, .destination_port = to_port, .data = content}));
  };
  comes(kOther, 9, board::kBoardAddress, port);
  comes(kServer, 10, board::kBoardAddress, port);
  comes(kServer, 9, board::kBoardAddress, static_cast<std::uint16_t>(port + 1));
  comes(kServer, 9, board::kBoardAddress, 5000);
  comes(kServer, 9, Translator::kApplication, 5000);
  comes(kServer, 9, board::kBoardAddress, port);
  ASSERT_TRUE(device.run_until([&] { return !packets.got.empty(); }));
  device.log = {"afterwards"};
  ASSERT_TRUE(device.run_until([&] { return gateway.seen().log.size() == 1; }));
  EXPECT_EQ(packets.got.size(), 1U) << "the answer alone";
}

TEST_F(SharedBearer, NoSourceButItsOwnLeavesTheDevice) {
  ASSERT_TRUE(run_until_connected());
  const Bytes content{'f', 'o', 'r', 'g', 'e', 'd'};
  for (const std::uint32_t from : {board::kBoardAddress, kOther, Translator::kGateway}) {
    packets.to_send.push_back(
        packet::make_udp(from, kServer, {.source_port = 1, .destination_port = 9, .data = content}));
  }
  for (const std::uint32_t to : {board::kBoardAddress, board::kPeerAddress, 0x7F00'0001U, 0xFFFF'FFFFU,
                                 0xE000'0001U, 0U, Translator::kGateway})
    send_datagram(to, 9, content);
  network->sent.clear();
  ASSERT_TRUE(device.run_until([&] { return packets.to_send.empty(); }));
  EXPECT_EQ(packets.refusals, 10U);
  send_datagram(kServer, 9, {'g', 'o', 'o', 'd'});
  ASSERT_TRUE(device.run_until([&] { return packets.to_send.empty(); }));
  for (const Bytes& bytes : network->sent) {
    const auto ip = packet::parse_ip(bytes);
    ASSERT_TRUE(ip);
    EXPECT_EQ(ip->source, board::kBoardAddress);
    const auto udp = packet::parse_udp(*ip);
    if (!udp || udp->destination_port != 9) continue;
    EXPECT_EQ(Bytes(udp->data.begin(), udp->data.end()), Bytes({'g', 'o', 'o', 'd'}));
  }
}

TEST_F(SharedBearer, ABearerThatGoesIsToldAndItsExchangesAreOver) {
  ASSERT_TRUE(run_until_connected());
  send_datagram(kServer, 9, {'a'});
  ASSERT_TRUE(device.run_until([&] { return packets.to_send.empty(); }));
  packets.bearers.clear();
  line.modem().drop_call();
  ASSERT_TRUE(device.run_until([&] { return packets.bearers.size() >= 2; }));
  EXPECT_EQ(packets.bearers[0].own, 0U);
  EXPECT_EQ(packets.bearers[1].own, board::kBoardAddress);
  const Bytes content{'l', 'a', 't', 'e'};
  network->to_device(
      packet::make_udp(kServer, board::kBoardAddress,
                       {.source_port = 9, .destination_port = Translator::kFirstPort, .data = content}));
  device.log = {"again"};
  ASSERT_TRUE(device.run_until([&] { return gateway.seen().log.size() == 1; }));
  EXPECT_TRUE(packets.got.empty());
}

/// The gateway does not answer, and after three attempts the bearer would be dialled anew; but the name
/// server answers the application.
TEST_F(SharedBearer, WhereOnlyTheGatewayIsMissingTheApplicationKeepsTheBearer) {
  device.identity_record.gateway_port = 1;  // where nobody is
  std::uint64_t next = 0;
  EXPECT_FALSE(device.run_until(
      [&] {
        if (line.now() < next) return false;
        next = line.now() + 20 * kSeconds;
        send_datagram(board::kNameServerAddress, 53, name_query());
        return false;
      },
      900));
  EXPECT_GT(packets.got.size(), 40U);
  EXPECT_EQ(gateway.seen().sessions, 0U);
  EXPECT_EQ(packets.bearers.size(), 1U) << "up, and never down";
}

// --- floods
// ------------------------------------------------------------------------------------------------------------

Bytes flood_packet() {
  const Bytes content(1400, 'f');
  return packet::make_udp(Translator::kApplication, kServer,
                          {.source_port = 6000, .destination_port = 9, .data = content});
}

TEST_F(SharedBearer, AFloodHoldsUpNeitherLogNorUpdate) {
  packets.flood = flood_packet();
  protocol::Bytes image(100'000);
  for (std::size_t at = 0; at < image.size(); ++at) image[at] = static_cast<std::uint8_t>(at * 31 + at / 251);
  const auto manifest = protocol::sign_manifest(protocol::make_manifest(image, {}), owner);
  ASSERT_TRUE(manifest.has_value());
  gateway.offer(image, *manifest);
  for (int i = 0; i < 50; ++i) device.log.push_back("line " + std::to_string(i));
  ASSERT_TRUE(device.run_until([&] { return device.installs == 1 && gateway.seen().log.size() == 50; }, 60));
  std::printf("all is done in %.1f s\n", static_cast<double>(line.now()) / kSeconds);
  EXPECT_LT(line.now(), 10 * kSeconds);
  EXPECT_GT(packets.taken, 0U);
}

/// What waits in front of the air is gone only at the air's speed, and the application can fill it in a
/// moment.
class SlowSharedBearer : public SharedBearer {
 protected:
  SlowSharedBearer() : SharedBearer({.delay = board::kTicksPerSecond / 10, .bits_per_second = 64'000}) {}
};

TEST_F(SlowSharedBearer, AFloodThatFillsTheAirLetsUsThrough) {
  packets.flood = flood_packet();
  std::uint64_t connected = 0, asked = 0;
  ASSERT_TRUE(device.run_until(
      [&] {
        if (connected == 0 && gateway.seen().sessions == 1) connected = line.now();
        if (asked == 0 && connected != 0 && line.now() > connected + 30 * kSeconds) {
          asked = line.now();
          for (int i = 0; i < 20; ++i) device.log.push_back("line " + std::to_string(i));
        }
        return gateway.seen().log.size() == 20;
      },
      300));
  std::printf("20 lines in %.1f s, %u packets\n", static_cast<double>(line.now() - asked) / kSeconds,
              packets.taken);
  EXPECT_EQ(gateway.seen().sessions, 1U) << "the connection was never given up";
  EXPECT_LT(line.now() - asked, 20 * kSeconds);
  EXPECT_GT(packets.taken, 150U) << "what the air carries in 30 s is the application's";
}

}  // namespace
}  // namespace microvisor::test

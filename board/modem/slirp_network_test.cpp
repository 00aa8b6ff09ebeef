// The host's network from the board's side: a datagram to a socket on the host's loopback and back, and what
// is awaited.
#include "board/modem/slirp_network.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include "board/modem/flow_table.hpp"
#include "board/modem/packet.hpp"

namespace microvisor::board {
namespace {

using Bytes = std::vector<std::uint8_t>;
using namespace std::chrono_literals;

Bytes udp(std::uint32_t source, std::uint16_t from, std::uint32_t destination, std::uint16_t to,
          const Bytes& text) {
  return packet::make_udp(source, destination, {from, to, text});
}

Bytes tcp(std::uint32_t source, std::uint16_t from, std::uint32_t destination, std::uint16_t to,
          std::uint8_t flags, const Bytes& text) {
  return packet::make_tcp(source, destination,
                          {.source_port = from,
                           .destination_port = to,
                           .sequence = 1,
                           .acknowledgement = 1,
                           .flags = flags,
                           .window = 1000,
                           .data = text});
}

/// A UDP socket on the host's loopback.
class HostSocket {
 public:
  HostSocket() : descriptor_(socket(AF_INET, SOCK_DGRAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    socklen_t size = sizeof address;
    getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
  }
  ~HostSocket() { close(descriptor_); }

  Bytes receive() {
    Bytes buffer(2000);
    peer_size_ = sizeof peer_;
    const auto count = recvfrom(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT,
                                reinterpret_cast<sockaddr*>(&peer_), &peer_size_);
    buffer.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return buffer;
  }
  void answer(const Bytes& bytes) {
    sendto(descriptor_, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&peer_), peer_size_);
  }

  std::uint16_t port = 0;

 private:
  int descriptor_;
  sockaddr_in peer_{};
  socklen_t peer_size_ = 0;
};

TEST(SlirpNetwork, ReachesTheHostsLoopbackAndBringsTheAnswer) {
  Scheduler scheduler;
  SlirpNetwork network(scheduler);
  std::vector<Bytes> received;
  network.on_receive(
      [&](std::span<const std::uint8_t> packet) { received.emplace_back(packet.begin(), packet.end()); });
  HostSocket host;
  EXPECT_FALSE(network.awaiting());
  network.send(udp(kBoardAddress, 4000, kGatewayAddress, host.port, {'p', 'i', 'n', 'g'}));
  EXPECT_TRUE(network.awaiting());
  Bytes heard;
  for (int tries = 0; tries < 1000 && heard.empty(); ++tries) {
    network.poll(1ms);
    heard = host.receive();
  }
  ASSERT_EQ(heard, (Bytes{'p', 'i', 'n', 'g'}));
  host.answer({'p', 'o', 'n', 'g'});
  for (int tries = 0; tries < 1000 && received.empty(); ++tries) network.poll(1ms);
  ASSERT_EQ(received.size(), 1U);
  const Bytes& packet = received[0];
  ASSERT_EQ(packet.size(), 32U);
  EXPECT_EQ(Bytes(packet.begin() + 12, packet.begin() + 20), (Bytes{10, 0, 2, 2, 10, 0, 2, 15}));
  EXPECT_EQ(packet[20] << 8 | packet[21], host.port);
  EXPECT_EQ(packet[22] << 8 | packet[23], 4000);
  EXPECT_EQ(Bytes(packet.end() - 4, packet.end()), (Bytes{'p', 'o', 'n', 'g'}));
  for (int tries = 0; tries < 1000 && network.awaiting(); ++tries) network.poll(1ms);
  EXPECT_FALSE(network.awaiting());
}

TEST(SlirpNetwork, AnotherThreadEndsAWait) {
  Scheduler scheduler;
  SlirpNetwork network(scheduler);
  const auto start = std::chrono::steady_clock::now();
  std::thread waker([&] { network.wake(); });
  network.poll(60s);
  waker.join();
  EXPECT_LT(std::chrono::steady_clock::now() - start, 30s);
}

TEST(SlirpNetwork, ManyInstancesSideBySide) {
  Scheduler scheduler;
  HostSocket host;
  std::vector<std::unique_ptr<SlirpNetwork>> networks;
  for (std::uint8_t index = 0; index < 8; ++index) {
    networks.push_back(std::make_unique<SlirpNetwork>(scheduler));
    networks.back()->send(udp(kBoardAddress, 4000, kGatewayAddress, host.port, {index}));
  }
  unsigned seen = 0;
  for (int tries = 0; tries < 1000 && seen != 0xFF; ++tries) {
    for (auto& network : networks) network->poll(0ms);
    for (Bytes bytes = host.receive(); !bytes.empty(); bytes = host.receive()) seen |= 1U << bytes[0];
    if (seen != 0xFF) networks[0]->poll(1ms);
  }
  EXPECT_EQ(seen, 0xFFU);
}

TEST(FlowTable, WaitsForAnswersToQuestionsOnly) {
  constexpr std::uint8_t kAck = 0x10, kSyn = 2, kRst = 4;
  const FlowTable::Clock::time_point start{};
  FlowTable flows;
  const std::uint32_t peer = 0x01020304;
  flows.from_board(tcp(kBoardAddress, 5000, peer, 443, kSyn, {}), start);
  EXPECT_TRUE(flows.awaiting(start));
  flows.to_board(tcp(peer, 443, kBoardAddress, 5000, kSyn | kAck, {}), start);
  flows.from_board(tcp(kBoardAddress, 5000, peer, 443, kAck, {}), start);
  EXPECT_FALSE(flows.awaiting(start)) << "an acknowledgement asks for nothing";
  flows.from_board(tcp(kBoardAddress, 5000, peer, 443, kAck, {1}), start);
  flows.to_board(tcp(peer, 443, kBoardAddress, 5000, kAck, {}), start);
  EXPECT_TRUE(flows.awaiting(start)) << "an acknowledgement is no answer";
  flows.to_board(tcp(peer, 443, kBoardAddress, 5001, kAck, {1}), start);
  EXPECT_TRUE(flows.awaiting(start + FlowTable::kLinger)) << "another connection's data is no answer";
  EXPECT_FALSE(flows.awaiting(start + FlowTable::kPatience));
  flows.to_board(tcp(peer, 443, kBoardAddress, 5000, kAck, {1}), start);
  EXPECT_TRUE(flows.awaiting(start)) << "more may be coming";
  EXPECT_FALSE(flows.awaiting(start + FlowTable::kLinger)) << "it was an answer";
  flows.from_board(tcp(kBoardAddress, 5000, peer, 443, kAck, {1}), start);
  flows.from_board(tcp(kBoardAddress, 5000, peer, 443, kRst, {}), start);
  EXPECT_FALSE(flows.awaiting(start + FlowTable::kLinger));
}

TEST(FlowTable, IgnoresWhatIsNotAPacket) {
  FlowTable flows;
  flows.from_board(Bytes(10, 0x45), {});
  Bytes lies = udp(kBoardAddress, 1, kGatewayAddress, 2, {1});
  lies[0] = 0x4F;  // a header longer than the packet
  lies.resize(30);
  flows.from_board(lies, {});
  EXPECT_FALSE(flows.awaiting({}));
}

}  // namespace
}  // namespace microvisor::board

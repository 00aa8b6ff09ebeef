// The in-process network from the board's side: a scripted TCP client, name queries, and what a lossy line
// makes of it.
#include "board/modem/joined_network.hpp"

#include <gtest/gtest.h>

#include <string>

namespace microvisor::board {
namespace {

using packet::Bytes;
using packet::Tcp;

Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

/// Keeps what it hears; everything else is done by the test through `connection`.
struct Heard {
  JoinedConnection* connection = nullptr;
  std::string text;
  bool ended = false;
};

class Listener final : public JoinedPeer {
 public:
  explicit Listener(Heard& heard) : heard_(heard) {}
  void received(std::span<const std::uint8_t> bytes) override {
    heard_.text.append(bytes.begin(), bytes.end());
  }
  void ended() override { heard_.ended = true; }

 private:
  Heard& heard_;
};

class Joined : public ::testing::Test {
 protected:
  static constexpr std::uint16_t kBoardPort = 50'000;
  static constexpr std::uint16_t kService = 8883;
  static constexpr std::uint32_t kFirst = 1000;  // the board's initial sequence number

  Joined() {
    network.on_receive([this](std::span<const std::uint8_t> bytes) {
      if (lose != 0 && --lose == 0) return;
      arrived.emplace_back(bytes.begin(), bytes.end());
    });
  }

  void run(Time duration) {
    const Time end = scheduler.now() + duration;
    while (scheduler.next_due() <= end) {
      scheduler.skip_to(scheduler.next_due());
      scheduler.dispatch();
    }
    scheduler.skip_to(end);
  }

  void send(std::uint8_t flags, std::uint32_t sequence, std::uint32_t acknowledgement, const Bytes& data = {},
            std::uint16_t window = 4000) {
    network.send(packet::make_tcp(
        kBoardAddress, kGatewayAddress,
        {.source_port = kBoardPort,
         .destination_port = kService,
         .sequence = sequence,
         .acknowledgement = acknowledgement,
         .flags = flags,
         .window = window,
         .maximum_segment = (flags & packet::kSyn) != 0 ? std::uint16_t{1000} : std::uint16_t{0},
         .data = data}));
  }

  /// The segments that have arrived within `duration`.
  std::vector<Tcp> segments(Time duration = kTicksPerSecond / 10) {
    run(duration);
    packets_ = std::exchange(arrived, {});
    std::vector<Tcp> result;
    for (const auto& bytes : packets_) {
      const auto ip = packet::parse_ip(bytes);
      const auto segment = ip ? packet::parse_tcp(*ip) : std::nullopt;
      EXPECT_TRUE(segment.has_value());
      if (segment) result.push_back(*segment);
    }
    return result;
  }

  void connect() {
    send(packet::kSyn, kFirst, 0);
    const auto answer = segments();
    ASSERT_EQ(answer.size(), 1U);
    ASSERT_EQ(answer[0].flags, packet::kSyn | packet::kAck);
    ASSERT_EQ(answer[0].acknowledgement, kFirst + 1);
    theirs = answer[0].sequence + 1;
    send(packet::kAck, kFirst + 1, theirs);
    ASSERT_NE(heard.connection, nullptr);
  }

  Scheduler scheduler;
  Heard heard;
  JoinedNetwork network{
      scheduler,
      [this](JoinedConnection& connection, std::uint32_t, std::uint16_t port) -> std::unique_ptr<JoinedPeer> {
        if (port != kService) return nullptr;
        heard.connection = &connection;
        return std::make_unique<Listener>(heard);
      },
      {.names = {{"gateway.example", 0x0A00'0202}}}};
  std::vector<Bytes> arrived;
  unsigned lose = 0;  // the n-th packet from now on
  std::uint32_t theirs = 0;

 private:
  std::vector<Bytes> packets_;
};

TEST_F(Joined, CarriesBytesBothWays) {
  connect();
  send(packet::kAck | packet::kPush, kFirst + 1, theirs, bytes_of("hello"));
  EXPECT_EQ(heard.text, "hello");
  auto answer = segments();
  ASSERT_EQ(answer.size(), 1U);
  EXPECT_EQ(answer[0].acknowledgement, kFirst + 6);
  heard.connection->send(bytes_of("world"));
  answer = segments();
  ASSERT_EQ(answer.size(), 1U);
  EXPECT_EQ(std::string(answer[0].data.begin(), answer[0].data.end()), "world");
  EXPECT_EQ(answer[0].sequence, theirs);
}

TEST_F(Joined, TakesTimeAndNoHostTime) {
  send(packet::kSyn, kFirst, 0);
  run(9'999 * kTicksPerMicrosecond);
  EXPECT_TRUE(arrived.empty());
  run(kTicksPerMicrosecond);
  EXPECT_EQ(arrived.size(), 1U);
  EXPECT_FALSE(network.awaiting());
}

TEST_F(Joined, ASlowLineCarriesOnePacketAfterTheOther) {
  JoinedNetwork slow{scheduler, [](auto&&...) { return nullptr; }, {.bits_per_second = 8'000, .names = {}}};
  std::vector<Time> times;
  slow.on_receive([&](std::span<const std::uint8_t> bytes) {
    EXPECT_EQ(bytes.size(), 40U) << "a refusal: two headers of 20 bytes";
    times.push_back(scheduler.now());
  });
  for (const std::uint16_t port : {1, 2}) {
    slow.send(packet::make_tcp(kBoardAddress, kGatewayAddress,
                               {.source_port = kBoardPort,
                                .destination_port = port,
                                .sequence = kFirst,
                                .flags = packet::kSyn,
                                .data = {}}));
  }
  run(kTicksPerSecond);
  // 320 bits take 40 ms, and each packet 10 ms on its way.
  EXPECT_EQ(times, (std::vector<Time>{kTicksPerSecond / 20, kTicksPerSecond * 9 / 100}));
}

TEST_F(Joined, RefusesPortsNobodyListensOn) {
  network.send(packet::make_tcp(
      kBoardAddress, kGatewayAddress,
      {.source_port = 1, .destination_port = 9, .sequence = 7, .flags = packet::kSyn, .data = {}}));
  const auto answer = segments();
  ASSERT_EQ(answer.size(), 1U);
  EXPECT_EQ(answer[0].flags, packet::kRst | packet::kAck);
  EXPECT_EQ(answer[0].acknowledgement, 8U);
  EXPECT_EQ(network.connections(), 0U);
}

TEST_F(Joined, KeepsToWindowAndSegmentSize) {
  connect();
  heard.connection->send(Bytes(10'000, 'x'));
  auto first = segments();
  ASSERT_EQ(first.size(), 4U);  // 4000 bytes of window in segments of 1000
  for (const auto& segment : first) EXPECT_EQ(segment.data.size(), 1000U);
  send(packet::kAck, kFirst + 1, theirs + 4000, {}, 500);
  const auto second = segments();
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].data.size(), 500U);
  EXPECT_EQ(second[0].sequence, theirs + 4000);
}

TEST_F(Joined, RepeatsWhatWasLost) {
  connect();
  lose = 1;
  heard.connection->send(bytes_of("once"));
  EXPECT_TRUE(segments().empty());
  const auto again = segments(2 * kTicksPerSecond);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(std::string(again[0].data.begin(), again[0].data.end()), "once");
  send(packet::kAck, kFirst + 1, theirs + 4);
  EXPECT_TRUE(segments(10 * kTicksPerSecond).empty());
}

TEST_F(Joined, TakesARepetitionOnce) {
  connect();
  send(packet::kAck, kFirst + 1, theirs, bytes_of("abc"));
  send(packet::kAck, kFirst + 1, theirs, bytes_of("abcdef"));   // overlaps
  send(packet::kAck, kFirst + 20, theirs, bytes_of("beyond"));  // a gap before it
  EXPECT_EQ(heard.text, "abcdef");
  for (const auto& segment : segments()) EXPECT_LE(segment.acknowledgement, kFirst + 7);
}

TEST_F(Joined, ClosesInOrderFromEitherSide) {
  connect();
  heard.connection->send(bytes_of("bye"));
  heard.connection->close();
  auto answer = segments();
  ASSERT_EQ(answer.size(), 2U);
  EXPECT_NE(answer[1].flags & packet::kFin, 0);
  EXPECT_EQ(answer[1].sequence, theirs + 3);
  EXPECT_FALSE(heard.ended);
  send(packet::kAck | packet::kFin, kFirst + 1, theirs + 4);
  EXPECT_TRUE(heard.ended);
  run(kTicksPerSecond);
  EXPECT_EQ(network.connections(), 0U);
}

TEST_F(Joined, ProbesAClosedWindow) {
  connect();
  send(packet::kAck, kFirst + 1, theirs, {}, 0);
  heard.connection->send(bytes_of("wait"));
  EXPECT_TRUE(segments().empty());
  const auto probe = segments(3 * kTicksPerSecond);
  ASSERT_GE(probe.size(), 1U);
  EXPECT_EQ(probe[0].data.size(), 1U);
  send(packet::kAck, kFirst + 1, theirs + 1, {}, 100);
  const auto rest = segments();
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(std::string(rest[0].data.begin(), rest[0].data.end()), "ait");
}

TEST_F(Joined, AResetEndsIt) {
  connect();
  send(packet::kRst, kFirst + 1, 0);
  EXPECT_TRUE(heard.ended);
}

TEST_F(Joined, GivesUpOnABoardThatDoesNotAnswer) {
  connect();
  heard.connection->send(bytes_of("anybody?"));
  run(600 * kTicksPerSecond);
  EXPECT_TRUE(heard.ended);
}

TEST_F(Joined, DamagedPacketsAreNotTaken) {
  connect();
  auto bytes = packet::make_tcp(kBoardAddress, kGatewayAddress,
                                {.source_port = kBoardPort,
                                 .destination_port = kService,
                                 .sequence = kFirst + 1,
                                 .acknowledgement = theirs,
                                 .flags = packet::kAck,
                                 .window = 100,
                                 .data = bytes_of("damaged")});
  bytes.back() ^= 1;
  network.send(bytes);
  EXPECT_EQ(heard.text, "");
}

TEST_F(Joined, ResolvesNamesFromItsTable) {
  const auto ask = [&](std::string_view encoded, std::uint16_t type) {
    Bytes query{0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0};
    query.insert(query.end(), encoded.begin(), encoded.end());
    packet::put16(query, type);
    packet::put16(query, 1);
    network.send(packet::make_udp(kBoardAddress, kNameServerAddress, {4000, 53, query}));
    run(kTicksPerSecond / 10);
    const auto answers = std::exchange(arrived, {});
    if (answers.size() != 1) return Bytes{};
    const auto datagram = packet::parse_udp(*packet::parse_ip(answers[0]));
    return Bytes(datagram->data.begin(), datagram->data.end());
  };
  using namespace std::string_view_literals;
  const Bytes known = ask("\7gateway\7example\0"sv, 1);
  ASSERT_GE(known.size(), 16U);
  EXPECT_EQ(packet::get16(known, 0), 0x1234);
  EXPECT_EQ(packet::get16(known, 2), 0x8180);
  EXPECT_EQ(packet::get16(known, 6), 1);
  EXPECT_EQ(packet::get32(known, known.size() - 4), 0x0A00'0202U);
  EXPECT_EQ(packet::get16(ask("\7gateway\7example\0"sv, 28), 6), 0);  // AAAA: no answer, no error
  EXPECT_EQ(packet::get16(ask("\5other\7example\0"sv, 1), 2), 0x8183);
  EXPECT_TRUE(ask("\77gateway"sv, 1).empty());
}

}  // namespace
}  // namespace microvisor::board

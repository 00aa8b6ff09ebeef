// What the loss of a segment costs a device that says little over a slow bearer, in the board's time: the
// firmware's TCP over the modelled modem and a joined network, with one segment that is lost as often as a
// test says.
#include <gtest/gtest.h>

#include "board/modem/joined_network.hpp"
#include "board/modem/packet.hpp"
#include "board/modem/radio_link.hpp"
#include "firmware/net/tcp_stream.hpp"
#include "tests/link/modelled_line.hpp"

namespace microvisor::test {
namespace {

using firmware::net::kSeconds;

constexpr std::uint16_t kPort = 7;

/// Counts what arrives; says nothing.
class Listener final : public board::JoinedPeer {
 public:
  explicit Listener(std::size_t& bytes) : bytes_(bytes) {}
  void received(std::span<const std::uint8_t> bytes) override { bytes_ += bytes.size(); }
  void ended() override {}

 private:
  std::size_t& bytes_;
};

/// 10 kbit/s with a joined network behind, and nothing lost but what is meant to be.
class Air final : public board::Network {
 public:
  Air(board::Scheduler& scheduler, std::size_t& received)
      : joined_(scheduler, [&received](board::JoinedConnection&, std::uint32_t,
                                       std::uint16_t) { return std::make_unique<Listener>(received); }),
        radio_(scheduler, joined_, conditions(150)) {}

  /// The next segment with data that has not been on its way before, `times` times.
  void lose_next(unsigned times) {
    sequence_.reset();
    left_ = times;
  }
  [[nodiscard]] unsigned to_be_lost() const { return left_; }
  /// One way, in milliseconds, from now on. Packets stay in order.
  void delay(unsigned milliseconds) { radio_.set(conditions(milliseconds)); }
  [[nodiscard]] std::uint64_t packets() const { return radio_.from_board().packets; }

  void send(std::span<const std::uint8_t> packet) override {
    if (!is_lost(packet)) radio_.send(packet);
  }
  void on_receive(Receiver receiver) override { radio_.on_receive(std::move(receiver)); }
  bool poll(std::chrono::microseconds timeout) override { return radio_.poll(timeout); }
  [[nodiscard]] bool awaiting() const override { return radio_.awaiting(); }
  void wake() override { radio_.wake(); }

 private:
  static board::RadioConditions conditions(unsigned milliseconds) {
    return {.delay = milliseconds * 1000 * board::kTicksPerMicrosecond, .bits_per_second = 10'000};
  }

  bool is_lost(std::span<const std::uint8_t> packet) {
    const auto ip = board::packet::parse_ip(packet);
    const auto segment = ip ? board::packet::parse_tcp(*ip) : std::nullopt;
    if (!segment || segment->data.empty()) return false;
    const bool is_new = static_cast<std::int32_t>(segment->sequence - newest_) > 0 || newest_ == 0;
    if (is_new) newest_ = segment->sequence;
    if (left_ != 0 && !sequence_ && is_new) sequence_ = segment->sequence;
    if (left_ == 0 || sequence_ != segment->sequence) return false;
    --left_;
    return true;
  }

  board::JoinedNetwork joined_;
  board::RadioLink radio_;
  std::uint32_t newest_ = 0;
  std::optional<std::uint32_t> sequence_;
  unsigned left_ = 0;
};

/// A device that says 400 bytes a second.
class Losses : public ::testing::Test {
 protected:
  Losses()
      : line([this](board::Scheduler& scheduler) { return std::make_unique<Air>(scheduler, received); }),
        stack(line),
        stream(stack) {}

  Air& air() { return static_cast<Air&>(line.network()); }

  void connect() {
    ASSERT_EQ(stack.bring_up_cellular(""), firmware::net::DialResult::Connected);
    ASSERT_EQ(stream.connect("10.0.2.2", kPort, 20 * kSeconds), firmware::net::ConnectResult::Connected);
  }

  void say() {
    const std::array<std::uint8_t, 400> bytes{};
    ASSERT_EQ(stream.write(bytes), bytes.size());
    said += bytes.size();
  }

  /// For a second, and then says something again.
  void second() {
    const std::uint64_t end = line.now() + kSeconds;
    while (line.now() < end) stack.wait(end);
    say();
  }

  /// Bearers' delays change, which is why TCP's time-out is of seconds.
  void settle() {
    for (unsigned count = 0; count < 40; ++count) {
      air().delay(count / 4 % 2 == 0 ? 150 : 700);
      second();
    }
    air().delay(150);
    for (unsigned count = 0; count < 3; ++count) second();
    ASSERT_TRUE(stream.flush(line.now() + 10 * kSeconds));
  }

  /// Seconds from the call until the peer has a segment that is lost so often.
  double cost_of(unsigned times) {
    air().lose_next(times);
    const std::uint64_t begun = line.now();
    say();
    const std::size_t wanted = said;
    std::uint64_t next = begun + kSeconds;
    while (received < wanted && line.now() < begun + 60 * kSeconds) {
      stack.wait(next);
      if (line.now() < next) continue;
      next += kSeconds;
      say();
    }
    EXPECT_EQ(air().to_be_lost(), 0U);
    return static_cast<double>(line.now() - begun) / static_cast<double>(kSeconds);
  }

  /// That it takes to say something each second, when the way takes so many milliseconds.
  std::uint64_t packets_in(unsigned seconds, unsigned delay) {
    air().delay(delay);
    const std::uint64_t before = air().packets();
    for (unsigned count = 0; count < seconds; ++count) second();
    return air().packets() - before;
  }

  std::size_t received = 0;
  std::size_t said = 0;
  ModelledLine line;
  firmware::net::Stack stack;
  firmware::net::TcpStream stream;
};

/// With lwIP's own ways alone it is 3.9 s.
TEST_F(Losses, ASegmentIsMissedByTheNextOne) {
  ASSERT_NO_FATAL_FAILURE(connect());
  ASSERT_NO_FATAL_FAILURE(settle());
  EXPECT_LT(cost_of(1), 2.7);
}

/// Alone 8.7 s and 18 s.
TEST_F(Losses, SoAreItsRepetitions) {
  ASSERT_NO_FATAL_FAILURE(connect());
  ASSERT_NO_FATAL_FAILURE(settle());
  EXPECT_LT(cost_of(2), 4.5);
  ASSERT_TRUE(stream.flush(line.now() + 20 * kSeconds));
  EXPECT_LT(cost_of(3), 7.5);
}

/// A bearer that becomes slower from one second to the next costs what it costs lwIP alone (2 packets, and 21
/// of 60 where it is much slower), or less: what is repeated for nothing leads to no more of the same.
TEST_F(Losses, LittleIsRepeatedForNothing) {
  ASSERT_NO_FATAL_FAILURE(connect());
  EXPECT_EQ(packets_in(20, 150), 20U);
  EXPECT_LE(packets_in(20, 700), 23U);
  EXPECT_LE(packets_in(20, 150), 21U);
  EXPECT_LE(packets_in(60, 2000), 66U);
  EXPECT_LE(packets_in(20, 150), 21U);
}

}  // namespace
}  // namespace microvisor::test

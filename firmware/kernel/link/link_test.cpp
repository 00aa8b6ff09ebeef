// The link's pure parts: back-off and frames.
#include <gtest/gtest.h>

#include <deque>
#include <vector>

#include "firmware/kernel/link/back_off.hpp"
#include "firmware/kernel/link/fetch_window.hpp"
#include "firmware/kernel/link/frame_io.hpp"

namespace microvisor::firmware::link {
namespace {

TEST(BackOff, DoublesFromOneSecondToAMinute) {
  BackOff back_off;
  const std::uint64_t ceilings[] = {1, 2, 4, 8, 16, 32, 60, 60};
  for (const std::uint64_t ceiling : ceilings)
    EXPECT_EQ(back_off.next(0), ceiling * 500'000) << "the shortest is half";
  back_off.reset();
  for (const std::uint64_t ceiling : ceilings) {
    const std::uint64_t wait = back_off.next(0xFFFF'FFFF);
    EXPECT_LE(wait, ceiling * 1'000'000);
    EXPECT_GT(wait, ceiling * 999'000);
  }
}

TEST(BackOff, SpreadsEvenly) {
  std::uint64_t sum = 0;
  constexpr std::uint64_t kDraws = 1000;
  for (std::uint64_t draw = 0; draw < kDraws; ++draw) {
    BackOff back_off;
    sum += back_off.next(static_cast<std::uint32_t>(draw * (0x1'0000'0000 / kDraws)));
  }
  EXPECT_NEAR(static_cast<double>(sum) / kDraws, 750'000, 1'000);
}

/// What a fetch comes to on a link that carries so many bytes a second, one after the other, with this round
/// trip: the window in the end, and the longest time that a byte has spent on its way.
struct Fetched {
  std::uint32_t window;
  std::uint64_t longest;
};
Fetched fetch_over(std::uint64_t bytes_per_second, std::uint64_t round_trip) {
  FetchWindow window;
  std::uint64_t now = 0, free = 0, longest = 0;
  std::deque<std::uint64_t> arrivals;  // of pieces of 480 bytes
  const auto grant = [&](std::uint32_t credit) {
    for (; credit >= 480; credit -= 480) {
      const std::uint64_t begins = std::max(free, now + round_trip);
      free = begins + 480'000'000 / bytes_per_second;
      longest = std::max(longest, free - now);
      arrivals.push_back(free);
    }
  };
  grant(window.open(now));
  for (unsigned piece = 0; piece < 2000 && !arrivals.empty(); ++piece) {
    now = arrivals.front();
    arrivals.pop_front();
    EXPECT_TRUE(window.take(480, now));
    grant(window.grant(now));
  }
  return {window.size(), longest};
}

TEST(FetchWindow, IsWhatArrivesInAboutASecond) {
  EXPECT_EQ(fetch_over(1'250, 360'000).window, FetchWindow::kLeast) << "10 kbit/s";
  EXPECT_EQ(fetch_over(100'000, 20'000).window, FetchWindow::kMost) << "a serial line at its full speed";
  EXPECT_EQ(fetch_over(1'000'000, 300'000).window, FetchWindow::kMost) << "far away, but fast";
  for (const std::uint64_t rate : {2'000, 5'000, 10'000, 20'000}) {
    const auto [window, longest] = fetch_over(rate, 100'000);
    EXPECT_LE(longest, FetchWindow::kLong + 100'000) << rate;
    EXPECT_GE(window, rate / 3) << rate;
  }
}

TEST(FetchWindow, ShrinksAndGrowsWithTheLink) {
  FetchWindow window;
  std::uint64_t now = 0;
  std::uint32_t credit = window.open(now);
  const auto round = [&](std::uint64_t took) {  // all that was granted arrives at the end
    now += took;
    EXPECT_TRUE(window.take(credit, now));
    credit = window.grant(now);
    EXPECT_EQ(credit, window.size());
  };
  for (int count = 0; count < 6; ++count) round(50'000);
  EXPECT_EQ(window.size(), FetchWindow::kMost);
  for (int count = 0; count < 6; ++count) round(3'000'000);
  EXPECT_EQ(window.size(), FetchWindow::kLeast);
  EXPECT_FALSE(window.take(credit + 1, now)) << "more than was granted";
}

/// Bytes in, bytes out.
class Pipe final : public Transport {
 public:
  std::size_t read(std::span<std::uint8_t> into) override {
    std::size_t count = 0;
    for (; count < into.size() && count < at_once && !input.empty(); ++count) {
      into[count] = input.front();
      input.pop_front();
    }
    return count;
  }
  bool write(std::span<const std::uint8_t> bytes) override {
    output.insert(output.end(), bytes.begin(), bytes.end());
    return true;
  }
  bool flush() override { return true; }
  bool delivered() const override { return true; }
  [[nodiscard]] bool ended() const override { return false; }

  std::deque<std::uint8_t> input;
  std::vector<std::uint8_t> output;
  std::size_t at_once = 10'000;
};

TEST(FrameIo, WritesLengthAndProtobuf) {
  Pipe pipe;
  FrameIo io(pipe);
  ASSERT_TRUE(io.send_credit(5, 300));
  // Field 1 varint 5; field 18 (credit) of 3 bytes: field 1 varint 300. Protocol Buffers encoding by hand.
  EXPECT_EQ(pipe.output, (std::vector<std::uint8_t>{0, 8, 0x08, 5, 0x92, 0x01, 3, 0x08, 0xAC, 0x02}));
}

TEST(FrameIo, ReadsFramesInPiecesOfAnySize) {
  for (const std::size_t size : {1, 2, 3, 7, 5000}) {
    Pipe pipe;
    FrameIo io(pipe);
    const std::vector<std::uint8_t> data(1024, 0x5A);
    ASSERT_TRUE(io.send_data(9, data));
    ASSERT_TRUE(io.send_close(9, microvisor_link_StreamError_STREAM_ERROR_NOT_FOUND));
    pipe.at_once = size;
    std::deque<std::uint8_t> wire(pipe.output.begin(), pipe.output.end());
    unsigned frames = 0;
    while (!wire.empty() || !pipe.input.empty()) {
      for (std::size_t count = 0; count < size && !wire.empty(); ++count) {
        pipe.input.push_back(wire.front());
        wire.pop_front();
      }
      while (io.receive() == Received::Complete) {
        ++frames;
        EXPECT_EQ(io.in().stream, 9U);
        if (frames == 1) {
          ASSERT_EQ(io.in().which_kind, microvisor_link_Frame_data_tag);
          ASSERT_EQ(io.in().kind.data.size, data.size());
          EXPECT_TRUE(std::equal(data.begin(), data.end(), io.in().kind.data.bytes));
        }
      }
    }
    EXPECT_EQ(frames, 2U) << size;
    EXPECT_EQ(io.in().kind.close.error, microvisor_link_StreamError_STREAM_ERROR_NOT_FOUND);
  }
}

TEST(FrameIo, RefusesLengthsAndBytesThatAreNoFrame) {
  const std::vector<std::vector<std::uint8_t>> bad{
      {0, 0},                    // length 0
      {8, 1},                    // 2049
      {0, 2, 0xFF, 0xFF},        // not protobuf
      {0, 3, 0x8A, 0x01, 0x05},  // data of 5 bytes, of which none follows
  };
  for (const auto& wire : bad) {
    Pipe pipe;
    FrameIo io(pipe);
    pipe.input.assign(wire.begin(), wire.end());
    EXPECT_EQ(io.receive(), Received::Broken);
  }
  Pipe pipe;
  FrameIo io(pipe);
  std::vector<std::uint8_t> wire{0x04, 0x05, 0x8A, 0x01, 0x81, 0x08};  // data of 1025 bytes
  wire.resize(2 + 0x405, 1);
  pipe.input.assign(wire.begin(), wire.end());
  EXPECT_EQ(io.receive(), Received::Broken);
}

TEST(FrameIo, PassesOverFieldsItDoesNotKnow) {
  Pipe pipe;
  FrameIo io(pipe);
  pipe.input = {0, 7, 0xF8, 0x07, 0x01, 0x08, 0x07, 0x22, 0x00};  // field 127 varint; stream 7; ping, empty
  ASSERT_EQ(io.receive(), Received::Complete);
  EXPECT_EQ(io.in().stream, 7U);
  EXPECT_EQ(io.in().which_kind, microvisor_link_Frame_ping_tag);
}

TEST(FrameIo, NumbersStreamsOdd) {
  Pipe pipe;
  FrameIo io(pipe);
  EXPECT_EQ(io.new_stream(), 1U);
  EXPECT_EQ(io.new_stream(), 3U);
  io.restart();
  EXPECT_EQ(io.new_stream(), 1U);
}

}  // namespace
}  // namespace microvisor::firmware::link

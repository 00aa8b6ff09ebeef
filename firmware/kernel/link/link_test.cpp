// The link's pure parts: back-off and frames.
#include <gtest/gtest.h>

#include <deque>
#include <vector>

#include "firmware/kernel/link/back_off.hpp"
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

// Frames in pieces, frames in a row, and lengths that end a connection.
#include "protocol/link/frame_codec.hpp"

#include <gtest/gtest.h>

namespace microvisor::protocol {
namespace {

link::Frame ping(std::uint64_t token) {
  link::Frame frame;
  frame.mutable_ping()->set_token(token);
  return frame;
}

TEST(FrameCodec, FramesArriveInPieces) {
  std::vector<std::uint8_t> wire;
  ASSERT_TRUE(append_frame(wire, ping(7)));
  ASSERT_TRUE(append_frame(wire, ping(1'000'000)));
  FrameReader reader;
  link::Frame frame;
  std::vector<std::uint64_t> tokens;
  for (const std::uint8_t byte : wire) {
    reader.feed({&byte, 1});
    while (reader.next(frame) == FrameReader::Status::Frame) tokens.push_back(frame.ping().token());
  }
  EXPECT_EQ(tokens, (std::vector<std::uint64_t>{7, 1'000'000}));
}

TEST(FrameCodec, LengthIsBigEndian) {
  std::vector<std::uint8_t> wire;
  link::Frame frame;
  frame.set_stream(1);
  frame.set_data(std::string(1024, 'x'));
  ASSERT_TRUE(append_frame(wire, frame));
  EXPECT_EQ(wire.size(), 2U + wire[0] * 256U + wire[1]);
}

TEST(FrameCodec, LimitsHoldBothWays) {
  std::vector<std::uint8_t> wire;
  link::Frame frame;
  frame.set_data(std::string(kMaxFrameBytes, 'x'));
  EXPECT_FALSE(append_frame(wire, frame));
  EXPECT_TRUE(wire.empty());
  frame.set_data(std::string(kMaxFrameBytes - 4, 'x'));  // tag of two bytes, length of two bytes
  EXPECT_TRUE(append_frame(wire, frame));
  EXPECT_EQ(wire.size(), kMaxFrameBytes + 2);

  link::Frame read;
  FrameReader zero;
  zero.feed(std::vector<std::uint8_t>{0, 0});
  EXPECT_EQ(zero.next(read), FrameReader::Status::BadLength);
  FrameReader large;
  large.feed(std::vector<std::uint8_t>{0x08, 0x01});
  EXPECT_EQ(large.next(read), FrameReader::Status::BadLength);
  FrameReader garbage;
  garbage.feed(std::vector<std::uint8_t>{0, 1, 0xFF});
  EXPECT_EQ(garbage.next(read), FrameReader::Status::Malformed);
}

}  // namespace
}  // namespace microvisor::protocol

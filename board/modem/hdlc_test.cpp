// Framing against RFC 1662: the check value of CRC-16/X-25, stuffing, aborts, damage.
#include "board/modem/hdlc.hpp"

#include <gtest/gtest.h>

#include <string_view>

namespace microvisor::board {
namespace {

using Bytes = std::vector<std::uint8_t>;

std::vector<Bytes> decode(HdlcDecoder& decoder, std::span<const std::uint8_t> line) {
  std::vector<Bytes> frames;
  for (const std::uint8_t byte : line) {
    if (const auto frame = decoder.push(byte)) frames.emplace_back(frame->begin(), frame->end());
  }
  return frames;
}

TEST(Fcs16, HasTheCatalogueCheckValue) {
  const std::string_view text = "123456789";
  const auto fcs = fcs16(kFcsInitial, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  EXPECT_EQ(static_cast<std::uint16_t>(~fcs), 0x906E);  // CRC-16/X-25, which is the FCS of RFC 1662
}

TEST(Hdlc, EscapesWhatTheMapAsksFor) {
  const Bytes frame{0x7E, 0x7D, 0x11, 0x03, 0x41};
  Bytes line;
  hdlc_encode(frame, 1U << 0x11, line);
  const Bytes start{0x7E, 0x7D, 0x5E, 0x7D, 0x5D, 0x7D, 0x31, 0x03, 0x41};
  ASSERT_GE(line.size(), start.size());
  EXPECT_TRUE(std::equal(start.begin(), start.end(), line.begin()));
  EXPECT_EQ(line.back(), 0x7E);
}

TEST(Hdlc, BringsEveryByteValueBack) {
  Bytes frame;
  for (int value = 0; value < 256; ++value) frame.push_back(static_cast<std::uint8_t>(value));
  for (const std::uint32_t accm : {0U, 0xFFFF'FFFFU}) {
    Bytes line;
    hdlc_encode(frame, accm, line);
    HdlcDecoder decoder;
    const auto frames = decode(decoder, line);
    ASSERT_EQ(frames.size(), 1U);
    EXPECT_EQ(frames[0], frame);
  }
}

TEST(Hdlc, FramesMayShareAFlag) {
  Bytes line;
  hdlc_encode(Bytes{1, 2, 3}, 0, line);
  line.pop_back();  // the next frame's opening flag closes this one
  hdlc_encode(Bytes{4, 5, 6}, 0, line);
  HdlcDecoder decoder;
  EXPECT_EQ(decode(decoder, line), (std::vector<Bytes>{{1, 2, 3}, {4, 5, 6}}));
}

TEST(Hdlc, DropsDamagedAbortedAndOverlongFrames) {
  HdlcDecoder decoder;
  Bytes line;
  hdlc_encode(Bytes{1, 2, 3, 4}, 0, line);
  line[2] ^= 0x40;
  EXPECT_TRUE(decode(decoder, line).empty());
  EXPECT_TRUE(decode(decoder, Bytes{0x7E, 1, 2, 3, 4, 0x7D, 0x7E}).empty());  // abort, RFC 1662 section 4.3
  line.clear();
  hdlc_encode(Bytes(2000, 0x55), 0, line);
  EXPECT_TRUE(decode(decoder, line).empty());
  EXPECT_EQ(decoder.dropped(), 3U);
  line.clear();
  hdlc_encode(Bytes{7, 8}, 0, line);
  EXPECT_EQ(decode(decoder, line).size(), 1U);
}

}  // namespace
}  // namespace microvisor::board

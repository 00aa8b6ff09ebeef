// The line format, by the examples and rules of the GDB manual (E.1 "Overview").
#include "board/debug/gdb_packet.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace microvisor::board::gdb {
namespace {

using Event = PacketReader::Event;

struct Seen {
  Event event;
  std::string data;
  friend bool operator==(const Seen&, const Seen&) = default;
};

std::vector<Seen> read(PacketReader& reader, std::string_view bytes) {
  std::vector<Seen> seen;
  reader.take(bytes, [&](Event event, const std::string& data) { seen.push_back({event, data}); });
  return seen;
}

std::vector<Seen> read(std::string_view bytes) {
  PacketReader reader;
  return read(reader, bytes);
}

TEST(GdbPacket, ChecksumIsTheSumOfTheBytes) {
  EXPECT_EQ(make_packet("OK"), "$OK#9a");
  EXPECT_EQ(make_packet(""), "$#00");
}

TEST(GdbPacket, BytesWithMeaningAreEscaped) {
  // 0x7d and the byte exclusive-or 0x20; the checksum is of what is on the line.
  EXPECT_EQ(make_packet("a#b"),
            "$a}\x03"
            "b#43");
  EXPECT_EQ(make_packet("}*$"), std::string("$}]}\x0a}\x04#e2"));
}

TEST(GdbPacket, ReadsWhatIsSent) {
  std::mt19937 random(5);
  for (unsigned round = 0; round < 200; ++round) {
    std::string data(random() % 300, '\0');
    for (char& byte : data) byte = static_cast<char>(random());
    EXPECT_EQ(read(make_packet(data)), (std::vector<Seen>{{Event::Packet, data}}));
  }
}

TEST(GdbPacket, InAnyPieces) {
  PacketReader reader;
  const std::string line = "+$qC#b4-\x03$g#67";
  std::vector<Seen> seen;
  for (const char byte : line) {
    for (Seen& one : read(reader, {&byte, 1})) seen.push_back(one);
  }
  EXPECT_EQ(seen, (std::vector<Seen>{{Event::Acknowledged, ""},
                                     {Event::Packet, "qC"},
                                     {Event::Refused, ""},
                                     {Event::Interrupt, ""},
                                     {Event::Packet, "g"}}));
}

TEST(GdbPacket, DamageIsNoticedAndOver) {
  EXPECT_EQ(read("$g#68$g#67"), (std::vector<Seen>{{Event::Damaged, ""}, {Event::Packet, "g"}}));
  EXPECT_EQ(read("$g#zz$g#67"), (std::vector<Seen>{{Event::Damaged, ""}, {Event::Packet, "g"}}));
  EXPECT_EQ(read("$g}#e4"), (std::vector<Seen>{{Event::Damaged, ""}}));  // an escape of nothing
}

TEST(GdbPacket, InterruptInsideOfAPacketIsData) {
  EXPECT_EQ(read("$\x03#03"), (std::vector<Seen>{{Event::Packet, "\x03"}}));
}

TEST(GdbPacket, PacketBeyondTheLimitIsRefusedAndNotKept) {
  std::string line = "$" + std::string(kLargestPacket, 'a');
  std::string longer = line + "a";
  const auto close = [](const std::string& body) {
    unsigned sum = 0;
    for (const char byte : body.substr(1)) sum += static_cast<unsigned char>(byte);
    constexpr std::string_view kDigits = "0123456789abcdef";
    return body + "#" + kDigits[sum >> 4 & 15] + kDigits[sum & 15];
  };
  EXPECT_EQ(read(close(line)), (std::vector<Seen>{{Event::Packet, std::string(kLargestPacket, 'a')}}));
  EXPECT_EQ(read(close(longer)), (std::vector<Seen>{{Event::Damaged, ""}}));
}

TEST(GdbHex, BothWays) {
  EXPECT_EQ(to_hex("Az"), "417a");
  EXPECT_EQ(from_hex("417A"), (std::vector<std::uint8_t>{0x41, 0x7A}));
  EXPECT_FALSE(from_hex("417"));
  EXPECT_FALSE(from_hex("4g"));
}

TEST(GdbWindow, SaysWhetherThereIsMore) {
  EXPECT_EQ(window("abcdef", 0, 4), "mabcd");
  EXPECT_EQ(window("abcdef", 4, 4), "lef");
  EXPECT_EQ(window("abcdef", 6, 4), "l");
  EXPECT_EQ(window("abcdef", 0, 0), "m");
}

TEST(GdbArguments, TakesNumbersOfUpToEightDigits) {
  std::uint32_t value = 0;
  Arguments good("20000000,4:rest");
  EXPECT_TRUE(good.number(value));
  EXPECT_EQ(value, 0x2000'0000u);
  EXPECT_TRUE(good.literal(","));
  EXPECT_TRUE(good.number(value));
  EXPECT_EQ(good.until(':'), "");
  EXPECT_EQ(good.rest(), "rest");
  EXPECT_FALSE(Arguments("123456789").number(value));
  EXPECT_FALSE(Arguments("").number(value));
  EXPECT_FALSE(Arguments("-1").number(value));
}

}  // namespace
}  // namespace microvisor::board::gdb

// Packets through the translator and back, with checksums made and checked by a second implementation; what
// must not pass; and how entries begin and end.
#include "firmware/net/translator.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace microvisor::firmware::net {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr Ipv4Address kOwn = 0x6440'0007;   // 100.64.0.7
constexpr Ipv4Address kPeer = 0x6440'0001;  // of the line
constexpr Ipv4Address kServer = 0x0808'0404;
constexpr Ipv4Address kOther = 0x0909'0909;
constexpr BearerAddresses kBearer{kOwn, kPeer, {kPeer, 0x0101'0101}};
constexpr std::uint64_t kSecond = 1'000'000;
constexpr std::uint8_t kIcmp = 1, kTcp = 6, kUdp = 17;
constexpr std::uint8_t kSyn = 0x02, kFin = 0x01, kRst = 0x04, kAck = 0x10;

void put16(Bytes& bytes, std::size_t at, unsigned value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}
unsigned get16(const Bytes& bytes, std::size_t at) { return bytes[at] << 8 | bytes[at + 1]; }
void put32(Bytes& bytes, std::size_t at, std::uint32_t value) {
  put16(bytes, at, value >> 16);
  put16(bytes, at + 2, value & 0xFFFF);
}
std::uint32_t get32(const Bytes& bytes, std::size_t at) {
  return get16(bytes, at) << 16 | get16(bytes, at + 2);
}

/// RFC 1071, over everything at once.
std::uint16_t sum_of(const Bytes& bytes) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) sum += i % 2 == 0 ? bytes[i] * 256U : bytes[i];
  while (sum > 0xFFFF) sum = sum % 0x10000 + sum / 0x10000;
  return static_cast<std::uint16_t>(sum);
}
Bytes with_pseudo_header(const Bytes& packet) {
  Bytes all(12);
  put32(all, 0, get32(packet, 12));
  put32(all, 4, get32(packet, 16));
  all[9] = packet[9];
  put16(all, 10, static_cast<unsigned>(packet.size() - 20));
  all.insert(all.end(), packet.begin() + 20, packet.end());
  return all;
}
bool sums_are_right(const Bytes& packet) {
  const Bytes header(packet.begin(), packet.begin() + 20), rest(packet.begin() + 20, packet.end());
  if (sum_of(header) != 0xFFFF) return false;
  if (packet[9] == kUdp && get16(packet, 26) == 0) return true;
  return sum_of(packet[9] == kIcmp ? rest : with_pseudo_header(packet)) == 0xFFFF;
}

struct End {
  Ipv4Address address;
  unsigned port;
};
constexpr End kMine{Translator::kApplication, 40'000};
constexpr End kTheirs{kServer, 443};

Bytes ip(std::uint8_t protocol, Ipv4Address from, Ipv4Address to, const Bytes& content) {
  Bytes packet(20);
  packet[0] = 0x45;
  put16(packet, 2, static_cast<unsigned>(20 + content.size()));
  packet[8] = 64;
  packet[9] = protocol;
  put32(packet, 12, from);
  put32(packet, 16, to);
  put16(packet, 10, static_cast<std::uint16_t>(~sum_of(packet)));
  packet.insert(packet.end(), content.begin(), content.end());
  return packet;
}
Bytes tcp(End from, End to, std::uint8_t flags, std::size_t size = 11) {
  Bytes segment(20 + size, 0x5A);
  put16(segment, 0, from.port);
  put16(segment, 2, to.port);
  segment[12] = 0x50;
  segment[13] = flags;
  put16(segment, 16, 0);
  Bytes packet = ip(kTcp, from.address, to.address, segment);
  put16(packet, 36, static_cast<std::uint16_t>(~sum_of(with_pseudo_header(packet))));
  return packet;
}
Bytes udp(End from, End to, std::size_t size = 9, bool sum = true) {
  Bytes datagram(8 + size, 0x33);
  put16(datagram, 0, from.port);
  put16(datagram, 2, to.port);
  put16(datagram, 4, static_cast<unsigned>(8 + size));
  put16(datagram, 6, 0);
  Bytes packet = ip(kUdp, from.address, to.address, datagram);
  if (sum) put16(packet, 26, static_cast<std::uint16_t>(~sum_of(with_pseudo_header(packet))));
  return packet;
}
Bytes icmp(std::uint8_t type, Ipv4Address from, Ipv4Address to, unsigned identifier,
           const Bytes& content = {1, 2, 3}) {
  Bytes message(8);
  message[0] = type;
  put16(message, 4, identifier);
  message.insert(message.end(), content.begin(), content.end());
  put16(message, 2, static_cast<std::uint16_t>(~sum_of(message)));
  return ip(kIcmp, from, to, message);
}

class TranslatorTest : public testing::Test {
 protected:
  bool send(Bytes& packet) { return translator.send(packet, kBearer, now); }
  bool receive(Bytes& packet) { return translator.receive(packet, kBearer, now); }
  bool sends(Bytes packet) { return send(packet); }
  bool receives(Bytes packet) { return receive(packet); }
  /// The port that the outside sees for a packet from `mine` to `theirs`.
  unsigned outside_port(End mine = kMine, End theirs = kTheirs, std::uint8_t flags = kSyn) {
    Bytes packet = tcp(mine, theirs, flags);
    EXPECT_TRUE(send(packet));
    return get16(packet, 20);
  }

  Translator translator;
  std::uint64_t now = 1'000 * kSecond;
};

TEST_F(TranslatorTest, ASegmentGoesOutAndItsAnswerComesBack) {
  Bytes out = tcp(kMine, kTheirs, kSyn);
  ASSERT_TRUE(send(out));
  EXPECT_EQ(get32(out, 12), kOwn);
  EXPECT_EQ(get32(out, 16), kServer);
  EXPECT_EQ(get16(out, 22), 443U);
  EXPECT_EQ(out[8], 63);
  EXPECT_TRUE(sums_are_right(out));
  const unsigned port = get16(out, 20);
  EXPECT_GE(port, Translator::kFirstPort);
  EXPECT_LT(port, Translator::kFirstPort + Translator::kEntries);
  Bytes in = tcp(kTheirs, {kOwn, port}, kSyn | kAck);
  ASSERT_TRUE(receive(in));
  EXPECT_EQ(get32(in, 16), Translator::kApplication);
  EXPECT_EQ(get16(in, 22), 40'000U);
  EXPECT_EQ(get32(in, 12), kServer);
  EXPECT_TRUE(sums_are_right(in));
  EXPECT_EQ(outside_port(kMine, kTheirs, kAck), port);
}

TEST_F(TranslatorTest, DatagramsWithAndWithoutASum) {
  for (const bool sum : {true, false}) {
    Bytes out = udp({Translator::kApplication, 123}, {kServer, 123}, 48, sum);
    ASSERT_TRUE(send(out));
    EXPECT_EQ(get16(out, 26) != 0, sum);
    EXPECT_TRUE(sums_are_right(out));
    Bytes in = udp({kServer, 123}, {kOwn, get16(out, 20)}, 48, sum);
    ASSERT_TRUE(receive(in));
    EXPECT_EQ(get16(in, 22), 123U);
    EXPECT_TRUE(sums_are_right(in));
  }
}

TEST_F(TranslatorTest, SumsStayRightForAnyContent) {
  std::mt19937 random(5);
  const auto below = [&random](std::uint32_t limit) { return static_cast<std::uint32_t>(random() % limit); };
  for (int i = 0; i < 5000; ++i) {
    const End mine{Translator::kApplication, 1 + below(0xFFFF)};
    const End theirs{0x0800'0000 + below(0xFF'FFFF), 1 + below(0xFFFF)};
    Bytes packet = i % 2 == 0 ? tcp(mine, theirs, kAck, random() % 50) : udp(mine, theirs, random() % 50);
    if (i % 3 == 0) {  // so that sums take all values, zero included
      packet[packet.size() - 1] = static_cast<std::uint8_t>(random());
      const std::size_t at = packet[9] == kTcp ? 36 : 26;
      put16(packet, at, 0);
      const auto sum = static_cast<std::uint16_t>(~sum_of(with_pseudo_header(packet)));
      put16(packet, at, packet[9] == kUdp && sum == 0 ? 0xFFFF : sum);
    }
    ASSERT_TRUE(send(packet));
    EXPECT_TRUE(sums_are_right(packet)) << i;
  }
}

TEST_F(TranslatorTest, AWrongSumStaysWrong) {
  Bytes packet = tcp(kMine, kTheirs, kSyn);
  packet.back() ^= 1;
  ASSERT_TRUE(send(packet));
  EXPECT_FALSE(sums_are_right(packet));
}

TEST_F(TranslatorTest, EchoesAreToldByTheirIdentifier) {
  Bytes out = icmp(8, Translator::kApplication, kServer, 77);
  ASSERT_TRUE(send(out));
  EXPECT_TRUE(sums_are_right(out));
  Bytes in = icmp(0, kServer, kOwn, get16(out, 24));
  ASSERT_TRUE(receive(in));
  EXPECT_EQ(get16(in, 24), 77U);
  EXPECT_TRUE(sums_are_right(in));
  EXPECT_FALSE(receives(icmp(8, kServer, kOwn, get16(out, 24))));  // a question is the device's
  EXPECT_FALSE(sends(icmp(0, Translator::kApplication, kServer, 77)));
}

TEST_F(TranslatorTest, NothingComesInThatHasNotBeenAskedFor) {
  const unsigned port = outside_port();
  const auto before = tcp({kOther, 443}, {kOwn, port}, kAck);
  Bytes packet = before;
  EXPECT_FALSE(receive(packet));
  EXPECT_EQ(packet, before);
  EXPECT_FALSE(receives(tcp({kServer, 444}, {kOwn, port}, kAck)));
  EXPECT_FALSE(receives(udp(kTheirs, {kOwn, port})));
  EXPECT_FALSE(receives(tcp(kTheirs, {kOwn, port + 1}, kAck)));
  EXPECT_FALSE(receives(tcp(kTheirs, {kOwn, 49'152}, kAck)));  // Microvisor's own
  EXPECT_FALSE(receives(tcp(kTheirs, {kOther, port}, kAck)));
  EXPECT_TRUE(receives(tcp(kTheirs, {kOwn, port}, kAck)));
}

TEST_F(TranslatorTest, WhereAnApplicationMayNotSpeak) {
  for (const Ipv4Address to :
       {Ipv4Address{0x7F00'0001}, Ipv4Address{0}, Ipv4Address{0x0000'0001}, Ipv4Address{0xA9FE'A9FE},
        Ipv4Address{0xE000'0001}, Ipv4Address{0xF000'0001}, Ipv4Address{0xFFFF'FFFF}, kOwn, kPeer,
        Translator::kGateway, Translator::kApplication}) {
    EXPECT_FALSE(sends(udp(kMine, {to, 5000}))) << std::hex << to;
  }
  EXPECT_TRUE(sends(udp(kMine, {kPeer, 53})));
  EXPECT_TRUE(sends(udp(kMine, {0x0101'0101, 53})));
  EXPECT_TRUE(
      sends(udp(kMine, {0xC0A8'0001, 5000})));  // a private net behind the bearer is the carrier's to close
}

TEST_F(TranslatorTest, PacketsThatAreNoneDoNotPass) {
  const Bytes good = tcp(kMine, kTheirs, kSyn);
  const auto changed = [&](std::size_t at, std::uint8_t value) {
    Bytes packet = good;
    packet[at] = value;
    return packet;
  };
  EXPECT_TRUE(sends(good));
  EXPECT_FALSE(sends(changed(0, 0x65)));  // version 6
  EXPECT_FALSE(sends(changed(0, 0x44)));  // header too short
  EXPECT_FALSE(sends(changed(0, 0x4F)));  // header longer than what is there for TCP
  EXPECT_FALSE(sends(changed(3, 19)));    // total length
  EXPECT_FALSE(sends(changed(2, 1)));     // longer than the packet
  EXPECT_FALSE(sends(changed(6, 0x20)));  // more fragments
  EXPECT_FALSE(sends(changed(7, 1)));     // fragment offset
  EXPECT_TRUE(sends(changed(6, 0x40)));   // don't fragment
  EXPECT_FALSE(sends(changed(8, 1)));     // at the end of its time
  EXPECT_FALSE(sends(changed(8, 0)));
  EXPECT_FALSE(sends(changed(9, 47)));  // GRE
  EXPECT_FALSE(sends(changed(15, 3)));  // another source
  for (std::size_t size = 0; size < 40; ++size)
    EXPECT_FALSE(sends(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))));
  EXPECT_EQ(translator.in_use(now), 1U);
}

TEST_F(TranslatorTest, RandomBytesPassOnlyAsTheyShould) {
  std::mt19937 random(11);
  for (int i = 0; i < 100'000; ++i) {
    Bytes packet = i % 2 == 0 ? tcp(kMine, kTheirs, kAck)
                              : icmp(3, kServer, kOwn, 0, tcp({kOwn, 0x6000}, kTheirs, kAck));
    packet.resize(random() % (packet.size() + 8));
    for (unsigned k = 0; k < random() % 6 && !packet.empty(); ++k)
      packet[random() % packet.size()] = static_cast<std::uint8_t>(random());
    Bytes copy = packet;
    EXPECT_TRUE(!send(copy) || get32(copy, 12) == kOwn);
    copy = packet;
    EXPECT_TRUE(!receive(copy) || get32(copy, 16) == Translator::kApplication);
  }
}

TEST_F(TranslatorTest, AnErrorComesBackToWhatItIsAbout) {
  Bytes out = tcp(kMine, kTheirs, kSyn);
  ASSERT_TRUE(send(out));
  for (const std::size_t quoted : {std::size_t{28}, out.size()}) {
    const Bytes start(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(quoted));
    Bytes error = icmp(3, kOther, kOwn, 0, start);
    ASSERT_TRUE(receive(error));
    EXPECT_EQ(get32(error, 16), Translator::kApplication);
    EXPECT_EQ(get32(error, 28 + 12), Translator::kApplication);
    EXPECT_EQ(get16(error, 28 + 20), 40'000U);
    EXPECT_TRUE(sums_are_right(error));
    EXPECT_EQ(sum_of(Bytes(error.begin() + 28, error.begin() + 48)), 0xFFFF);
  }
  EXPECT_FALSE(receives(icmp(3, kOther, kOwn, 0, tcp({kOwn, get16(out, 20)}, {kOther, 443}, kSyn))));
  EXPECT_FALSE(receives(icmp(3, kOther, kOwn, 0, tcp({kOwn, 50'000}, kTheirs, kSyn))));
  EXPECT_FALSE(receives(icmp(5, kOther, kOwn, 0, out)));  // a redirection is nobody's
}

TEST_F(TranslatorTest, EntriesEndAfterTheirSilence) {
  const unsigned port = outside_port();
  now += 239 * kSecond;
  EXPECT_TRUE(receives(tcp(kTheirs, {kOwn, port}, kSyn | kAck)));
  now += 7400 * kSecond;  // it stands
  EXPECT_TRUE(receives(tcp(kTheirs, {kOwn, port}, kAck)));
  EXPECT_TRUE(receives(tcp(kTheirs, {kOwn, port}, kFin | kAck)));
  now += 239 * kSecond;
  EXPECT_TRUE(receives(tcp(kTheirs, {kOwn, port}, kAck)));
  now += 241 * kSecond;
  EXPECT_FALSE(receives(tcp(kTheirs, {kOwn, port}, kAck)));
  EXPECT_EQ(translator.in_use(now), 0U);
}

TEST_F(TranslatorTest, AnAttemptWithoutAnAnswerEnds) {
  outside_port();
  now += 241 * kSecond;
  EXPECT_EQ(translator.in_use(now), 0U);
}

TEST_F(TranslatorTest, AnAnswerToANameIsSoonOver) {
  EXPECT_TRUE(sends(udp(kMine, {kPeer, 53})));
  EXPECT_TRUE(sends(udp(kMine, {kServer, 5000})));
  now += 21 * kSecond;
  EXPECT_EQ(translator.in_use(now), 1U);
  now += 300 * kSecond;
  EXPECT_EQ(translator.in_use(now), 0U);
}

TEST_F(TranslatorTest, WhenAllAreInUseTheLongestSilentOneGivesWay) {
  std::vector<unsigned> ports;
  for (unsigned i = 0; i < Translator::kEntries; ++i) {
    ports.push_back(outside_port({Translator::kApplication, 1000 + i}));
    now += kSecond;
  }
  EXPECT_EQ(translator.in_use(now), Translator::kEntries);
  EXPECT_TRUE(receives(tcp(kTheirs, {kOwn, ports[0]}, kSyn | kAck)));  // stands, and was heard last
  now += kSecond;
  EXPECT_EQ(outside_port({Translator::kApplication, 5000}), ports[1]);
  EXPECT_FALSE(sends(udp({Translator::kApplication + 1, 1}, {kServer, 1})));
  for (unsigned i = 0; i < 2 * Translator::kEntries; ++i)
    EXPECT_NE(outside_port({Translator::kApplication, 6000 + i}), ports[0]);
  EXPECT_TRUE(receives(tcp(kTheirs, {kOwn, ports[0]}, kAck)));
}

TEST_F(TranslatorTest, ANewAddressForgetsAll) {
  const unsigned port = outside_port();
  translator.reset();
  EXPECT_FALSE(receives(tcp(kTheirs, {kOwn, port}, kAck)));
  Bytes packet = tcp(kMine, kTheirs, kRst);
  EXPECT_FALSE(translator.send(packet, {}, now));
}

}  // namespace
}  // namespace microvisor::firmware::net

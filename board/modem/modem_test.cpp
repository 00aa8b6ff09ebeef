// The module as its UART sees it: boot, commands, call, PPP negotiation, packets, escape, hang-up, flow
// control.
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "board/modem/at_modem.hpp"
#include "board/modem/module_surroundings.hpp"

namespace microvisor::board {
namespace {

constexpr Time kMillisecond = 1000 * kTicksPerMicrosecond;

class Modem : public ::testing::Test {
 protected:
  Modem() { modem.attach(port); }

  void run(Time duration) { run_for(scheduler, duration); }

  void type(std::string_view text) {
    for (const char character : text) modem.byte_from_chip(static_cast<std::uint8_t>(character));
  }

  std::string take_text() { return port.take_text(); }

  /// Sends a command line without echo and returns the answer.
  std::string command(std::string_view line) {
    type(line);
    type("\r");
    run(50 * kMillisecond);
    return take_text();
  }

  void boot() {
    run(kTicksPerSecond);
    command("ATE0");
  }

  void send_frame(std::uint16_t protocol, const ppp::Bytes& information) {
    ppp::Bytes frame{0xFF, 0x03, static_cast<std::uint8_t>(protocol >> 8),
                     static_cast<std::uint8_t>(protocol)};
    for (const std::uint8_t byte : information) frame.push_back(byte);
    ppp::Bytes line;
    hdlc_encode(frame, 0xFFFF'FFFF, line);
    for (const std::uint8_t byte : line) modem.byte_from_chip(byte);
    run(20 * kMillisecond);
  }

  /// Frames that have arrived, from the protocol on, uncompressed.
  std::vector<ppp::Bytes> take_frames() {
    std::vector<ppp::Bytes> frames;
    HdlcDecoder decoder;
    for (const std::uint8_t byte : port.received) {
      const auto frame = decoder.push(byte);
      if (!frame) continue;
      ppp::Bytes bytes(frame->begin(), frame->end());
      if (bytes[0] == 0xFF) bytes.erase(bytes.begin(), bytes.begin() + 2);
      if ((bytes[0] & 1) != 0) bytes.insert(bytes.begin(), 0);
      frames.push_back(bytes);
    }
    port.received.clear();
    return frames;
  }

  static ppp::Bytes packet(std::uint8_t code, std::uint8_t id, const ppp::Bytes& options) {
    const std::size_t length = options.size() + 4;
    ppp::Bytes bytes{code, id, static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length)};
    for (const std::uint8_t byte : options) bytes.push_back(byte);
    return bytes;
  }

  static const ppp::Bytes* find(const std::vector<ppp::Bytes>& frames, std::uint16_t protocol,
                                std::uint8_t code) {
    for (const auto& frame : frames) {
      if ((frame[0] << 8 | frame[1]) == protocol && frame[2] == code) return &frame;
    }
    return nullptr;
  }

  /// Acknowledges the module's own Configure-Request of `protocol` among `frames`.
  void acknowledge(const std::vector<ppp::Bytes>& frames, std::uint16_t protocol) {
    const ppp::Bytes* request = find(frames, protocol, ppp::ConfigureRequest);
    ASSERT_NE(request, nullptr);
    ppp::Bytes answer(request->begin() + 2, request->end());
    answer[0] = ppp::ConfigureAck;
    send_frame(protocol, answer);
  }

  void open_ppp() {
    boot();
    ASSERT_EQ(command("ATD*99#").substr(0, 11), "\r\nCONNECT\r\n");
    run(4 * kTicksPerSecond);  // the request is repeated by the restart timer
    acknowledge(take_frames(), ppp::kLcp);
    send_frame(ppp::kLcp, packet(ppp::ConfigureRequest, 1, {1, 4, 0x05, 0xDC, 2, 6, 0, 0, 0, 0, 7, 2, 8, 2}));
    auto frames = take_frames();
    ASSERT_NE(find(frames, ppp::kLcp, ppp::ConfigureAck), nullptr);
    acknowledge(frames, ppp::kIpcp);
    send_frame(ppp::kIpcp, packet(ppp::ConfigureRequest, 1, {3, 6, 10, 0, 2, 15}));
    frames = take_frames();
    ASSERT_NE(find(frames, ppp::kIpcp, ppp::ConfigureAck), nullptr);
  }

  Scheduler scheduler;
  FakeNetwork network;
  FakePort port;
  AtModem modem{scheduler, network};
};

TEST_F(Modem, ReportsItsBootAndHoldsCtsUntilThen) {
  EXPECT_FALSE(port.device_ready);
  run(100 * kMillisecond);
  type("AT\r");
  EXPECT_TRUE(port.received.empty());
  run(kTicksPerSecond);
  EXPECT_TRUE(port.device_ready);
  EXPECT_EQ(take_text(), "\r\nRDY\r\n\r\n+CPIN: READY\r\n");
}

TEST_F(Modem, EchoesUntilToldNotTo) {
  run(kTicksPerSecond);
  take_text();
  EXPECT_EQ(command("AT"), "AT\r\r\nOK\r\n");
  EXPECT_EQ(command("ATE0"), "ATE0\r\r\nOK\r\n");
  EXPECT_EQ(command("AT"), "\r\nOK\r\n");
  EXPECT_EQ(command("ATV0"), "0\r");
  EXPECT_EQ(command("ATBOGUS?"), "4\r");
}

TEST_F(Modem, AnswersForSimNetworkAndSignal) {
  boot();
  EXPECT_EQ(command("AT+CPIN?"), "\r\n+CPIN: READY\r\n\r\nOK\r\n");
  EXPECT_EQ(command("AT+CREG?"), "\r\n+CREG: 0,1\r\n\r\nOK\r\n");
  EXPECT_EQ(command("at+cereg=1;+cereg?"), "\r\n+CEREG: 1,1\r\n\r\nOK\r\n");
  EXPECT_EQ(command("AT+CSQ"), "\r\n+CSQ: 23,99\r\n\r\nOK\r\n");
  EXPECT_EQ(command("AT+CGDCONT=1,\"IP\",\"a;b\""), "\r\nOK\r\n");
  EXPECT_EQ(command("AT+CGDCONT?"), "\r\n+CGDCONT: 1,\"IP\",\"a;b\",\"\",0,0\r\n\r\nOK\r\n");
  EXPECT_EQ(command("AT+CFUN=9"), "\r\nERROR\r\n");
  EXPECT_EQ(command("AT+CMEE=1"), "\r\nOK\r\n");
  EXPECT_EQ(command("AT+CFUN=9"), "\r\n+CME ERROR: 50\r\n");
}

TEST(ModemWithoutSim, SaysSoAndDoesNotDial) {
  Scheduler scheduler;
  FakeNetwork network;
  FakePort port;
  AtModem modem(scheduler, network, {.sim = Sim::Missing});
  modem.attach(port);
  const auto run = [&] {
    run_for(scheduler, kTicksPerSecond);
    return port.take_text();
  };
  run();
  for (const char c : std::string_view("ATE0+CMEE=1;+CPIN?\r"))
    modem.byte_from_chip(static_cast<std::uint8_t>(c));
  EXPECT_TRUE(run().ends_with("\r\n+CME ERROR: 10\r\n"));
  for (const char c : std::string_view("ATD*99#\r")) modem.byte_from_chip(static_cast<std::uint8_t>(c));
  EXPECT_EQ(run(), "\r\nNO CARRIER\r\n");
}

/// A module, and the answer to a call after AT+CGDCONT has named each of some access points.
class ModemsContext : public ::testing::Test {
 protected:
  void begin(const ModemSettings& settings) {
    modem.emplace(scheduler, network, settings);
    modem->attach(port);
    run_for(scheduler, kTicksPerSecond);
    ask("ATE0+CMEE=1");
  }
  std::string ask(std::string_view line) {
    port.received.clear();
    for (const char character : line) modem->byte_from_chip(static_cast<std::uint8_t>(character));
    modem->byte_from_chip('\r');
    run_for(scheduler, 50 * kMillisecond);
    return port.take_text();
  }
  void name(const std::string& apn) { EXPECT_EQ(ask("AT+CGDCONT=1,\"IP\",\"" + apn + "\""), "\r\nOK\r\n"); }

  Scheduler scheduler;
  FakeNetwork network;
  FakePort port;
  std::optional<AtModem> modem;
};

/// V.250 section 6.3.1, and TS 27.007 section 9.2.2.2 with the network's cause #33.
TEST_F(ModemsContext, IsNotGivenByAnotherName) {
  begin({.apn = "fleet.example", .subscription_has_apn = false});
  for (const char* other : {"", "fleet", "fleet.example.net"}) {
    name(other);
    EXPECT_EQ(ask("ATD*99***1#"), "\r\nNO CARRIER\r\n") << other;
    EXPECT_EQ(ask("AT+CGDATA=\"PPP\",1"), "\r\nNO CARRIER\r\n") << other;
    EXPECT_EQ(ask("AT+CGACT=1,1"), "\r\n+CME ERROR: 133\r\n") << other;
    EXPECT_EQ(ask("AT+CGACT=0,1"), "\r\nOK\r\n") << other;
  }
  name("Fleet.Example");
  EXPECT_EQ(ask("AT+CGACT=1,1"), "\r\nOK\r\n");
  EXPECT_EQ(ask("ATD*99***1#").substr(0, 11), "\r\nCONNECT\r\n");
}

TEST_F(ModemsContext, IsGivenWithoutANameIfTheSubscriptionHasOne) {
  begin({.apn = "fleet.example"});
  name("another");
  EXPECT_EQ(ask("ATD*99***1#"), "\r\nNO CARRIER\r\n");
  name("");
  EXPECT_EQ(ask("ATD*99***1#").substr(0, 11), "\r\nCONNECT\r\n");
}

TEST_F(ModemsContext, IsGivenByAnyNameInAnUsualNetwork) {
  begin({});
  name("whatever.example");
  EXPECT_EQ(ask("ATD*99***1#").substr(0, 11), "\r\nCONNECT\r\n");
}

/// TS 27.007 section 8.5.
TEST_F(ModemsContext, TheSignalIsTold) {
  begin({.signal_quality = 14});
  EXPECT_EQ(ask("AT+CSQ"), "\r\n+CSQ: 14,99\r\n\r\nOK\r\n");
  begin({.signal_quality = 99});
  EXPECT_EQ(ask("AT+CSQ"), "\r\n+CSQ: 99,99\r\n\r\nOK\r\n");
}

TEST_F(Modem, GivesAddressAndNameServer) {
  boot();
  command("AT+CGDATA=\"PPP\",1");
  acknowledge(
      [&] {
        run(4 * kTicksPerSecond);
        return take_frames();
      }(),
      ppp::kLcp);
  send_frame(ppp::kLcp, packet(ppp::ConfigureRequest, 7, {2, 6, 0, 0, 0, 0}));
  take_frames();
  send_frame(ppp::kIpcp, packet(ppp::ConfigureRequest, 8, {3, 6, 0, 0, 0, 0, 129, 6, 0, 0, 0, 0}));
  const auto frames = take_frames();
  const ppp::Bytes* nak = find(frames, ppp::kIpcp, ppp::ConfigureNak);
  ASSERT_NE(nak, nullptr);
  EXPECT_EQ(ppp::Bytes(nak->begin() + 6, nak->end()), (ppp::Bytes{3, 6, 10, 0, 2, 15, 129, 6, 10, 0, 2, 3}));
}

TEST_F(Modem, RejectsOptionsAndProtocolsItDoesNotKnow) {
  boot();
  command("ATD*99***1#");
  send_frame(ppp::kLcp, packet(ppp::ConfigureRequest, 9, {3, 4, 0xC0, 0x23, 2, 6, 0, 0, 0, 0}));
  auto frames = take_frames();
  const ppp::Bytes* reject = find(frames, ppp::kLcp, ppp::ConfigureReject);
  ASSERT_NE(reject, nullptr);
  EXPECT_EQ(ppp::Bytes(reject->begin() + 6, reject->end()), (ppp::Bytes{3, 4, 0xC0, 0x23}));
  send_frame(ppp::kLcp, packet(ppp::ConfigureRequest, 10, {2, 6, 0, 0, 0, 0}));
  acknowledge(
      [&] {
        run(4 * kTicksPerSecond);
        return take_frames();
      }(),
      ppp::kLcp);
  take_frames();
  send_frame(0x8057, packet(ppp::ConfigureRequest, 1, {}));  // IPV6CP
  frames = take_frames();
  const ppp::Bytes* protocol = find(frames, ppp::kLcp, ppp::ProtocolReject);
  ASSERT_NE(protocol, nullptr);
  EXPECT_EQ((*protocol)[6] << 8 | (*protocol)[7], 0x8057);
}

TEST_F(Modem, CarriesPacketsBothWays) {
  open_ppp();
  const ppp::Bytes out{0x45, 0, 0, 20, 1, 2, 3};
  send_frame(ppp::kIp, out);
  ASSERT_EQ(network.sent.size(), 1U);
  EXPECT_EQ(network.sent[0], out);
  const ppp::Bytes in{0x45, 0x7E, 0x7D, 9};
  network.deliver(in);
  run(kMillisecond);
  const auto frames = take_frames();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0], (ppp::Bytes{0, 0x21, 0x45, 0x7E, 0x7D, 9}));
}

TEST_F(Modem, AnswersEcho) {
  open_ppp();
  send_frame(ppp::kLcp, packet(ppp::EchoRequest, 33, {0, 0, 0, 0, 'h', 'i'}));
  const auto frames = take_frames();
  const ppp::Bytes* reply = find(frames, ppp::kLcp, ppp::EchoReply);
  ASSERT_NE(reply, nullptr);
  EXPECT_EQ((*reply)[3], 33);
  EXPECT_EQ(ppp::Bytes(reply->end() - 2, reply->end()), (ppp::Bytes{'h', 'i'}));
}

TEST_F(Modem, TerminationEndsTheCall) {
  open_ppp();
  send_frame(ppp::kLcp, packet(ppp::TerminateRequest, 5, {}));
  const std::string text = take_text();
  EXPECT_TRUE(text.ends_with("\r\nNO CARRIER\r\n"));
  EXPECT_FALSE(modem.in_call());
  EXPECT_EQ(command("AT"), "\r\nOK\r\n");
}

TEST_F(Modem, NegotiatesAnewWhenTheBoardHasForgottenTheConnection) {
  open_ppp();
  send_frame(ppp::kLcp, packet(ppp::ConfigureRequest, 1, {2, 6, 0, 0, 0, 0}));
  const auto frames = take_frames();
  EXPECT_NE(find(frames, ppp::kLcp, ppp::ConfigureRequest), nullptr);
  EXPECT_NE(find(frames, ppp::kLcp, ppp::ConfigureAck), nullptr);
}

TEST_F(Modem, EscapeNeedsItsGuardTimes) {
  open_ppp();
  send_frame(ppp::kIp, {0x45, 0});
  type("+++");  // no silence before it
  run(2 * kTicksPerSecond);
  EXPECT_EQ(take_text(), "");
  type("+++");
  type("x");  // no silence after it
  run(2 * kTicksPerSecond);
  EXPECT_EQ(take_text(), "");
  type("+++");
  run(2 * kTicksPerSecond);
  EXPECT_EQ(take_text(), "\r\nOK\r\n");
  EXPECT_TRUE(modem.in_call());
  EXPECT_EQ(command("ATO"), "\r\nCONNECT\r\n");
  run(2 * kTicksPerSecond);
  type("+++");
  run(2 * kTicksPerSecond);
  EXPECT_EQ(take_text(), "\r\nOK\r\n");
  EXPECT_EQ(command("ATH"), "\r\nOK\r\n");
  EXPECT_FALSE(modem.in_call());
}

TEST_F(Modem, StopsWithinOneByteWhenRtsFalls) {
  boot();
  port.stop_after = 5;
  type("AT+CGMM\r");
  run(kTicksPerSecond);
  EXPECT_EQ(port.received.size(), 5U);
  port.stop_after = 0;
  port.set_ready(true);
  run(kTicksPerSecond);
  EXPECT_EQ(take_text(), "\r\nVirtual cellular module\r\n\r\nOK\r\n");
}

TEST_F(Modem, SendsNoFasterThanTheLine) {
  boot();
  type("AT\r");
  run(2 * kMillisecond);  // the answer begins
  port.received.clear();
  const std::size_t before = port.received.size();
  run(30 * kTicksPerMicrosecond);
  EXPECT_LE(port.received.size() - before, 4U);
}

TEST(ModemWithALockedSim, AsksForAPinThatNobodyHas) {
  Scheduler scheduler;
  FakeNetwork network;
  FakePort port;
  ModemSettings settings;
  settings.sim = Sim::Locked;
  AtModem modem(scheduler, network, settings);
  modem.attach(port);
  const auto ask = [&](std::string_view line) {
    port.received.clear();
    for (const char character : line) modem.byte_from_chip(static_cast<std::uint8_t>(character));
    const Time end = scheduler.now() + kTicksPerSecond;
    while (scheduler.next_due() <= end) {
      scheduler.skip_to(scheduler.next_due());
      scheduler.dispatch();
    }
    scheduler.skip_to(end);
    return std::string(port.received.begin(), port.received.end());
  };
  ask("");
  ask("ATE0+CMEE=1\r");
  EXPECT_EQ(ask("AT+CPIN?\r"), "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n");
  EXPECT_EQ(ask("AT+CIMI\r"), "\r\n+CME ERROR: 11\r\n");
  EXPECT_EQ(ask("AT+CPIN=\"1234\"\r"), "\r\n+CME ERROR: 16\r\n");
  EXPECT_EQ(ask("ATD*99#\r"), "\r\nNO CARRIER\r\n");
}

TEST_F(Modem, TellsWhichNetworkItHasFoundOrNot) {
  boot();
  EXPECT_EQ(command("AT+CREG?"), "\r\n+CREG: 0,1\r\n\r\nOK\r\n");
  modem.set_coverage(Coverage::Denied);
  EXPECT_EQ(command("AT+CEREG?"), "\r\n+CEREG: 0,3\r\n\r\nOK\r\n");
  modem.set_coverage(Coverage::None);
  EXPECT_EQ(command("AT+CEREG?"), "\r\n+CEREG: 0,2\r\n\r\nOK\r\n");
  EXPECT_EQ(command("AT+CSQ"), "\r\n+CSQ: 99,99\r\n\r\nOK\r\n");
  modem.set_coverage(Coverage::Roaming);
  run(kTicksPerSecond);
  EXPECT_EQ(command("AT+CEREG?"), "\r\n+CEREG: 0,5\r\n\r\nOK\r\n");
}

/// PPP is not told: what was on the line is broken off.
TEST_F(Modem, ALostNetworkEndsTheCallByTheModulesWord) {
  boot();
  command("ATD*99#");
  modem.set_away(true);
  run(kTicksPerSecond / 10);
  const std::string said = take_text();
  EXPECT_TRUE(said.ends_with("\r\nNO CARRIER\r\n"));
  EXPECT_FALSE(modem.in_call());
  EXPECT_EQ(command("ATD*99#"), "\r\nNO CARRIER\r\n");
  modem.set_away(false);
  run(kTicksPerSecond);
  EXPECT_NE(command("ATD*99#").find("CONNECT"), std::string::npos);
}

}  // namespace
}  // namespace microvisor::board

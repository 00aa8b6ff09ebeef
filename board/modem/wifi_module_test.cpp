// The Wi-Fi module as its UART sees it: joining and what can be wrong with it, an access point that goes and
// comes back, the cable, and the two modules of a board behind one network.
#include "board/modem/wifi_module.hpp"

#include <gtest/gtest.h>

#include "board/modem/junction.hpp"
#include "board/modem/module_surroundings.hpp"
#include "board/modem/wifi_commands.hpp"

namespace microvisor::board {
namespace {

class WifiModuleTest : public ::testing::Test {
 protected:
  static WifiSettings usual() {
    WifiSettings settings;
    settings.ssid = "caf\xC3\xA9";
    settings.password = "pass\"word,\\";
    return settings;
  }
  void begin(WifiSettings settings = usual()) {
    module.emplace(scheduler, network, std::move(settings));
    module->attach(port);
    run(kTicksPerSecond);
    ask("ATE0");
  }
  void run(Time duration) { run_for(scheduler, duration); }
  std::string ask(std::string_view line, Time patience = kTicksPerSecond / 10) {
    port.received.clear();
    for (const char character : line) module->byte_from_chip(static_cast<std::uint8_t>(character));
    module->byte_from_chip('\r');
    module->byte_from_chip('\n');
    run(patience);
    return port.take_text();
  }
  std::string join(const std::string& name, const std::string& password) {
    return ask("AT+CWJAP=\"" + name + "\",\"" + password + "\"", 20 * kTicksPerSecond);
  }
  std::string join() { return join("caf\xC3\xA9", "pass\\\"word\\,\\\\"); }

  Scheduler scheduler;
  FakeNetwork network;
  FakePort port;
  std::optional<WifiModule> module;
};

TEST_F(WifiModuleTest, SaysWhenItIsReady) {
  module.emplace(scheduler, network, usual());
  module->attach(port);
  EXPECT_FALSE(port.device_ready);
  run(kTicksPerSecond);
  EXPECT_TRUE(port.device_ready);
  EXPECT_EQ(port.text(), "\r\nready\r\n");
}

TEST_F(WifiModuleTest, JoinsWithTheRightPassword) {
  begin();
  EXPECT_EQ(ask("AT+CWSTATE?"), "\r\n+CWSTATE:0,\"\"\r\n\r\nOK\r\n");
  EXPECT_EQ(join(), "\r\nWIFI CONNECTED\r\n\r\nWIFI GOT IP\r\n\r\nOK\r\n");
  EXPECT_EQ(ask("AT+CWSTATE?"), "\r\n+CWSTATE:2,\"caf\xC3\xA9\"\r\n\r\nOK\r\n");
  EXPECT_EQ(module->state_text(), "joined");
  EXPECT_EQ(ask("AT+CWQAP"), "\r\nWIFI DISCONNECT\r\n\r\nOK\r\n");
  EXPECT_EQ(module->state_text(), "not joined");
}

TEST_F(WifiModuleTest, TellsWhyItDoesNotJoin) {
  begin();
  EXPECT_EQ(join("caf\xC3\xA9", "wrong password"), "\r\nWIFI DISCONNECT\r\n\r\n+CWJAP:2\r\n\r\nERROR\r\n");
  EXPECT_EQ(join("cafe", "wrong password"), "\r\n+CWJAP:3\r\n\r\nERROR\r\n");
  EXPECT_EQ(ask("AT+CWJAP=\"\",\"\""), "\r\nERROR\r\n");
  auto settings = usual();
  settings.has_address = false;
  begin(settings);
  EXPECT_EQ(join(), "\r\nWIFI CONNECTED\r\n\r\nWIFI DISCONNECT\r\n\r\n+CWJAP:1\r\n\r\nERROR\r\n");
}

TEST_F(WifiModuleTest, AnAccessPointThatGoesWhileItIsJoinedIsAFailure) {
  begin();
  ask("AT+CWJAP=\"caf\xC3\xA9\",\"pass\\\"word\\,\\\\\"", usual().scan + usual().join / 2);
  port.received.clear();
  module->set_access_point(false);
  run(kTicksPerSecond);
  EXPECT_EQ(port.text(), "\r\nWIFI DISCONNECT\r\n\r\n+CWJAP:4\r\n\r\nERROR\r\n");
}

TEST_F(WifiModuleTest, TakesNothingElseWhileItJoins) {
  begin();
  ask("AT+CWJAP=\"caf\xC3\xA9\",\"wrong password\"");
  EXPECT_EQ(ask("AT"), "\r\nbusy p...\r\n");
}

TEST_F(WifiModuleTest, CallsOnlyWithANetwork) {
  begin();
  EXPECT_EQ(ask("ATD*99#"), "\r\nNO CARRIER\r\n");
  join();
  EXPECT_EQ(ask("ATD*99#").substr(0, 11), "\r\nCONNECT\r\n");
  EXPECT_TRUE(module->in_call());
}

TEST_F(WifiModuleTest, LosesTheCarrierWithTheAccessPointAndComesBackByItself) {
  begin();
  join();
  ask("ATD*99#");
  port.received.clear();
  module->set_access_point(false);
  run(kTicksPerSecond / 10);
  EXPECT_EQ(port.text(), "\r\nNO CARRIER\r\n\r\nWIFI DISCONNECT\r\n");
  run(10 * kTicksPerSecond);
  EXPECT_EQ(ask("ATD*99#"), "\r\nNO CARRIER\r\n");
  module->set_access_point(true);
  run(10 * kTicksPerSecond);
  EXPECT_EQ(module->state_text(), "joined");
}

TEST_F(WifiModuleTest, AnAccessPointIsAwayWhenItIsTime) {
  auto settings = usual();
  settings.away = {.every = 60 * kTicksPerSecond, .length = 20 * kTicksPerSecond};
  begin(settings);
  join();
  run(60 * kTicksPerSecond - scheduler.now() - 1);
  EXPECT_EQ(module->state_text(), "joined");
  run(2);
  EXPECT_NE(module->state_text(), "joined");
  run(30 * kTicksPerSecond);
  EXPECT_EQ(module->state_text(), "joined");
}

TEST_F(WifiModuleTest, ACableCarriesWithoutBeingAskedTo) {
  auto settings = usual();
  settings.cable = true;
  begin(settings);
  EXPECT_NE(ask("AT+CIPETH?").find("+CIPETH:netmask:255.255.255.0"), std::string::npos);
  ask("ATD*99#");
  EXPECT_TRUE(module->in_call());
  module->set_cable(false);
  EXPECT_FALSE(module->in_call());
  EXPECT_NE(ask("AT+CIPETH?").find("+CIPETH:netmask:0.0.0.0"), std::string::npos);
}

TEST_F(WifiModuleTest, ItsStateAndItsAirAreInASnapshot) {
  begin();
  join();
  Archive out;
  module->serialise(out);
  const auto bytes = out.take();
  Scheduler elsewhere;
  elsewhere.skip_to(scheduler.now());
  FakePort other_port;
  WifiModule other(elsewhere, network);
  other.attach(other_port);
  Archive in(bytes);
  other.serialise(in);
  EXPECT_TRUE(in.exhausted());
  EXPECT_EQ(other.state_text(), "joined");
  Archive again;
  other.serialise(again);
  EXPECT_EQ(again.take(), bytes);
}

std::vector<std::uint8_t> packet_of(std::uint32_t source, std::uint32_t destination) {
  std::vector<std::uint8_t> packet(20);
  for (unsigned at = 0; at < 4; ++at) {
    packet[12 + at] = static_cast<std::uint8_t>(source >> (24 - 8 * at));
    packet[16 + at] = static_cast<std::uint8_t>(destination >> (24 - 8 * at));
  }
  return packet;
}

TEST(JunctionTest, PacketsGoToTheModuleWhoseAddressTheyHave) {
  FakeNetwork network;
  Junction junction(network);
  unsigned modem = 0, wifi = 0;
  junction.port(kBoardAddress).on_receive([&](auto) { ++modem; });
  junction.port(kWifiAddress).on_receive([&](auto) { ++wifi; });
  network.deliver(packet_of(kGatewayAddress, kWifiAddress));
  network.deliver(packet_of(kGatewayAddress, kGatewayAddress));
  network.deliver(std::vector<std::uint8_t>(3));
  EXPECT_EQ(modem, 0U);
  EXPECT_EQ(wifi, 1U);
  junction.port(kBoardAddress).send(packet_of(kBoardAddress, kGatewayAddress));
  EXPECT_EQ(network.sent.size(), 1U);
}

TEST(JunctionTest, EachPacketOfTheBoardGoesThroughItsOwnAir) {
  FakeNetwork modem, wifi;
  Airs airs;
  airs.add(kBoardAddress, modem);
  airs.add(kWifiAddress, wifi);
  unsigned received = 0;
  airs.on_receive([&](auto) { ++received; });
  airs.send(packet_of(kWifiAddress, kGatewayAddress));
  airs.send(packet_of(kGatewayAddress, kGatewayAddress));
  EXPECT_EQ(wifi.sent.size(), 1U);
  EXPECT_TRUE(modem.sent.empty());
  modem.deliver(packet_of(kGatewayAddress, kBoardAddress));
  wifi.deliver(packet_of(kGatewayAddress, kWifiAddress));
  EXPECT_EQ(received, 2U);
}

// --- docs/module-firmware.md, "The module's contract"

class WifiFirmwareTest : public WifiModuleTest {
 protected:
  /// The image is 700 bytes 0, 1, 2, ... modulo 251; hashes and CRCs are of Python's hashlib and zlib.
  static constexpr const char* kBegin =
      "AT+MVFW=700,b923bd4c3414ee9941a6f7c5201c1f5c3302120a68f58e78634280454208cb09,2";
  static constexpr const char* kFirst = "AT+MVFWD=0,512,2099847712";
  static constexpr const char* kSecond = "AT+MVFWD=512,188,4066661314";
  static constexpr const char* kOk = "\r\nOK\r\n";
  static constexpr const char* kError = "\r\nERROR\r\n";

  void begin_with(FirmwareFault fault) {
    WifiSettings settings = usual();
    settings.firmware_fault = fault;
    begin(settings);
  }
  std::string give(unsigned from, unsigned to) {
    port.take_text();
    for (unsigned at = from; at < to; ++at) module->byte_from_chip(static_cast<std::uint8_t>(at % 251));
    run(kTicksPerSecond / 10);
    return port.take_text();
  }
  [[nodiscard]] std::string told() {
    const std::string answer = ask("AT+MVFW?");
    const auto start = answer.find("+MVFW:"), end = answer.find('\r', start);
    return start == std::string::npos ? answer : answer.substr(start + 6, end - start - 6);
  }
  void give_all() {
    ASSERT_EQ(ask(kBegin), kOk);
    ASSERT_EQ(ask(kFirst), kOk);
    ASSERT_EQ(give(0, 512), kOk);
    ASSERT_EQ(ask(kSecond), kOk);
    ASSERT_EQ(give(512, 700), kOk);
    ASSERT_EQ(ask("AT+MVFWE", kTicksPerSecond).substr(0, 6), kOk);
    ask("ATE0");
  }
};

TEST_F(WifiFirmwareTest, StartsTheNewFirmwareOnTrialAndKeepsItWhenTold) {
  begin();
  EXPECT_EQ(told(), "MV-WIFI1,1,0,0");
  EXPECT_EQ(ask("AT+MVFWC"), kError);
  give_all();
  EXPECT_EQ(told(), "MV-WIFI1,2,2,0");
  EXPECT_EQ(ask(kBegin), kError) << "its other slot has what may have to come back";
  EXPECT_EQ(ask("AT+MVFWC"), kOk);
  run(1000 * kTicksPerSecond);
  EXPECT_EQ(told(), "MV-WIFI1,2,0,0");
}

TEST_F(WifiFirmwareTest, GoesOnBehindARestart) {
  begin();
  ask(kBegin);
  ask(kFirst);
  ASSERT_EQ(give(0, 512), kOk);
  module->power_cycle();
  run(kTicksPerSecond);
  ask("ATE0");
  EXPECT_EQ(told(), "MV-WIFI1,1,1,512");
  EXPECT_EQ(ask(kBegin), kOk);
  EXPECT_EQ(told(), "MV-WIFI1,1,1,512");
  EXPECT_EQ(ask("AT+MVFW=699,b923bd4c3414ee9941a6f7c5201c1f5c3302120a68f58e78634280454208cb09,2"), kOk)
      << "another image";
  EXPECT_EQ(told(), "MV-WIFI1,1,1,0");
}

TEST_F(WifiFirmwareTest, APieceThatIsWrongOrNotWholeCountsAsNotSent) {
  begin();
  EXPECT_EQ(ask(kFirst), kError) << "of nothing";
  ask(kBegin);
  EXPECT_EQ(ask(kSecond), kError) << "out of order";
  EXPECT_EQ(ask("AT+MVFWD=0,513,0"), kError);
  ask(kFirst);
  EXPECT_EQ(give(1, 513), kError);
  ask(kFirst);
  EXPECT_EQ(give(0, 511), "");
  run(kTicksPerSecond);
  EXPECT_EQ(port.text(), kError);
  EXPECT_EQ(told(), "MV-WIFI1,1,1,0");
  EXPECT_EQ(ask("AT+MVFWE"), kError);
}

TEST_F(WifiFirmwareTest, AnImageWithAnotherHashIsForgotten) {
  begin();
  std::string other = kBegin;
  other[13] = other[13] == '0' ? '1' : '0';
  ask(other);
  ask(kFirst);
  give(0, 512);
  ask(kSecond);
  ASSERT_EQ(give(512, 700), kOk);
  EXPECT_EQ(ask("AT+MVFWE"), kError);
  EXPECT_EQ(told(), "MV-WIFI1,1,0,0");
}

TEST_F(WifiFirmwareTest, GoesBackWhenToldOrLeftAlone) {
  begin();
  give_all();
  ask("AT+MVFWR", kTicksPerSecond);
  ask("ATE0");
  EXPECT_EQ(told(), "MV-WIFI1,1,0,0");
  give_all();
  run(597 * kTicksPerSecond);
  EXPECT_EQ(told(), "MV-WIFI1,2,2,0");
  run(4 * kTicksPerSecond);
  ask("ATE0");
  EXPECT_EQ(told(), "MV-WIFI1,1,0,0");
  give_all();  // the first start
  for (int starts = 0; starts < 2; ++starts) {
    module->power_cycle();
    run(kTicksPerSecond);
    ask("ATE0");
  }
  EXPECT_EQ(told(), "MV-WIFI1,1,0,0");
}

TEST_F(WifiFirmwareTest, FaultsAreOfTheNewFirmware) {
  begin_with(FirmwareFault::NoJoin);
  EXPECT_NE(join().find("WIFI GOT IP"), std::string::npos);
  give_all();
  EXPECT_NE(join().find("+CWJAP:4"), std::string::npos);
  begin_with(FirmwareFault::Bad);
  ask(kBegin);
  ask(kFirst);
  EXPECT_EQ(give(0, 512), kOk);
  ask(kSecond);
  EXPECT_EQ(give(512, 700), kError);
  begin_with(FirmwareFault::Mute);
  give_all();
  EXPECT_EQ(module->state_text(), "off");
  run(601 * kTicksPerSecond);
  EXPECT_EQ(module->firmware().version(), 1U);
  EXPECT_NE(module->state_text(), "off");
}

TEST_F(WifiFirmwareTest, ACutCostsOnePiece) {
  begin_with(FirmwareFault::Cut);
  ask(kBegin);
  ask(kFirst);
  give(0, 512);
  ask(kSecond);
  give(512, 700);
  run(kTicksPerSecond);
  ask("ATE0");
  EXPECT_EQ(told(), "MV-WIFI1,1,1,512");
  ask(kSecond);
  EXPECT_EQ(give(512, 700), kOk);
}

}  // namespace
}  // namespace microvisor::board

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

}  // namespace
}  // namespace microvisor::board

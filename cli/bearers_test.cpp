// Modules as they are described, and what is no description.
#include "cli/bearers.hpp"

#include <gtest/gtest.h>

#include <utility>

#include "cli/failure.hpp"

namespace microvisor::cli {
namespace {

TEST(Bearers, TheModemsSimAndNetworkAreRead) {
  const auto modem = parse_modem("sim=locked,network=denied,away=20s/60s");
  EXPECT_EQ(modem.sim, board::Sim::Locked);
  EXPECT_EQ(modem.coverage, board::Coverage::Denied);
  EXPECT_EQ(modem.away.length, 20 * board::kTicksPerSecond);
  EXPECT_EQ(modem.away.every, 60 * board::kTicksPerSecond);
}

TEST(Bearers, TheOnlyAccessPointOfTheModemsNetworkIsRead) {
  const auto only = parse_modem("apn=fleet.example");
  EXPECT_EQ(only.apn, "fleet.example");
  EXPECT_FALSE(only.subscription_has_apn);
  EXPECT_TRUE(parse_modem("own=accepted,apn=fleet.example").subscription_has_apn);
  EXPECT_FALSE(parse_modem("own=refused").subscription_has_apn);
  EXPECT_TRUE(parse_modem("network=roaming").subscription_has_apn);
}

/// 3GPP TS 27.007 section 8.5: 0 is -113 dBm, 31 is -51 dBm, 99 is not known.
TEST(Bearers, SignalsAreRead) {
  const std::pair<const char*, unsigned> qualities[] = {
      {"signal=-113", 0}, {"signal=-85", 14}, {"signal=-84", 14}, {"signal=-51", 31}, {"signal=unknown", 99}};
  for (const auto& [text, quality] : qualities) EXPECT_EQ(parse_modem(text).signal_quality, quality) << text;
  EXPECT_EQ(parse_wifi("ssid=a,signal=-60").signal, -60);
}

TEST(Bearers, WhatIsWrongWithAnUpdateOfTheModulesFirmwareIsRead) {
  using board::FirmwareFault;
  const std::pair<const char*, FirmwareFault> faults[] = {{"ssid=a", FirmwareFault::None},
                                                          {"ssid=a,firmware=bad", FirmwareFault::Bad},
                                                          {"ssid=a,firmware=cut", FirmwareFault::Cut},
                                                          {"ssid=a,firmware=abrupt", FirmwareFault::Abrupt},
                                                          {"ssid=a,firmware=mute", FirmwareFault::Mute},
                                                          {"ssid=a,firmware=no-join", FirmwareFault::NoJoin}};
  for (const auto& [text, fault] : faults) EXPECT_EQ(parse_wifi(text).firmware_fault, fault) << text;
}

TEST(Bearers, AnAccessPointIsRead) {
  const auto wifi = parse_wifi("ssid=the workshop,password=it=secret!,away=1s/5s");
  EXPECT_EQ(wifi.ssid, "the workshop");
  EXPECT_EQ(wifi.password, "it=secret!");
  EXPECT_EQ(wifi.away.every, 5 * board::kTicksPerSecond);
  EXPECT_EQ(parse_wifi("ssid=open").password, "");
}

TEST(Bearers, WhatIsNoneIsRefused) {
  for (const char* text :
       {"sim", "sim=lost", "network=", "away=5s", "sim=missing,sim=missing", "colour=red", "apn=", "apn=a b",
        "own=perhaps", "signal=-50", "signal=-114", "signal=loud", "signal="})
    EXPECT_THROW((void)parse_modem(text), Failure) << text;
  for (const char* text :
       {"", "password=12345678", "ssid=a,password=short", "ssid=a,away=5s/2s", "ssid=a,signal=0",
        "ssid=a,signal=unknown", "ssid=a,firmware=", "ssid=a,firmware=good",
        "ssid=a,firmware=bad,firmware=cut", "ssid=123456789012345678901234567890123"})
    EXPECT_THROW((void)parse_wifi(text), Failure) << text;
}

TEST(Bearers, ConditionsOfTheLinkAreThoseOfOneAirOrOfBoth) {
  VirtualDeviceOptions both, one;
  take_bearers({.links = {"loss=1%"}}, both);
  EXPECT_TRUE(both.radio && both.wifi_radio);
  take_bearers({.links = {"wifi:loss=1%"}, .ethernet = true}, one);
  EXPECT_FALSE(one.radio);
  EXPECT_DOUBLE_EQ(one.wifi_radio->loss, 0.01);
  EXPECT_TRUE(one.wifi && one.wifi->cable);
  EXPECT_THROW(take_bearers({.links = {"satellite:loss=1%"}}, one), Failure);
}

}  // namespace
}  // namespace microvisor::cli

// Modules as they are described, and what is no description.
#include "cli/bearers.hpp"

#include <gtest/gtest.h>

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

TEST(Bearers, AnAccessPointIsRead) {
  const auto wifi = parse_wifi("ssid=the workshop,password=it=secret!,away=1s/5s,firmware=no-join");
  EXPECT_EQ(wifi.ssid, "the workshop");
  EXPECT_EQ(wifi.password, "it=secret!");
  EXPECT_EQ(wifi.away.every, 5 * board::kTicksPerSecond);
  EXPECT_EQ(parse_wifi("ssid=open").password, "");
}

TEST(Bearers, WhatIsNoneIsRefused) {
  for (const char* text : {"sim", "sim=lost", "network=", "away=5s", "sim=missing,sim=missing", "colour=red"})
    EXPECT_THROW((void)parse_modem(text), Failure) << text;
  for (const char* text : {"", "password=12345678", "ssid=a,password=short", "ssid=a,away=5s/2s",
                           "ssid=123456789012345678901234567890123"})
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

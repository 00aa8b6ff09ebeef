// Which bearer is tried when, and when a module is believed that its call is over.
#include "firmware/net/bearers.hpp"

#include <gtest/gtest.h>

#include <string>

#include "firmware/net/carrier_watch.hpp"

namespace microvisor::firmware::net {
namespace {

constexpr std::uint32_t kLeast = 0, kMost = 0xFFFF'FFFF;

TEST(BearersTest, WithoutWifiThereIsNoChoice) {
  Bearers bearers;
  EXPECT_FALSE(bearers.choice());
  EXPECT_EQ(bearers.first(0), Bearer::Cellular);
  EXPECT_EQ(bearers.return_at(Bearer::Cellular), Bearers::kNever);
}

TEST(BearersTest, WifiGoesFirstUntilItFailsAndThenAfterAWhile) {
  Bearers bearers;
  bearers.wifi_set(true);
  EXPECT_EQ(bearers.first(0), Bearer::Wifi);
  bearers.failed(Bearer::Cellular, 0, kMost);
  EXPECT_EQ(bearers.first(0), Bearer::Wifi) << "only Wi-Fi is let alone";
  bearers.failed(Bearer::Wifi, 0, kLeast);
  EXPECT_EQ(bearers.first(Bearers::kShortest / 2 - 1), Bearer::Cellular);
  EXPECT_EQ(bearers.first(Bearers::kShortest / 2), Bearer::Wifi);
  EXPECT_EQ(bearers.return_at(Bearer::Cellular), Bearers::kShortest / 2);
  EXPECT_EQ(bearers.return_at(Bearer::Wifi), Bearers::kNever);
}

TEST(BearersTest, TheWhileDoublesToItsLongestAndIsDrawnFromItsUpperHalf) {
  Bearers bearers;
  bearers.wifi_set(true);
  for (std::uint64_t ceiling = Bearers::kShortest; ceiling < Bearers::kLongest; ceiling *= 2) {
    bearers.failed(Bearer::Wifi, 0, kMost);
    EXPECT_LT(bearers.return_at(Bearer::Cellular), ceiling);
    EXPECT_GT(bearers.return_at(Bearer::Cellular), ceiling - 100);
  }
  for (int again = 0; again < 3; ++again) bearers.failed(Bearer::Wifi, 0, kLeast);
  EXPECT_EQ(bearers.return_at(Bearer::Cellular), Bearers::kLongest / 2);
}

TEST(BearersTest, ASessionThatLastedOrNewCredentialsEndTheSeries) {
  Bearers bearers;
  bearers.wifi_set(true);
  const auto next = [&] {
    bearers.failed(Bearer::Wifi, 0, kLeast);
    return bearers.return_at(Bearer::Cellular);
  };
  EXPECT_EQ(next(), Bearers::kShortest / 2);
  bearers.session_ended(Bearer::Wifi, Bearers::kSteady - 1);
  bearers.session_ended(Bearer::Cellular, Bearers::kSteady);
  EXPECT_EQ(next(), Bearers::kShortest) << "neither says that Wi-Fi is good";
  bearers.session_ended(Bearer::Wifi, Bearers::kSteady);
  EXPECT_EQ(next(), Bearers::kShortest / 2);
  bearers.wifi_set(true);
  EXPECT_EQ(bearers.first(0), Bearer::Wifi);
  EXPECT_EQ(next(), Bearers::kShortest / 2);
}

class CarrierWatchTest : public ::testing::Test {
 protected:
  void say(const std::string& text, std::uint64_t now) {
    for (const char character : text) watch.take(static_cast<std::uint8_t>(character), now);
  }
  CarrierWatch watch;
};

TEST_F(CarrierWatchTest, TheModulesOwnWordsAreBelievedAfterASecondOfNothingElse) {
  say("~frame~\r\nNO CARRIER\r\n", 5 * kSeconds);
  EXPECT_FALSE(watch.lost(6 * kSeconds - 1));
  EXPECT_EQ(watch.deadline(), 6 * kSeconds);
  EXPECT_TRUE(watch.lost(6 * kSeconds));
  watch.begin();
  EXPECT_FALSE(watch.lost(60 * kSeconds));
}

TEST_F(CarrierWatchTest, ACallThatBreaksOffInTheMiddleOfAFrameIsNoticed) {
  say("~\xFF}#half of a fra\r\n\r\nNO CARRIER\r\n+CREG: 2\r\n", 0);
  EXPECT_TRUE(watch.lost(kSeconds));
}

/// Whoever sends a device packets can put anything into them.
TEST_F(CarrierWatchTest, AFrameThatContainsTheWordsGoesOn) {
  say("~!E\r\nNO CARRIER\r\n", 0);
  say("the rest of the packet~", kSeconds / 2);
  EXPECT_FALSE(watch.lost(10 * kSeconds));
}

TEST_F(CarrierWatchTest, NearlyTheWordsAreNotTheWords) {
  say("\r\nNO CARRIE\r\nNO CARRIER \r\n NO CARRIER\r\n", 0);
  EXPECT_FALSE(watch.lost(kSeconds));
  say("\r\r\nNO CARRIER\r", 0);
  EXPECT_TRUE(watch.lost(kSeconds));
}

}  // namespace
}  // namespace microvisor::firmware::net

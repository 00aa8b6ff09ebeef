// The patterns are those of docs/life-cycle.md.
#include "firmware/kernel/resident/status_led.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "firmware/kernel/resident/services.hpp"

namespace microvisor::firmware::kernel {
namespace {

/// Lengths in milliseconds of what is shown from its beginning on, lit first; shown whenever the LED asks.
std::vector<std::uint64_t> pattern_of(Indication indication, std::size_t length) {
  StatusLed led;
  std::uint64_t now = 5'000'000;
  led.show(indication, now);
  std::vector<std::uint64_t> result;
  for (bool lit = true; result.size() < length && led.changes_at() != StatusLed::kNever; lit = !lit) {
    EXPECT_EQ(led.lit(), lit);
    result.push_back((led.changes_at() - now) / 1000);
    now = led.changes_at();
    led.show(indication, now);
  }
  return result;
}

TEST(StatusLed, HasAPatternForEachState) {
  using Lengths = std::vector<std::uint64_t>;
  EXPECT_EQ(pattern_of(Indication::Connecting, 4), (Lengths{500, 500, 500, 500}));
  EXPECT_EQ(pattern_of(Indication::Updating, 4), (Lengths{100, 100, 100, 100}));
  EXPECT_EQ(pattern_of(Indication::Waiting, 6), (Lengths{100, 200, 100, 1600, 100, 200}));
  EXPECT_EQ(pattern_of(Indication::Connected, 1), Lengths{});
  EXPECT_EQ(pattern_of(Indication::Off, 1), Lengths{});
}

TEST(StatusLed, IsLitWhileConnectedAndDarkWhileOff) {
  StatusLed led;
  EXPECT_FALSE(led.lit());
  led.show(Indication::Connected, 1);
  EXPECT_TRUE(led.lit());
  led.show(Indication::Off, 2);
  EXPECT_FALSE(led.lit());
  EXPECT_EQ(led.changes_at(), StatusLed::kNever);
}

TEST(StatusLed, BeginsAPatternAnewAndDoesNotHurryAfterASleep) {
  StatusLed led;
  led.show(Indication::Connecting, 1'000'000);
  led.show(Indication::Connecting, 1'200'000);
  EXPECT_EQ(led.changes_at(), 1'500'000u);
  led.show(Indication::Updating, 1'300'000);
  EXPECT_TRUE(led.lit());
  EXPECT_EQ(led.changes_at(), 1'400'000u);
  led.show(Indication::Updating, 60'000'000);
  EXPECT_FALSE(led.lit());
  EXPECT_EQ(led.changes_at(), 60'100'000u);
}

TEST(StatusLed, ShowsTheConnectionIfTheApplicationWantsItOrThereIsNone) {
  Services s;
  s.application_present = true;
  s.link_status = abi::NetworkStatus::CONNECTED;
  EXPECT_EQ(s.indication(), Indication::Off);
  s.status_led = true;
  EXPECT_EQ(s.indication(), Indication::Connected);
  s.link_fetches_update = true;
  EXPECT_EQ(s.indication(), Indication::Updating);
  s.link_fetches_update = false;
  s.link_status = abi::NetworkStatus::DISCONNECTEDWITHLINKUP;
  EXPECT_EQ(s.indication(), Indication::Waiting);
  s.link_status = abi::NetworkStatus::CONNECTING;
  EXPECT_EQ(s.indication(), Indication::Connecting);
  s.link_waits = true;
  EXPECT_EQ(s.indication(), Indication::Waiting);
  s.link_waits = false;
  s.link_status = abi::NetworkStatus::DELIBERATELYOFFLINE;
  EXPECT_EQ(s.indication(), Indication::Off);
  s.link_status = abi::NetworkStatus::CONNECTED;
  s.reset_application(1);
  EXPECT_EQ(s.indication(), Indication::Off) << "each run begins with a dark LED";
  s.application_present = false;
  EXPECT_EQ(s.indication(), Indication::Connected);
}

}  // namespace
}  // namespace microvisor::firmware::kernel

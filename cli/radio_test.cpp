// Conditions of the link as they are written, and what is none.
#include "cli/radio.hpp"

#include <gtest/gtest.h>

#include "cli/failure.hpp"

namespace microvisor::cli {
namespace {

TEST(Radio, ConditionsAreReadWithTheirUnits) {
  const auto all = parse_radio("delay=150ms,loss=5%,rate=10k,outage=5s/1m");
  EXPECT_EQ(all.delay, 150 * board::kTicksPerSecond / 1000);
  EXPECT_DOUBLE_EQ(all.loss, 0.05);
  EXPECT_EQ(all.bits_per_second, 10'000U);
  EXPECT_EQ(all.outage, 5 * board::kTicksPerSecond);
  EXPECT_EQ(all.outage_every, 60 * board::kTicksPerSecond);
  EXPECT_EQ(parse_radio("rate=1.5M").bits_per_second, 1'500'000U);
  EXPECT_EQ(parse_radio("loss=0%").loss, 0);
  EXPECT_EQ(parse_radio("rate=9600").bits_per_second, 9600U);
}

TEST(Radio, WhatIsNoConditionIsRefused) {
  for (const char* text :
       {"", ",", "delay", "delay=", "delay=fast", "loss=5", "loss=101%", "loss=-1%", "rate=0", "rate=10x",
        "rate=1e12", "outage=5s", "outage=60s/5s", "outage=5s/5s", "colour=red", "loss=1%,loss=2%"})
    EXPECT_THROW((void)parse_radio(text), Failure) << text;
}

}  // namespace
}  // namespace microvisor::cli

// Packets through the air: when they come out, in which order, which do not, and that a seed repeats it.
#include "board/modem/radio_link.hpp"

#include <gtest/gtest.h>

namespace microvisor::board {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr Time kMillisecond = kTicksPerSecond / 1000;

/// What lies behind: notes what comes out, and brings what the test says.
struct FarEnd final : Network {
  void send(std::span<const std::uint8_t> packet) override { got.emplace_back(packet.begin(), packet.end()); }
  void on_receive(Receiver receiver) override { bring = std::move(receiver); }
  bool poll(std::chrono::microseconds) override {
    for (const Bytes& packet : to_bring) bring(packet);
    to_bring.clear();
    return false;
  }
  [[nodiscard]] bool awaiting() const override { return true; }
  void wake() override { ++wakes; }
  std::vector<Bytes> got, to_bring;
  Receiver bring;
  int wakes = 0;
};

struct RadioLinkTest : testing::Test {
  Scheduler scheduler;
  FarEnd far;
  std::vector<std::pair<Time, Bytes>> received;

  std::unique_ptr<RadioLink> link(const RadioConditions& conditions) {
    auto made = std::make_unique<RadioLink>(scheduler, far, conditions);
    made->on_receive([this](std::span<const std::uint8_t> packet) {
      received.emplace_back(scheduler.now(), Bytes(packet.begin(), packet.end()));
    });
    return made;
  }
  void pass(Time ticks) {
    const Time end = scheduler.now() + ticks;
    scheduler.budget = 0;
    while (scheduler.next_due() <= end) {
      scheduler.skip_to(scheduler.next_due());
      scheduler.dispatch();
    }
    scheduler.skip_to(end);
  }
  /// How many of `count` packets of `size` bytes come out within an hour.
  std::size_t come_out(RadioLink& air, std::size_t count, std::size_t size = 100) {
    far.got.clear();
    for (std::size_t i = 0; i < count; ++i) air.send(Bytes(size, static_cast<std::uint8_t>(i)));
    pass(3600 * kTicksPerSecond);
    return far.got.size();
  }
};

TEST_F(RadioLinkTest, WithoutConditionsItIsAsIfItWereNotThere) {
  const auto air = link({});
  air->send(Bytes{1, 2, 3});
  pass(0);
  ASSERT_EQ(far.got.size(), 1U);
  EXPECT_EQ(far.got[0], (Bytes{1, 2, 3}));
  EXPECT_TRUE(air->awaiting());
  air->wake();
  EXPECT_EQ(far.wakes, 1);
}

TEST_F(RadioLinkTest, PacketsTakeTheirTimeInBothDirections) {
  const auto air = link({.delay = 150 * kMillisecond});
  air->send(Bytes{1});
  far.to_bring = {Bytes{2}};
  EXPECT_TRUE(air->poll(std::chrono::microseconds(0)));
  EXPECT_FALSE(air->poll(std::chrono::microseconds(0)));
  pass(149 * kMillisecond);
  EXPECT_TRUE(far.got.empty());
  EXPECT_TRUE(received.empty());
  pass(1 * kMillisecond);
  EXPECT_EQ(far.got.size(), 1U);
  ASSERT_EQ(received.size(), 1U);
  EXPECT_EQ(received[0].second, Bytes{2});
}

TEST_F(RadioLinkTest, ARateMakesThemWaitForEachOther) {
  const auto air = link({.bits_per_second = 8000});  // a byte a millisecond
  for (std::uint8_t i = 0; i < 3; ++i) air->send(Bytes(100, i));
  pass(99 * kMillisecond);
  EXPECT_EQ(far.got.size(), 0U);
  pass(1 * kMillisecond);
  EXPECT_EQ(far.got.size(), 1U);
  pass(199 * kMillisecond);
  EXPECT_EQ(far.got.size(), 2U);
  pass(1 * kMillisecond);
  ASSERT_EQ(far.got.size(), 3U);
  for (std::uint8_t i = 0; i < 3; ++i) EXPECT_EQ(far.got[i][0], i);
}

TEST_F(RadioLinkTest, WhatWouldWaitForTooLongIsDropped) {
  const auto air = link({.bits_per_second = 8000, .queue_bytes = 1000});
  EXPECT_EQ(come_out(*air, 30), 11U);  // ten fill the queue, and one is on its way
  EXPECT_EQ(air->lost(), 19U);
}

TEST_F(RadioLinkTest, AShareGetsLostAndASeedRepeatsWhich) {
  const auto once = link({.loss = 0.05, .seed = 7});
  const std::size_t first = come_out(*once, 10'000);
  EXPECT_NEAR(static_cast<double>(first), 9'500, 100);
  const auto firsts = far.got;
  const auto again = link({.loss = 0.05, .seed = 7});
  EXPECT_EQ(come_out(*again, 10'000), first);
  EXPECT_EQ(far.got, firsts);
  const auto other = link({.loss = 0.05, .seed = 8});
  come_out(*other, 10'000);
  EXPECT_NE(far.got, firsts);
  const auto none = link({.loss = 1});
  EXPECT_EQ(come_out(*none, 100), 0U);
}

TEST_F(RadioLinkTest, InAnOutageNothingPasses) {
  const auto air = link({.outage_every = 10 * kTicksPerSecond, .outage = 2 * kTicksPerSecond});
  std::string passed;
  for (int second = 0; second < 24; ++second) {
    far.got.clear();
    air->send(Bytes{1});
    pass(kTicksPerSecond);
    passed += far.got.empty() ? '-' : '+';
  }
  EXPECT_EQ(passed, "++++++++++--++++++++--++");
}

TEST_F(RadioLinkTest, ConditionsChangeForWhatComesThen) {
  const auto air = link({.delay = kTicksPerSecond});
  air->send(Bytes{1});
  air->set({});
  air->send(Bytes{2});
  pass(0);
  EXPECT_TRUE(far.got.empty());  // no packet overtakes another
  pass(kTicksPerSecond);
  ASSERT_EQ(far.got.size(), 2U);
  EXPECT_EQ(far.got[0], Bytes{1});
}

}  // namespace
}  // namespace microvisor::board

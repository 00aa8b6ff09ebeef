// Who is next, by a clock that is set by hand.
#include "cloud/relay/http_turns.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace microvisor::cloud {
namespace {

using namespace std::chrono_literals;

struct HttpTurnsTest : testing::Test {
  HttpLimits limits;
  HttpTurns::Moment now{1h};
  std::optional<HttpTurns> turns;
  std::uint64_t last = 0;

  HttpTurnsTest() {
    limits.running = 4;
    limits.running_of_device = 2;
    limits.waiting = 10;
    limits.waiting_of_device = 6;
    limits.per_second_of_device = 10;
    limits.burst_of_device = 1000;
  }
  HttpTurns& made() {
    if (!turns) turns.emplace(limits);
    return *turns;
  }
  bool enter(const std::string& device) { return made().enter(++last, device, now); }
  /// All that may begin now.
  std::vector<std::uint64_t> begun() {
    std::vector<std::uint64_t> all;
    while (const auto id = made().next(now)) all.push_back(*id);
    return all;
  }
};

using Requests = std::vector<std::uint64_t>;

TEST_F(HttpTurnsTest, ADeviceHasItsRequestsInOrderAndAFewAtATime) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(enter("a"));
  EXPECT_EQ(begun(), (Requests{1, 2}));
  made().leave(2);
  EXPECT_EQ(begun(), Requests{3});
  made().leave(4);  // given up while it waits
  made().leave(1);
  made().leave(3);
  EXPECT_EQ(begun(), Requests{5});
  made().leave(5);
  made().leave(5);
  EXPECT_EQ(begun(), Requests{});
}

TEST_F(HttpTurnsTest, DevicesTakeTurns) {
  limits.running = 3;
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(enter("a"));  // 1 to 4
  ASSERT_TRUE(enter("b"));                              // 5
  ASSERT_TRUE(enter("c"));                              // 6
  EXPECT_EQ(begun(), (Requests{1, 5, 6}));
  made().leave(1);
  EXPECT_EQ(begun(), Requests{2});
  ASSERT_TRUE(enter("b"));  // 7: behind the one of a device that has just been served
  made().leave(2);
  made().leave(5);
  EXPECT_EQ(begun(), (Requests{3, 7}));
}

TEST_F(HttpTurnsTest, AtTheLimitOfAllNobodyBegins) {
  for (const char* device : {"a", "b", "c", "d", "e"}) ASSERT_TRUE(enter(device));
  EXPECT_EQ(begun(), (Requests{1, 2, 3, 4}));
  EXPECT_FALSE(made().next_moment());
  made().leave(3);
  EXPECT_EQ(begun(), Requests{5});
}

TEST_F(HttpTurnsTest, TooManyThatWaitAreRefused) {
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(enter("a"));
  EXPECT_FALSE(enter("a"));
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(enter("b"));
  EXPECT_FALSE(enter("c"));  // of all
  EXPECT_EQ(begun().size(), 4U);
  EXPECT_TRUE(enter("c"));
  EXPECT_TRUE(enter("a"));
}

TEST_F(HttpTurnsTest, ARateThatIsExceededMeansWaiting) {
  limits.burst_of_device = 2;
  limits.running_of_device = 100;
  limits.running = 100;
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(enter("a"));
  ASSERT_TRUE(enter("b"));
  EXPECT_EQ(begun(), (Requests{1, 5, 2}));
  ASSERT_TRUE(made().next_moment());
  EXPECT_EQ(*made().next_moment(), now + 100ms);
  now += 99ms;
  EXPECT_EQ(begun(), Requests{});
  EXPECT_LE(*made().next_moment() - now, 2ms);
  now += 2ms;
  EXPECT_EQ(begun(), Requests{3});
  now += 10s;
  EXPECT_EQ(begun(), Requests{4});
  EXPECT_FALSE(made().next_moment());
}

TEST_F(HttpTurnsTest, GoingAwayAndComingBackGivesNoMoreTokens) {
  limits.burst_of_device = 1;
  ASSERT_TRUE(enter("a"));
  EXPECT_EQ(begun(), Requests{1});
  made().leave(1);
  // Many devices come and go: those at rest are forgotten, the one that has just asked is not.
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(enter("x" + std::to_string(i)));
    for (const std::uint64_t id : begun()) made().leave(id);
  }
  ASSERT_TRUE(enter("a"));
  EXPECT_EQ(begun(), Requests{});
  now += 100ms;
  EXPECT_EQ(begun(), Requests{last});
}

}  // namespace
}  // namespace microvisor::cloud

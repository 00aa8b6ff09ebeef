// The connectivity policy: grace time after the last reason, check-in time after the last contact.
#include "firmware/kernel/resident/connectivity.hpp"

#include <gtest/gtest.h>

namespace microvisor::firmware::kernel {
namespace {

constexpr std::uint64_t kSecond = 1'000'000;

TEST(Connectivity, WithoutACheckInTimeItIsAlwaysTime) {
  Connectivity policy;
  EXPECT_TRUE(policy.check_in_due(0));
  policy.configure(0, 0);
  policy.contact();
  EXPECT_TRUE(policy.check_in_due(1));
  EXPECT_EQ(policy.next_change(1), Connectivity::kNever);
}

TEST(Connectivity, TheCheckInTimeBeginsWithTheEndOfTheLastContact) {
  Connectivity policy;
  policy.configure(0, 60);
  policy.contact();
  EXPECT_FALSE(policy.check_in_due(1000 * kSecond)) << "connected";
  policy.disconnected(1000 * kSecond);
  policy.disconnected(1030 * kSecond);  // a second attempt that came to nothing changes nothing
  EXPECT_FALSE(policy.check_in_due(1060 * kSecond - 1));
  EXPECT_EQ(policy.next_change(1000 * kSecond), 1060 * kSecond);
  EXPECT_TRUE(policy.check_in_due(1060 * kSecond));
  EXPECT_EQ(policy.next_change(1060 * kSecond), Connectivity::kNever);
}

TEST(Connectivity, AConnectionOnWhichNothingCouldBeSaidIsNoContact) {
  Connectivity policy;
  policy.configure(0, 60);
  policy.disconnected(59 * kSecond);
  EXPECT_FALSE(policy.ever_in_contact());
  EXPECT_TRUE(policy.check_in_due(60 * kSecond));
  policy.contact();
  EXPECT_TRUE(policy.ever_in_contact());
}

TEST(Connectivity, AConnectionIsHeldForTheGraceTime) {
  Connectivity policy;
  policy.configure(10, 3600);
  EXPECT_TRUE(policy.wants(true, true, 0));
  EXPECT_TRUE(policy.wants(false, true, 5 * kSecond));
  EXPECT_EQ(policy.next_change(6 * kSecond), 15 * kSecond);
  EXPECT_TRUE(policy.wants(false, true, 15 * kSecond - 1));
  EXPECT_FALSE(policy.wants(false, false, 15 * kSecond - 1)) << "but none is made";
  EXPECT_FALSE(policy.wants(false, true, 15 * kSecond));
  EXPECT_TRUE(policy.wants(true, false, 20 * kSecond));
  EXPECT_TRUE(policy.wants(false, true, 21 * kSecond)) << "the time begins anew after each reason";
  EXPECT_EQ(policy.next_change(21 * kSecond), 31 * kSecond);
}

TEST(Connectivity, WithoutAGraceTimeItEndsAtOnce) {
  Connectivity policy;
  policy.configure(0, 3600);
  EXPECT_TRUE(policy.wants(true, true, 0));
  EXPECT_FALSE(policy.wants(false, true, 1));
}

TEST(Connectivity, TheLongestTimesDoNotOverflow) {
  Connectivity policy;
  policy.configure(0xFFFF'FFFF, 0xFFFF'FFFF);
  EXPECT_EQ(policy.check_in_seconds(), 0xFFFF'FFFFU);
  policy.contact();
  policy.disconnected(kSecond);
  EXPECT_FALSE(policy.check_in_due(0xFFFF'FFFF * kSecond));
  EXPECT_TRUE(policy.check_in_due(0x1'0000'0000 * kSecond));
}

}  // namespace
}  // namespace microvisor::firmware::kernel

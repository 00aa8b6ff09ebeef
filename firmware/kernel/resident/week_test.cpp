// The moment of the week against values worked out by hand from the register layout (RM0456 section 63.6).
#include "firmware/kernel/resident/week.hpp"

#include <gtest/gtest.h>

namespace microvisor::firmware::kernel {
namespace {

constexpr std::uint64_t kSecond = 1'000'000;

TEST(Week, TellsTheMomentFromBcd) {
  EXPECT_EQ(moment_of_week(0, 0x01'2101, 0x7FFF), 0u);  // Monday, midnight
  // Wednesday 13:07:59, half of the second gone: SSR counts from 32767 down.
  EXPECT_EQ(moment_of_week(0x13'0759, 0x01'6101, 0x3FFF),
            (2u * 86'400 + 13 * 3600 + 7 * 60 + 59) * kSecond + 500'000);
  EXPECT_EQ(moment_of_week(0x23'5959, 0x01'E101, 0), kWeek - 31);  // the last 2^-15 s of Sunday
}

TEST(Week, AnAlarmIsSetByWeekdayAndTime) {
  EXPECT_EQ(alarm_register(0), 0x4100'0000u);
  EXPECT_EQ(alarm_register(2 * 86'400 + 13 * 3600 + 7 * 60 + 59), 0x4313'0759u);
  EXPECT_EQ(alarm_register(kSecondsOfWeek - 1), 0x4723'5959u);
}

TEST(Week, TimePassesOverItsEnd) {
  EXPECT_EQ(week_passed(5, 9), 4u);
  EXPECT_EQ(week_passed(kWeek - 2 * kSecond, 3 * kSecond), 5 * kSecond);
}

}  // namespace
}  // namespace microvisor::firmware::kernel

// The status line's text: what it says of a board at two moments.
#include "cli/status_line.hpp"

#include <gtest/gtest.h>

namespace microvisor::cli {
namespace {

StatusSample sample(double wall, double board, std::uint64_t instructions) {
  StatusSample result;
  result.wall_seconds = wall;
  result.device.virtual_seconds = board;
  result.device.instructions = instructions;
  result.device.modem = "searching";
  result.device.secure = true;
  return result;
}

TEST(StatusText, SpeedAndRateAreOfTheLastStretch) {
  const std::string text = status_text(sample(10, 25, 9'000'000), sample(8, 20, 1'000'000));
  EXPECT_EQ(text, "running        25.0 s   2.50x    4.0 M/s  secure      searching");
}

TEST(StatusText, WithoutTimePassedNothingIsDivided) {
  EXPECT_EQ(status_text(sample(1, 1, 5), sample(1, 1, 5)),
            "running         1.0 s   0.00x      0 k/s  secure      searching");
}

TEST(StatusText, WhatHasHappenedAppears) {
  StatusSample now = sample(1, 1, 0);
  now.device.core = DeviceStatus::Core::Halted;
  now.device.secure = false;
  now.device.modem = "online";
  now.device.packets_sent = 3;
  now.device.packets_received = 2;
  now.device.resets = 1;
  now.debugger = true;
  EXPECT_EQ(status_text(now, sample(0, 0, 0)),
            "halted          1.0 s   1.00x      0 k/s  non-secure  online 3/2  1 reset  gdb");
  now.device.resets = 2;
  EXPECT_NE(status_text(now, sample(0, 0, 0)).find("2 resets"), std::string::npos);
}

TEST(StatusText, ColumnsStayWhereTheyAre) {
  StatusSample fast = sample(1, 1, 123'000'000);
  StatusSample slow = sample(1, 1, 1'000);
  slow.device.core = DeviceStatus::Core::DeepSleep;
  slow.device.secure = false;
  const StatusSample start = sample(0, 0, 0);
  EXPECT_EQ(status_text(fast, start).find("searching"), status_text(slow, start).find("searching"));
}

}  // namespace
}  // namespace microvisor::cli

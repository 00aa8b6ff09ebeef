// An application on the real kernel: start, calls, time, cost of a call.
#include <gtest/gtest.h>

#include <cstdio>

#include "tests/kernel/kernel_machine.hpp"

namespace microvisor::tests {
namespace {

TEST(KernelOnBoard, CallsAnswerAsDocumented) {
  KernelMachine machine("calls");
  ASSERT_TRUE(machine.run_until_line("done", 6000));
  const std::vector<std::string> expected{
      "hclk 160000000", "id 0",         "UV00112233445566778899aabbccddeeff",
      "reason 0",       "untouched 55", "zero handle 7",
      "request 0",      "status 0",     "early log 10",
      "log init 0",     "log 0",        "http 10",
      "bad pointer 2",  "bad struct 2", "led 0",
      "setup 0",        "events 0",     "events 1",
      "events 3",       "tag 72",       "close 0",
  };
  ASSERT_GE(machine.lines().size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(machine.lines()[i], expected[i]);
  unsigned microseconds = 0;
  ASSERT_EQ(std::sscanf(machine.lines()[expected.size()].c_str(), "second %u", &microseconds), 1);
  EXPECT_NEAR(microseconds, 1'000'000, 1'500);
  EXPECT_EQ(machine.board().resets(), 0u);
}

TEST(KernelOnBoard, ANullCallCostsLessThanAHundredInstructions) {
  KernelMachine machine("measure");
  std::vector<std::uint64_t> marks;
  machine.on_pin = [&](board::PinId pin, bool, std::uint64_t instructions) {
    if (pin.port == 0 && pin.number == 7) marks.push_back(instructions);
  };
  ASSERT_TRUE(machine.run_until_line("measured", 3000));
  ASSERT_GE(marks.size(), 4u);
  const auto last = marks.size();
  const std::uint64_t empty = marks[last - 3] - marks[last - 4];
  const std::uint64_t calls = marks[last - 1] - marks[last - 2];
  const double cost = static_cast<double>(calls - empty) / 1000;
  std::printf("null call: %.1f instructions\n", cost);
  RecordProperty("null_call_instructions", std::to_string(cost));
  EXPECT_LT(cost, 160);
  EXPECT_GT(cost, 20);
}

}  // namespace
}  // namespace microvisor::tests

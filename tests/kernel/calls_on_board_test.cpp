// An application on the real kernel: start, calls, time, cost of a call.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "tests/kernel/chatter.hpp"
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
      "log init 0",     "log 0",        "http 7",
      "bad pointer 2",  "bad struct 2", "led 0",
      "pin 20",         "setup 0",      "events 0",
      "events 1",       "events 3",     "tag 72",
      "close 0",
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

TEST(KernelOnBoard, ARestartedApplicationFindsItsWorldAsAfterAReset) {
  KernelMachine machine("dirty");
  ASSERT_TRUE(machine.run_until_line("looked", 4000));
  EXPECT_EQ(machine.lines(), std::vector<std::string>{"looked"});
  EXPECT_EQ(machine.board().resets(), 0u);
}

TEST(KernelOnBoard, APreEmptiveApplicationAndABusyWorkerDoNotDisturbEachOther) {
  constexpr unsigned kSeconds = 10;
  KernelMachine machine("tasks", {0, 1000 * kSeconds, 0});
  Chatter chatter(machine.board());
  std::uint8_t byte = 0;
  // About 10,000 bytes a second in single strokes.
  for (unsigned i = 0; i < 15'000 * kSeconds && machine.count("tasks done") == 0; ++i) {
    machine.board().run({.until = machine.board().scheduler().now() + 100 * board::kTicksPerMicrosecond});
    chatter.say(byte++);
  }
  ASSERT_EQ(machine.count("tasks done"), 1u);
  EXPECT_EQ(machine.value_of("errors"), 0u);
  EXPECT_GE(machine.value_of("timer"), 4'900u * kSeconds);  // 5 kHz: none is lost
  EXPECT_LE(machine.value_of("timer"), 5'100u * kSeconds);
  EXPECT_GT(machine.value_of("queue"), 100u * kSeconds);
  std::printf("calls made by tasks: %u, slices of the worker: %u\n", 3 * machine.value_of("loops"),
              machine.kernel_word("(anonymous namespace)::slices"));
  // The worker listens to the modem until it gives up dialling, and again when it tries anew.
  EXPECT_GT(machine.kernel_word("(anonymous namespace)::slices"), 500u);
  EXPECT_EQ(machine.board().resets(), 0u);
}

TEST(KernelOnBoard, ModemTrafficCostsTheApplicationLittle) {
  KernelMachine machine("measure");
  ASSERT_TRUE(machine.run_until_line("measured", 4000));
  Chatter chatter(machine.board());
  unsigned application = 0;
  constexpr unsigned kSamples = 20'000;
  for (unsigned i = 0; i < kSamples; ++i) {  // a byte every 13 us: 76,900 a second
    machine.board().run({.until = machine.board().scheduler().now() + 13 * board::kTicksPerMicrosecond});
    chatter.say(static_cast<std::uint8_t>(i));
    application += machine.board().core().state.world == board::kNonSecure ? 1 : 0;
  }
  EXPECT_GE(static_cast<double>(application) / kSamples, 0.9);
}

/// Applications that die at any moment and in any way, with the worker in any state. MICROVISOR_DEATHS makes
/// it longer.
TEST(KernelOnBoard, AnApplicationMayDieAtAnyMoment) {
  KernelMachine machine("unlucky");
  Chatter chatter(machine.board());
  const char* wanted = std::getenv("MICROVISOR_DEATHS");
  const auto deaths = static_cast<unsigned>(wanted != nullptr ? std::stoul(wanted) : 120);
  std::uint8_t byte = 0;
  for (unsigned i = 0; i < 4000 * deaths && machine.count("start") < deaths; ++i) {
    const bool alive = machine.kernel_word("(anonymous namespace)::running") % 256 != 0;
    machine.board().run(
        {.until = machine.board().scheduler().now() + (alive ? 37 : 20'000) * board::kTicksPerMicrosecond});
    chatter.say(byte++);
    ASSERT_EQ(machine.board().resets(), 0u) << "after " << machine.lines().back();
  }
  EXPECT_EQ(machine.count("start"), deaths);
}

}  // namespace
}  // namespace microvisor::tests

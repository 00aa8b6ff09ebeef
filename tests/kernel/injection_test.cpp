// A sample of the injection runs: every call, at every 11th instruction of its path, or fewer. script/torture
// --only injection makes all of them.
#include "tests/kernel/injection.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <utility>

#include "tests/kernel/caller_channels.hpp"

namespace microvisor::tests {
namespace {

/// Instructions that any call may keep an interrupt waiting, and the null call (docs/kernel.md).
constexpr std::uint64_t kLongestWait = 400;
constexpr std::uint64_t kNullWait = 64;
constexpr std::uint64_t kSample = 200;  // runs of one call

void run_all(Amount amount, Disturbance disturbance) {
  std::uint64_t longest = 0;
  std::uint64_t runs = 0;
  for (const abi::CallShape& call : abi::kCallShapes) {
    if (!Injection::possible(call)) continue;
    disturbance.at_most = kSample;
    disturbance.first = (disturbance.first + 1) % disturbance.distance;
    const Injected result = Injection(call, amount, disturbance).run();
    for (const std::string& failure : result.failures) ADD_FAILURE() << result.id << " at " << failure;
    EXPECT_LE(result.longest_wait, kLongestWait) << result.id << " at " << result.longest_wait_at;
    longest = std::max(longest, result.longest_wait);
    runs += result.runs;
  }
  std::printf("%llu runs, longest wait %llu instructions\n", static_cast<unsigned long long>(runs),
              static_cast<unsigned long long>(longest));
}

TEST(Injection, UrgentInterruptsDuringEveryCall) {
  run_all(Amount::Typical, {.priority = 0, .distance = 11});
}
TEST(Injection, TheLeastUrgentOnes) { run_all(Amount::Typical, {.priority = 0xF0, .distance = 23}); }
TEST(Injection, HandlersThatCall) {
  run_all(Amount::Typical, {.priority = 0x40, .handler_calls = true, .distance = 23});
}
TEST(Injection, CallsWithTheirLargestArguments) {
  run_all(Amount::Largest, {.priority = 0, .handler_calls = true, .distance = 23});
}

TEST(Injection, BackgroundWorkKeepsUrgentInterruptsWaitingForAMoment) {
  const std::uint64_t longest = longest_wait_in_background(2'000);
  std::printf("longest wait %llu instructions\n", static_cast<unsigned long long>(longest));
  EXPECT_LE(longest, 400u);
}

TEST(Injection, NoCallKeepsAnInterruptWaitingForLong) {
  for (const abi::CallShape& call : abi::kCallShapes) {
    if (!Injection::possible(call)) continue;
    for (const Amount amount : {Amount::Typical, Amount::Largest}) {
      const Injected result = Injection(call, amount, {.compare = false, .at_traps = true}).run();
      EXPECT_LE(result.longest_wait, kLongestWait) << result.id << " at " << result.longest_wait_at;
    }
  }
}

/// What is said of calls on channels is said of calls that do what they are for.
TEST(Injection, CallsOnChannelsSucceedUndisturbed) {
  for (const abi::CallShape& call : abi::kCallShapes) {
    if (channel_type_of(call) == abi::ChannelType::OPAQUEBYTES) continue;
    for (const Amount amount : {Amount::Typical, Amount::Largest}) {
      const Injection injection(call, amount, {.compare = false});
      EXPECT_EQ(injection.status(), abi::Status::OKAY) << call.name << " " << to_string(amount);
    }
  }
}

TEST(Injection, TheNullCallHoldsInterruptsOffForAMomentOnly) {
  const abi::CallShape& null_call = abi::kCallShapes[26];
  ASSERT_STREQ(null_call.name, "mvNoOp");
  const Injected result = Injection(null_call, Amount::Typical, {.compare = false}).run();
  std::printf("path %llu, longest wait %llu\n", static_cast<unsigned long long>(result.path),
              static_cast<unsigned long long>(result.longest_wait));
  EXPECT_LE(result.path, 117u);  // and three instructions of a loop around it: 120
  EXPECT_LE(result.longest_wait, kNullWait);
  // The longest wait is that of an interrupt which comes with the trap.
  const Injected at_trap = Injection(null_call, Amount::Typical, {.compare = false, .at_traps = true}).run();
  EXPECT_EQ(at_trap.longest_wait, result.longest_wait);
  EXPECT_LE(at_trap.runs, 3u);
}

}  // namespace
}  // namespace microvisor::tests

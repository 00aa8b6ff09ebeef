// A sample of the injection runs: every call, at every 11th instruction of its path. script/torture --only
// injection makes all of them.
#include "tests/kernel/injection.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <utility>

namespace microvisor::tests {
namespace {

/// What docs/kernel.md promises of each call: 400 instructions, but for those named there.
std::uint64_t allowed_wait(std::string_view call) {
  constexpr std::pair<std::string_view, std::uint64_t> kLonger[] = {
      {"mvOpenChannel", 880},   {"mvServerLog", 740},          {"mvWriteChannel", 640},
      {"mvSetWifiConfig", 640}, {"mvSetupNotifications", 550}, {"mvWriteChannelStream", 540},
      {"mvCloseChannel", 500},  {"mvSetFastInterrupt", 480},   {"mvExternalFlashWriteBlocking", 460},
      {"mvGetWifiConfig", 430}, {"mvRequestNetwork", 420},
  };
  for (const auto& [name, wait] : kLonger) {
    if (name == call) return wait;
  }
  return 400;
}

void run_all(Amount amount, Disturbance disturbance) {
  std::uint64_t longest = 0;
  std::uint64_t runs = 0;
  for (const abi::CallShape& call : abi::kCallShapes) {
    if (!Injection::possible(call)) continue;
    disturbance.first = (disturbance.first + 1) % disturbance.distance;
    const Injected result = Injection(call, amount, disturbance).run();
    for (const std::string& failure : result.failures) ADD_FAILURE() << result.id << " at " << failure;
    EXPECT_LE(result.longest_wait, allowed_wait(call.name)) << result.id << " at " << result.longest_wait_at;
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

TEST(Injection, TheNullCallHoldsInterruptsOffForAMomentOnly) {
  const abi::CallShape& null_call = abi::kCallShapes[26];
  ASSERT_STREQ(null_call.name, "mvNoOp");
  Injection injection(null_call, Amount::Typical, {.compare = false});
  const Injected result = injection.run();
  std::printf("path %llu, longest wait %llu\n", static_cast<unsigned long long>(result.path),
              static_cast<unsigned long long>(result.longest_wait));
  EXPECT_LE(result.path, 117u);  // and three instructions of a loop around it: 120
  EXPECT_LE(result.longest_wait, result.path);
}

}  // namespace
}  // namespace microvisor::tests

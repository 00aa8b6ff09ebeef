// A sample of the injection runs: every call, at every 11th instruction of its path. script/torture --only injection
// makes all of them.
#include "tests/kernel/injection.hpp"

#include <gtest/gtest.h>

#include <cstdio>

namespace microvisor::tests {
namespace {

void run_all(Amount amount, Disturbance disturbance) {
  std::uint64_t longest = 0;
  std::uint64_t runs = 0;
  for (const abi::CallShape& call : abi::kCallShapes) {
    if (!Injection::possible(call)) continue;
    disturbance.first = (disturbance.first + 1) % disturbance.distance;
    const Injected result = Injection(call, amount, disturbance).run();
    for (const std::string& failure : result.failures) ADD_FAILURE() << result.id << " at " << failure;
    // docs/kernel.md: no call holds the application's interrupts off for longer.
    EXPECT_LE(result.longest_wait, 400u) << result.id << " at " << result.longest_wait_at;
    longest = std::max(longest, result.longest_wait);
    runs += result.runs;
  }
  std::printf("%llu runs, longest wait %llu instructions\n", static_cast<unsigned long long>(runs),
              static_cast<unsigned long long>(longest));
}

TEST(Injection, UrgentInterruptsDuringEveryCall) { run_all(Amount::Typical, {.priority = 0, .distance = 11}); }
TEST(Injection, TheLeastUrgentOnes) { run_all(Amount::Typical, {.priority = 0xF0, .distance = 23}); }
TEST(Injection, HandlersThatCall) {
  run_all(Amount::Typical, {.priority = 0x40, .handler_calls = true, .distance = 23});
}
TEST(Injection, CallsWithTheirLargestArguments) {
  run_all(Amount::Largest, {.priority = 0, .handler_calls = true, .distance = 23});
}

TEST(Injection, TheNullCallHoldsInterruptsOffForAMomentOnly) {
  const abi::CallShape& null_call = abi::kCallShapes[26];
  ASSERT_STREQ(null_call.name, "mvNoOp");
  Injection injection(null_call, Amount::Typical, {.compare = false});
  const Injected result = injection.run();
  std::printf("path %llu, longest wait %llu\n", static_cast<unsigned long long>(result.path),
              static_cast<unsigned long long>(result.longest_wait));
  EXPECT_LE(result.longest_wait, result.path);
}

}  // namespace
}  // namespace microvisor::tests

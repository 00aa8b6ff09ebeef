// Calls whose bodies lie in flash, made while the flash is being erased: they come back when it is over, and
// the application's interrupts do not notice (docs/kernel.md, "Calls in flash").
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string_view>

#include "abi/interface.hpp"
#include "tests/kernel/injection.hpp"

namespace microvisor::tests {
namespace {

constexpr unsigned kLine = 50;                    // TIM7, whose handler counts
constexpr std::uint64_t kLongestWait = 400;       // instructions
constexpr double kLongestWaitMicroseconds = 5;    // an erase takes 1,500
constexpr std::uint64_t kLongestErase = 500'000;  // instructions

bool lies_in_flash(const abi::CallShape& call) {
  return abi::lies_in_flash(static_cast<abi::Gate>(call.slot));
}

/// A call on its way to the gate, with an erase begun in front of it.
class CallDuringErase {
 public:
  explicit CallDuringErase(const abi::CallShape& call) : caller_(call) {
    const CallImage image = caller_.image_of(call);
    caller_.prepare(image, CallerMachine::order_for(image));
    caller_.begin();
    run_to(caller_.read_command().call_site);
    begin_erase_of_bank_2(caller_);
  }
  CallerMachine& caller() { return caller_; }
  /// Runs until the erase is over, with an interrupt halfway. False: the call has come back before.
  bool wait_for_end_of_erase() {
    const std::uint32_t back = caller_.read_command().return_site;
    for (std::uint64_t i = 0; flash_is_busy(caller_); ++i) {
      if (i > kLongestErase) throw std::runtime_error("the erase does not end");
      caller_.board().run({.instructions = 1});
      if (caller_.board().core().state.r[15] == back) return false;
      if (i == kLongestErase / 10) pend();
    }
    return true;
  }

 private:
  void run_to(std::uint32_t address) {
    for (std::uint64_t i = 0; caller_.board().core().state.r[15] != address; ++i) {
      if (i > kLongestErase) throw std::runtime_error("the call is not reached");
      caller_.board().run({.instructions = 1});
    }
  }
  void pend() {
    caller_.board().core().set_line(kLine, true);
    caller_.board().core().set_line(kLine, false);
  }

  CallerMachine caller_;
};

TEST(FlashCalls, ComeBackWhenTheFlashIsFreeAndInterruptsAreServedBefore) {
  unsigned calls = 0;
  for (const abi::CallShape& call : abi::kCallShapes) {
    if (!Injection::possible(call) || !lies_in_flash(call)) continue;
    ++calls;
    CallDuringErase during(call);
    EXPECT_TRUE(during.wait_for_end_of_erase()) << call.name;
    const command waiting = during.caller().read_command();
    EXPECT_EQ(waiting.returned, 0u) << call.name;
    EXPECT_EQ(waiting.handler_runs, 1u) << call.name;
    const Outcome outcome = during.caller().finish();
    ASSERT_EQ(outcome.kind, Outcome::Kind::Returned) << call.name;
    // The one for the factory's test only is refused as ever.
    const bool refused = std::string_view(call.name) == "mvTestLoggingInit";
    EXPECT_EQ(outcome.result.after[0], refused ? static_cast<unsigned>(abi::Status::UNAVAILABLE) : 0u)
        << call.name;
    EXPECT_TRUE(during.caller().alive()) << call.name;
  }
  EXPECT_GE(calls, 20u);
}

TEST(FlashCalls, ResidentCallsDoNotWait) {
  for (const std::string_view name : {"mvNoOp", "mvGetMicroseconds", "mvReadChannel", "mvServerLog"}) {
    const auto* call = std::find_if(std::begin(abi::kCallShapes), std::end(abi::kCallShapes),
                                    [&](const abi::CallShape& shape) { return shape.name == name; });
    ASSERT_NE(call, std::end(abi::kCallShapes));
    EXPECT_FALSE(CallDuringErase(*call).wait_for_end_of_erase()) << name;
  }
}

TEST(FlashCalls, AnEraseMakesNoCallKeepInterruptsWaiting) {
  for (const abi::CallShape& call : abi::kCallShapes) {
    if (!Injection::possible(call)) continue;
    const Injected result =
        Injection(call, Amount::Largest, {.erase = true, .compare = false, .at_traps = true}).run();
    EXPECT_LE(result.longest_wait, kLongestWait) << result.id << " at " << result.longest_wait_at;
    EXPECT_LE(result.longest_microseconds, kLongestWaitMicroseconds) << result.id;
  }
}

}  // namespace
}  // namespace microvisor::tests

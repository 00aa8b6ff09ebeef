// What is remembered of failures over a reset of the chip: that Microvisor failed, until the service knows
// it; how long a failing application has to wait; that an application needs compatibility mode.
#include <gtest/gtest.h>

#include <algorithm>

#include "abi/interface.hpp"
#include "tests/kernel/kernel_machine.hpp"
#include "tests/life/life_machine.hpp"

namespace microvisor::test {
namespace {

/// Has the kernel execute an undefined instruction (udf #0) at its next timer interrupt.
void break_kernel(LifeMachine& machine) {
  ASSERT_TRUE(machine.board().bus().poke(tests::kernel_symbol("scheduler_timer") & ~1U, 2, 0xDE00));
}

/// Whether the reasons that the application has printed last, and all behind line `from`, have the bit.
struct Reasons {
  bool last = false;
  bool all = true;
};
Reasons reasons_have(const LifeMachine& machine, std::size_t from, abi::NetworkReason bit) {
  Reasons result;
  for (std::size_t i = from; i < machine.lines.size(); ++i) {
    unsigned value = 0;
    if (std::sscanf(machine.lines[i].c_str(), "reasons %x", &value) != 1) continue;
    result.last = (value & static_cast<std::uint32_t>(bit)) != 0;
    result.all = result.all && result.last;
  }
  return result;
}

bool heard(LifeMachine& machine, const std::string& text) {
  const auto events = machine.gateway.seen().events;
  return std::any_of(events.begin(), events.end(),
                     [&](const std::string& event) { return event.find(text) != std::string::npos; });
}

TEST(FailureOfMicrovisor, IsAReasonToConnectUntilTheServiceKnows) {
  LifeMachine machine;
  protocol::BundleOptions options;
  options.minimum_check_in_seconds = 3600;
  machine.deploy("connect", options);
  ASSERT_FALSE(machine.await_line("start 9", 60).empty()) << machine.describe();
  ASSERT_FALSE(machine.await_line("reasons 2", 10).empty()) << machine.describe();
  machine.reachable = false;
  break_kernel(machine);
  ASSERT_EQ(machine.await_line("start", 10), "start 4") << machine.describe();
  const std::size_t begin = machine.lines.size();
  (void)machine.run_until([] { return false; }, 20);
  const Reasons untold = reasons_have(machine, begin, abi::NetworkReason::KERNELERROR);
  EXPECT_TRUE(untold.last && untold.all) << machine.describe();
  EXPECT_FALSE(heard(machine, "Microvisor failed"));
  machine.reachable = true;
  EXPECT_TRUE(machine.run_until(
      [&] { return !reasons_have(machine, begin, abi::NetworkReason::KERNELERROR).last; }, 60))
      << machine.describe();
  EXPECT_TRUE(heard(machine, "Microvisor failed: reset, exception 6")) << machine.describe();
}

/// The pause after the crash that has just happened, seconds.
double pause_of(LifeMachine& machine) {
  const double before = machine.now();
  EXPECT_EQ(machine.await_line("start", 100), "start 8") << machine.describe();
  return machine.now() - before;
}

// docs/life-cycle.md: doubling, on over a reset, anew after power-on.
TEST(FailureOfTheApplication, PausesGrowOnOverAReset) {
  LifeMachine machine;
  machine.deploy("crash", {});
  ASSERT_FALSE(machine.await_line("start 9", 60).empty()) << machine.describe();
  EXPECT_NEAR(pause_of(machine), 1, 0.3);
  EXPECT_NEAR(pause_of(machine), 2, 0.3);
  // It has died again by then, and the next pause, of 4 s, is cut short.
  EXPECT_FALSE(machine.run_until([] { return false; }, 0.5));
  machine.board().reset_pin();
  ASSERT_EQ(machine.await_line("start", 3), "start 0") << machine.describe();
  EXPECT_NEAR(pause_of(machine), 8, 0.3);
  EXPECT_NEAR(pause_of(machine), 16, 0.3);
  ASSERT_TRUE(machine.board().power_cycle().has_value());
  ASSERT_EQ(machine.await_line("start", 3), "start 0") << machine.describe();
  EXPECT_NEAR(pause_of(machine), 1, 0.3);
}

/// An application that switches tasks in its tick (tests/kernel/guests/tasks.c, kind 2) at priority 0x40 is
/// ended once, not once a reset; and once more after another one was installed.
TEST(FailureOfTheApplication, LearnedModeIsForgottenWithTheApplication) {
  constexpr std::uint32_t kSwitchInTick = 2, kTicks = 300, kBothAt40 = 0x4040'0000;
  LifeMachine machine;
  for (unsigned crashes = 1; crashes <= 2; ++crashes) {
    machine.deploy("../kernel/tasks", {}, {kSwitchInTick, kTicks, kBothAt40});
    ASSERT_EQ(machine.await_line("start", 60), "start 9") << machine.describe();
    ASSERT_EQ(machine.await_line("start", 10), "start 8") << machine.describe();
    ASSERT_TRUE(machine.run_until([&] { return heard(machine, "restarted in compatibility mode"); }, 20));
    machine.board().reset_pin();
    ASSERT_EQ(machine.await_line("start", 10), "start 0") << machine.describe();
    ASSERT_EQ(machine.await_line("errors", 20), "errors 0") << machine.describe();
    EXPECT_EQ(machine.lines_with("start 8"), crashes) << machine.describe();
    machine.deploy("polite", {}, 1 << 8);
    ASSERT_EQ(machine.await_line("version", 60), "version 1") << machine.describe();
    ASSERT_EQ(machine.await_line("start", 1), "start 9");
  }
}

}  // namespace
}  // namespace microvisor::test

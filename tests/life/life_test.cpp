// How applications begin, end and begin again on the board: polite updates, restarts, wake reasons.
#include <gtest/gtest.h>

#include "abi/interface.hpp"
#include "tests/life/life_machine.hpp"

namespace microvisor::test {
namespace {

// What a guest "polite" does when it hears of an update (guests/polite.c), with its version.
enum Manner : std::uint32_t { kNothing = 0, kRestarts = 1, kCrashes = 2, kSubscribesLate = 3, kTries = 4 };
std::uint32_t polite(unsigned version, Manner manner) { return version << 8 | manner; }

protocol::BundleOptions politeness(std::uint32_t seconds) {
  protocol::BundleOptions options;
  options.maximum_politeness_seconds = seconds;
  return options;
}

class LifeOnBoard : public ::testing::Test {
 protected:
  /// Version 1 runs with 20 s of politeness, then version 2 is deployed.
  void run_first(Manner manner, std::uint32_t seconds = 20) {
    machine.deploy("polite", politeness(seconds), polite(1, manner));
    ASSERT_FALSE(machine.await_line("start 9", 60).empty()) << machine.describe();
    ASSERT_TRUE(machine.run_until([&] { return machine.gateway.seen().reports.size() == 4; }, 20));
    machine.deploy("polite", politeness(seconds), polite(2, kNothing));
    deployed = machine.now();
  }
  void expect_second_version(double seconds) {
    EXPECT_EQ(machine.await_line("version", seconds), "version 2") << machine.describe();
    EXPECT_EQ(machine.await_line("start", 1), "start 9");
  }

  LifeMachine machine;
  double deployed = 0;
};

TEST_F(LifeOnBoard, AReadyUpdateIsAppliedWhenTheTimeIsUp) {
  run_first(kNothing);
  ASSERT_FALSE(machine.await_line("update downloaded", 10).empty()) << machine.describe();
  const double told = machine.now();
  // Meanwhile the link is not dead: the gateway's keep-alive would end it otherwise, and it takes commands.
  EXPECT_EQ(machine.lines_with("version"), 1U);
  expect_second_version(30);
  EXPECT_GT(machine.now(), told + 19.9);
  EXPECT_LT(machine.now(), told + 24);
  EXPECT_EQ(machine.lines_with("update downloaded"), 1U) << "told once";
}

TEST_F(LifeOnBoard, TheApplicationAppliesItByRestarting) {
  run_first(kRestarts);
  ASSERT_FALSE(machine.await_line("update downloaded", 10).empty()) << machine.describe();
  const double told = machine.now();
  expect_second_version(10);
  EXPECT_LT(machine.now(), told + 5);
}

TEST_F(LifeOnBoard, AnApplicationThatCrashesTakesTheUpdate) {
  run_first(kCrashes);
  ASSERT_FALSE(machine.await_line("update downloaded", 10).empty()) << machine.describe();
  expect_second_version(10);
  const auto events = machine.gateway.seen().events;
  EXPECT_TRUE(std::any_of(
      events.begin(), events.end(),
      [](const std::string& text) { return text.find("undefined instruction") != std::string::npos; }))
      << "the reset for the update does not swallow the report\n"
      << machine.describe();
}

TEST_F(LifeOnBoard, ARestartFromTheServiceTakesTheUpdate) {
  run_first(kNothing);
  ASSERT_FALSE(machine.await_line("update downloaded", 10).empty()) << machine.describe();
  machine.gateway.restart_app();
  expect_second_version(10);
}

TEST_F(LifeOnBoard, WhoSubscribesLateIsToldToo) {
  run_first(kSubscribesLate);
  ASSERT_FALSE(machine.await_line("update downloaded", 15).empty()) << machine.describe();
  expect_second_version(30);
}

TEST_F(LifeOnBoard, ANewerTargetReplacesTheReadyOne) {
  run_first(kNothing);
  ASSERT_FALSE(machine.await_line("update downloaded", 10).empty()) << machine.describe();
  machine.deploy("polite", politeness(20), polite(3, kNothing));
  EXPECT_EQ(machine.await_line("version", 40), "version 3") << machine.describe();
}

TEST_F(LifeOnBoard, WithoutPolitenessTheUpdateIsAppliedAtOnce) {
  run_first(kNothing, 0);
  expect_second_version(10);
  EXPECT_LT(machine.now(), deployed + 8);
  EXPECT_EQ(machine.lines_with("update downloaded"), 0U);
}

TEST_F(LifeOnBoard, WhileAnUpdateIsWrittenARestartIsRefused) {
  run_first(kTries);
  EXPECT_EQ(machine.await_line("restart", 10), "restart 36") << "MICROVISORBUSY\n" << machine.describe();
}

TEST_F(LifeOnBoard, ARestartFromTheServiceIsWakeReasonTwo) {
  machine.deploy("polite", {}, polite(1, kNothing));
  ASSERT_FALSE(machine.await_line("start 9", 60).empty()) << machine.describe();
  ASSERT_TRUE(machine.run_until([&] { return machine.gateway.seen().reports.size() == 4; }, 20));
  const auto resets = machine.board().resets();
  machine.gateway.restart_app();
  EXPECT_EQ(machine.await_line("start", 10), "start 2") << machine.describe();
  EXPECT_EQ(machine.board().resets(), resets) << "the chip is not reset for it";
  ASSERT_TRUE(machine.board().power_cycle().has_value());
  EXPECT_EQ(machine.await_line("start", 10), "start 0") << machine.describe();
}

TEST_F(LifeOnBoard, ACrashIsWakeReasonEightAfterAPauseThatGrows) {
  machine.deploy("crash", {});
  ASSERT_FALSE(machine.await_line("start 9", 60).empty()) << machine.describe();
  double before = machine.now();
  for (const double pause : {1.0, 2.0, 4.0}) {  // docs/kernel.md
    ASSERT_EQ(machine.await_line("start", 10), "start 8") << machine.describe();
    EXPECT_NEAR(machine.now() - before, pause, 0.3);
    before = machine.now();
  }
}

}  // namespace
}  // namespace microvisor::test

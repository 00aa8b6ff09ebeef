// mvPowerSave and mvDeepSleep on the kernel image: who wakes the device, how long it was, and what it is like
// afterwards.
#include <gtest/gtest.h>

#include "protocol/bundle/manifest.hpp"
#include "tests/kernel/gateway_bench.hpp"

namespace microvisor::tests {
namespace {

// As in guests/sleeper.c.
enum Source : std::uint32_t { kPin = 1, kWakeupPin, kAlarm, kTimer, kCheckIn };
enum Mode : std::uint32_t { kSleep, kStop0, kStop1, kStop2, kStop3, kStandby = 8, kShutdown = 9 };

constexpr board::PinId kPa0{0, 0};

class SleepOnBoard : public testing::Test {
 protected:
  /// A device that is to check in after `check_in` seconds, on its way into `mode`. It sleeps again only
  /// after a start for `start_reason`.
  void fall_asleep(Mode mode, Source source, std::uint32_t check_in = 3600, std::uint32_t start_reason = 0) {
    const protocol::Bytes image(16, 0);
    protocol::BundleOptions options;
    options.minimum_check_in_seconds = check_in;
    const auto manifest = protocol::sign_manifest(protocol::make_manifest(image, options), bench.owner);
    ASSERT_TRUE(manifest.has_value());
    machine = std::make_unique<KernelMachine>(KernelMachineSetup{.guest = "sleeper",
                                                                 .parameters = {mode, source, start_reason},
                                                                 .identity = bench.identity(),
                                                                 .manifest = *manifest});
    bench.connect(*machine);
    ASSERT_TRUE(machine->run_until_line("clock", 30'000));
    offset = machine->seconds() - milliseconds() / 1000.0;
    ASSERT_TRUE(machine->run_until_line("sleep", 100));
  }

  /// What mvGetMicroseconds said last.
  [[nodiscard]] unsigned milliseconds() const {
    return static_cast<unsigned>(std::stoul(machine->lines().back().substr(6)));
  }

  /// Board time from the end of the boot, as the application's clock has it again after its sleep. The line
  /// itself takes a millisecond.
  void expect_the_clock_is_right() {
    EXPECT_NEAR(machine->seconds() - milliseconds() / 1000.0, offset, 0.002);
  }

  void pulse(board::PinId pin) {
    machine->board().pins().drive(pin, true);
    machine->board().pins().drive(pin, false);
  }

  [[nodiscard]] unsigned value(const std::string& name) const {
    for (const std::string& line : machine->lines()) {
      if (line.rfind(name + " ", 0) == 0)
        return static_cast<unsigned>(std::stoul(line.substr(name.size() + 1)));
    }
    ADD_FAILURE() << "no line " << name;
    return ~0u;
  }

  GatewayBench bench;
  std::unique_ptr<KernelMachine> machine;
  double offset = 0;  // of the board's time to the application's clock
};

TEST_F(SleepOnBoard, PowerSavingGoesOnWhereItBegan) {
  struct Case {
    Mode mode;
    Source source;
    unsigned interrupts;
  };
  // In Stop 3 only wake-up pins and the RTC wake (RM0456 section 10.7.9); a wake-up pin has no interrupt
  // here.
  for (const Case& c : {Case{kSleep, kTimer, 1}, Case{kSleep, kPin, 1}, Case{kStop0, kPin, 1},
                        Case{kStop1, kPin, 1}, Case{kStop2, kPin, 1}, Case{kStop3, kWakeupPin, 0}}) {
    SCOPED_TRACE("mode " + std::to_string(c.mode) + " source " + std::to_string(c.source));
    fall_asleep(c.mode, c.source);
    machine->run(1'000);
    EXPECT_EQ(machine->count("awake"), 0u);
    const std::uint64_t before = machine->board().statistics().instructions;
    machine->run(c.source == kTimer ? 3'000 : 4'000);
    EXPECT_LT(machine->board().statistics().instructions - before, 50'000u) << "it does not sleep";
    if (c.source != kTimer) pulse(kPa0);
    ASSERT_TRUE(machine->run_until_line("clock", 2'000));
    expect_the_clock_is_right();
    ASSERT_TRUE(machine->run_until_line("awake", 100));
    EXPECT_EQ(value("status"), 0u);
    EXPECT_EQ(value("interrupts"), c.interrupts);
    EXPECT_EQ(value("lost"), 0u) << "the application's memory";
    EXPECT_EQ(value("hertz"), 160'000'000u);
    EXPECT_EQ(value("source"), 3u);
    EXPECT_EQ(machine->board().resets(), 0u);
  }
}

TEST_F(SleepOnBoard, TheCheckInEndsAStop) {
  fall_asleep(kStop2, kCheckIn, 20);
  const double began = machine->seconds();
  ASSERT_TRUE(machine->run_until_line("clock", 30'000));
  EXPECT_NEAR(machine->seconds() - began, 20, 1.5);
  expect_the_clock_is_right();
  for (int second = 0; second < 10 && bench.gateway.seen().sessions < 2; ++second) machine->run(1'000);
  EXPECT_EQ(bench.gateway.seen().sessions, 2u);
  EXPECT_EQ(machine->board().resets(), 0u);
}

/// What the kernel keeps across resets (retained.hpp) outlives Standby too: a word at the end of the backup
/// SRAM shows it.
TEST_F(SleepOnBoard, StandbyIsANewStartWithItsReason) {
  constexpr std::uint32_t kLastOfBackup = 0x5003'6BFC, kMark = 0x600D'CAFE;
  fall_asleep(kStandby, kWakeupPin);
  ASSERT_TRUE(machine->board().bus().poke(kLastOfBackup, 4, kMark));
  machine->run(2'000);
  pulse(kPa0);
  EXPECT_TRUE(machine->run_until_line("start 13", 5'000));
  EXPECT_EQ(machine->board().resets(), 1u);
  EXPECT_EQ(machine->word(kLastOfBackup), kMark);
  fall_asleep(kStandby, kAlarm);
  EXPECT_TRUE(machine->run_until_line("start 15", 70'000));
  fall_asleep(kStandby, kCheckIn, 20);
  EXPECT_TRUE(machine->run_until_line("start 12", 30'000));
}

TEST_F(SleepOnBoard, ShutdownIsAColdBoot) {
  fall_asleep(kShutdown, kWakeupPin);
  machine->run(2'000);
  const std::size_t said = machine->lines().size();
  pulse(kPa0);
  ASSERT_TRUE(machine->run_until_line("sleep", 10'000));
  EXPECT_EQ(machine->lines()[said], "start 0");
}

/// Option bytes that forbid Stop make a reset of it (nRST_STOP, RM0456 section 7.9.13): Microvisor's failure.
TEST_F(SleepOnBoard, AStopTheChipForbidsIsAFailureOfMicrovisors) {
  fall_asleep(kStop2, kPin);
  auto& flash = machine->board().memories().flash();
  board::OptionBytes options = flash.options();
  options.optr &= ~board::optr::kStopWithoutReset;
  flash.set_options(options);
  machine->board().reset_pin();  // they are loaded
  ASSERT_TRUE(machine->run_until_line("sleep", 30'000));
  EXPECT_TRUE(machine->run_until_line("start 7", 10'000));
  EXPECT_EQ(machine->board().resets(), 2u);
}

TEST_F(SleepOnBoard, NobodySleepsWhileTheConnectionStands) {
  KernelMachine online({.guest = "sleeper", .parameters = {kStop2, kPin, 0}, .identity = bench.identity()});
  bench.connect(online);  // no check-in time: the device stays connected
  online.run(3'000);
  EXPECT_EQ(online.count("sleep"), 0u);
  EXPECT_EQ(bench.gateway.seen().sessions, 1u);
}

}  // namespace
}  // namespace microvisor::tests

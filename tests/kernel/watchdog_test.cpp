// The kernel itself fails, made to do so from outside by other instructions in its RAM or flash: the chip is
// reset, the next start says why, and the device runs.
#include <gtest/gtest.h>

#include "tests/kernel/chatter.hpp"
#include "tests/kernel/kernel_machine.hpp"

namespace microvisor::tests {
namespace {

constexpr std::uint16_t kWait = 0xBF30;               // wfi
constexpr std::uint16_t kDisableInterrupts = 0xB672;  // cpsid i
constexpr std::uint16_t kEnableInterrupts = 0xB662;   // cpsie i
constexpr std::uint16_t kUndefined = 0xDE00;          // udf #0
constexpr std::uint16_t kPushEight = 0xB4FF;          // push {r0-r7}
constexpr std::uint16_t kBranchBack = 0xE7FD;         // to the instruction before
constexpr std::uint32_t kSleepForEver = 0xE7FD'BF30;  // the two of them

constexpr std::uint32_t kLineGtzc = 8;
constexpr std::uint32_t kLineTasklet = 108;
constexpr unsigned kWatchdog = 31'000;  // milliseconds until it has bitten for certain

/// Runs with an application that sleeps; the numbers of its "start" lines are wake reasons.
class KernelFailure : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(machine.run_until_line("start 0", 3000)); }

  static std::uint32_t address_of(const std::string& function) { return kernel_symbol(function) & ~1u; }
  void patch(const std::string& function, const std::vector<std::uint16_t>& code) {
    std::uint32_t address = address_of(function);
    for (const std::uint16_t instruction : code) {
      std::uint32_t before = 0;
      ASSERT_TRUE(machine.board().bus().peek(address, 2, before));
      replaced.emplace_back(address, static_cast<std::uint16_t>(before));
      ASSERT_TRUE(machine.board().bus().poke(address, 2, instruction));
      address += 2;
    }
  }
  /// What was patched in flash is as it was before the boot looks at it.
  void mend_at_reset(unsigned milliseconds) {
    board::Board& board = machine.board();
    constexpr board::Time kStep = 10 * board::kTicksPerMicrosecond;
    for (unsigned step = 0; step < 100 * milliseconds && board.resets() == 0; ++step)
      board.run({.until = board.scheduler().now() + kStep});
    ASSERT_EQ(machine.board().resets(), 1u);
    for (const auto& [address, instruction] : replaced)
      ASSERT_TRUE(machine.board().bus().poke(address, 2, instruction));
  }
  void pulse(std::uint32_t line) {
    machine.board().core().set_line(line, true);
    machine.board().core().set_line(line, false);
  }
  std::uint32_t slices() { return machine.kernel_word("(anonymous namespace)::slices"); }

  void expect_reset(const std::string& line, unsigned milliseconds) {
    EXPECT_EQ(machine.board().resets(), 0u);
    expect_restart(line, milliseconds);
  }
  void expect_restart(const std::string& line, unsigned milliseconds) {
    ASSERT_TRUE(machine.run_until_line(line, milliseconds));
    EXPECT_EQ(machine.board().resets(), 1u);
    const std::uint32_t before = slices();
    machine.run(5'000);
    EXPECT_GE(slices(), before + 4);  // and goes on: the worker feeds the watchdog every second
    EXPECT_EQ(machine.board().resets(), 1u);
  }

  KernelMachine machine{"storm", {2, 0, 0}};
  std::vector<std::pair<std::uint32_t, std::uint16_t>> replaced;
};

// Wake reasons as in MvWakeReason: 4 crash, 5 watchdog, 6 out of memory.

TEST_F(KernelFailure, AWorkerThatLoopsForEver) {
  patch("microvisor::firmware::kernel::worker_wait_event(unsigned long long)", {kWait, kBranchBack});
  patch("microvisor::firmware::kernel::worker_wait_until(unsigned long long)", {kWait, kBranchBack});
  machine.run(3'000);
  const std::uint32_t before = slices();
  machine.run(1'000);
  EXPECT_GT(slices(), before + 300);  // it has its slices
  EXPECT_EQ(machine.board().resets(), 0u);
  mend_at_reset(kWatchdog);
  expect_restart("start 5", kWatchdog);
  EXPECT_TRUE(machine.has_reported("its watchdog reset the device"));
}

TEST_F(KernelFailure, ASystemCallLevelThatDoesNotReturn) {
  patch("kernel_tasklet", {kWait, kBranchBack});
  pulse(kLineTasklet);
  expect_reset("start 5", kWatchdog);
}

TEST_F(KernelFailure, ADeviceInterruptThatDoesNotReturn) {
  patch("illegal_access_handler", {kWait, kBranchBack});
  pulse(kLineGtzc);
  expect_reset("start 5", kWatchdog);
}

TEST_F(KernelFailure, ASchedulerThatDoesNotReturn) {
  patch("scheduler_timer", {kWait, kBranchBack});
  expect_reset("start 5", kWatchdog);
}

TEST_F(KernelFailure, EverythingMasked) {
  patch("scheduler_timer", {kDisableInterrupts, kWait, kBranchBack});
  expect_reset("start 5", kWatchdog);
}

TEST_F(KernelFailure, AFaultHandlerThatDoesNotReturn) {
  patch("kernel_fault", {kWait, kBranchBack});
  patch("scheduler_timer", {kUndefined});
  expect_reset("start 5", kWatchdog);
}

/// After the end of an application thread mode decides what follows; here it gets lost during the pause.
TEST(KernelFailureInThreadMode, ThatDoesNotGoOn) {
  KernelMachine machine("hostile", {10, 0, 0});  // a breakpoint instruction
  ASSERT_TRUE(machine.run_until_line("begin", 3000));
  auto& core = machine.board().core();
  for (unsigned i = 0; i < 1'000 && (core.state.ipsr != 0 || core.state.world != board::kSecure); ++i)
    machine.run(1);
  ASSERT_EQ(core.state.ipsr, 0u);
  ASSERT_EQ(core.state.world, board::kSecure);
  const std::uint32_t lost = kernel_symbol("unexpected_handler") & ~1u;
  ASSERT_TRUE(machine.board().bus().poke(lost, 2, kEnableInterrupts));
  ASSERT_TRUE(machine.board().bus().poke(lost + 2, 4, kSleepForEver));
  core.state.r[15] = lost;
  ASSERT_TRUE(machine.run_until_line("start 5", 10'000 + kWatchdog));
  EXPECT_EQ(machine.board().resets(), 1u);
}

TEST_F(KernelFailure, AFaultOfItsOwnIsACrash) {
  patch("scheduler_timer", {kUndefined});
  expect_reset("start 4", 2'000);
  EXPECT_TRUE(machine.has_reported("Microvisor failed: reset, exception 6"));
}

TEST_F(KernelFailure, AStackThatRunsOverIsOutOfMemory) {
  patch("scheduler_timer", {kPushEight, kBranchBack});
  expect_reset("start 6", 2'000);
  EXPECT_TRUE(machine.has_reported("out of memory"));
}

/// A reset that nothing of Microvisor's has asked for, here by the window watchdog, which nobody may start.
TEST_F(KernelFailure, AResetOfUnknownOrigin) {
  constexpr std::uint32_t kApb1Enable = 0x5602'0C9C, kWindowWatchdog = 0x5000'2C00;  // secure aliases
  auto& bus = machine.board().bus();
  const std::uint32_t clocks = machine.word(kApb1Enable);
  ASSERT_TRUE(bus.poke(kApb1Enable, 4, clocks | 1u << 11));
  ASSERT_TRUE(bus.poke(kWindowWatchdog, 4, 0x80));  // WDGA without T6 (RM0456 chapter 62)
  expect_reset("start 7", 2'000);
  EXPECT_TRUE(machine.has_reported("Microvisor failed: reset"));
}

}  // namespace
}  // namespace microvisor::tests

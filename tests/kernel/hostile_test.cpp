// Hostile applications: whatever they do, the device neither resets nor forgets them; they are ended and
// started again.
#include <gtest/gtest.h>

#include "firmware/kernel/board_table.hpp"
#include "tests/kernel/kernel_machine.hpp"

namespace microvisor::tests {
namespace {

using namespace firmware;
using kernel::Guard;
using kernel::OnTouch;

// As in guests/hostile.c.
enum Kind : std::uint32_t {
  kNone,
  kRead,
  kWrite,
  kExecute,
  kMaskAndSpin,
  kSpinInHandler,
  kUndefinedInHandler,
  kForgedReturn,
  kStackInMicrovisor,
  kStackPointerCall,
  kBreakpoint,
  kResetRequest,
  kLockVtor,
  kRestart,
  kRaiseInHandlers,
  kStorm,
};

constexpr std::uint64_t kLong = 4000;  // milliseconds: a boot, a run and a pause of one second

/// The application ends and is started again, with the crash as the reason, without a reset of the chip.
void expect_ended(GuestParameters parameters, const char* what) {
  SCOPED_TRACE(what);
  KernelMachine machine("hostile", parameters);
  ASSERT_TRUE(machine.run_until_line("begin", kLong));
  EXPECT_TRUE(machine.run_until_line("start 8", kLong));
  EXPECT_EQ(machine.count("survived"), 0u);
  EXPECT_EQ(machine.board().resets(), 0u);
}

void expect_survives(GuestParameters parameters, const char* what) {
  SCOPED_TRACE(what);
  KernelMachine machine("hostile", parameters);
  EXPECT_TRUE(machine.run_until_line("survived", kLong));
  machine.run(20);
  EXPECT_EQ(machine.count("start"), 1u);
  EXPECT_EQ(machine.board().resets(), 0u);
}

TEST(Hostile, ControlsAreAllowed) {
  expect_survives({kNone, 0, 0}, "nothing");
  expect_survives({kWrite, 0x2000'8000, 1}, "own RAM");
  expect_survives({kRead, 0x0800'0000, 0}, "own flash");
  expect_survives({kRead, 0x0BFA'0700, 0}, "unique id");
  expect_survives({kWrite, 0x4000'0400, 0}, "own timer");
  expect_survives({kWrite, 0x2800'0000, 5}, "SRAM4");
}

TEST(Hostile, MemoryOfMicrovisorCannotBeReached) {
  for (const auto& memory : kernel::kReservedMemories) {
    expect_ended({kRead, memory.address, 0}, memory.name);
    expect_ended({kWrite, memory.address + memory.size - 4, 0xFFFF'FFFF}, memory.name);
    expect_ended({kExecute, memory.address, 0}, memory.name);
  }
}

TEST(Hostile, ReservedPeripheralsEndTheApplication) {
  for (const auto& p : kernel::kReservedPeripherals) {
    if (p.on_touch != OnTouch::EndsApplication || p.guard == Guard::OwnBits) continue;
    expect_ended({kWrite, p.address, 1}, p.name);
    expect_ended({kExecute, p.address, 0}, p.name);
  }
}

TEST(Hostile, CachesAreIgnored) {
  expect_survives({kWrite, 0x4003'0400, 0}, "ICACHE");
  expect_survives({kWrite, 0x4003'1400, 0}, "DCACHE1");
}

TEST(Hostile, SecurityRegistersEndTheApplication) {
  for (const std::uint32_t address : {0x4003'2410u, 0x4003'2800u, 0x4003'3510u, 0x4602'3010u, 0x4602'0D10u,
                                      0x4602'0830u, 0x4600'0400u, 0x4600'0410u, 0x4600'7C20u, 0x4600'7D00u}) {
    expect_ended({kWrite, address, 0}, std::to_string(address).c_str());
  }
}

TEST(Hostile, GatesAreNoWayIn) {
  expect_ended({kExecute, 0x0C1F'E002, 0}, "inside a gate");
  expect_ended({kExecute, 0x0C1F'E270, 0}, "behind the gates");
  expect_ended({kRead, 0x0C1F'E000, 0}, "reading a gate");
}

TEST(Hostile, WildJumps) {
  expect_ended({kExecute, 0xDEAD'BEEE, 0}, "far away");
  expect_ended({kExecute, 0x6000'0000, 0}, "empty external memory");
  expect_ended({kExecute, 0x2000'0000, 0}, "cleared RAM");
  expect_ended({kExecute, 0xE000'E000, 0}, "system registers");
}

TEST(Hostile, FaultsInHandlers) {
  expect_ended({kUndefinedInHandler, 0, 0}, "undefined instruction");
  expect_ended({kRaiseInHandlers, 0, 0}, "two handlers deep");
  for (const std::uint32_t forged :
       {0xFFFF'FFF1u, 0xFFFF'FFF9u, 0xFFFF'FFFDu, 0xFFFF'FFD1u, 0xFFFF'FFD0u, 0xFEFF'FFFFu}) {
    expect_ended({kForgedReturn, 0, forged}, std::to_string(forged).c_str());
  }
}

TEST(Hostile, StacksThatLeadAstray) {
  for (const std::uint32_t stack :
       {0x3008'1000u, 0x2008'1000u, 0x0800'1000u, 0x0000'0100u, 0x4002'6010u, 0xE000'ED10u}) {
    // A push into its own flash or into system registers is lost rather than refused; what is popped then is
    // not what was pushed, so it is the end all the same.
    KernelMachine machine("hostile", {kStackInMicrovisor, stack, 0});
    ASSERT_TRUE(machine.run_until_line("begin", kLong));
    EXPECT_TRUE(machine.run_until_line("start 8", kLong)) << std::hex << stack;
    EXPECT_EQ(machine.board().resets(), 0u);
    expect_ended({kStackPointerCall, stack, 0}, "call");
  }
}

TEST(Hostile, BreakpointWithoutDebugger) { expect_ended({kBreakpoint, 0, 0}, "bkpt"); }

TEST(Hostile, CannotResetTheChip) { expect_survives({kResetRequest, 0, 0}, "SYSRESETREQ"); }

/// Without a programming operation begun in its registers the flash takes no writes (RM0456 chapter 7).
TEST(Hostile, OwnFlashIsReadOnly) {
  for (const std::uint32_t address : {0x0800'0000u, 0x0808'0000u}) {  // its vectors; blank
    KernelMachine machine("hostile", {kWrite, address, 0x1234'5678});
    ASSERT_TRUE(machine.run_until_line("begin", kLong));
    const std::uint32_t before = machine.word(address);
    ASSERT_TRUE(machine.run_until_line("survived", kLong));
    EXPECT_EQ(machine.word(address), before);
  }
}

/// AIRCR.SYSRESETREQS and SCR.SLEEPDEEPS are set: Non-secure writes to either bit are ignored (Armv8-M ARM,
/// D1.2).
TEST(Hostile, CannotSleepDeeply) {
  KernelMachine machine("hostile", {kWrite, 0xE000'ED10, 1u << 2});
  ASSERT_TRUE(machine.run_until_line("survived", kLong));
  EXPECT_EQ(machine.board().core().peek_ppb(0xE000'ED10, board::kNonSecure) & 1u << 2, 0u);
}

/// Registers of which the application has a part: what is not its own reads zero and ignores writes, and it
/// lives (PWR, RCC, GPIO: RM0456 chapters 10, 11 and 13).
TEST(Hostile, SharedRegistersHideAndKeepWhatIsMicrovisors) {
  struct Shared {
    const char* name;
    std::uint32_t address, reserved;
    bool used;  // not zero
  };
  constexpr std::uint32_t kSecureAlias = 0x1000'0000;
  for (const Shared& shared :
       {Shared{"GPIOG_MODER", 0x4202'1800, 0xFFu << 10, true},
        Shared{"GPIOH_MODER", 0x4202'1C00, 3u << 14, true}, Shared{"RCC_CR", 0x4602'0C00, 0x0300'0000, true},
        Shared{"RCC_CFGR1", 0x4602'0C1C, 0xFFFF'FFFF, true},
        Shared{"RCC_PLL1CFGR", 0x4602'0C28, 0xFFFF'FFFF, true}, Shared{"PWR_CR1", 0x4602'0800, 0x7, false},
        Shared{"PWR_VOSR", 0x4602'080C, 0x7'0000, true}}) {
    SCOPED_TRACE(shared.name);
    KernelMachine reader("hostile", {kRead, shared.address, 0});
    const auto line = reader.run_until_line("read", kLong);
    ASSERT_TRUE(line.has_value());
    const auto seen = static_cast<std::uint32_t>(std::stoul(line->substr(5), nullptr, 16));
    const std::uint32_t ours = reader.word(shared.address + kSecureAlias) & shared.reserved;
    EXPECT_EQ(seen & shared.reserved, 0u);
    EXPECT_EQ(ours != 0, shared.used);
    KernelMachine writer("hostile", {kWrite, shared.address, ~ours});
    ASSERT_TRUE(writer.run_until_line("survived", kLong));
    writer.run(20);
    EXPECT_EQ(writer.word(shared.address + kSecureAlias) & shared.reserved, ours);
    EXPECT_EQ(writer.count("start"), 1u);
  }
}

TEST(Hostile, SpinningWithInterruptsOffDoesNotStopTheKernel) {
  KernelMachine machine("hostile", {kMaskAndSpin, 0, 0});
  ASSERT_TRUE(machine.run_until_line("begin", kLong));
  const std::uint32_t before = machine.kernel_word("(anonymous namespace)::slices");
  machine.run(33'000);  // longer than the watchdog
  EXPECT_GT(machine.kernel_word("(anonymous namespace)::slices"), before + 10);
  EXPECT_EQ(machine.board().resets(), 0u);
}

TEST(Hostile, AHandlerThatNeverReturnsIsEnded) {
  KernelMachine machine("hostile", {kSpinInHandler, 0, 0});
  ASSERT_TRUE(machine.run_until_line("begin", kLong));
  const std::uint32_t before = machine.kernel_word("(anonymous namespace)::slices");
  machine.run(5'000);
  // Either the worker gets round it, or it sat on the worker's back and was ended.
  EXPECT_TRUE(machine.kernel_word("(anonymous namespace)::slices") > before + 2 ||
              machine.count("start") > 1);
  EXPECT_EQ(machine.board().resets(), 0u);
}

/// Bytes from the modem's line keep the worker busy while `milliseconds` of the board's time pass.
void run_with_modem_traffic(KernelMachine& machine, unsigned milliseconds) {
  board::SerialPort& line = *machine.board().serial(0x4600'2400);
  for (unsigned i = 0; i < 4 * milliseconds; ++i) {
    machine.board().run({.until = machine.board().scheduler().now() + 250 * board::kTicksPerMicrosecond});
    if (line.chip_ready()) line.byte_to_chip(static_cast<std::uint8_t>(i));
  }
}

TEST(Hostile, AStormOfInterruptsDoesNotStopTheKernel) {
  KernelMachine machine("hostile", {kStorm, 0, 0});
  ASSERT_TRUE(machine.run_until_line("begin", kLong));
  const std::uint32_t before = machine.kernel_word("(anonymous namespace)::slices");
  run_with_modem_traffic(machine, 400);
  EXPECT_TRUE(machine.kernel_word("(anonymous namespace)::slices") > before + 20 ||
              machine.count("start") > 1);
  EXPECT_EQ(machine.board().resets(), 0u);
}

/// An RTOS that switches tasks above the worker (docs/kernel.md) may harm itself, or be ended; the device
/// stays.
TEST(Hostile, ASwitchOfTasksAboveTheWorkerHarmsAtMostTheApplication) {
  for (const std::uint32_t priorities : {0xFFD0'0000u, 0xD0D0'0000u, 0x0000'0000u, 0x8080'0000u}) {
    KernelMachine machine("tasks", {0, 0, priorities | 1});
    run_with_modem_traffic(machine, 600);
    EXPECT_EQ(machine.board().resets(), 0u) << std::hex << priorities;
    EXPECT_GT(machine.kernel_word("(anonymous namespace)::slices"), 20u);
  }
}

TEST(Hostile, RestartTellsItsReason) {
  KernelMachine machine("hostile", {kRestart, 0, 0});
  ASSERT_TRUE(machine.run_until_line("start 0", kLong));
  EXPECT_TRUE(machine.run_until_line("start 2", kLong));
  EXPECT_EQ(machine.board().resets(), 0u);
}

TEST(Hostile, LockedVectorTableNeedsAReset) {
  KernelMachine machine("hostile", {kLockVtor, 0, 0});
  ASSERT_TRUE(machine.run_until_line("survived", kLong));
  EXPECT_EQ(machine.board().resets(), 0u);
}

}  // namespace
}  // namespace microvisor::tests

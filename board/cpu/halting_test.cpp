// Halting from outside: where it stops, and that the program cannot tell. What a step is follows DDI0553
// B13.4 (halting debug stepping): one instruction, or the entry of one exception.
#include "board/cpu/halting.hpp"

#include <gtest/gtest.h>

#include <initializer_list>

#include "board/cpu/core.hpp"
#include "board/cpu/memory.hpp"
#include "board/cpu/test_bus.hpp"

namespace microvisor::board {
namespace {

constexpr std::uint32_t kFlash = 0x0C00'0000;
constexpr std::uint32_t kSram = 0x3000'0000;
constexpr std::uint32_t kSize = 0x1'0000;
constexpr std::uint32_t kStart = kFlash + 0x400;
constexpr std::uint32_t kHandler = kFlash + 0x300;
constexpr std::uint32_t kData = kSram + 0x100;

class HaltingTest : public ::testing::Test {
 protected:
  HaltingTest() : core(bus, scheduler) {
    for (const std::uint32_t base : {kFlash, kSram}) bus.add(base, kSize);
    bus.poke(kFlash, 4, kSram + 0x8000);
    bus.poke(kFlash + 4, 4, kStart | 1);
    for (std::uint32_t vector = 2; vector < 64; ++vector) bus.poke(kFlash + 4 * vector, 4, kHandler | 1);
    place(kHandler, {0x3501, 0x4770});  // ADDS R5, #1; BX LR
  }

  void place(std::uint32_t address, std::initializer_list<unsigned> halves) {
    for (const unsigned half : halves) {
      ASSERT_TRUE(bus.poke(address, 2, half));
      address += 2;
    }
  }
  void start(std::initializer_list<unsigned> program) {
    place(kStart, program);
    core.reset(kFlash);
  }
  Stop go(std::int64_t count = 1000, bool stepping = false) {
    resume_from_halt(core, stepping);
    scheduler.dispatch();
    scheduler.arm_budget(stepping ? 1 : count);
    return core.execute();
  }
  void expect_halt(HaltReason reason, std::uint32_t address) {
    ASSERT_EQ(go(), Stop::Halted);
    EXPECT_EQ(core.halting.reason, reason);
    EXPECT_EQ(core.state.r[15], address);
  }
  void expect_step(std::uint32_t address) {
    ASSERT_EQ(go(1, true), Stop::Halted);
    EXPECT_EQ(core.halting.reason, HaltReason::Step);
    EXPECT_EQ(core.state.r[15], address);
  }

  TestBus bus;
  Scheduler scheduler;
  Core core;
};

TEST_F(HaltingTest, BreakpointStopsInFrontOfItsInstructionEachTime) {
  start({0x3001, 0x3101, 0xE7FC});  // ADDS R0, #1; ADDS R1, #1; B start
  set_breakpoint(core, kStart + 2);
  for (unsigned round = 1; round <= 3; ++round) {
    expect_halt(HaltReason::Breakpoint, kStart + 2);
    EXPECT_EQ(core.state.r[0], round);
    EXPECT_EQ(core.state.r[1], round - 1);
    EXPECT_EQ(core.retired, 3 * round - 2);
  }
}

TEST_F(HaltingTest, BreakpointAtTheVeryPlaceOfResumingIsPassedOnce) {
  start({0x3001, 0xE7FD});  // ADDS R0, #1; B start
  set_breakpoint(core, kStart);
  ASSERT_EQ(go(), Stop::Halted);
  EXPECT_EQ(core.state.r[0], 1u);
  EXPECT_EQ(core.retired, 2u);
}

TEST_F(HaltingTest, CodeAlreadyDecodedIsMarkedAndUnmarked) {
  start({0x3001, 0x3101, 0xE7FC});
  EXPECT_EQ(go(7), Stop::Budget);
  set_breakpoint(core, kStart + 2);
  expect_halt(HaltReason::Breakpoint, kStart + 2);
  clear_breakpoint(core, kStart + 2);
  EXPECT_EQ(go(100), Stop::Budget);
}

TEST_F(HaltingTest, RewrittenInstructionKeepsItsMark) {
  start({0x6008, 0x3001, 0xE7FC});  // STR R0, [R1]; ADDS R0, #1; B start
  core.state.r[1] = kSram;
  set_breakpoint(core, kStart + 2);
  expect_halt(HaltReason::Breakpoint, kStart + 2);
  place(kStart + 2, {0x3002});
  expect_halt(HaltReason::Breakpoint, kStart + 2);
  EXPECT_EQ(core.state.r[0], 2u);
}

TEST_F(HaltingTest, EveryInstructionOfAnItBlockCanHaveOne) {
  // CMP R0, R0; ITTE EQ; ADD R1, #1; ADD R2, #1; ADD R3, #1 (not executed); ADDS R4, #1; B .
  const std::initializer_list<unsigned> program{0x4280, 0xBF06, 0x3101, 0x3201, 0x3301, 0x3401, 0xE7FE};
  for (std::uint32_t offset = 0; offset <= 10; offset += 2) {
    start(program);
    core.state.r[1] = core.state.r[2] = core.state.r[3] = core.state.r[4] = 0;
    set_breakpoint(core, kStart + offset);
    if (offset != 0) expect_halt(HaltReason::Breakpoint, kStart + offset);
    EXPECT_EQ(go(100), Stop::Budget);
    EXPECT_EQ(core.state.r[1], 1u) << offset;
    EXPECT_EQ(core.state.r[2], 1u) << offset;
    EXPECT_EQ(core.state.r[3], 0u) << offset;
    EXPECT_EQ(core.state.r[4], 1u) << offset;
    EXPECT_EQ(core.state.it, 0u);
    clear_breakpoint(core, kStart + offset);
  }
}

TEST_F(HaltingTest, InstructionAcrossThePageEdge) {
  // The last halfword of a page begins MOVW R0, #0x1234: it is never executed from the page.
  place(kStart, {0xF000, 0xB9FD});                  // B.W to kStart + 0x3FE
  place(kStart + 0x3FE, {0xF241, 0x2034, 0xE7FE});  // MOVW R0, #0x1234; B .
  core.reset(kFlash);
  set_breakpoint(core, kStart + 0x3FE);
  expect_halt(HaltReason::Breakpoint, kStart + 0x3FE);
  EXPECT_EQ(go(10), Stop::Budget);
  EXPECT_EQ(core.state.r[0], 0x1234u);
}

TEST_F(HaltingTest, InstructionsAndTimeAreCountedAsWithout) {
  const std::initializer_list<unsigned> program{0x3001, 0x6008, 0x680A, 0xBF00, 0xE7FA};
  start(program);
  core.state.r[1] = kData;
  EXPECT_EQ(go(1000), Stop::Budget);
  const Time time = scheduler.now();
  const std::uint32_t r0 = core.state.r[0], pc = core.state.r[15];

  Scheduler clock;
  Core other(bus, clock);
  other.reset(kFlash);
  other.state.r[1] = kData;
  set_breakpoint(other, kStart + 8);
  add_watch(other, {.address = kData, .size = 4, .reads = true, .writes = true});
  unsigned halts = 0;
  while (other.retired < 1000) {
    resume_from_halt(other, false);
    clock.arm_budget(static_cast<std::int64_t>(1000 - other.retired));
    if (other.execute() == Stop::Halted) ++halts;
  }
  EXPECT_EQ(halts, 600u);  // each of 200 rounds: the breakpoint, the write, the read
  EXPECT_EQ(other.retired, 1000u);
  EXPECT_EQ(other.state.r[0], r0);
  EXPECT_EQ(other.state.r[15], pc);
  EXPECT_EQ(clock.now(), time);
}

/// What the fast paths know they do not ask the bus for. So a loop beside breakpoints never asks, and one on
/// a breakpoint does.
TEST_F(HaltingTest, BreakpointsThatAreNotMetLeaveTheFastPathAlone) {
  // ADDS R0, #1; B over the NOP; NOP; STR R0, [R1]; LDR R2, [R1]; B start
  start({0x3001, 0xE000, 0xBF00, 0x6008, 0x680A, 0xE7F9});
  core.state.r[1] = kData;
  const auto asked_in_a_long_run = [this] {
    EXPECT_EQ(go(1000), Stop::Budget);  // translations and decoded code are there
    const std::uint64_t before = bus.asked;
    EXPECT_EQ(go(100'000), Stop::Budget);
    return bus.asked - before;
  };
  EXPECT_EQ(asked_in_a_long_run(), 0U);
  set_breakpoint(core, kStart + 4);
  EXPECT_EQ(asked_in_a_long_run(), 0U);
  for (std::uint32_t number = 0; number < 7; ++number) set_breakpoint(core, kStart + 12 + 2 * number);
  EXPECT_EQ(asked_in_a_long_run(), 0U);

  const std::uint64_t before = bus.asked;
  set_breakpoint(core, kStart);
  for (unsigned round = 0; round < 100; ++round) ASSERT_EQ(go(), Stop::Halted);
  EXPECT_GE(bus.asked - before, 100U);
}

TEST_F(HaltingTest, StepGoesOneInstruction) {
  start({0x3001, 0xE000, 0xBF00, 0x3101});  // ADDS; B over the NOP; ADDS
  expect_step(kStart + 2);
  expect_step(kStart + 6);
  expect_step(kStart + 8);
  EXPECT_EQ(core.retired, 3u);
}

TEST_F(HaltingTest, StepOverAFaultEndsAtTheHandler) {
  start({0xDE00});  // UDF
  expect_step(kHandler);
  EXPECT_EQ(core.state.ipsr, 3u);
  EXPECT_EQ(core.retired, 0u);
}

TEST_F(HaltingTest, StepWithAnInterruptPendingEndsAtItsHandler) {
  start({0x3001, 0x3001});
  EXPECT_EQ(go(1), Stop::Budget);
  ASSERT_TRUE(store(core, 0xE000'E100, 4, {}, 1));  // NVIC_ISER0: line 0
  core.set_line(0, true);
  expect_step(kHandler);
  EXPECT_EQ(core.state.ipsr, 16u);
  EXPECT_EQ(core.retired, 1u);
}

TEST_F(HaltingTest, WatchedWriteHaltsBehindIt) {
  start({0x6008, 0x3001, 0xE7FE});  // STR R0, [R1]
  core.state.r[0] = 7;
  core.state.r[1] = kData;
  add_watch(core, {.address = kData + 2, .size = 1, .reads = false, .writes = true});
  expect_halt(HaltReason::Watchpoint, kStart + 2);
  EXPECT_EQ(core.halting.met.address, kData + 2);
  std::uint32_t value = 0;
  ASSERT_TRUE(bus.peek(kData, 4, value));
  EXPECT_EQ(value, 7u);
}

TEST_F(HaltingTest, OnlyTheKindOfAccessThatIsWatched) {
  start({0x6008, 0x680A, 0xE7FE});  // STR R0, [R1]; LDR R2, [R1]
  core.state.r[1] = kData;
  add_watch(core, {.address = kData, .size = 4, .reads = true, .writes = false});
  expect_halt(HaltReason::Watchpoint, kStart + 4);
}

TEST_F(HaltingTest, TranslationsFromBeforeAreForgotten) {
  start({0x6008, 0xE7FD});  // STR R0, [R1]; B back
  core.state.r[1] = kData;
  EXPECT_EQ(go(8), Stop::Budget);
  add_watch(core, {.address = kData, .size = 4, .reads = false, .writes = true});
  expect_halt(HaltReason::Watchpoint, kStart + 2);
  remove_watch(core, {.address = kData, .size = 4, .reads = false, .writes = true});
  EXPECT_EQ(go(50), Stop::Budget);
}

TEST_F(HaltingTest, NeighboursOfWatchedBytesDoNotHalt) {
  start({0x6048, 0x8088, 0x710A, 0xE7FB});  // STR R0, [R1, #4]; STRH R0, [R1, #4]; STRB R2, [R1, #4]; B back
  core.state.r[1] = kData;
  add_watch(core, {.address = kData, .size = 4, .reads = true, .writes = true});
  add_watch(core, {.address = kData + 8, .size = 4, .reads = true, .writes = true});
  EXPECT_EQ(go(50), Stop::Budget);
}

TEST_F(HaltingTest, WordsStoredAndLoadedTogether) {
  start({0xB40F, 0xBC0F, 0xE7FE});  // PUSH {R0-R3}; POP {R0-R3}
  add_watch(core, {.address = kSram + 0x7FF4, .size = 4, .reads = true, .writes = true});
  expect_halt(HaltReason::Watchpoint, kStart + 2);
  expect_halt(HaltReason::Watchpoint, kStart + 4);
}

TEST_F(HaltingTest, ReturnThatLoadsAWatchedAddress) {
  start({0xBD00});  // POP {PC}
  core.state.r[13] = kData;
  ASSERT_TRUE(bus.poke(kData, 4, kHandler | 1));
  add_watch(core, {.address = kData, .size = 4, .reads = true, .writes = false});
  expect_halt(HaltReason::Watchpoint, kHandler);
  EXPECT_EQ(core.state.r[5], 0u);
}

TEST_F(HaltingTest, FrameOfAnExceptionIsSeen) {
  start({0xDF00, 0xE7FE});                                                                  // SVC
  add_watch(core, {.address = kSram + 0x7FE0, .size = 4, .reads = false, .writes = true});  // stacked R0
  expect_halt(HaltReason::Watchpoint, kHandler);
}

TEST_F(HaltingTest, ForgettingEverything) {
  start({0x6008, 0xE7FD});
  core.state.r[1] = kData;
  set_breakpoint(core, kStart + 2);
  add_watch(core, {.address = kData, .size = 4, .reads = false, .writes = true});
  stop_halting(core);
  EXPECT_EQ(go(100), Stop::Budget);
}

}  // namespace
}  // namespace microvisor::board

// Borders of execution that random programs do not reach: time, busy memories, changing code, page edges,
// faults, and the way from one world into the other. Expectations are from DDI0553 unless a line says
// otherwise.
#include "board/cpu/core.hpp"

#include <gtest/gtest.h>

#include <initializer_list>

#include "board/cpu/memory.hpp"
#include "board/cpu/test_bus.hpp"

namespace microvisor::board {
namespace {

constexpr std::uint32_t kFlash = 0x0C00'0000;    // Secure by the chip's IDAU
constexpr std::uint32_t kFlashNs = 0x0800'0000;  // Non-secure once the SAU says so
constexpr std::uint32_t kSram = 0x3000'0000;
constexpr std::uint32_t kSramNs = 0x2000'0000;
constexpr std::uint32_t kSize = 0x1'0000;
constexpr std::uint32_t kStart = kFlash + 0x400;
constexpr std::uint32_t kHandler = kFlash + 0x300;  // of every exception: B .
constexpr std::uint32_t kUfsr = 0xE000'ED28, kSfsr = 0xE000'EDE4;

class CoreTest : public ::testing::Test {
 protected:
  CoreTest() : core(bus, scheduler) {
    for (const std::uint32_t base : {kFlash, kFlashNs, kSram, kSramNs}) bus.add(base, kSize);
    poke_word(kFlash, kSram + 0x8000);
    poke_word(kFlash + 4, kStart | 1);
    for (std::uint32_t vector = 2; vector < 64; ++vector) poke_word(kFlash + 4 * vector, kHandler | 1);
    place(kHandler, {0xE7FE});
  }

  void poke_word(std::uint32_t address, std::uint32_t value) { ASSERT_TRUE(bus.poke(address, 4, value)); }
  void place(std::uint32_t address, std::initializer_list<unsigned> halves) {
    for (const unsigned half : halves) {
      ASSERT_TRUE(bus.poke(address, 2, half));
      address += 2;
    }
  }
  std::uint32_t word(std::uint32_t address) {
    std::uint32_t value = 0;
    EXPECT_TRUE(bus.peek(address, 4, value));
    return value;
  }
  void write_scs(std::uint32_t address, std::uint32_t value) {
    ASSERT_TRUE(store(core, address, 4, {}, value));
  }
  /// Resets and runs `count` instructions of the code at kStart.
  Stop run(std::int64_t count) {
    core.reset(kFlash);
    return go(count);
  }
  Stop go(std::int64_t count) {
    scheduler.arm_budget(count);
    return core.execute();
  }

  TestBus bus;
  Scheduler scheduler;
  Core core;
};

TEST_F(CoreTest, ResetTakesStackAndEntryFromTheVectorTable) {
  core.reset(kFlash);
  EXPECT_EQ(core.state.r[13], kSram + 0x8000);
  EXPECT_EQ(core.state.r[14], 0xFFFF'FFFF);
  EXPECT_EQ(core.state.r[15], kStart);
}

TEST_F(CoreTest, BudgetIsExact) {
  place(kStart, {0x3001, 0x3001, 0x3001, 0xE7FB});  // ADDS R0, #1 three times; B back
  EXPECT_EQ(run(10), Stop::Budget);
  EXPECT_EQ(core.retired, 10u);
  EXPECT_EQ(core.state.r[0], 8u);
  EXPECT_EQ(core.state.r[15], kStart + 4);
  EXPECT_EQ(scheduler.budget, 0);
  EXPECT_EQ(scheduler.now(), 10u * scheduler.instruction_ticks());
}

TEST_F(CoreTest, RegistersSeeTheTimeOfTheirAccess) {
  std::vector<Time> times;
  bus.on_register = [&](std::uint32_t, bool, std::uint32_t& value) {
    times.push_back(scheduler.now());
    value = 0;
    return true;
  };
  place(kStart, {0xF04F, 0x4080, 0x6001, 0xBF00, 0x6801, 0xE7FE});  // MOV R0, #0x40000000; STR; NOP; LDR; B .
  run(8);
  const Time tick = scheduler.instruction_ticks();
  EXPECT_EQ(times, (std::vector<Time>{1 * tick, 3 * tick}));
}

TEST_F(CoreTest, CutBudgetStopsBehindTheAccess) {
  bus.on_register = [&](std::uint32_t, bool, std::uint32_t&) {
    scheduler.interrupt_core();
    return true;
  };
  place(kStart, {0xF04F, 0x4080, 0x6001, 0x3201, 0x3201, 0xE7FE});
  EXPECT_EQ(run(100), Stop::Budget);
  EXPECT_EQ(core.state.r[15], kStart + 6);
  EXPECT_EQ(core.state.r[2], 0u);
  EXPECT_EQ(core.retired, 2u);
  EXPECT_EQ(scheduler.now(), 2u * scheduler.instruction_ticks());
}

TEST_F(CoreTest, BusyDataMemoryLeavesTheInstructionUndone) {
  TestBus local;
  Scheduler clock;
  local.add(kFlash, kSize);
  auto& busy = local.add(kSram, kSize);
  Core other(local, clock);
  const std::initializer_list<unsigned> code{0xF04F, 0x5040, 0x3101,
                                             0xF850, 0x2F04, 0xE7FE};  // LDR R2, [R0, #4]!
  std::uint32_t at = kStart;
  for (const unsigned half : code) {
    ASSERT_TRUE(local.poke(at, 2, half));
    at += 2;
  }
  ASSERT_TRUE(local.poke(kFlash, 4, kSram + 0x8000));
  ASSERT_TRUE(local.poke(kFlash + 4, 4, kStart | 1));
  ASSERT_TRUE(local.poke(kSram + 4, 4, 77));
  other.reset(kFlash);
  busy.busy = true;
  clock.arm_budget(100);
  EXPECT_EQ(other.execute(), Stop::Stalled);
  EXPECT_EQ(other.state.r[0], 0x3000'0000u);
  EXPECT_EQ(other.state.r[15], kStart + 6);
  EXPECT_EQ(other.retired, 2u);
  busy.busy = false;
  clock.arm_budget(1);
  EXPECT_EQ(other.execute(), Stop::Budget);
  EXPECT_EQ(other.state.r[2], 77u);
  EXPECT_EQ(other.state.r[0], kSram + 4);
}

TEST_F(CoreTest, BusyCodeMemoryStallsTheFetch) {
  TestBus local;
  Scheduler clock;
  auto& flash = local.add(kFlash, kSize);
  Core other(local, clock);
  ASSERT_TRUE(local.poke(kFlash, 4, kFlash + 0x8000));
  ASSERT_TRUE(local.poke(kFlash + 4, 4, kStart | 1));
  ASSERT_TRUE(local.poke(kStart, 4, 0x3001'3001));
  other.reset(kFlash);
  flash.busy = true;
  clock.arm_budget(2);
  EXPECT_EQ(other.execute(), Stop::Stalled);
  EXPECT_EQ(other.retired, 0u);
  flash.busy = false;
  EXPECT_EQ(other.execute(), Stop::Budget);
  EXPECT_EQ(other.state.r[0], 2u);
}

TEST_F(CoreTest, StoresIntoCodeAreSeen) {
  // R1 = MOVS R0, #7 replaces the NOP behind the store, in the same page.
  place(kStart, {0xF242, 0x0107, 0x4A01, 0x8011, 0xBF00, 0xE7FE});
  poke_word(kStart + 12, kStart + 8);
  place(kStart + 8, {0xBF00, 0xE7FE});
  run(5);
  EXPECT_EQ(core.state.r[0], 7u);
  // And again, after it has been decoded: STRH in a loop with another value.
  place(kStart, {0xF242, 0x0109});
  run(5);
  EXPECT_EQ(core.state.r[0], 9u);
}

TEST_F(CoreTest, ChangesFromOutsideAreSeen) {
  place(kStart, {0x2001, 0xE7FD});  // MOVS R0, #1; B back
  run(4);
  place(kStart, {0x2002});
  go(2);
  EXPECT_EQ(core.state.r[0], 2u);
}

TEST_F(CoreTest, CodeRunsAcrossPages) {
  // NOPs up to a MOVW that lies over the page edge at 0x800.
  for (std::uint32_t at = kStart; at < kFlash + 0x7FE; at += 2) place(at, {0xBF00});
  place(kFlash + 0x7FE, {0xF241, 0x2034, 0x3001, 0xE7FE});  // MOVW R0, #0x1234; ADDS R0, #1
  run((0x7FE - 0x400) / 2 + 2);
  EXPECT_EQ(core.state.r[0], 0x1235u);
  EXPECT_EQ(core.state.r[15], kFlash + 0x804);
}

TEST_F(CoreTest, ItBlockAcrossPages) {
  // MOVS R0, #0; B to the end of the page; there ITTE EQ: R1 = 1, R2 = 2, else R3 = 3, over the edge.
  place(kStart, {0x2000, 0xF000, 0xB9FA});
  place(kFlash + 0x7FA, {0xBF00, 0xBF06, 0x2101, 0x2202, 0x2303, 0xE7FE});
  run(8);
  EXPECT_EQ(core.state.r[1], 1u);
  EXPECT_EQ(core.state.r[2], 2u);
  EXPECT_EQ(core.state.r[3], 0u);
  EXPECT_EQ(core.state.it, 0);
}

TEST_F(CoreTest, InstructionOfAnItBlockReachedByABranch) {
  // The branch to the second instruction executes it unconditionally, before and after the block has been
  // decoded.
  place(kStart, {0x2001, 0xE001,            // MOVS R0, #1; B second
                 0xBF0C,                    // ITE EQ
                 0x3101, 0x3201,            // ADDEQ R1, #1; second: ADDNE R2, #1
                 0x4281, 0xD1FA, 0xE7FE});  // CMP R1, R0; BNE to the block; B .
  run(3);
  EXPECT_EQ(core.state.r[2], 1u);
  // Z is clear after ADDS R2 outside the block: now inside it, EQ fails and NE holds.
  go(2);
  EXPECT_EQ(core.state.r[15], kStart + 4);
  go(3);
  EXPECT_EQ(core.state.r[1], 0u);
  EXPECT_EQ(core.state.r[2], 2u);
  core.state.r[15] = kStart + 8;
  go(1);
  EXPECT_EQ(core.state.r[2], 3u);
  EXPECT_FALSE(core.state.z);
}

TEST_F(CoreTest, FaultInsideAnItBlockKeepsItState) {
  place(kStart,
        {0x2103, 0x2000, 0xBF04, 0x2201, 0xE9D1, 0x2300, 0xE7FE});  // ITT EQ; MOVEQ; LDRDEQ R2, R3, [R1]
  run(5);
  EXPECT_EQ(core.state.r[15], kHandler);
  const std::uint32_t frame = core.state.r[13];
  EXPECT_EQ(word(frame + 24), kStart + 8);
  // ITSTATE 0000 1000 stands in xPSR[26:25, 15:10]: IT[7:2] = 000010 in 15:10.
  EXPECT_EQ(word(frame + 28) & 0x0600'FC00, 0x0000'0800u);
  EXPECT_EQ(core.peek_ppb(kUfsr, kSecure) >> 16 & 0x100, 0x100u) << "UNALIGNED";
}

TEST_F(CoreTest, UnalignedAccesses) {
  poke_word(kSram, 0x4433'2211);
  poke_word(kSram + 4, 0x8877'6655);
  place(kStart,
        {0xF04F, 0x5040, 0xF8D0, 0x1003, 0xF8B0, 0x2003, 0xE7FE});  // LDR R1, [R0, #3]; LDRH R2, [R0, #3]
  run(3);
  EXPECT_EQ(core.state.r[1], 0x7766'5544u);
  EXPECT_EQ(core.state.r[2], 0x5544u);
}

TEST_F(CoreTest, UnalignedTrap) {
  core.reset(kFlash);
  write_scs(0xE000'ED14, 0x208);  // CCR.UNALIGN_TRP
  place(kStart, {0xF04F, 0x5040, 0x6801, 0xF8D0, 0x1003, 0xE7FE});
  go(4);
  EXPECT_EQ(core.state.r[15], kHandler);
  EXPECT_EQ(core.peek_ppb(kUfsr, kSecure) >> 16, 0x100u);
}

TEST_F(CoreTest, UnalignedDeviceAccessFaults) {
  bus.on_register = [](std::uint32_t, bool, std::uint32_t&) { return true; };
  place(kStart, {0xF04F, 0x4080, 0xF8D0, 0x1001, 0xE7FE});
  run(3);
  EXPECT_EQ(core.state.r[15], kHandler);
  EXPECT_EQ(core.peek_ppb(kUfsr, kSecure) >> 16, 0x100u);
}

TEST_F(CoreTest, DivisionByZero) {
  place(kStart, {0x2005, 0x2100, 0xFB90, 0xF2F1, 0xE7FE});  // SDIV R2, R0, R1
  core.state.r[2] = 1;
  run(3);
  EXPECT_EQ(core.state.r[2], 0u);
  EXPECT_EQ(core.state.r[15], kStart + 8);
  core.reset(kFlash);
  write_scs(0xE000'ED14, 0x210);  // CCR.DIV_0_TRP
  go(4);
  EXPECT_EQ(core.state.r[15], kHandler);
  EXPECT_EQ(core.peek_ppb(kUfsr, kSecure) >> 16, 0x200u);
}

TEST_F(CoreTest, UndefinedInstructionFaultsAtItself) {
  place(kStart, {0xBF00, 0xDE00});
  run(3);
  EXPECT_EQ(core.state.r[15], kHandler);
  EXPECT_EQ(word(core.state.r[13] + 24), kStart + 2);
  EXPECT_EQ(core.peek_ppb(kUfsr, kSecure) >> 16, 1u);
}

TEST_F(CoreTest, PushBelowTheLimitWritesNothing) {
  place(kStart, {0xB401, 0xB503, 0xE7FE});  // PUSH {R0}; PUSH {R0, R1, LR}
  core.reset(kFlash);
  core.state.stack_limit[kSecure][kMain] = core.state.r[13] - 8;
  const std::uint32_t top = core.state.r[13];
  poke_word(top - 8, 0xAAAA'AAAA);
  core.state.r[0] = 5;
  go(1);
  EXPECT_EQ(core.state.r[13], top - 4);
  go(2);
  EXPECT_EQ(word(top - 8), 0xAAAA'AAAAu);
  EXPECT_EQ(core.peek_ppb(kUfsr, kSecure) >> 16 & 0x10, 0x10u) << "STKOF";
}

TEST_F(CoreTest, ExclusiveStoreNeedsTheMonitor) {
  place(kStart, {0xF04F, 0x5040, 0xE850, 0x1F00,  // MOV R0, #kSram; LDREX R1, [R0]
                 0xE840, 0x1200, 0xE840, 0x1300,  // STREX R2, R1, [R0]; STREX R3, R1, [R0]
                 0xE7FE});
  run(4);
  EXPECT_EQ(core.state.r[2], 0u);
  EXPECT_EQ(core.state.r[3], 1u);
}

TEST_F(CoreTest, SemihostingStopsAtTheBreakpoint) {
  core.semihosting = true;
  place(kStart, {0x2018, 0xBEAB, 0x2001, 0xE7FE});
  EXPECT_EQ(run(10), Stop::Semihosting);
  EXPECT_EQ(core.state.r[15], kStart + 2);
  core.state.r[15] += 2;
  go(1);
  EXPECT_EQ(core.state.r[0], 1u);
}

TEST_F(CoreTest, BranchToAnEvenAddressFaultsAtTheTarget) {
  place(kStart, {0x4801, 0x4700, 0xE7FE, 0xBF00});  // LDR R0, =target; BX R0
  poke_word(kStart + 8, kStart + 0x20);
  run(4);
  EXPECT_EQ(core.state.r[15], kHandler);
  EXPECT_EQ(word(core.state.r[13] + 24), kStart + 0x20);
  EXPECT_EQ(core.peek_ppb(kUfsr, kSecure) >> 16, 2u) << "INVSTATE";
}

TEST_F(CoreTest, FloatingPointNeedsCpacr) {
  place(kStart, {0xEE31, 0x0A02, 0xE7FE});  // VADD S0, S2, S4
  core.reset(kFlash);
  core.state.s[2] = 0x3F80'0000;
  core.state.s[4] = 0x4000'0000;
  go(2);
  EXPECT_EQ(core.state.r[15], kHandler);
  EXPECT_EQ(core.peek_ppb(kUfsr, kSecure) >> 16 & 8, 8u) << "NOCP";

  core.reset(kFlash);
  core.state.s[2] = 0x3F80'0000;
  core.state.s[4] = 0x4000'0000;
  write_scs(0xE000'ED88, 0x00F0'0000);
  go(1);
  EXPECT_EQ(core.state.s[0], 0x4040'0000u);
  EXPECT_TRUE(core.state.fp_active);
}

TEST_F(CoreTest, FloatingPointAccessesAreAligned) {
  place(kStart, {0xF04F, 0x5040, 0x3002, 0xED90, 0x0A00, 0xE7FE});  // VLDR S0, [R0] at kSram + 2
  core.reset(kFlash);
  write_scs(0xE000'ED88, 0x00F0'0000);
  go(4);
  EXPECT_EQ(core.state.r[15], kHandler);
  EXPECT_EQ(core.peek_ppb(kUfsr, kSecure) >> 16, 0x100u) << "UNALIGNED";
}

TEST_F(CoreTest, CpacrTakesEffectAtOnce) {
  // VADD with the FPU on, STR of 0 to CPACR, VADD again: NOCP at the second.
  place(kStart, {0xEE31, 0x0A02, 0x6001, 0xEE31, 0x0A02, 0xE7FE});
  core.reset(kFlash);
  write_scs(0xE000'ED88, 0x00F0'0000);
  core.state.r[0] = 0xE000'ED88;
  core.state.r[1] = 0;
  go(3);
  EXPECT_EQ(core.state.r[15], kHandler);
  EXPECT_EQ(core.peek_ppb(kUfsr, kSecure) >> 16 & 8, 8u);
}

// --- permissions that end inside a page
// --------------------------------------------------------------------------------

TEST_F(CoreTest, ExecutionStopsAtTheEndOfAnMpuRegion) {
  core.reset(kFlash);
  const auto region = [&](std::uint32_t number, std::uint32_t rbar, std::uint32_t limit) {
    write_scs(0xE000'ED98, number);
    write_scs(0xE000'ED9C, rbar);
    write_scs(0xE000'EDA0, (limit & ~31u) | 1);
  };
  write_scs(0xE000'EDC0, 0xFF);                        // MAIR0: attribute 0 is Normal memory
  region(0, kFlash | 6, kStart + 0x3F);                // read only, executable, up to kStart + 0x3F
  region(1, (kStart + 0x40) | 7, kFlash + kSize - 1);  // the rest XN
  region(2, kSram | 2 | 1, kSram + kSize - 1);
  write_scs(0xE000'ED94, 1);
  for (std::uint32_t at = kStart; at < kStart + 0x80; at += 2) place(at, {0xBF00});
  // The last instruction is a wide one whose second halfword lies in the region that must not execute.
  place(kStart + 0x3E, {0xF241, 0x2034});
  go(0x20);
  EXPECT_EQ(core.state.r[15], kHandler);
  EXPECT_EQ(word(core.state.r[13] + 24), kStart + 0x3E);
  EXPECT_EQ(core.peek_ppb(kUfsr, kSecure) & 0xFF, 1u) << "IACCVIOL";
}

class WorldTest : public CoreTest {
 protected:
  /// SAU: flash and SRAM of the lower alias are Non-secure. Then BXNS to `target`.
  void enter_nonsecure(std::uint32_t target) {
    core.reset(kFlash);
    sau(0, kFlashNs, kFlashNs + kSize - 1, false);
    sau(1, kSramNs, kSramNs + kSize - 1, false);
    write_scs(0xE000'EDD0, 1);
    core.state.stack[kNonSecure][kMain] = kSramNs + 0x4000;
    core.state.r[4] = target;
    place(kStart, {0x47A4});  // BXNS R4
    go(1);
    ASSERT_EQ(core.state.world, kNonSecure);
  }
  void sau(std::uint32_t number, std::uint32_t base, std::uint32_t limit, bool callable) {
    write_scs(0xE000'EDD8, number);
    write_scs(0xE000'EDDC, base);
    write_scs(0xE000'EDE0, (limit & ~31u) | (callable ? 3u : 1u));
  }
  std::uint32_t sfsr() { return core.peek_ppb(kSfsr, kSecure); }
};

TEST_F(WorldTest, BranchIntoSecureMemoryFaultsAtTheTargetOnTheCallersStack) {
  place(kFlashNs + 0x100, {0x4801, 0x4780, 0xE7FE, 0xBF00});  // LDR R0, =gate; BLX R0
  poke_word(kFlashNs + 0x108, kFlash + 0x2001);
  enter_nonsecure(kFlashNs + 0x100);
  go(3);
  EXPECT_EQ(core.state.world, kSecure);
  EXPECT_EQ(core.state.r[15], kHandler);
  EXPECT_EQ(sfsr(), 1u) << "INVEP";
  const std::uint32_t frame = core.state.stack[kNonSecure][kMain];
  EXPECT_EQ(frame, kSramNs + 0x4000 - 32);
  EXPECT_EQ(word(frame + 20), kFlashNs + 0x105) << "LR";
  EXPECT_EQ(word(frame + 24), kFlash + 0x2000) << "return address";
}

TEST_F(WorldTest, EvenTargetInSecureMemoryIsInvepToo) {
  place(kFlashNs + 0x100, {0x4801, 0x4780, 0xE7FE, 0xBF00});
  poke_word(kFlashNs + 0x108, kFlash + 0x2000);
  enter_nonsecure(kFlashNs + 0x100);
  go(3);
  EXPECT_EQ(sfsr(), 1u);
  EXPECT_EQ(word(core.state.stack[kNonSecure][kMain] + 28) & 1u << 24, 0u) << "T";
}

TEST_F(WorldTest, CallableMemoryWantsSg) {
  enter_nonsecure(kFlashNs + 0x100);
  // Code of the other world cannot reconfigure the SAU: go back for the moment.
  core.state.world = kSecure;
  sau(2, kFlash + 0x2000, kFlash + 0x203F, true);
  core.state.world = kNonSecure;
  place(kFlash + 0x2000, {0xE97F, 0xE97F, 0x2055, 0xE7FE});
  place(kFlash + 0x2020, {0x2066, 0xE7FE});
  place(kFlashNs + 0x100, {0x4801, 0x4780, 0xE7FE, 0xBF00});
  poke_word(kFlashNs + 0x108, kFlash + 0x2001);
  go(4);
  EXPECT_EQ(core.state.world, kSecure);
  EXPECT_EQ(core.state.r[0], 0x55u);
  EXPECT_EQ(core.state.r[14], kFlashNs + 0x104) << "LR bit 0 is cleared";
  EXPECT_EQ(sfsr(), 0u);

  poke_word(kFlashNs + 0x108, kFlash + 0x2021);
  enter_nonsecure(kFlashNs + 0x100);
  core.state.world = kSecure;
  sau(2, kFlash + 0x2000, kFlash + 0x203F, true);
  core.state.world = kNonSecure;
  go(3);
  EXPECT_EQ(sfsr(), 1u);
}

TEST_F(WorldTest, FallingThroughIntoSecureMemory) {
  // The Non-secure region ends in the middle of a page; the instruction over its edge is wide.
  place(kFlashNs + 0x1F0, {0xBF00, 0xBF00, 0xBF00, 0xBF00, 0xBF00, 0xBF00, 0xBF00, 0xF241, 0x2034});
  enter_nonsecure(kFlashNs + 0x1F0);
  core.state.world = kSecure;
  sau(0, kFlashNs, kFlashNs + 0x1FF, false);
  core.state.world = kNonSecure;
  go(8);
  EXPECT_EQ(sfsr(), 1u);
  EXPECT_EQ(word(core.state.stack[kNonSecure][kMain] + 24), kFlashNs + 0x1FE);
}

TEST_F(WorldTest, DataOfTheOtherWorldIsRefused) {
  place(kFlashNs + 0x100, {0xF04F, 0x5040, 0x6801, 0xE7FE});  // MOV R0, #0x30000000; LDR R1, [R0]
  enter_nonsecure(kFlashNs + 0x100);
  go(3);
  EXPECT_EQ(sfsr(), 0x48u) << "AUVIOL, SFARVALID";
  EXPECT_EQ(core.peek_ppb(0xE000'EDE8, kSecure), kSram);
}

TEST_F(WorldTest, PermissionsChangeAtOnce) {
  // A loop that reads; between two runs the SRAM becomes Secure.
  place(kFlashNs + 0x100, {0xF04F, 0x5000, 0x6801, 0xE7FD});
  enter_nonsecure(kFlashNs + 0x100);
  go(10);
  EXPECT_EQ(core.state.world, kNonSecure);
  core.state.world = kSecure;
  sau(1, kSramNs + 0x1000, kSramNs + kSize - 1, false);
  core.state.world = kNonSecure;
  go(3);
  EXPECT_EQ(sfsr(), 0x48u);
}

TEST_F(CoreTest, SnapshotGoesOnWhereItWasTaken) {
  place(kStart, {0x3001, 0xE7FD});
  run(7);
  Archive out;
  core.serialise(out);
  const CoreState before = core.state;
  go(4);
  Archive in(out.bytes());
  core.serialise(in);
  EXPECT_EQ(core.state.r, before.r);
  EXPECT_EQ(core.retired, 7u);
  go(2);
  EXPECT_EQ(core.state.r[0], 5u);
}

}  // namespace
}  // namespace microvisor::board

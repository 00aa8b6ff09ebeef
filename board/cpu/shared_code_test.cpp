// Cores that share decoded code: none of them notices. Encodings are from DDI0553.
#include "board/cpu/shared_code.hpp"

#include <gtest/gtest.h>

#include <array>
#include <initializer_list>
#include <thread>
#include <vector>

#include "board/cpu/decode_cache.hpp"
#include "board/cpu/memory.hpp"
#include "board/cpu/test_bus.hpp"

namespace microvisor::board {
namespace {

constexpr std::uint32_t kFlash = 0x0C00'0000, kSram = 0x3000'0000;
constexpr std::uint32_t kStart = kFlash + 0x400, kHandler = kFlash + 0x300;
constexpr std::uint32_t kItOfXpsr = 0x0600'FC00;

/// A core with memories of its own; its code is one page, at kStart.
struct Machine {
  explicit Machine(std::initializer_list<unsigned> code) : core(bus, scheduler) {
    bus.add(kFlash, 0x1000);
    bus.add(kSram, 0x1000);
    bus.poke(kFlash, 4, kSram + 0x800);
    bus.poke(kFlash + 4, 4, kStart | 1);
    for (std::uint32_t vector = 2; vector < 16; ++vector) bus.poke(kFlash + 4 * vector, 4, kHandler | 1);
    place(kHandler, {0xE7FE});  // B .
    place(kStart, code);
    core.reset(kFlash);
  }
  void place(std::uint32_t address, std::initializer_list<unsigned> halves) {
    for (const unsigned half : halves) {
      bus.poke(address, 2, half);
      address += 2;
    }
  }
  void go(std::int64_t instructions) {
    scheduler.arm_budget(instructions);
    core.execute();
  }
  void go_from(std::uint32_t address, std::int64_t instructions) {
    core.state.r[15] = address;
    go(instructions);
  }
  /// What a core does in a quiet moment, until nothing is left to be shared.
  void settle() {
    for (int looks = 0; looks < 100 && core.decoded->own_pages() != 0; ++looks) {
      if (core.decoded->share()) flush_tlb(core);
    }
  }
  [[nodiscard]] std::uint32_t stacked(unsigned index) const {
    std::uint32_t value = 0;
    EXPECT_TRUE(bus.peek(core.state.r[13] + 4 * index, 4, value));
    return value;
  }

  TestBus bus;
  Scheduler scheduler;
  Core core;
};

TEST(SharedCodeTest, CoresWithTheSameBytesExecuteTheSameRecords) {
  const auto code = {0x2001U, 0xE7FDU};  // MOVS R0, #1; B back
  const std::size_t before = SharedCode::instance().size();
  {
    Machine one(code), other(code), different({0x2002, 0xE7FD});
    one.go(4);
    EXPECT_EQ(one.core.decoded->own_pages(), 1U);
    one.settle();
    one.go(4);
    other.go(4);
    different.go(4);
    EXPECT_EQ(one.core.execution.records, other.core.execution.records);
    EXPECT_EQ(other.core.decoded->own_pages(), 0U);
    EXPECT_NE(different.core.execution.records, one.core.execution.records);
    EXPECT_EQ(other.core.state.r[0], 1U);
    EXPECT_EQ(different.core.state.r[0], 2U);
    EXPECT_EQ(SharedCode::instance().size(), before + 1);
  }
  EXPECT_EQ(SharedCode::instance().size(), before) << "nobody holds it any more";
}

TEST(SharedCodeTest, ACoreThatNeverSleepsSharesToo) {
  Machine machine({0x2003, 0xE7FD});
  // In small pieces: under the thread sanitizer handlers do not end in jumps, and take stack.
  for (int slice = 0; slice < 400; ++slice) machine.go(10'000);
  EXPECT_EQ(machine.core.decoded->own_pages(), 0U);
}

TEST(SharedCodeTest, AChangeStaysWithTheOneThatMadeIt) {
  const auto code = {0x2004U, 0xE7FDU};
  Machine one(code), other(code);
  one.go(4);
  one.settle();
  other.go(4);
  one.place(kStart, {0x2005});
  one.go(2);
  other.go(2);
  EXPECT_EQ(one.core.state.r[0], 5U);
  EXPECT_EQ(other.core.state.r[0], 4U);
  EXPECT_EQ(one.core.decoded->own_pages(), 1U);
  EXPECT_EQ(other.core.decoded->own_pages(), 0U);
}

TEST(SharedCodeTest, AStoreIntoSharedCodeIsSeen) {
  // R1 = MOVS R0, #7 replaces the NOP behind the store: MOVW R1; LDR R2, [PC, #4]; STRH R1, [R2]; NOP; B .
  const auto code = {0xF242U, 0x0107U, 0x4A01U, 0x8011U, 0xBF00U, 0xE7FEU, 0x0408U, 0x0C00U};
  Machine one(code), other(code);
  one.go_from(kStart + 8, 2);
  one.settle();
  other.go(5);
  EXPECT_EQ(other.core.state.r[0], 7U);
  one.go_from(kStart + 8, 2);
  EXPECT_EQ(one.core.state.r[0], 0U);
}

TEST(SharedCodeTest, WhoMissesSomethingTakesWhatOthersHaveAdded) {
  const auto code = {0x2006U, 0xE7FEU, 0x2102U, 0xE7FEU};  // MOVS R0, #6; B .; MOVS R1, #2; B .
  Machine one(code), other(code);
  one.go(2);
  one.settle();
  other.go(2);
  other.go_from(kStart + 4, 2);
  EXPECT_EQ(other.core.decoded->own_pages(), 1U);
  other.settle();
  other.go(1);
  one.go_from(kStart + 4, 2);
  EXPECT_EQ(one.core.state.r[1], 2U);
  EXPECT_EQ(one.core.decoded->own_pages(), 0U);
  EXPECT_EQ(one.core.execution.records, other.core.execution.records);
}

/// The second instruction of a block is reached through IT by one core, by a branch by another; each
/// publishes what it has decoded, in the one order or the other.
class WaysIntoAnItBlock : public ::testing::TestWithParam<bool> {};

TEST_P(WaysIntoAnItBlock, AreBothRightForAThirdCore) {
  const unsigned nop = GetParam() ? 0xBF00 : 0xBF10;  // other bytes for the other order: NOP, YIELD
  const auto code = {nop,     0x2001U, 0xE001U,       // NOP; MOVS R0, #1; B second
                     0xBF0CU, 0x3101U, 0x3201U,       // ITE EQ; ADDEQ R1, #1; ADDNE R2, #1
                     0x4281U, 0xD1FAU, 0xE7FEU};      // CMP R1, R0; BNE to the block; B .
  Machine branching(code), through(code), third(code);
  const auto branch = [&] {
    branching.go(4);
    EXPECT_EQ(branching.core.state.r[2], 1U);
    branching.settle();
  };
  const auto fall_through = [&] {
    through.go_from(kStart + 6, 3);  // Z is clear: only R2 is counted up
    EXPECT_EQ(through.core.state.r[1], 0U);
    EXPECT_EQ(through.core.state.r[2], 1U);
    through.settle();
  };
  if (GetParam()) {
    branch();
    fall_through();
  } else {
    fall_through();
    branch();
  }
  third.go(4);
  EXPECT_EQ(third.core.state.r[2], 1U) << "by the branch the instruction has no condition";
  third.go(2);
  EXPECT_EQ(third.core.state.r[15], kStart + 6);
  third.go(3);
  EXPECT_EQ(third.core.state.r[1], 0U);
  EXPECT_EQ(third.core.state.r[2], 2U);
  branching.go_from(kStart + 6, 3);
  EXPECT_EQ(branching.core.state.r[1], 0U);
  EXPECT_EQ(branching.core.state.r[2], 2U);
  through.go_from(kStart + 10, 1);
  EXPECT_EQ(through.core.state.r[2], 2U);
}

INSTANTIATE_TEST_SUITE_P(Orders, WaysIntoAnItBlock, ::testing::Bool());

TEST(SharedCodeTest, ABreakpointInAnItBlockStacksTheStateItWasReachedIn) {
  const auto code = {0x2000U, 0xBF08U, 0xBE01U, 0xE7FEU};  // MOVS R0, #0; IT EQ; BKPT #1; B .
  Machine one(code), other(code);
  one.go(3);  // HardFault, as no debugger takes it
  EXPECT_EQ(one.core.state.r[15], kHandler);
  // ITSTATE 0000 1000: IT[7:2] = 000010 in xPSR[15:10].
  EXPECT_EQ(one.stacked(7) & kItOfXpsr, 0x0800U);
  one.settle();
  other.go_from(kStart + 4, 1);
  EXPECT_EQ(other.stacked(7) & kItOfXpsr, 0U);
}

TEST(SharedCodeTest, CoresOnManyThreadsDisturbNobody) {
  // Eight endless loops: ADDS Rn, #1; B back. Which is run when differs from thread to thread.
  const auto code = {0x3001U, 0xE7FDU, 0x3101U, 0xE7FDU, 0x3201U, 0xE7FDU, 0x3301U, 0xE7FDU,
                     0x3401U, 0xE7FDU, 0x3501U, 0xE7FDU, 0x3601U, 0xE7FDU, 0x3701U, 0xE7FDU};
  std::vector<std::thread> threads;
  for (std::uint32_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&code, thread] {
      Machine machine(code);
      std::array<std::uint32_t, 8> expected{};
      for (std::uint32_t round = 0; round < 400; ++round) {
        const std::uint32_t loop = (round / 3 + thread * 3) % 8;
        machine.go_from(kStart + 4 * loop, 10);
        expected[loop] += 5;
        ASSERT_EQ(machine.core.state.r[loop], expected[loop]);
        if (round % 16 == thread) machine.place(kStart + 4 * loop, {0x3001 | loop << 8});
        machine.settle();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// --- the cache alone -------------------------------------------------------------------------------------

class DecodeCacheTest : public ::testing::Test {
 protected:
  DecodeCacheTest() {
    for (std::size_t at = 0; at < code.size(); at += 2) code[at + 1] = 0x20;  // MOVS R0, #0
  }
  const Record* page(DecodeCache& cache) {
    bool created = false;
    return cache.page(0, code.data(), created);
  }
  alignas(4) std::array<std::uint8_t, kPageBytes> code{};
};

TEST_F(DecodeCacheTest, MarksAreOneCoresOwn) {
  DecodeCache one, other;
  ASSERT_NE(one.decode(page(one), 0, 0), nullptr);
  while (!one.share()) {
  }
  const Record* shared = page(one);
  ASSERT_EQ(page(other), shared);
  const Record* marked = one.mark(shared, 0);
  EXPECT_NE(marked, shared);
  EXPECT_TRUE(is_marked(marked[0]));
  EXPECT_FALSE(is_marked(page(other)[0]));
  for (int looks = 0; looks < 100; ++looks) EXPECT_FALSE(one.share()) << "marks are not for others";
  one.unmark();
  EXPECT_EQ(page(one)[0].op, 0);
}

TEST_F(DecodeCacheTest, CodeThatKeepsChangingIsSharedLessAndLess) {
  DecodeCache cache;
  int shared = 0;
  for (int round = 0; round < 1000; ++round) {
    ASSERT_NE(cache.decode(page(cache), 0, 0), nullptr);
    for (int looks = 0; looks < 4; ++looks) shared += cache.share() ? 1 : 0;
    code[0] = static_cast<std::uint8_t>(round);
    (void)cache.invalidate(0, 2);
    EXPECT_EQ(page(cache)[0].op, 0);
  }
  EXPECT_GT(shared, 0);
  EXPECT_LT(shared, 4) << "the wait doubles, and four looks are soon too few";
}

TEST_F(DecodeCacheTest, AWholePageOverwrittenIsLookedForAnew) {
  DecodeCache cache;
  ASSERT_NE(cache.decode(page(cache), 0, 0), nullptr);
  while (!cache.share()) {
  }
  EXPECT_TRUE(cache.invalidate(0, kPageBytes));
  EXPECT_FALSE(cache.contains(0));
  code.fill(0xBF);
  EXPECT_EQ(page(cache)[0].op, 0);
}

}  // namespace
}  // namespace microvisor::board

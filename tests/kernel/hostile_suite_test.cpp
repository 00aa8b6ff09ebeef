// A part of the hostile suite that takes about a minute: of each group so many cases, spread over it by a
// seed. script/torture --only hostile runs all of them.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <functional>

#include "tests/kernel/hostile_rule.hpp"

namespace microvisor::tests {
namespace {

/// Runs `wanted` of the cases at equal distances. MICROVISOR_SEED shifts them.
void run_some(const std::vector<HostileCase>& cases, std::size_t wanted) {
  ASSERT_GE(cases.size(), wanted);
  const char* text = std::getenv("MICROVISOR_SEED");
  const std::size_t seed = text != nullptr ? std::stoul(text) : 0;
  for (std::size_t i = 0; i < wanted; ++i) {
    const HostileCase& one = cases[(i * cases.size() / wanted + seed) % cases.size()];
    EXPECT_EQ(one.run(), "") << one.id;
  }
  std::printf("%zu of %zu cases\n", wanted, cases.size());
}

// --- the rule itself: each of its parts can be broken
// ---------------------------------------------------------------------

class TheRule : public ::testing::Test {
 protected:
  /// mvGetMicroseconds, with `spoil` called before the outcome is looked at.
  std::string judged(const std::function<void(CallerMachine&, Outcome&)>& spoil, Expectation expected = {}) {
    CallerMachine caller;
    const CallImage image = caller.image_of(shape_of("mvGetMicroseconds"));
    caller.prepare(image, CallerMachine::order_for(image));
    const MemoryPicture before = caller.picture();
    caller.begin();
    Outcome outcome = caller.finish();
    spoil(caller, outcome);
    if (expected.results.empty()) expected.results = results_of(image);
    return judge(caller, &image, before, outcome, expected);
  }
};

TEST_F(TheRule, IsContentWithAnOrdinaryCall) {
  EXPECT_EQ(judged([](CallerMachine&, Outcome&) {}), "");
}
TEST_F(TheRule, NoticesLeaks) {
  EXPECT_NE(judged([](CallerMachine& caller, Outcome&) { caller.poke(ARENA_ADDRESS + 0x400, kCanary); }), "");
}
TEST_F(TheRule, NoticesChangedMemoryOnBothSides) {
  EXPECT_NE(judged([](CallerMachine& caller, Outcome&) { caller.poke(ARENA_ADDRESS + 0x400, 1); }), "");
  EXPECT_NE(judged([](CallerMachine& caller, Outcome&) { caller.poke(canary_address() + 0x400, 1); }), "");
  EXPECT_NE(judged([](CallerMachine& caller, Outcome&) { caller.poke(kernel_symbol("data_start") + 64, 1); }),
            "");
}
TEST_F(TheRule, NoticesRegistersAndStatus) {
  EXPECT_NE(judged([](CallerMachine&, Outcome& outcome) { outcome.result.after[2] ^= 1; }), "");
  EXPECT_NE(judged([](CallerMachine&, Outcome& outcome) { outcome.result.kept[7] ^= 1; }), "");
  EXPECT_NE(judged([](CallerMachine&, Outcome& outcome) { outcome.result.flags ^= 1u << 30; }), "");
  EXPECT_NE(judged([](CallerMachine&, Outcome& outcome) { outcome.result.after[0] = 0x12; }), "");
  EXPECT_NE(judged([](CallerMachine&, Outcome&) {}, {.refused = true}), "");
  EXPECT_NE(judged([](CallerMachine&, Outcome&) {}, {.must_end = true}), "");
}

/// A transfer between two places of the application's own does happen: what the DMA cases try is no empty
/// threat.
TEST(HostileSuite, DmaOfItsOwnIsTheApplications) {
  CallerMachine caller;
  caller.poke(ARENA_ADDRESS, 0x1234'5678);
  const command order = dma_order(ARENA_ADDRESS, ARENA_ADDRESS + 0x1000, 64);
  EXPECT_EQ(try_hostile(caller, nullptr, order, {.judged = false}), "");
  EXPECT_EQ(caller.word(ARENA_ADDRESS + 0x1000), 0x1234'5678u);
}

TEST(HostileSuite, OwnFlashIsReadOnlyForDma) {
  constexpr std::uint32_t kBlank = 0x0808'0000;
  CallerMachine caller;
  caller.poke(ARENA_ADDRESS, 0x1234'5678);
  EXPECT_EQ(try_hostile(caller, nullptr, dma_order(ARENA_ADDRESS, kBlank, 64), {.judged = false}), "");
  EXPECT_EQ(caller.word(kBlank), 0xFFFF'FFFFu);
}

// --- the suite
// ------------------------------------------------------------------------------------------------------------

TEST(HostileSuite, PointersAndLengths) { run_some(pointer_cases(), 400); }
TEST(HostileSuite, MemoryThatChangesDuringACall) { run_some(changing_memory_cases(), 300); }
TEST(HostileSuite, Handles) { run_some(handle_cases(), 150); }
TEST(HostileSuite, Circumstances) { run_some(context_cases(), 300); }
TEST(HostileSuite, Returns) { run_some(return_cases(), 100); }
TEST(HostileSuite, Registers) { run_some(register_cases(), 200); }
TEST(HostileSuite, Dma) { run_some(dma_cases(), 100); }

}  // namespace
}  // namespace microvisor::tests

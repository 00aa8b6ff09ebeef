// Which lines may be fast, when they interrupt, and when they are too much.
#include "firmware/kernel/resident/fast_interrupts.hpp"

#include <gtest/gtest.h>

#include "firmware/kernel/resident/fake_application.hpp"

namespace microvisor::firmware::kernel {
namespace {

using abi::Status;

constexpr std::uint32_t kLine = 49;
constexpr Address kTable = FakeApplication::kFlash;
constexpr Address kHandler = FakeApplication::kFlash + 0x800;

class FastInterruptsTest : public testing::Test {
 protected:
  void SetUp() override {
    for (std::uint32_t line = 0; line < 126; ++line) set_vector(line, kHandler + 4 * line + 1);
  }
  void set_vector(std::uint32_t line, std::uint32_t vector) { app.write(kTable + 64 + 4 * line, vector); }

  FakeApplication app;
  FastInterrupts interrupts;
};

TEST_F(FastInterruptsTest, InterruptsOnceItIsEnabled) {
  app.priorities[kLine] = 0x60;
  ASSERT_EQ(interrupts.set(kLine, false), Status::OKAY);
  EXPECT_TRUE(app.fast[kLine]);
  EXPECT_FALSE(app.enabled[kLine]);
  EXPECT_EQ(interrupts.handler_of(kLine), kHandler + 4 * kLine);
  EXPECT_EQ(interrupts.enable(kLine, true), Status::OKAY);
  EXPECT_TRUE(app.enabled[kLine]);
  EXPECT_EQ(interrupts.enable(kLine, false), Status::OKAY);
  EXPECT_FALSE(app.enabled[kLine]);
}

TEST_F(FastInterruptsTest, GoesBackAsItWas) {
  app.priorities[kLine] = 0x60;
  ASSERT_EQ(interrupts.set(kLine, false), Status::OKAY);
  ASSERT_EQ(interrupts.enable(kLine, true), Status::OKAY);
  EXPECT_EQ(interrupts.clear(kLine), Status::OKAY);
  EXPECT_FALSE(app.fast[kLine]);
  EXPECT_FALSE(app.enabled[kLine]);
  EXPECT_EQ(app.priorities[kLine], 0x60);
  EXPECT_EQ(interrupts.handler_of(kLine), 0u);
}

TEST_F(FastInterruptsTest, MaskIsAFlagAndKeepsWhatIsEnabled) {
  ASSERT_EQ(interrupts.set(kLine, false), Status::OKAY);
  ASSERT_EQ(interrupts.set(50, false), Status::OKAY);
  ASSERT_EQ(interrupts.enable(kLine, true), Status::OKAY);
  interrupts.mask(true);
  interrupts.mask(true);
  EXPECT_FALSE(app.enabled[kLine]);
  EXPECT_EQ(interrupts.enable(50, true), Status::OKAY);
  EXPECT_FALSE(app.enabled[50]);
  EXPECT_EQ(interrupts.enable(kLine, false), Status::OKAY);
  interrupts.mask(false);
  EXPECT_FALSE(app.enabled[kLine]);
  EXPECT_TRUE(app.enabled[50]);
}

TEST_F(FastInterruptsTest, RefusesLinesThatAreNotFree) {
  EXPECT_EQ(interrupts.set(48, false), Status::INVALIDINTERRUPT);  // TIM5
  EXPECT_EQ(interrupts.set(126, false), Status::INVALIDINTERRUPT);
  EXPECT_EQ(interrupts.set(255, false), Status::INVALIDINTERRUPT);
  EXPECT_EQ(interrupts.set(0xFFFF'FFFF, false), Status::INVALIDINTERRUPT);
  EXPECT_EQ(interrupts.set(kLine, true), Status::INVALIDINTERRUPT);
  app.active[kLine] = true;
  EXPECT_EQ(interrupts.set(kLine, false), Status::UNAVAILABLE);
  for (const std::uint32_t line : {48u, kLine, 255u, 0xFFFF'FFFFu}) {
    EXPECT_EQ(interrupts.clear(line), Status::INVALIDINTERRUPT);
    EXPECT_EQ(interrupts.enable(line, true), Status::INVALIDINTERRUPT);
    EXPECT_EQ(interrupts.enable(line, false), Status::INVALIDINTERRUPT);
  }
  EXPECT_FALSE(app.fast[kLine]);
}

TEST_F(FastInterruptsTest, RefusesVectorsOutsideTheApplicationsMemory) {
  app.vector_table = 0x0C10'0000;
  EXPECT_EQ(interrupts.set(kLine, false), Status::INVALIDVECTOR);
  app.vector_table = FakeApplication::kRam + FakeApplication::kRamSize - 64;  // the entry lies behind the end
  EXPECT_EQ(interrupts.set(kLine, false), Status::INVALIDVECTOR);
  app.vector_table = kTable;
  for (const std::uint32_t vector :
       {0x0C1F'E001u, 0x3008'0001u, 0xE000'ED01u, 0u, kHandler /* not Thumb */}) {
    set_vector(kLine, vector);
    EXPECT_EQ(interrupts.set(kLine, false), Status::INVALIDVECTOR) << std::hex << vector;
  }
  EXPECT_FALSE(app.fast[kLine]);
}

TEST_F(FastInterruptsTest, SetAgainTakesTheNewVectorAndStaysEnabled) {
  ASSERT_EQ(interrupts.set(kLine, false), Status::OKAY);
  ASSERT_EQ(interrupts.enable(kLine, true), Status::OKAY);
  set_vector(kLine, kHandler + 0x201);
  EXPECT_EQ(interrupts.set(kLine, false), Status::OKAY);
  EXPECT_EQ(interrupts.handler_of(kLine), kHandler + 0x200);
  EXPECT_TRUE(app.enabled[kLine]);
}

TEST_F(FastInterruptsTest, EightAreTheMost) {
  for (std::uint32_t line = 0; line < FastInterrupts::kMaximum; ++line) {
    EXPECT_EQ(interrupts.set(10 + line, false), Status::OKAY);
  }
  EXPECT_EQ(interrupts.set(30, false), Status::INVALIDINTERRUPT);
  EXPECT_EQ(interrupts.clear(12), Status::OKAY);
  EXPECT_EQ(interrupts.set(30, false), Status::OKAY);
}

TEST_F(FastInterruptsTest, ShutDownRefusesAllUntilTheNextRun) {
  ASSERT_EQ(interrupts.set(kLine, false), Status::OKAY);
  ASSERT_EQ(interrupts.enable(kLine, true), Status::OKAY);
  interrupts.shut_down();
  EXPECT_FALSE(app.enabled[kLine]);
  EXPECT_EQ(interrupts.handler_of(kLine), 0u);
  EXPECT_EQ(interrupts.set(50, false), Status::UNAVAILABLE);
  EXPECT_EQ(interrupts.clear(kLine), Status::UNAVAILABLE);
  EXPECT_EQ(interrupts.enable(kLine, true), Status::UNAVAILABLE);
  EXPECT_EQ(interrupts.enable(kLine, false), Status::UNAVAILABLE);
  interrupts.mask(false);
  EXPECT_FALSE(app.enabled[kLine]);
  interrupts.reset();
  EXPECT_EQ(interrupts.set(50, false), Status::OKAY);
}

// Half of the processor over 100 ms, at 160 cycles a microsecond: 8,000,000 cycles.
TEST(FastInterruptLoadTest, HalfOfTheProcessorIsAllowedAndMoreIsAFlood) {
  constexpr std::uint32_t kStart = 0xFFFF'F000;  // the clock wraps in the middle
  FastInterruptLoad load(160);
  std::uint32_t now = kStart;
  for (int i = 0; i < 10'000; ++i, now += 100) ASSERT_FALSE(load.add(now, 8'000));
  bool flood = false;
  std::uint32_t until = 0;
  for (; until < 200'000 && !flood; until += 100, now += 100) flood = load.add(now, 9'000);
  EXPECT_TRUE(flood);
  EXPECT_GE(until, 50'000u);
}

TEST(FastInterruptLoadTest, ABurstInOneWindowIsForgotten) {
  FastInterruptLoad load(160);
  EXPECT_FALSE(load.add(1'000'000, 8'000'000));
  EXPECT_TRUE(load.add(1'099'999, 1));
  EXPECT_FALSE(load.add(1'100'000, 8'000'000));
}

}  // namespace
}  // namespace microvisor::firmware::kernel

// Lines, levels and views of the NVIC; sleep. Expectations: Armv8-M ARM (DDI0553) B11, B3.28, D1.2 NVIC_*.
#include "board/cpu/system_test_bus.hpp"

namespace microvisor::board {
namespace {

class NvicTest : public SystemTest {
 protected:
  std::uint32_t ns_read(unsigned offset) {  // Non-secure code at its own address
    std::uint32_t value = 0xDEAD;
    EXPECT_TRUE(read_ppb(core, kScs + offset, 4, false, true, value));
    return value;
  }
  void ns_write(unsigned offset, std::uint32_t value) {
    EXPECT_TRUE(write_ppb(core, kScs + offset, 4, false, true, value));
  }
};

TEST_F(NvicTest, ThereAre126Lines) {
  scs(0xE10C, 0xFFFF'FFFF);
  EXPECT_EQ(scs(0xE10C), 0x3FFF'FFFFu);
  EXPECT_EQ(scs(0xE110), 0u);
  EXPECT_EQ(scs(0xE004), 3u);
}

TEST_F(NvicTest, NonSecureViewHidesSecureLines) {
  scs(0xE380, 0x0000'00F0);
  scs(0xE100, 0x0000'0FF0);
  EXPECT_EQ(ns_read(0xE100), 0xF0u);
  EXPECT_EQ(scs_ns(0xE100), 0xF0u);
  EXPECT_EQ(ns_read(0xE380), 0u);
  ns_write(0xE180, 0xFFFF'FFFF);
  EXPECT_EQ(scs(0xE100), 0xF00u);
  ns_write(0xE200, 0xFFFF'FFFF);
  EXPECT_EQ(scs(0xE200), 0xF0u);
  ns_write(0xE404, 0x5050'5050);
  ns_write(0xE408, 0x5050'5050);
  EXPECT_EQ(scs(0xE404), 0x5050'5050u);
  EXPECT_EQ(scs(0xE408), 0u);
  EXPECT_EQ(ns_read(0xE408), 0u);
}

TEST_F(NvicTest, BytesOfPriorities) {
  scs_byte(0xE431, 0xA5);  // IPR of line 49, as FreeRTOS ports write it
  EXPECT_EQ(scs(0xE430), 0xA000u);
  std::uint32_t value = 0;
  EXPECT_TRUE(read_ppb(core, 0xE000'E431, 1, true, true, value));
  EXPECT_EQ(value, 0xA0u);
}

TEST_F(NvicTest, HighLevelPendsAgainAfterTheHandler) {
  run_thread(kSecure, kMain);
  scs(0xE100, bit(5));
  core.set_line(5, true);
  ASSERT_TRUE(take());
  EXPECT_EQ(scs(0xE200), 0u);
  EXPECT_EQ(scs(0xE300), bit(5));
  ASSERT_TRUE(branch(core.state.r[14]));
  EXPECT_EQ(core.state.ipsr, kFirstInterrupt + 5u);  // tail-chained: the line is still high
  core.set_line(5, false);
  ASSERT_TRUE(branch(core.state.r[14]));
  EXPECT_EQ(core.state.ipsr, 0u);
}

TEST_F(NvicTest, PulseStaysLatched) {
  core.set_line(5, true);
  core.set_line(5, false);
  EXPECT_EQ(scs(0xE200), bit(5));
  EXPECT_FALSE(core.attention);
  scs(0xE100, bit(5));
  EXPECT_TRUE(core.attention);
}

TEST_F(NvicTest, PulseDuringTheHandlerIsTakenAfterIt) {
  scs(0xE100, bit(5));
  core.set_line(5, true);
  ASSERT_TRUE(take());
  core.set_line(5, false);
  core.set_line(5, true);
  core.set_line(5, false);
  EXPECT_EQ(scs(0xE200), bit(5));
  ASSERT_TRUE(branch(core.state.r[14]));
  EXPECT_EQ(core.state.ipsr, kFirstInterrupt + 5u);
}

TEST_F(NvicTest, ClearPendingDoesNothingWhileTheLineIsHigh) {
  core.set_line(5, true);
  scs(0xE280, bit(5));
  EXPECT_EQ(scs(0xE200), bit(5));
  core.set_line(5, false);
  scs(0xE280, bit(5));
  EXPECT_EQ(scs(0xE200), 0u);
}

TEST_F(NvicTest, SoftwareTriggerHonoursOwnershipAndPrivilege) {
  scs(0xE380, bit(5));
  ns_write(0xEF00, 4);
  EXPECT_EQ(scs(0xE200), 0u);
  ns_write(0xEF00, 5);
  EXPECT_EQ(scs(0xE200), bit(5));
  EXPECT_FALSE(write_ppb(core, 0xE000'EF00, 4, false, false, 5));
  scs_ns(0xED14, 2);  // CCR_NS.USERSETMPEND
  EXPECT_TRUE(write_ppb(core, 0xE000'EF00, 4, false, false, 5));
  EXPECT_FALSE(write_ppb(core, 0xE000'EF00, 4, true, false, 5));
}

TEST_F(NvicTest, UnprivilegedAccessIsABusFault) {
  std::uint32_t value = 0;
  EXPECT_FALSE(read_ppb(core, 0xE000'ED00, 4, false, false, value));
  EXPECT_FALSE(read_ppb(core, 0xE002'ED00, 4, false, false, value));
  EXPECT_TRUE(read_ppb(core, 0xE002'ED00, 4, false, true, value));
  EXPECT_EQ(value, 0u);  // the alias is empty to Non-secure code
}

TEST_F(NvicTest, LinesFromOutsideCutTheRun) {
  scs(0xE100, bit(5));
  scheduler.arm_budget(1000);
  core.set_line(5, true);
  EXPECT_TRUE(core.attention);
  EXPECT_EQ(scheduler.budget, 0);
}

// --- sleep ------------------------------------------------------------------------------------------------

TEST_F(NvicTest, WfiWakesForWhatPrimaskHoldsBack) {
  core.state.primask[kSecure] = true;
  scs(0xE100, bit(5));
  execute_wfi(core, kCodeS + 2);
  EXPECT_TRUE(core.state.asleep);
  EXPECT_EQ(core.state.r[15], kCodeS + 2);
  core.set_line(5, true);
  EXPECT_FALSE(core.state.asleep);
  EXPECT_FALSE(core.attention);
}

TEST_F(NvicTest, WfiDoesNotWakeForWhatBasepriHoldsBackOrWhatIsDisabled) {
  core.state.basepri[kSecure] = 0x20;
  scs_byte(0xE405, 0x20);
  scs(0xE100, bit(5));
  execute_wfi(core, kCodeS + 2);
  core.set_line(5, true);
  core.set_line(6, true);
  EXPECT_TRUE(core.state.asleep);
}

TEST_F(NvicTest, WfiWithSomethingPendingDoesNotSleep) {
  core.state.primask[kSecure] = true;
  scs(0xE100, bit(5));
  core.set_line(5, true);
  execute_wfi(core, kCodeS + 2);
  EXPECT_FALSE(core.state.asleep);
}

TEST_F(NvicTest, WfeConsumesTheEventAndSleepsWithout) {
  execute_sev(core);
  execute_wfe(core, kCodeS + 2);
  EXPECT_FALSE(core.state.asleep);
  execute_wfe(core, kCodeS + 4);
  EXPECT_TRUE(core.state.asleep);
  core.state.primask[kSecure] = true;
  scs(0xE100, bit(5));
  core.set_line(5, true);
  EXPECT_TRUE(core.state.asleep);  // masked, and SEVONPEND is off
  scs(0xED10, 0x10);
  core.set_line(6, true);  // not even enabled
  EXPECT_FALSE(core.state.asleep);
}

TEST_F(NvicTest, DeepSleepIsTheSecureSidesIfItWantsIt) {
  ns_write(0xED10, 4);
  EXPECT_TRUE(deep_sleep_requested(core));
  scs(0xED10, 8);  // SLEEPDEEPS, SLEEPDEEP cleared
  EXPECT_FALSE(deep_sleep_requested(core));
  ns_write(0xED10, 4);
  EXPECT_FALSE(deep_sleep_requested(core));
  EXPECT_EQ(ns_read(0xED10), 0u);
}

/// SCR.SEVONPEND: what becomes pending is an event, also if it is disabled and cannot be taken.
TEST_F(NvicTest, PendingIsAnEventForWfeWithSevonpend) {
  core.state.event = false;
  execute_wfe(core, kCodeS + 2);
  core.set_line(7, true);  // disabled
  EXPECT_TRUE(core.state.asleep);
  core.set_line(7, false);
  scs(0xE280, 1u << 7);
  scs(0xED10, 1u << 4);
  EXPECT_TRUE(core.state.asleep);
  core.set_line(7, true);
  EXPECT_FALSE(core.state.asleep);
}

TEST_F(NvicTest, NonSecureSevonpendIsForNonSecureLines) {
  scs_ns(0xED10, 1u << 4);
  scs(0xE380, 1u << 8);  // line 8 is Non-secure
  core.state.event = false;
  execute_wfe(core, kCodeS + 2);
  core.set_line(7, true);
  EXPECT_TRUE(core.state.asleep);
  core.set_line(8, true);
  EXPECT_FALSE(core.state.asleep);
}

}  // namespace
}  // namespace microvisor::board

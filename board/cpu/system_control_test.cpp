// Registers of the SCS in both views. Expectations: Armv8-M ARM (DDI0553) D1.2; Cortex-M33 TRM; RM0456
// SYSCFG_CSLCKR.
#include "board/cpu/system_test_bus.hpp"

namespace microvisor::board {
namespace {

using SystemControlTest = SystemTest;

TEST_F(SystemControlTest, Identity) {
  EXPECT_EQ(scs(0xED00), 0x410F'D214u);
  EXPECT_EQ(scs_ns(0xED00), 0x410F'D214u);
  EXPECT_EQ(scs(0xED90), 0x800u);
  EXPECT_EQ(scs(0xEDD4), 8u);
  EXPECT_EQ(scs(0xEF40), 0x1011'0021u);
}

TEST_F(SystemControlTest, AircrNeedsItsKeyAndShowsNonSecureCodeLess) {
  scs(0xED0C, 0xFA05'4008);
  EXPECT_EQ(scs(0xED0C), 0xFA05'0000u);
  scs(0xED0C, 0x05FA'4008);
  EXPECT_EQ(scs(0xED0C), 0xFA05'4008u);
  EXPECT_EQ(scs_ns(0xED0C), 0xFA05'0000u);
  scs_ns(0xED0C, 0x05FA'2000);  // BFHFNMINS is not the Non-secure side's to write
  EXPECT_EQ(scs(0xED0C), 0xFA05'4008u);
}

TEST_F(SystemControlTest, ResetRequestOfNonSecureCodeCanBeTakenAway) {
  scs(0xED0C, 0x05FA'0008);
  scs_ns(0xED0C, 0x05FA'0004);
  EXPECT_FALSE(core.attention);
  scs(0xED0C, 0x05FA'000C);
  EXPECT_TRUE(core.attention);
  EXPECT_FALSE(service(core));
}

TEST_F(SystemControlTest, ResetRequestOfNonSecureCode) {
  scs_ns(0xED0C, 0x05FA'0004);
  EXPECT_TRUE(core.attention);
  EXPECT_FALSE(service(core));
}

TEST_F(SystemControlTest, LocksFreezeVtorAndAircr) {
  core.signals.lock_secure_vtor_aircr = true;
  scs(0xED08, 0x0C00'8000);
  scs(0xED0C, 0x05FA'6008);
  EXPECT_EQ(scs(0xED08), kVectorsS);
  EXPECT_EQ(scs(0xED0C), 0xFA05'0008u);  // SYSRESETREQS is not named by the lock
  scs_ns(0xED08, 0x0800'8000);
  EXPECT_EQ(scs_ns(0xED08), 0x0800'8000u);
  core.signals.lock_nonsecure_vtor = true;
  scs_ns(0xED08, 0x0800'0000);
  EXPECT_EQ(scs_ns(0xED08), 0x0800'8000u);
}

TEST_F(SystemControlTest, VtorKeepsBits31To7) {
  scs_ns(0xED08, 0xFFFF'FFFF);
  EXPECT_EQ(scs_ns(0xED08), 0xFFFF'FF80u);
}

TEST_F(SystemControlTest, IcsrPendsAndClears) {
  core.state.primask = {true, true};
  scs_ns(0xED04, 1u << 28 | 1u << 26);
  EXPECT_TRUE(is_pending(core, kPendSv, kNonSecure));
  EXPECT_FALSE(is_pending(core, kPendSv, kSecure));
  EXPECT_EQ(scs_ns(0xED04) & 0x1400'0000u, 0x1400'0000u);
  EXPECT_EQ(scs(0xED04) & 0x1400'0000u, 0u);
  scs_ns(0xED04, 1u << 27);
  EXPECT_FALSE(is_pending(core, kPendSv, kNonSecure));
  EXPECT_TRUE(is_pending(core, kSysTick, kNonSecure));
}

TEST_F(SystemControlTest, IcsrDoesNotTellNonSecureCodeWhichSecureExceptionIsPending) {
  core.state.primask = {true, true};
  pend_line(5, kSecure, 0);
  std::uint32_t value = 0;
  EXPECT_TRUE(read_ppb(core, 0xE000'ED04, 4, false, true, value));
  EXPECT_EQ(value >> 12 & 0x1FF, 1u);
  EXPECT_EQ(value >> 22 & 1, 0u);
  EXPECT_EQ(scs(0xED04) >> 12 & 0x1FF, kFirstInterrupt + 5u);
}

TEST_F(SystemControlTest, IcsrShowsTheActiveExceptionAndNesting) {
  pend_line(5, kSecure, 0x40);
  ASSERT_TRUE(take());
  EXPECT_EQ(scs(0xED04) & 0x1FF, kFirstInterrupt + 5u);
  EXPECT_EQ(scs(0xED04) >> 11 & 1, 1u);
  pend_line(6, kSecure, 0x20);
  ASSERT_TRUE(take());
  EXPECT_EQ(scs(0xED04) >> 11 & 1, 0u);
}

TEST_F(SystemControlTest, NmiIsNotNonSecureCodesToPend) {
  scs_ns(0xED04, 1u << 31);
  EXPECT_FALSE(core.attention);
  scs(0xED04, 1u << 31);
  ASSERT_TRUE(take());
  EXPECT_EQ(core.state.ipsr, kNmi);
}

TEST_F(SystemControlTest, HandlerPrioritiesInBothViews) {
  scs(0xED18, 0x4030'2010);
  EXPECT_EQ(scs(0xED18), 0x4030'2010u);
  EXPECT_EQ(scs_ns(0xED18), 0u);
  scs_ns(0xED18, 0xF0F0'F0F0);
  EXPECT_EQ(scs_ns(0xED18), 0x00F0'00F0u);  // no BusFault, no SecureFault
  EXPECT_EQ(scs(0xED18), 0x4030'2010u);
  scs_ns_byte(0xED23, 0xC0);  // SysTick_NS
  EXPECT_EQ(scs_ns(0xED20), 0xC000'0000u);
  EXPECT_EQ(scs(0xED20), 0u);
}

TEST_F(SystemControlTest, ShcsrViews) {
  EXPECT_EQ(scs(0xED24), 0x000F'0000u);
  EXPECT_EQ(scs_ns(0xED24), 0x0005'0000u);
  scs_ns(0xED24, 0xFFFF'0000);
  EXPECT_EQ(scs(0xED24) & (1u << 20), 0u);
  EXPECT_EQ(scs_ns(0xED24) & 0x000F'0000u, 0x0005'0000u);
}

TEST_F(SystemControlTest, FaultPendedBySoftwareWaitsUntilEnabled) {
  scs(0xED24, 0);
  scs(0xED24, 1u << 12);
  EXPECT_FALSE(core.attention);
  scs(0xED24, 1u << 12 | 1u << 18);
  EXPECT_TRUE(core.attention);
}

TEST_F(SystemControlTest, ConfigurationAndControl) {
  EXPECT_EQ(scs(0xED14), 0x201u);
  scs_ns(0xED14, 0xFFFF'FFFF);
  EXPECT_EQ(scs_ns(0xED14), 0x201u | 0x1Au | 0x400u);
  EXPECT_EQ(scs(0xED14), 0x201u);
  run_thread(kNonSecure, kMain);
  EXPECT_TRUE(unaligned_traps(core));
  EXPECT_TRUE(divide_traps(core));
  run_thread(kSecure, kMain);
  EXPECT_FALSE(unaligned_traps(core));
}

TEST_F(SystemControlTest, CoprocessorAccessIsBankedAndNsacrIsSecure) {
  scs(0xED88, 0xFFFF'FFFF);
  EXPECT_EQ(scs(0xED88), 0x00F0'0000u);
  EXPECT_EQ(scs_ns(0xED88), 0u);
  scs_ns(0xED8C, 0xC00);
  EXPECT_EQ(scs(0xED8C), 0u);
  scs(0xED8C, 0xFFFF'FFFF);
  EXPECT_EQ(scs(0xED8C), 0xC00u);
  EXPECT_EQ(scs_ns(0xED8C), 0u);
}

TEST_F(SystemControlTest, SauAndSecureFaultStatusAreSecure) {
  record_access_fault(core, Attribution::Fault::SecureData, AccessType::Read, 0x3000'0000);
  EXPECT_EQ(scs_ns(0xEDD0), 0u);
  EXPECT_EQ(scs_ns(0xEDE4), 0u);
  scs_ns(0xEDE4, 0xFF);
  EXPECT_EQ(scs(0xEDE4), 0x48u);
  scs_ns(0xEDD0, 0);
  EXPECT_EQ(scs(0xEDD0), 1u);
}

TEST_F(SystemControlTest, DebugMonitorTargetsSecureOnlyWithAuthentication) {
  EXPECT_EQ(target_world(core, kDebugMonitor, kSecure), kNonSecure);
  write_ppb(core, 0xE000'EE04, 4, false, true, 3);  // not the Non-secure side's
  EXPECT_EQ(scs(0xEE04), 0u);
  scs(0xEE04, 3);
  EXPECT_EQ(target_world(core, kDebugMonitor, kSecure), kSecure);
  scs(0xEDFC, 1u << 16);
  std::uint32_t value = 0;
  EXPECT_TRUE(read_ppb(core, 0xE000'EDFC, 4, false, true, value));
  EXPECT_EQ(value & (1u << 16), 0u);
}

TEST_F(SystemControlTest, SnapshotRestoresTheUnits) {
  scs(0xED0C, 0x05FA'4000);
  scs(0xE014, 99);
  scs(0xE010, 7);
  pend_line(3, kNonSecure, 0x30);
  Archive saved;
  core.serialise(saved);
  reset_system(core, 0);
  EXPECT_FALSE(core.attention);
  Archive again(saved.bytes());
  core.serialise(again);
  EXPECT_EQ(scs(0xED0C), 0xFA05'4000u);
  EXPECT_EQ(most_urgent(core).number, kFirstInterrupt + 3u);
  EXPECT_TRUE(core.attention);
  EXPECT_EQ(core.system->systick_due[kSecure].due(), 100 * 1920u);
}

TEST_F(SystemControlTest, ResetValues) {
  scs(0xED0C, 0x05FA'4000);
  core.reset(0x0C00'0000);
  EXPECT_EQ(scs(0xED0C), 0xFA05'0000u);
  EXPECT_EQ(scs(0xED08), 0x0C00'0000u);
  EXPECT_EQ(scs(0xEDD0), 0u);
  EXPECT_EQ(scs(0xEF34), 0xC000'0004u);
  EXPECT_EQ(scs_ns(0xED08), 0u);
  EXPECT_EQ(scs(0xE380), 0u);
}

TEST_F(SystemControlTest, NonSecureAliasIsEmptyToNonSecureCodeAndClosedToUnprivileged) {
  scs_ns(0xED08, 0x0800'0400);
  std::uint32_t value = 1;
  EXPECT_TRUE(read_ppb(core, 0xE002'ED08, 4, false, true, value));
  EXPECT_EQ(value, 0u);
  EXPECT_TRUE(write_ppb(core, 0xE002'ED08, 4, false, true, 0x1234'5680));
  EXPECT_EQ(scs_ns(0xED08), 0x0800'0400u);
  EXPECT_FALSE(read_ppb(core, 0xE002'ED08, 4, false, false, value));
  EXPECT_FALSE(write_ppb(core, 0xE002'ED08, 4, false, false, 0));
  EXPECT_FALSE(read_ppb(core, 0xE000'ED08, 4, true, false, value));
}

}  // namespace
}  // namespace microvisor::board

// Exception return and function return when something is wrong, and the calls between worlds. Expectations:
// Armv8-M ARM (DDI0553) B3.22 (integrity checks), B3.16 (FNC_RETURN), C2.4 BXNS, BLXNS, SG.
#include "board/cpu/system_test_bus.hpp"

namespace microvisor::board {
namespace {

class ExceptionReturn : public SystemTest {
 protected:
  void in_handler(World from, World to) {
    run_thread(from, kMain);
    pend_line(3, to, 0x20);
    ASSERT_TRUE(take());
  }
};

TEST_F(ExceptionReturn, CorruptSignatureIsInvis) {
  in_handler(kSecure, kNonSecure);
  bus.poke(kMspS - 0x48, 4, 0xFEFA'125A);  // that of a frame with FP context
  ASSERT_TRUE(branch(0xFFFF'FFF8));
  EXPECT_EQ(core.state.ipsr, kSecureFault);
  EXPECT_EQ(scs(0xEDE4), 2u);
  EXPECT_EQ(core.state.r[14], 0xFFFF'FFD9u);  // a tail-chain on the frame that is still there
  EXPECT_FALSE(is_active(core, kFirstInterrupt + 3, kNonSecure));
}

TEST_F(ExceptionReturn, NonSecureClaimOfASecureExceptionIsInver) {
  in_handler(kNonSecure, kNonSecure);
  ASSERT_TRUE(branch(0xFFFF'FFB9));  // ES = 1
  EXPECT_EQ(core.state.ipsr, kSecureFault);
  EXPECT_EQ(scs(0xEDE4), 4u);
  EXPECT_EQ(core.state.r[14], 0xFFFF'FFB9u);
}

TEST_F(ExceptionReturn, NonSecureClaimThatCalleeRegistersAreElsewhereIsInver) {
  in_handler(kNonSecure, kNonSecure);
  ASSERT_TRUE(branch(0xFFFF'FF98));  // DCRS = 0
  EXPECT_EQ(core.state.ipsr, kSecureFault);
  EXPECT_EQ(scs(0xEDE4), 4u);
}

TEST_F(ExceptionReturn, NonSecureHandlerReturningToSecureWithoutContextIsInvis) {
  in_handler(kNonSecure, kNonSecure);
  ASSERT_TRUE(branch(0xFFFF'FFF8));  // S = 1: the Secure main stack holds no signature
  EXPECT_EQ(core.state.ipsr, kSecureFault);
  EXPECT_EQ(core.state.world, kSecure);
}

TEST_F(ExceptionReturn, InactiveExceptionIsInvpc) {
  in_handler(kSecure, kSecure);
  set_active(core, kFirstInterrupt + 3, kSecure, false);
  ASSERT_TRUE(branch(0xFFFF'FFF9));
  EXPECT_EQ(core.state.ipsr, kUsageFault);
  EXPECT_EQ(scs(0xED28), 1u << 18);
  EXPECT_EQ(core.state.r[13], kMspS - 0x20);
}

TEST_F(ExceptionReturn, ReservedBitsAreInvpc) {
  in_handler(kSecure, kSecure);
  ASSERT_TRUE(branch(0xFF7F'FFF9));
  EXPECT_EQ(core.state.ipsr, kUsageFault);
  EXPECT_EQ(scs(0xED28), 1u << 18);
}

TEST_F(ExceptionReturn, ModeThatDoesNotFitTheStackedIpsrIsInvpc) {
  in_handler(kSecure, kSecure);
  bus.poke(kMspS - 4, 4, 0x0100'0010);
  ASSERT_TRUE(branch(0xFFFF'FFF9));
  EXPECT_EQ(core.state.ipsr, kUsageFault);
  EXPECT_EQ(scs(0xED28), 1u << 18);
}

TEST_F(ExceptionReturn, UnstackingErrorsSayWhich) {
  in_handler(kSecure, kSecure);
  core.state.r[13] = 0x3001'0000;
  ASSERT_TRUE(branch(0xFFFF'FFF9));
  EXPECT_EQ(core.state.ipsr, kBusFault);
  EXPECT_EQ(scs(0xED28), 1u << 11);  // UNSTKERR
}

TEST_F(ExceptionReturn, ThreadModeBranchIsNotMagic) {
  EXPECT_FALSE(branch(0xFFFF'FFF9));
  run_thread(kNonSecure, kMain);
  EXPECT_FALSE(branch(0xFFFF'FFBC));
}

TEST_F(ExceptionReturn, FaultmaskOfTheReturningWorldIsCleared) {
  in_handler(kNonSecure, kNonSecure);
  core.state.faultmask = {true, true};
  ASSERT_TRUE(branch(core.state.r[14]));
  EXPECT_FALSE(core.state.faultmask[kNonSecure]);
  EXPECT_TRUE(core.state.faultmask[kSecure]);
}

TEST_F(ExceptionReturn, FaultmaskSurvivesNmi) {
  core.raise_nmi();
  ASSERT_TRUE(take());
  core.state.faultmask[kSecure] = true;
  ASSERT_TRUE(branch(core.state.r[14]));
  EXPECT_TRUE(core.state.faultmask[kSecure]);
}

TEST_F(ExceptionReturn, NegativePriorityEndsWhateverIpsrClaims) {
  core.raise_nmi();
  ASSERT_TRUE(take());
  pend_line(3, kSecure, 0x20);
  set_active(core, kFirstInterrupt + 3, kSecure, true);
  set_pending(core, kFirstInterrupt + 3, kSecure, false);
  core.state.ipsr = kFirstInterrupt + 3;
  ASSERT_TRUE(branch(core.state.r[14]));
  EXPECT_FALSE(is_active(core, kNmi, kSecure));
}

TEST_F(ExceptionReturn, SleepOnExitSleepsAtTheBaseLevelOnly) {
  scs(0xED10, 2);
  run_thread(kSecure, kMain);
  pend_line(3, kSecure, 0x40);
  ASSERT_TRUE(take());
  pend_line(4, kSecure, 0x20);
  ASSERT_TRUE(take());
  ASSERT_TRUE(branch(core.state.r[14]));
  EXPECT_FALSE(core.state.asleep);
  ASSERT_TRUE(branch(core.state.r[14]));
  EXPECT_TRUE(core.state.asleep);
  set_pending(core, kFirstInterrupt + 3, kSecure, true);
  reconsider(core);
  EXPECT_FALSE(core.state.asleep);
  EXPECT_TRUE(core.attention);
}

TEST_F(ExceptionReturn, ThreadModeReturnFromANestedHandlerLeavesTheOuterActive) {
  run_thread(kSecure, kMain);  // v8-M: Thread mode at any level (NONBASETHRDENA is fixed)
  pend_line(3, kSecure, 0x40);
  ASSERT_TRUE(take());
  pend_line(4, kSecure, 0x20);
  ASSERT_TRUE(take());
  bus.poke(core.state.r[13] + 0x1C, 4, 0x0100'0000);
  ASSERT_TRUE(branch(0xFFFF'FFF9));
  EXPECT_EQ(core.state.ipsr, 0u);
  EXPECT_TRUE(is_active(core, kFirstInterrupt + 3, kSecure));
}

// --- calls between worlds -------------------------------------------------------------------------------

TEST_F(ExceptionReturn, CallFromThreadPushesReturnAddressAndPartialPsr) {
  core.state.secure_fp_active = true;
  execute_call_nonsecure(core, kCodeNs, kCodeS + 2);
  EXPECT_EQ(core.state.world, kNonSecure);
  EXPECT_EQ(core.state.r[15], kCodeNs);
  EXPECT_EQ(core.state.r[14], 0xFEFF'FFFFu);
  EXPECT_EQ(core.state.r[13], kMspNs);
  EXPECT_EQ(core.state.stack[kSecure][kMain], kMspS - 8);
  EXPECT_EQ(word(kMspS - 8), kCodeS + 3);
  EXPECT_EQ(word(kMspS - 4), 0x0010'0000u);  // SFPA
  EXPECT_FALSE(core.state.secure_fp_active);
  ASSERT_TRUE(branch(core.state.r[14]));
  EXPECT_EQ(core.state.world, kSecure);
  EXPECT_EQ(core.state.r[15], kCodeS + 2);
  EXPECT_EQ(core.state.r[13], kMspS);
  EXPECT_TRUE(core.state.secure_fp_active);
  EXPECT_TRUE(core.state.thumb);
}

TEST_F(ExceptionReturn, CallFromHandlerShowsIpsrOne) {
  in_handler(kSecure, kSecure);
  execute_call_nonsecure(core, kCodeNs, kCodeS + 2);
  EXPECT_EQ(core.state.ipsr, 1u);
  EXPECT_EQ(read_special(core, 5), 1u);
  EXPECT_EQ(core.state.r[13], kMspNs);
  EXPECT_EQ(word(kMspS - 0x20 - 4), kFirstInterrupt + 3u);
  ASSERT_TRUE(branch(0xFEFF'FFFE));  // both variants of the value mean the same
  EXPECT_EQ(core.state.ipsr, kFirstInterrupt + 3u);
  EXPECT_EQ(core.state.world, kSecure);
}

TEST_F(ExceptionReturn, FunctionReturnWithWrongModeIsInvpc) {
  execute_call_nonsecure(core, kCodeNs, kCodeS + 2);
  bus.poke(kMspS - 4, 4, 5);  // claims to come from an exception
  ASSERT_TRUE(branch(core.state.r[14]));
  EXPECT_EQ(core.state.world, kNonSecure);
  EXPECT_EQ(core.state.ipsr, kUsageFault);
  EXPECT_EQ(scs_ns(0xED28), 1u << 18);
}

TEST_F(ExceptionReturn, CallChecksTheStackLimitBeforeWriting) {
  core.state.stack_limit[kSecure][kMain] = kMspS;
  bus.poke(kMspS - 8, 4, 0xA5A5'A5A5);
  execute_call_nonsecure(core, kCodeNs, kCodeS + 2);
  EXPECT_EQ(core.state.ipsr, kUsageFault);
  EXPECT_EQ(core.state.world, kSecure);
  EXPECT_EQ(word(kMspS - 8), 0xA5A5'A5A5u);
}

TEST_F(ExceptionReturn, CallWithBitZeroStaysSecureAndBranchWithoutLeaves) {
  execute_call_nonsecure(core, kCodeS + 0x101, kCodeS + 2);
  EXPECT_EQ(core.state.world, kSecure);
  EXPECT_EQ(core.state.r[15], kCodeS + 0x100);
  EXPECT_EQ(core.state.r[14], kCodeS + 3);
  EXPECT_EQ(core.state.r[13], kMspS);
  execute_branch_nonsecure(core, kCodeNs);
  EXPECT_EQ(core.state.world, kNonSecure);
  EXPECT_EQ(core.state.r[13], kMspNs);
}

TEST_F(ExceptionReturn, GatewayChangesWorldInCallableMemoryOnly) {
  set_sau(2, 0x0C00'8000, 0x0C00'8FFF, true);
  run_thread(kNonSecure, kProcess);
  core.state.r[14] = kCodeNs + 5;
  core.state.r[15] = kCodeNs;
  execute_secure_gateway(core, kCodeNs + 4);
  EXPECT_EQ(core.state.world, kNonSecure);  // SG in Non-secure memory is a NOP
  EXPECT_EQ(core.state.r[14], kCodeNs + 5);
  core.state.r[15] = 0x0C00'8000;
  execute_secure_gateway(core, 0x0C00'8004);
  EXPECT_EQ(core.state.world, kSecure);
  EXPECT_EQ(core.state.r[14], kCodeNs + 4);  // bit 0 clear: BXNS goes back
  EXPECT_EQ(core.state.r[15], 0x0C00'8004u);
  EXPECT_EQ(core.state.r[13], kMspS);
}

/// ValidateExceptionReturn(): excStateNonSecure is also true for a Secure handler that claims ES = 0.
TEST_F(ExceptionReturn, SecureClaimOfANonSecureExceptionWithDcrsClearIsInver) {
  pend_line(3, kSecure, 0x20);
  ASSERT_TRUE(take());
  ASSERT_TRUE(branch(0xFFFF'FFD8));  // ES = 0, DCRS = 0
  EXPECT_EQ(scs(0xEDE4), 4u);        // INVER
}

/// FunctionReturn(): its faults are those of the branch, and a load gives its base register back.
TEST_F(ExceptionReturn, RefusedFunctionReturnByPopGivesTheStackPointerBack) {
  run_thread(kNonSecure, kProcess);
  core.state.ipsr = 0;
  core.state.stack[kSecure][kMain] = kMspS - 8;
  bus.poke(kMspS - 8, 4, kCodeS | 1);
  bus.poke(kMspS - 4, 4, 5);  // a handler called, but this is Thread mode
  bus.poke(kPspNs - 4, 4, 0xFEFF'FFFF);
  bus.poke(kCodeNs, 2, 0xBD00);  // POP {PC}
  core.state.r[13] = kPspNs - 4;
  scheduler.arm_budget(1);
  core.execute();
  EXPECT_EQ(core.state.ipsr, kUsageFault);
  EXPECT_EQ(scs_ns(0xED28), 1u << 18);  // INVPC
  const std::uint32_t frame = stack_of(kNonSecure, kProcess);
  EXPECT_EQ(frame, ((kPspNs - 4) & ~7u) - 0x20);
  EXPECT_EQ(word(frame + 0x18), kCodeNs);
  EXPECT_EQ(word(frame + 0x1C) & 0x200, 0x200u);  // SP was kPspNs - 4
  EXPECT_EQ(core.state.stack[kSecure][kMain], kMspS - 8);
}

}  // namespace
}  // namespace microvisor::board

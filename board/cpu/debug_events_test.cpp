// Breakpoints, steps and permissions of a software monitor, by hand from the architecture's rules, for there
// is no model that has them. Expectations: Armv8-M ARM (DDI0553), pseudocode named beside each group.
#include "board/cpu/debug_test_bus.hpp"

namespace microvisor::board {
namespace {

class DebugEvents : public DebugTest {};

// --- breakpoints: FPB_CheckBreakPoint, FPB_CheckMatchAddress, GenerateDebugEventResponse -----------------

TEST_F(DebugEvents, BreakpointStopsBeforeTheInstruction) {
  place(kCodeNs, {0x2001, 0x2102, 0x2203, 0xE7FE});  // MOVS R0, #1; MOVS R1, #2; MOVS R2, #3; B .
  set_breakpoint(3, kCodeNs + 2);
  go(100);
  ASSERT_TRUE(in_monitor());
  EXPECT_EQ(core.state.world, kSecure);
  EXPECT_EQ(stopped_at(), kCodeNs + 2);
  EXPECT_EQ(reason(), kBkpt);
  EXPECT_EQ(core.state.r[0], 1u);
  EXPECT_EQ(core.state.r[1], 0x1001u);
  EXPECT_EQ(core.state.r[14], 0xFFFF'FFB9u);
}

TEST_F(DebugEvents, BreakpointGoneCodeRunsOn) {
  place(kCodeNs, {0x3001, 0xE7FD});  // ADDS R0, #1; B back
  set_breakpoint(0, kCodeNs);
  go(10);
  ASSERT_TRUE(in_monitor());
  scs(kFpCtrl, 2);
  leave_handler(1000);
  EXPECT_EQ(core.state.r[0], 0x1000u + 500);
  set_breakpoint(0, kCodeNs);
  go(10);
  EXPECT_TRUE(in_monitor());
  EXPECT_EQ(core.state.r[0], 0x1000u + 500);
}

TEST_F(DebugEvents, EveryComparatorWorksAndNeedsItsEnable) {
  place(kCodeNs, {0x3001, 0x3001, 0x3001, 0x3001, 0x3001, 0x3001, 0x3001, 0x3001, 0xE7FE});
  for (unsigned index = 0; index < 8; ++index) {
    for (unsigned other = 0; other < 8; ++other) scs(0x2008 + 4 * other, kCodeNs + 2 * other);  // BE = 0
    core.state.r[15] = kCodeNs;
    set_breakpoint(index, kCodeNs + 2 * index);
    go(100);
    ASSERT_TRUE(in_monitor()) << index;
    EXPECT_EQ(stopped_at(), kCodeNs + 2 * index);
    scs(kFpCtrl, 2);
    leave_handler(100);
    ASSERT_FALSE(in_monitor());
  }
}

TEST_F(DebugEvents, ControlNeedsItsKey) {
  scs(kFpCtrl, 1);
  EXPECT_EQ(scs(kFpCtrl), 0x1000'0080u);  // REV 1, eight code comparators, no literals
  scs(kFpCtrl, 3);
  EXPECT_EQ(scs(kFpCtrl), 0x1000'0081u);
}

/// An address that is not an instruction's first halfword may match or not; here it does not.
TEST_F(DebugEvents, SecondHalfwordOfAnInstructionDoesNotMatch) {
  place(kCodeNs, {0xF04F, 0x0007, 0xE7FE});  // MOV.W R0, #7; B .
  set_breakpoint(0, kCodeNs + 2);
  go(10);
  EXPECT_FALSE(in_monitor());
  EXPECT_EQ(core.state.r[0], 7u);
  core.state.r[15] = kCodeNs + 2;  // the halfword as an instruction of its own: LSLS R7, R0, #0
  go(10);
  EXPECT_TRUE(in_monitor());
}

TEST_F(DebugEvents, BreakpointInAnItBlockHitsWhetherOrNotTheConditionHolds) {
  place(kCodeNs,
        {0x2000, 0xBF14, 0x2101, 0x2202, 0xE7FE});  // MOVS R0, #0; ITE NE; MOVNE R1, #1; MOVEQ R2, #2
  set_breakpoint(0, kCodeNs + 4);
  go(100);
  ASSERT_TRUE(in_monitor());
  EXPECT_EQ(stopped_at(), kCodeNs + 4);
  EXPECT_EQ(stopped_it(), 0x14u);
  scs(kFpCtrl, 2);
  leave_handler(2);
  EXPECT_EQ(core.state.r[1], 0x1001u);
  EXPECT_EQ(core.state.r[2], 2u);
}

TEST_F(DebugEvents, BreakpointOnItLetsTheBlockFollow) {
  place(kCodeNs, {0x2000, 0xBF14, 0x2101, 0x2202, 0xE7FE});
  set_breakpoint(0, kCodeNs + 2);
  go(100);
  ASSERT_TRUE(in_monitor());
  EXPECT_EQ(stopped_at(), kCodeNs + 2);
  EXPECT_EQ(stopped_it(), 0u);
  scs(kDemcr, 0);  // without MON_EN the comparator still stands, but nothing happens
  leave_handler(3);
  EXPECT_EQ(core.state.r[1], 0x1001u);
  EXPECT_EQ(core.state.r[2], 2u);
}

TEST_F(DebugEvents, BreakpointThatMayNotPreEmptLetsTheInstructionRun) {
  place(kCodeNs, {0x2001, 0xE7FE});
  set_breakpoint(0, kCodeNs);
  core.state.primask[kSecure] = true;
  go(2);
  EXPECT_FALSE(in_monitor());
  EXPECT_EQ(core.state.r[0], 1u);
  EXPECT_EQ(scs(kDfsr), 0u);
}

TEST_F(DebugEvents, BreakpointNeedsMonEn) {
  place(kCodeNs, {0x2001, 0xE7FE});
  set_breakpoint(0, kCodeNs);
  scs(kDemcr, 0);
  go(2);
  EXPECT_FALSE(in_monitor());
  EXPECT_EQ(core.state.r[0], 1u);
}

TEST_F(DebugEvents, SecureCodeNeedsSdme) {
  run_thread(kSecure, kMain);
  place(kCodeS, {0x2001, 0x2102, 0xE7FE});
  scs(kDauthctrl, 0);
  set_breakpoint(0, kCodeS + 2);
  go(2);
  EXPECT_FALSE(in_monitor());
  EXPECT_EQ(core.state.r[1], 2u);
  scs(kDauthctrl, 3);
  core.state.r[15] = kCodeS;
  go(10);
  ASSERT_TRUE(in_monitor());
  EXPECT_EQ(word(stack_of(kSecure, kMain) + 0x18), kCodeS + 2);
}

TEST_F(DebugEvents, WithoutSdmeTheMonitorIsNonSecure) {
  place(kCodeNs, {0x2001, 0xE7FE});
  scs(kDauthctrl, 0);
  set_breakpoint(0, kCodeNs);
  go(10);
  ASSERT_TRUE(in_monitor());
  EXPECT_EQ(core.state.world, kNonSecure);
  EXPECT_EQ(core.state.r[14], 0xFFFF'FFBCu);
}

/// The fetch comes first, and it fails: INVEP, and no breakpoint.
TEST_F(DebugEvents, BreakpointOnASecureGateNeverHitsForNonSecureCode) {
  place(kCodeNs, {0xF04F, 0x6040, 0xF5A0, 0x0000, 0x4700});
  core.state.r[0] = kCodeS | 1;
  core.state.r[15] = kCodeNs + 8;  // BX R0
  set_breakpoint(0, kCodeS);
  go(2);
  EXPECT_EQ(core.state.ipsr, kSecureFault);
  EXPECT_EQ(scs(0xEDE4), 1u);
  EXPECT_EQ(scs(kDfsr), 0u);
  EXPECT_EQ(stopped_at(), kCodeS);
}

TEST_F(DebugEvents, BreakpointOutlivesAChangeOfTheInstruction) {
  place(kCodeNs, {0x2001, 0x2102, 0xE7FC});  // MOVS R0, #1; MOVS R1, #2; B back
  core.state.r[3] = kCodeNs + 2;
  core.state.r[4] = 0x2105;
  go(30);
  set_breakpoint(0, kCodeNs + 2);
  go(10);
  ASSERT_TRUE(in_monitor());
  scs(kDemcr, 0);
  place(kCodeNs + 0x20, {0x801C, 0xE7EE});  // STRH R4, [R3]; B kCodeNs
  bus.poke(frame() + 0x18, 4, kCodeNs + 0x20);
  leave_handler(4);  // over the changed instruction, without MON_EN
  EXPECT_EQ(core.state.r[1], 5u);
  scs(kDemcr, kMonEn);
  go(10);
  EXPECT_TRUE(in_monitor());
}

// --- BKPT: BKPTInstrDebugEvent -----------------------------------------------------------------------------

TEST_F(DebugEvents, BkptReturnsToItself) {
  place(kCodeNs, {0x2001, 0xBE00, 0xE7FE});
  go(10);
  ASSERT_TRUE(in_monitor());
  EXPECT_EQ(stopped_at(), kCodeNs + 2);
  EXPECT_EQ(reason(), kBkpt);
  leave_handler(10);
  EXPECT_TRUE(in_monitor());  // again and again, until the monitor moves the PC
}

TEST_F(DebugEvents, BkptIsUnconditionalInAnItBlock) {
  place(kCodeNs, {0x2000, 0xBF18, 0xBE00, 0xE7FE});  // MOVS R0, #0; IT NE; BKPT
  go(10);
  ASSERT_TRUE(in_monitor());
  EXPECT_EQ(stopped_it(), 0x18u);
}

TEST_F(DebugEvents, BkptThatCannotPendTheMonitorIsAHardFault) {
  place(kCodeNs, {0xBE00});
  scs_byte(0xED20, 0x00);
  scs_byte(0xED1F, 0x00);
  core.state.primask[kSecure] = true;
  go(2);
  EXPECT_EQ(core.state.ipsr, kHardFault);
  EXPECT_EQ(core.state.world, kSecure);
  EXPECT_EQ(scs(0xED2C), 1u << 31);  // DEBUGEVT alone
  EXPECT_EQ(stopped_at(), kCodeNs);
}

TEST_F(DebugEvents, MonitorPreEmptsNonSecureFaultmask) {
  place(kCodeNs, {0xB671, 0xBE00});  // CPSID f; BKPT
  go(3);
  EXPECT_TRUE(in_monitor());  // FAULTMASK_NS raises to 0x80 under PRIS, the monitor stands at 0x70
}

TEST_F(DebugEvents, MonitorBelowNonSecureFaultmaskDoesNot) {
  scs_byte(0xED20, 0x90);
  place(kCodeNs, {0xB671, 0xBE00});
  go(3);
  EXPECT_EQ(core.state.ipsr, kHardFault);
  EXPECT_EQ(scs(0xED2C), 1u << 31);
}

// --- MON_PEND
// ------------------------------------------------------------------------------------------------

TEST_F(DebugEvents, MonPendStopsAtTheNextInstructionEvenWithoutMonEn) {
  place(kCodeNs, {0x3001, 0xE7FD});
  scs(kDemcr, 0);
  go(10);
  scs(kDemcr, kMonPend);
  EXPECT_EQ(scs(kDemcr) & kMonPend, std::uint32_t{kMonPend});
  go(1);
  ASSERT_TRUE(in_monitor());
  EXPECT_EQ(scs(kDemcr) & kMonPend, 0u);
  EXPECT_EQ(scs(kDfsr), 0u);
}

TEST_F(DebugEvents, MonPendCanBeTakenBack) {
  core.state.primask[kSecure] = true;
  scs(kDemcr, kMonEn | kMonPend);
  scs(kDemcr, kMonEn);
  core.state.primask[kSecure] = false;
  place(kCodeNs, {0xE7FE});
  go(5);
  EXPECT_FALSE(in_monitor());
}

// --- SDME: UpdateSecureDebugEnable, SecureDebugMonitorAllowed
// -------------------------------------------------

TEST_F(DebugEvents, SdmeStandsStillWhileTheMonitorIsPendingOrActive) {
  place(kCodeNs, {0xE7FE});
  scs(kDemcr, kMonEn | kMonPend);
  scs(kDauthctrl, 0);
  EXPECT_EQ(scs(kDemcr) & kSdme, std::uint32_t{kSdme});
  go(3);
  ASSERT_TRUE(in_monitor());
  EXPECT_EQ(core.state.world, kSecure);
  EXPECT_EQ(scs(kDemcr) & kSdme, std::uint32_t{kSdme});
  leave_handler(1);
  EXPECT_EQ(scs(kDemcr) & kSdme, 0u);
  scs(kDemcr, kMonEn | kMonPend);
  go(1);
  EXPECT_TRUE(in_monitor());
  EXPECT_EQ(core.state.world, kNonSecure);
}

TEST_F(DebugEvents, SdmeFollowsTheInputsUnlessSpidensel) {
  scs(kDauthctrl, 0);
  set_debug_authentication(core, {true, true, true, true});
  EXPECT_TRUE(secure_debug_monitor(core));
  set_debug_authentication(core, {false, true, true, true});
  EXPECT_FALSE(secure_debug_monitor(core));
  scs(kDauthctrl, 3);  // whatever the inputs say
  set_debug_authentication(core, {false, false, false, false});
  EXPECT_TRUE(secure_debug_monitor(core));
  scs(kDauthctrl, 1);
  set_debug_authentication(core, {true, true, true, true});
  EXPECT_FALSE(secure_debug_monitor(core));
}

/// INTSPIDEN opens Secure halting debug to a probe as long as DBGEN is high.
TEST_F(DebugEvents, AuthenticationStatusAndSecureHaltingPermission) {
  const auto status = [this] { return scs(0xEFB8); };
  const auto secure_halting = [this] { return (scs(0xEDF0) >> 20 & 1) != 0; };
  scs(kDauthctrl, 0);
  set_debug_authentication(core, {false, false, false, false});
  EXPECT_EQ(status(), 0xAAu);
  set_debug_authentication(core, {true, false, false, false});
  EXPECT_EQ(status(), 0xAFu);
  EXPECT_FALSE(secure_halting());
  scs(kDauthctrl, 3);
  EXPECT_EQ(status(), 0xFFu);
  EXPECT_TRUE(secure_halting());
  set_debug_authentication(core, {false, true, true, true});
  EXPECT_FALSE(secure_halting());
  EXPECT_EQ(status(), 0xEEu);
  scs(kDauthctrl, 4);  // SPNIDENSEL without INTSPNIDEN
  EXPECT_EQ(status(), 0xAEu);
  scs(kDauthctrl, 0xC);
  EXPECT_EQ(status(), 0xEEu);
}

TEST_F(DebugEvents, ControlBelongsToTheMonitorsWorld) {
  const auto nonsecure = [this](unsigned offset) {
    std::uint32_t value = 0;
    EXPECT_TRUE(read_ppb(core, kScs + offset, 4, false, true, value));
    return value;
  };
  const auto write = [this](unsigned offset, std::uint32_t value) {
    EXPECT_TRUE(write_ppb(core, kScs + offset, 4, false, true, value));
  };
  scs(kDemcr, kMonEn | kMonReq | kTrcEna);
  EXPECT_EQ(nonsecure(kDemcr), kSdme | kTrcEna);
  write(kDemcr, 0);
  EXPECT_EQ(scs(kDemcr), kMonEn | kMonReq | kSdme);
  write(kDauthctrl, 0);
  EXPECT_EQ(nonsecure(kDauthctrl), 0u);
  EXPECT_EQ(scs(kDauthctrl), 3u);
  EXPECT_EQ(nonsecure(0xEE08), 0u);
  EXPECT_EQ(scs(0xEE08), 1u << 16);  // DSCSR.CDS
  EXPECT_EQ(nonsecure(0xED20) & 0xFF, 0u);
  scs(kDauthctrl, 0);
  write(kDemcr, kMonEn | kMonStep);
  EXPECT_EQ(scs(kDemcr), kMonEn | kMonStep);
}

TEST_F(DebugEvents, HaltingStatusAsSoftwareSeesIt) {
  EXPECT_EQ(scs(0xEDF0), 0x0311'0000u);  // a reset has been, instructions retire, S_REGRDY, S_SDE
  EXPECT_EQ(scs(0xEDF0), 0x0111'0000u);
  scs(0xEDF0, 0xA05F'0003);  // C_DEBUGEN and C_HALT are a probe's
  EXPECT_EQ(scs(0xEDF0), 0x0111'0000u);
  scs(0xEDF8, 0x1234'5678);
  EXPECT_EQ(scs(0xEDF8), 0x1234'5678u);
}

// --- steps: SteppingDebug, SetMonStep
// -----------------------------------------------------------------------

class Stepping : public DebugTest {
 protected:
  Stepping() { enable_step(); }
  /// Steps once from Thread mode or back from the monitor.
  void step() {
    if (in_monitor()) {
      leave_handler(1);
    } else {
      go(1);
    }
    go(0x20);  // whatever handler there is, and the monitor's B .
  }
};

TEST_F(Stepping, OneInstructionATime) {
  place(kCodeNs, {0x2001, 0x2102, 0xF04F, 0x0203, 0xE7FA});  // MOVS; MOVS; MOV.W; B kCodeNs
  for (const std::uint32_t next : {kCodeNs + 2, kCodeNs + 4, kCodeNs + 8, kCodeNs, kCodeNs + 2}) {
    step();
    ASSERT_TRUE(in_monitor());
    EXPECT_EQ(stopped_at(), next);
    EXPECT_EQ(reason(), kHalted);
  }
  EXPECT_EQ(core.state.r[2], 3u);
}

TEST_F(Stepping, TheMonitorItselfIsNotStepped) {
  place(kCodeNs, {0x2001, 0x2102});
  step();
  ASSERT_TRUE(in_monitor());
  const std::uint32_t stack = core.state.r[13];
  go(50);
  EXPECT_EQ(core.state.r[13], stack);
  EXPECT_EQ(scs(kDemcr) & kMonPend, 0u);
}

TEST_F(Stepping, ItBlockInstructionByInstruction) {
  place(kCodeNs, {0x2000, 0xBF0C, 0x2101, 0x2202, 0x2303});  // MOVS R0, #0; ITE EQ; MOVEQ; MOVNE; MOVS R3
  step();
  step();
  EXPECT_EQ(stopped_at(), kCodeNs + 4);
  EXPECT_EQ(stopped_it(), 0x0Cu);
  step();
  EXPECT_EQ(stopped_at(), kCodeNs + 6);
  EXPECT_EQ(stopped_it(), 0x18u);
  EXPECT_EQ(core.state.r[1], 1u);
  step();  // fails its condition, and is a step all the same
  EXPECT_EQ(stopped_at(), kCodeNs + 8);
  EXPECT_EQ(stopped_it(), 0u);
  EXPECT_EQ(core.state.r[2], 0x1002u);
}

/// The monitor is more urgent than SVCall: it comes first, with the call still pending.
TEST_F(Stepping, OntoASupervisorCallAndIntoItsHandler) {
  place(kCodeNs, {0xDF00, 0x2001});
  place(handler(kNonSecure, kSvCall), {0x2105, 0x4770});  // MOVS R1, #5; BX LR
  step();
  ASSERT_TRUE(in_monitor());
  EXPECT_EQ(stopped_at(), kCodeNs + 2);
  EXPECT_TRUE(is_pending(core, kSvCall, kNonSecure));
  step();
  ASSERT_TRUE(in_monitor());
  EXPECT_EQ(core.state.r[14], 0xFFFF'FFB1u);  // a Non-secure handler was interrupted
  EXPECT_EQ(word(stack_of(kNonSecure, kMain) + 0x18), handler(kNonSecure, kSvCall) + 2);
  EXPECT_EQ(core.state.r[1], 5u);
}

/// Its handler is more urgent than the monitor: it runs as a whole, and the step ends behind the call.
TEST_F(Stepping, OverASupervisorCallWhoseHandlerIsMoreUrgent) {
  scs(0xED0C, 0x05FA'0000);   // without PRIS
  scs_ns_byte(0xED1F, 0x00);  // SVCall_NS
  place(kCodeNs, {0xDF00, 0x2001});
  place(handler(kNonSecure, kSvCall), {0x2105, 0x2206, 0x4770});
  step();
  ASSERT_TRUE(in_monitor());
  EXPECT_EQ(stopped_at(), kCodeNs + 2);
  EXPECT_EQ(core.state.r[2], 6u);
  EXPECT_EQ(word(frame()), 0x1000u);  // MOVS R0 has not been executed
}

TEST_F(Stepping, WfiDoesNotSleep) {
  place(kCodeNs, {0xBF30, 0xBF20, 0x2001});  // WFI; WFE; MOVS
  step();
  ASSERT_TRUE(in_monitor());
  EXPECT_EQ(stopped_at(), kCodeNs + 2);
  EXPECT_FALSE(core.state.asleep);
  core.state.event = false;
  step();
  ASSERT_TRUE(in_monitor());
  EXPECT_EQ(stopped_at(), kCodeNs + 4);
}

/// Exception entry clears the local monitor, so a stepped loop of LDREX and STREX never gets through.
TEST_F(Stepping, BetweenExclusivesTheMonitorIsLost) {
  place(kCodeNs, {0xE850, 0x1F00, 0xE840, 0x1200});  // LDREX R1, [R0]; STREX R2, R1, [R0]
  core.state.r[0] = kData;
  step();
  step();
  EXPECT_EQ(stopped_at(), kCodeNs + 8);
  EXPECT_EQ(core.state.r[2], 1u);
}

TEST_F(Stepping, BranchesMultipleLoadsAndCalls) {
  place(kCodeNs, {0xF000, 0xF803, 0xE7FE});  // BL kCodeNs + 10
  place(kCodeNs + 10, {0xB500, 0xBD00});     // PUSH {LR}; POP {PC}
  step();
  EXPECT_EQ(stopped_at(), kCodeNs + 10);
  step();
  EXPECT_EQ(stopped_at(), kCodeNs + 12);
  step();
  EXPECT_EQ(stopped_at(), kCodeNs + 4);
}

/// The monitor tail-chains: the frame of the code that was to be returned to is still on the stack.
TEST_F(Stepping, OverAnExceptionReturn) {
  place(kCodeNs, {0x2001, 0x2102});
  place(handler(kNonSecure, kFirstInterrupt + 3), {0x4770});
  pend_line(3, kNonSecure, 0x20);
  go(1);  // enters the handler, whose first instruction returns
  go(0x20);
  ASSERT_TRUE(in_monitor());
  EXPECT_EQ(core.state.r[14], 0xFFFF'FFB9u);
  EXPECT_EQ(stopped_at(), kCodeNs);
  EXPECT_FALSE(is_active(core, kFirstInterrupt + 3, kNonSecure));
  step();
  EXPECT_EQ(stopped_at(), kCodeNs + 2);
}

TEST_F(Stepping, InterruptThatComesFirstIsSteppedInto) {
  place(kCodeNs, {0x2001, 0x2102});
  place(handler(kNonSecure, kFirstInterrupt + 3), {0x2607, 0x4770});
  step();
  pend_line(3, kNonSecure, 0x20);
  step();
  ASSERT_TRUE(in_monitor());
  EXPECT_EQ(word(stack_of(kNonSecure, kMain) + 0x18), handler(kNonSecure, kFirstInterrupt + 3) + 2);
  EXPECT_EQ(stopped_at(), kCodeNs + 2);
}

TEST_F(Stepping, MoreUrgentInterruptRunsThrough) {
  place(kCodeNs, {0x2001, 0x2102});
  place(handler(kSecure, kFirstInterrupt + 3), {0x2607, 0x2708, 0x4770});
  step();
  core.state.primask[kSecure] = true;  // so that it waits for the return
  pend_line(3, kSecure, 0x20);
  core.state.primask[kSecure] = false;
  reconsider(core);
  go(0x20);  // pre-empts the monitor, and comes back to it
  ASSERT_TRUE(in_monitor());
  EXPECT_EQ(core.state.r[7], 8u);
  EXPECT_EQ(stopped_at(), kCodeNs + 2);
}

/// A faulting instruction is no step: the step is the first instruction of the handler.
TEST_F(Stepping, FaultIsSteppedIntoItsHandler) {
  place(kCodeNs, {0xDE00});  // UDF
  place(handler(kNonSecure, kUsageFault), {0x2607, 0x4770});
  step();
  ASSERT_TRUE(in_monitor());
  EXPECT_EQ(word(stack_of(kNonSecure, kMain) + 0x18), handler(kNonSecure, kUsageFault) + 2);
  EXPECT_EQ(stopped_at(), kCodeNs);
}

TEST_F(Stepping, SecureCodeWithoutSdmeIsNotStepped) {
  scs(kDauthctrl, 0);
  run_thread(kSecure, kMain);
  place(kCodeS, {0x2001, 0x2102, 0x2203, 0xE7FE});
  go(10);
  EXPECT_FALSE(in_monitor());
  EXPECT_EQ(core.state.r[2], 3u);
}

TEST_F(Stepping, InstructionThatUnmasksIsTheStep) {
  scs_byte(0xED20, 0x90);
  place(kCodeNs, {0xB671, 0x2001, 0xB661, 0x2102});  // CPSID f; MOVS; CPSIE f; MOVS
  step();                                            // the first two end above the monitor's priority
  ASSERT_TRUE(in_monitor());
  EXPECT_EQ(stopped_at(), kCodeNs + 6);
}

class TrapGateStepping : public Stepping {
 protected:
  static constexpr std::uint32_t kGate = 0x0C00'8000;
  TrapGateStepping() {
    scs_byte(0xED1B, 0x40);                    // SecureFault above the monitor
    place(kCodeNs, {0x4780, 0x2001, 0x2102});  // BLX R0; MOVS; MOVS
    core.state.r[0] = kGate | 1;
  }
  /// The handler performs the call: PC = LR without bit 0, SFSR cleared.
  void perform_call() {
    ASSERT_EQ(core.state.ipsr, kSecureFault);
    bus.poke(frame() + 0x18, 4, word(frame() + 0x14) & ~1u);
    scs(0xEDE4, 0xFF);
  }
};

TEST_F(TrapGateStepping, ThePcStopsOnTheGateAndTheNextStepTakesOneInstructionMore) {
  step();
  ASSERT_TRUE(in_monitor());
  EXPECT_EQ(stopped_at(), kGate);
  leave_handler(5);
  perform_call();
  leave_handler(1);
  go(5);
  ASSERT_TRUE(in_monitor());
  EXPECT_EQ(stopped_at(), kCodeNs + 4);
  EXPECT_EQ(core.state.r[0], 1u);
}

TEST_F(TrapGateStepping, HandlerThatSetsMonPendStopsRightBehindTheCall) {
  step();
  leave_handler(5);
  perform_call();
  scs(kDemcr, scs(kDemcr) | kMonPend);
  leave_handler(1);
  go(5);
  ASSERT_TRUE(in_monitor());
  EXPECT_EQ(stopped_at(), kCodeNs + 2);
}

}  // namespace
}  // namespace microvisor::board

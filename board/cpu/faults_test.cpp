// Escalation, lockup, and what the status registers say. Expectations: Armv8-M ARM (DDI0553) B3.14, B3.24,
// D1.2 CFSR, HFSR, SFSR.
#include "board/cpu/system_test_bus.hpp"

namespace microvisor::board {
namespace {

class Faults : public SystemTest {
 protected:
  void enter_line(unsigned line, World world, std::uint8_t priority) {
    pend_line(line, world, priority);
    ASSERT_TRUE(take());
  }
};

TEST_F(Faults, UsageFaultGoesToTheCurrentWorld) {
  run_thread(kNonSecure, kMain);
  record_usage_fault(core, UsageFault::DivideByZero);
  take_fault(core, 0x0800'4444);
  EXPECT_EQ(core.state.ipsr, kUsageFault);
  EXPECT_EQ(core.state.world, kNonSecure);
  EXPECT_EQ(scs_ns(0xED28), 1u << 25);
  EXPECT_EQ(scs(0xED28), 0u);
  EXPECT_EQ(word(kMspNs - 8), 0x0800'4444u);
}

TEST_F(Faults, UsageFaultBits) {
  const std::array<std::pair<UsageFault, unsigned>, 7> table{{{UsageFault::Undefined, 16},
                                                              {UsageFault::InvalidState, 17},
                                                              {UsageFault::InvalidPc, 18},
                                                              {UsageFault::NoCoprocessor, 19},
                                                              {UsageFault::StackOverflow, 20},
                                                              {UsageFault::Unaligned, 24},
                                                              {UsageFault::DivideByZero, 25}}};
  for (const auto& [kind, position] : table) {
    core.system->control.cfsr = {};
    record_usage_fault(core, kind);
    EXPECT_EQ(scs(0xED28), 1u << position);
  }
}

TEST_F(Faults, DisabledFaultIsForcedIntoHardFault) {
  scs_ns(0xED24, 0);
  run_thread(kNonSecure, kMain);
  record_usage_fault(core, UsageFault::Undefined);
  take_fault(core, kCodeNs);
  EXPECT_EQ(core.state.ipsr, kHardFault);
  EXPECT_EQ(core.state.world, kSecure);  // BFHFNMINS = 0
  EXPECT_EQ(scs(0xED2C), 1u << 30);
  EXPECT_EQ(scs_ns(0xED2C), 0u);  // hidden
}

TEST_F(Faults, EscalationOfANonSecureFaultStaysNonSecureWithBfhfnmins) {
  scs(0xED0C, 0x05FA'2000);
  scs_ns(0xED24, 0);
  run_thread(kNonSecure, kMain);
  record_usage_fault(core, UsageFault::Undefined);
  take_fault(core, kCodeNs);
  EXPECT_EQ(core.state.ipsr, kHardFault);
  EXPECT_EQ(core.state.world, kNonSecure);
  EXPECT_EQ(scs_ns(0xED2C), 1u << 30);
}

TEST_F(Faults, FaultThatCannotPreEmptIsForced) {
  scs_byte(0xED1A, 0x40);  // UsageFault
  enter_line(3, kSecure, 0x40);
  record_usage_fault(core, UsageFault::Undefined);
  take_fault(core, kCodeS);
  EXPECT_EQ(core.state.ipsr, kHardFault);
  EXPECT_EQ(scs(0xED2C), 1u << 30);
}

TEST_F(Faults, FaultInHardFaultLocksUp) {
  scs(0xED24, 0);
  record_usage_fault(core, UsageFault::Undefined);
  take_fault(core, kCodeS);
  ASSERT_EQ(core.state.ipsr, kHardFault);
  record_usage_fault(core, UsageFault::Undefined);
  take_fault(core, kCodeS);
  EXPECT_TRUE(core.state.locked_up);
  EXPECT_EQ(core.state.r[15], 0xEFFF'FFFEu);
  EXPECT_TRUE(core.attention);
  EXPECT_FALSE(service(core));
}

TEST_F(Faults, SecureHardFaultPreEmptsTheNonSecureOneWithBfhfnmins) {
  scs(0xED0C, 0x05FA'2000);
  scs_ns(0xED24, 0);
  run_thread(kNonSecure, kMain);
  record_usage_fault(core, UsageFault::Undefined);
  take_fault(core, kCodeNs);
  ASSERT_EQ(core.state.world, kNonSecure);
  // A branch from the Non-secure HardFault into Secure memory: SecureFault at 0 cannot pre-empt -1,
  // HardFault_S at -3 can.
  record_access_fault(core, Attribution::Fault::SecureFetch, AccessType::Fetch, 0x0C00'8000);
  take_fault(core, 0x0C00'8000);
  EXPECT_EQ(core.state.ipsr, kHardFault);
  EXPECT_EQ(core.state.world, kSecure);
  EXPECT_FALSE(core.state.locked_up);
}

TEST_F(Faults, DataAddressesAreKept) {
  run_thread(kNonSecure, kMain);
  record_access_fault(core, Attribution::Fault::SecureData, AccessType::Read, 0x3000'0123);
  EXPECT_EQ(scs(0xEDE4), 0x48u);
  EXPECT_EQ(scs(0xEDE8), 0x3000'0123u);
  record_access_fault(core, Attribution::Fault::Mpu, AccessType::Write, 0x2000'0456);
  EXPECT_EQ(scs_ns(0xED28), 0x82u);
  EXPECT_EQ(scs_ns(0xED34), 0x2000'0456u);
  record_access_fault(core, Attribution::Fault::Mpu, AccessType::Fetch, 0x2000'0456);
  EXPECT_EQ(scs_ns(0xED28), 0x83u);
  record_bus_fault(core, AccessType::Read, 0x6000'0000);
  EXPECT_EQ(scs(0xED28), 0x8200u);
  EXPECT_EQ(scs(0xED38), 0x6000'0000u);
  EXPECT_EQ(scs_ns(0xED28) & 0xFF00u, 0u);  // BFSR is not shown to Non-secure code
  EXPECT_EQ(scs_ns(0xED38), 0u);
}

TEST_F(Faults, TransitionFault) {
  record_access_fault(core, Attribution::Fault::SecureTransition, AccessType::Fetch, 0x0800'0000);
  EXPECT_EQ(scs(0xEDE4), 0x10u);
}

TEST_F(Faults, SupervisorCallReturnsBehindTheInstruction) {
  run_thread(kNonSecure, kProcess);
  execute_svc(core, kCodeNs + 2);
  EXPECT_EQ(core.state.ipsr, kSvCall);
  EXPECT_EQ(core.state.world, kNonSecure);
  EXPECT_EQ(word(kPspNs - 8), kCodeNs + 2);
}

TEST_F(Faults, SupervisorCallThatCannotBeTakenIsAHardFault) {
  core.state.primask[kSecure] = true;
  execute_svc(core, kCodeS + 2);
  EXPECT_EQ(core.state.ipsr, kHardFault);
  EXPECT_EQ(scs(0xED2C), 1u << 30);
  EXPECT_EQ(word(kMspS - 8), kCodeS + 2);
}

TEST_F(Faults, BreakpointWithoutMonitorIsADebugEventHardFault) {
  execute_breakpoint(core);
  EXPECT_EQ(core.state.ipsr, kHardFault);
  EXPECT_EQ(scs(0xED2C), 1u << 31);
  EXPECT_EQ(scs(0xED30), 2u);
  EXPECT_EQ(word(kMspS - 8), kCodeS);
}

TEST_F(Faults, BreakpointOfNonSecureCodeReachesASecureMonitor) {
  scs(0xEE04, 3);         // SPIDENSEL, INTSPIDEN
  scs(0xEDFC, 1u << 16);  // MON_EN
  EXPECT_EQ(scs(0xEDFC), 1u << 16 | 1u << 20);
  run_thread(kNonSecure, kMain);
  execute_breakpoint(core);
  EXPECT_EQ(core.state.ipsr, kDebugMonitor);
  EXPECT_EQ(core.state.world, kSecure);
  EXPECT_EQ(word(kMspNs - 8), kCodeNs);
}

TEST_F(Faults, BreakpointOfSecureCodeNeedsSdme) {
  scs(0xEDFC, 1u << 16);
  execute_breakpoint(core);
  EXPECT_EQ(core.state.ipsr, kHardFault);
}

TEST_F(Faults, StatusIsClearedByWritingOnes) {
  record_usage_fault(core, UsageFault::Undefined);
  record_usage_fault(core, UsageFault::DivideByZero);
  scs(0xED28, 1u << 16);
  EXPECT_EQ(scs(0xED28), 1u << 25);
  record_bus_fault(core, AccessType::Read, 0x6000'0000);
  scs_ns(0xED28, 0xFF00);  // not the Non-secure side's
  EXPECT_EQ(scs(0xED28) & 0xFF00, 0x8200u);
  write_ppb(core, 0xE000'ED29, 1, true, true, 0xFF);
  EXPECT_EQ(scs(0xED28), 1u << 25);
}

// --- CCR.BFHFNMIGN (MemA_with_priv_security, IsReqExcPriNeg) ---------------------------------------------

TEST_F(Faults, DataBusErrorIsIgnoredAtNegativePriorityWithBfhfnmign) {
  std::uint32_t value = 0xFFFF'FFFF;
  scs(0xED14, 1u << 8);
  EXPECT_FALSE(load(core, 0x3100'0000, 4, {}, value));  // nothing there; the priority is not negative
  scs(0xED28, 0xFF00);
  set_pending(core, kBusFault, kSecure, false);
  core.state.faultmask[kSecure] = true;
  EXPECT_TRUE(load(core, 0x3100'0000, 4, {}, value));
  EXPECT_EQ(value, 0u);
  EXPECT_TRUE(store(core, 0x3100'0004, 4, {}, 1));
  EXPECT_EQ(scs(0xED28), 0x8200u);  // PRECISERR, BFARVALID
  EXPECT_EQ(scs(0xED38), 0x3100'0004u);
  EXPECT_FALSE(is_pending(core, kBusFault, kSecure) || is_pending(core, kHardFault, kSecure));
  scs(0xED14, 0);
  EXPECT_FALSE(load(core, 0x3100'0000, 4, {}, value));
}

// --- lockup (Lockup, InstructionAdvance) -------------------------------------------------------------------

TEST_F(Faults, NmiEndsALockup) {
  core.state.faultmask[kSecure] = true;
  record_usage_fault(core, UsageFault::Undefined);
  take_fault(core, kCodeS);
  ASSERT_TRUE(core.state.locked_up);
  EXPECT_EQ(core.state.r[15], 0xEFFF'FFFEu);
  core.raise_nmi();
  scheduler.arm_budget(1);
  core.execute();
  EXPECT_FALSE(core.state.locked_up);
  EXPECT_EQ(core.state.ipsr, kNmi);
  EXPECT_EQ(word(stack_of(kSecure, kMain) + 0x18), 0xEFFF'FFFEu);
}

TEST_F(Faults, InterruptDoesNotEndALockup) {
  core.state.faultmask[kSecure] = true;
  record_usage_fault(core, UsageFault::Undefined);
  take_fault(core, kCodeS);
  pend_line(3, kSecure, 0);
  scheduler.arm_budget(1);
  EXPECT_EQ(core.execute(), Stop::Lockup);
}

}  // namespace
}  // namespace microvisor::board

// Rules that hold while instructions are executed in two worlds: the edges of attribution under the fetch,
// stack limits, unprivileged accesses, conditions, absent coprocessors. Expectations: Armv8-M ARM (DDI0553),
// pseudocode named beside each group.
#include "board/cpu/system_test_bus.hpp"

namespace microvisor::board {
namespace {

constexpr unsigned kCfsr = 0xED28, kSfsr = 0xEDE4;
constexpr std::uint32_t kInvEpBit = 1, kInvTranBit = 1u << 4, kAuViolBit = 1u << 3, kStkOfBit = 1u << 20;

class ExecutionRules : public SystemTest {
 protected:
  /// One instruction at `address` in `world`; what it faults into, or 0.
  unsigned execute(World world, std::uint32_t address) {
    run_thread(world, kProcess);
    core.state.r[15] = address;
    go(1);
    return core.state.ipsr;
  }
  std::uint32_t stacked_pc(World world) { return word(stack_of(world, kProcess) + 0x18); }
};

// --- fetch and attribution: FetchInstr, SecurityCheck
// -------------------------------------------------------

class Gateways : public ExecutionRules {
 protected:
  static constexpr std::uint32_t kCallable = 0x0C00'8000, kCallableEnd = 0x0C00'8200;
  Gateways() { set_sau(2, kCallable, kCallableEnd - 1, true); }
  unsigned call(std::uint32_t address) {
    place(address, {0xE97F, 0xE97F});
    core.state.r[14] = kCodeNs | 1;
    return execute(kNonSecure, address);
  }
};

TEST_F(Gateways, FirstAndLastWordOfTheRegion) {
  for (const std::uint32_t address : {kCallable, kCallableEnd - 4}) {
    EXPECT_EQ(call(address), 0u);
    EXPECT_EQ(core.state.world, kSecure);
    EXPECT_EQ(core.state.r[14], kCodeNs);  // bit 0 is cleared: the caller was Non-secure
  }
}

TEST_F(Gateways, HalfOutsideTheRegionIsInvep) {
  for (const std::uint32_t address : {kCallable - 2, kCallableEnd - 2}) {
    EXPECT_EQ(call(address), kSecureFault) << std::hex << address;
    EXPECT_EQ(scs(kSfsr), kInvEpBit);
    EXPECT_EQ(stacked_pc(kNonSecure), address);
    scs(kSfsr, 0xFF);
    set_active(core, kSecureFault, kSecure, false);
  }
}

class GatewayBesideNonSecureCode : public ExecutionRules {
 protected:
  static constexpr std::uint32_t kFirst = 0x0800'8000, kEnd = 0x0800'8200;
  GatewayBesideNonSecureCode() {
    set_sau(0, 0x0800'0000, kFirst - 1, false);
    set_sau(2, kFirst, kEnd - 1, true);
    set_sau(3, kEnd, 0x0800'FFFF, false);
  }
};

TEST_F(GatewayBesideNonSecureCode, SgWithItsSecondHalfInNonSecureMemoryIsInvep) {
  place(kEnd - 2, {0xE97F, 0xE97F});
  EXPECT_EQ(execute(kNonSecure, kEnd - 2), kSecureFault);
  EXPECT_EQ(scs(kSfsr), kInvEpBit);
}

TEST_F(GatewayBesideNonSecureCode, InstructionThatEndsInCallableMemoryIsInvepAtItself) {
  place(kFirst - 2, {0xF04F, 0x0001});  // MOV.W R0, #1
  EXPECT_EQ(execute(kNonSecure, kFirst - 2), kSecureFault);
  EXPECT_EQ(scs(kSfsr), kInvEpBit);
  EXPECT_EQ(stacked_pc(kNonSecure), kFirst - 2);
}

TEST_F(GatewayBesideNonSecureCode, FallingThroughIntoCallableMemoryMeetsSg) {
  place(kFirst - 2, {0x2001, 0xE97F, 0xE97F});
  run_thread(kNonSecure, kProcess);
  core.state.r[15] = kFirst - 2;
  go(2);
  EXPECT_EQ(core.state.world, kSecure);
  EXPECT_EQ(core.state.r[15], kFirst + 4);
}

TEST_F(ExecutionRules, SecureBranchIntoNonSecureMemoryIsInvtranAtTheTarget) {
  place(kCodeS, {0x4700});  // BX R0
  place(kCodeNs, {0x2001});
  core.state.r[0] = kCodeNs | 1;
  run_thread(kSecure, kProcess);
  go(2);
  EXPECT_EQ(core.state.ipsr, kSecureFault);
  EXPECT_EQ(scs(kSfsr), kInvTranBit);
  EXPECT_EQ(stacked_pc(kSecure), kCodeNs);
}

// --- accesses: MemU_with_priv, LoadWritePC
// ------------------------------------------------------------------

TEST_F(ExecutionRules, UnprivilegedFormsUseTheViewOfUnprivilegedCode) {
  scs(0xED98, 0);  // privileged only
  scs(0xED9C, 0x3000'0000);
  scs(0xEDA0, 0x3000'FFE0 | 1);
  scs(0xEDC0, 0x44);
  scs(0xED94, 5);
  place(kCodeS, {0xF8D1, 0x0000, 0xF851, 0x0E00});  // LDR.W R0, [R1]; LDRT R0, [R1]
  core.state.r[1] = 0x3000'1000;
  bus.poke(0x3000'1000, 4, 0x600D);
  run_thread(kSecure, kProcess);
  go(1);
  EXPECT_EQ(core.state.r[0], 0x600Du);
  go(1);
  EXPECT_EQ(core.state.ipsr, kMemManage);
  EXPECT_EQ(scs(kCfsr), 0x82u);  // DACCVIOL, MMARVALID
  EXPECT_EQ(scs(0xED34), 0x3000'1000u);
  EXPECT_EQ(stacked_pc(kSecure), kCodeS + 4);
}

/// The base is restored; the loaded registers are UNKNOWN after the fault, and the core leaves them alone.
TEST_F(ExecutionRules, MultipleLoadOverAnEdgeChangesNoRegister) {
  place(kCodeNs, {0xC90C});       // LDMIA R1!, {R2, R3}
  core.state.r[1] = 0x2000'FFFC;  // the second word is Secure
  EXPECT_EQ(execute(kNonSecure, kCodeNs), kSecureFault);
  EXPECT_EQ(scs(kSfsr), kAuViolBit | 1u << 6);
  EXPECT_EQ(scs(0xEDE8), 0x2001'0000u);
  EXPECT_EQ(word(stack_of(kNonSecure, kProcess) + 4), 0x2000'FFFCu);  // stacked R1
  EXPECT_EQ(word(stack_of(kNonSecure, kProcess) + 8), 0x1002u);
}

/// MemU_with_priv() goes byte by byte: SFAR is the first byte that may not be read.
TEST_F(ExecutionRules, UnalignedAccessOverAnEdgeFaultsAtThePartBehindIt) {
  place(kCodeNs, {0x6808});  // LDR R0, [R1]
  core.state.r[1] = 0x2000'FFFE;
  EXPECT_EQ(execute(kNonSecure, kCodeNs), kSecureFault);
  EXPECT_EQ(scs(0xEDE8), 0x2001'0000u);
}

TEST_F(ExecutionRules, InterruptBetweenExclusivesMakesTheStoreFail) {
  place(kCodeS, {0xE850, 0x1F00, 0xE840, 0x1200});  // LDREX R1, [R0]; STREX R2, R1, [R0]
  place(handler(kSecure, kFirstInterrupt + 3), {0x4770});
  core.state.r[0] = 0x3000'1000;
  run_thread(kSecure, kProcess);
  go(1);
  pend_line(3, kSecure, 0x20);
  go(2);
  EXPECT_EQ(core.state.r[15], kCodeS + 8);
  EXPECT_EQ(core.state.r[2], 1u);
}

// --- conditions and absent things: TopLevel
// ------------------------------------------------------------------

TEST_F(ExecutionRules, UndefinedInstructionThatFailsItsConditionIsANop) {
  place(kCodeS,
        {0x2000, 0xBF1C, 0xDE00, 0xF7F0, 0xA000, 0x2207});  // MOVS R0, #0; ITT NE; UDF; UDF.W; MOVS R2, #7
  run_thread(kSecure, kProcess);
  go(5);
  EXPECT_EQ(core.state.ipsr, 0u);
  EXPECT_EQ(core.state.r[2], 7u);
}

TEST_F(ExecutionRules, CoprocessorsThatDoNotExistAreNocp) {
  place(kCodeNs, {0xEE10, 0x0010});         // MRC p0, 0, R0, c0, c0, 0
  place(kCodeNs + 0x10, {0xEE00, 0x0700});  // CDP p7, 0, c0, c0, c0, 0
  for (const std::uint32_t address : {kCodeNs, kCodeNs + 0x10}) {
    EXPECT_EQ(execute(kNonSecure, address), kUsageFault);
    EXPECT_EQ(scs_ns(kCfsr), 1u << 19);
    scs_ns(kCfsr, 0xFFFF'FFFF);
    set_active(core, kUsageFault, kNonSecure, false);
  }
}

TEST_F(ExecutionRules, StackPointerBitsOneAndZeroAreZero) {
  place(kCodeS, {0x4685, 0x4485, 0xF8D1, 0xD000});  // MOV SP, R0; ADD SP, R0; LDR SP, [R1]
  core.state.r[0] = 0x1003;
  core.state.r[1] = 0x3000'1000;
  bus.poke(0x3000'1000, 4, 0x3000'7FFF);
  run_thread(kSecure, kProcess);
  go(1);
  EXPECT_EQ(core.state.r[13], 0x1000u);
  go(1);
  EXPECT_EQ(core.state.r[13], 0x2000u);
  go(1);
  EXPECT_EQ(core.state.r[13], 0x3000'7FFCu);
}

// --- stack limits: RSPCheck, SetSP
// --------------------------------------------------------------------------

struct LowersSp {
  const char* name;
  std::vector<unsigned> halves;  ///< an instruction that takes 8 off SP
};

class StackLimitOfInstructions : public ExecutionRules, public ::testing::WithParamInterface<LowersSp> {};

INSTANTIATE_TEST_SUITE_P(
    All, StackLimitOfInstructions,
    ::testing::Values(LowersSp{"Push", {0xB403}}, LowersSp{"SubImmediate", {0xB082}},
                      LowersSp{"SubWide", {0xF1AD, 0x0D08}}, LowersSp{"SubRegister", {0xEBAD, 0x0D04}},
                      LowersSp{"StoreMultiple", {0xE92D, 0x0003}},
                      LowersSp{"StorePreIndexed", {0xF84D, 0x0D08}},
                      LowersSp{"StorePostIndexed", {0xF84D, 0x0908}}, LowersSp{"StoreDual", {0xE96D, 0x0102}},
                      LowersSp{"LoadPreIndexed", {0xF85D, 0x0D08}},
                      LowersSp{"LoadPostIndexed", {0xF85D, 0x0908}}, LowersSp{"FloatPush", {0xED2D, 0x0A02}}),
    [](const auto& test) { return test.param.name; });

TEST_P(StackLimitOfInstructions, AtEveryPlace) {
  constexpr std::uint32_t kLimit = 0x3000'6000;
  scs(0xED88, 0x00F0'0000);
  scs(0xEF34, 0);  // no FP context in the frames
  core.state.r[4] = 8;
  place(kCodeS, GetParam().halves);
  for (std::uint32_t above = 0; above <= 24; above += 4) {
    run_thread(kSecure, kProcess);
    core.state.stack_limit[kSecure][kProcess] = kLimit;
    core.state.r[13] = kLimit + above;
    for (std::uint32_t offset = 0; offset < 16; offset += 4) bus.poke(kLimit - 8 + offset, 4, 0xA5A5'A5A5);
    const bool allowed = above >= 8;
    go(1);  // the frame of the fault does not fit either: what counts is that there is one
    EXPECT_EQ((scs(kCfsr) & kStkOfBit) == 0, allowed)
        << above << std::hex << " " << scs(kCfsr) << " " << core.state.r[15];
    EXPECT_EQ(core.state.ipsr == 0, allowed) << above;
    if (allowed) {
      EXPECT_EQ(core.state.r[13], kLimit + above - 8);
    } else {
      EXPECT_EQ(word(kLimit - 4), 0xA5A5'A5A5u) << above;
    }
    scs(kCfsr, 0xFFFF'FFFF);
    for (const unsigned number : {unsigned{kUsageFault}, unsigned{kHardFault}}) {
      set_active(core, number, kSecure, false);
      set_pending(core, number, kSecure, false);
    }
  }
}

/// LDM: no word below the limit is read. Whether a pointer that ends above the limit faults is IMPLEMENTATION
/// DEFINED (here it does); one that ends below it does in any case.
TEST_F(ExecutionRules, PopFromBelowTheLimitFaults) {
  constexpr std::uint32_t kLimit = 0x3000'6000;
  for (const std::uint32_t below : {4u, 0x40u}) {
    place(kCodeS, {0xBC03});  // POP {R0, R1}
    run_thread(kSecure, kProcess);
    core.state.stack_limit[kSecure][kProcess] = kLimit;
    core.state.r[13] = kLimit - below;
    go(1);
    EXPECT_EQ(scs(kCfsr) & kStkOfBit, kStkOfBit);
    EXPECT_EQ(core.state.r[0], 0x1000u);
    scs(kCfsr, 0xFFFF'FFFF);
    set_active(core, kUsageFault, kSecure, false);
  }
}

TEST_F(ExecutionRules, PopAboveTheLimitDoesNot) {
  place(kCodeS, {0xBC03});
  run_thread(kSecure, kProcess);
  core.state.stack_limit[kSecure][kProcess] = kPspS - 0x40;
  core.state.r[13] = kPspS - 0x40;
  go(1);
  EXPECT_EQ(core.state.ipsr, 0u);
  EXPECT_EQ(core.state.r[13], kPspS - 0x38);
}

TEST_F(ExecutionRules, LimitCanBeIgnoredAtNegativePriority) {
  place(kCodeS, {0xB403});
  run_thread(kSecure, kProcess);
  core.state.stack_limit[kSecure][kProcess] = kPspS;
  core.state.faultmask[kSecure] = true;
  scs(0xED14, 1u << 10);  // STKOFHFNMIGN
  go(1);
  EXPECT_EQ(core.state.r[13], kPspS - 8);
  EXPECT_EQ(scs(kCfsr), 0u);
}

}  // namespace
}  // namespace microvisor::board

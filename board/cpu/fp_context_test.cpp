// The FP context in frames, lazy and at once, in both worlds. Expectations: Armv8-M ARM (DDI0553) B3.20 to
// B3.22, D1.2 FPCCR, FPCAR; frame sizes 0x20, 0x68 and 0xA8 bytes.
#include "board/cpu/system_test_bus.hpp"

namespace microvisor::board {
namespace {

class FpContext : public SystemTest {
 protected:
  FpContext() {
    scs(0xED88, 0x00F0'0000);
    scs_ns(0xED88, 0x00F0'0000);
    scs(0xED8C, 0xC00);
    for (unsigned index = 0; index < 32; ++index) core.state.s[index] = 0xF000 + index;
    core.state.fpscr = 0x0300'0010;
  }
  void use_fp() {
    ASSERT_TRUE(prepare_fp(core));
    for (unsigned index = 0; index < 32; ++index) core.state.s[index] = 0xF000 + index;
    core.state.fpscr = 0x0300'0010;
  }
};

TEST_F(FpContext, FirstInstructionOpensAContext) {
  core.system->fp.fpdscr[kSecure] = 0x0100'0000;
  ASSERT_TRUE(prepare_fp(core));
  EXPECT_TRUE(core.state.fp_active);
  EXPECT_TRUE(core.state.secure_fp_active);
  EXPECT_EQ(core.state.fpscr, 0x0100'0000u);
  core.state.fpscr = 0x10;
  ASSERT_TRUE(prepare_fp(core));
  EXPECT_EQ(core.state.fpscr, 0x10u);
}

TEST_F(FpContext, DeniedByCpacrAndByNsacr) {
  run_thread(kNonSecure, kMain);
  scs_ns(0xED88, 0);
  EXPECT_FALSE(prepare_fp(core));
  EXPECT_EQ(scs_ns(0xED28), 1u << 19);
  EXPECT_TRUE(is_pending(core, kUsageFault, kNonSecure));
  scs_ns(0xED88, 0x00F0'0000);
  scs(0xED8C, 0);
  EXPECT_FALSE(prepare_fp(core));
  EXPECT_EQ(scs(0xED28), 1u << 19);  // taken to Secure
  EXPECT_TRUE(is_pending(core, kUsageFault, kSecure));
}

TEST_F(FpContext, PrivilegedOnlySetting) {
  run_thread(kNonSecure, kMain, false);
  scs_ns(0xED88, 0x0050'0000);
  EXPECT_FALSE(prepare_fp(core));
  run_thread(kNonSecure, kMain, true);
  EXPECT_TRUE(prepare_fp(core));
}

TEST_F(FpContext, LazyFrameReservesSpaceAndReturnsWithoutStoring) {
  run_thread(kNonSecure, kProcess);
  use_fp();
  bus.poke(kPspNs - 0x68 + 0x20, 4, 0xA5A5'A5A5);
  pend_line(3, kNonSecure, 0x20);
  ASSERT_TRUE(take());
  EXPECT_EQ(core.state.r[14], 0xFFFF'FFACu);
  EXPECT_EQ(core.state.stack[kNonSecure][kProcess], kPspNs - 0x68);
  EXPECT_FALSE(core.state.fp_active);
  EXPECT_EQ(scs_ns(0xEF38), kPspNs - 0x68 + 0x20);
  EXPECT_EQ(scs_ns(0xEF34) & 1, 1u);  // LSPACT
  EXPECT_EQ(word(kPspNs - 0x68 + 0x20), 0xA5A5'A5A5u);
  ASSERT_TRUE(branch(core.state.r[14]));
  EXPECT_TRUE(core.state.fp_active);
  EXPECT_EQ(scs_ns(0xEF34) & 1, 0u);
  EXPECT_EQ(core.state.r[13], kPspNs);
  EXPECT_EQ(core.state.s[0], 0xF000u);
}

TEST_F(FpContext, HandlerUsingFpStoresTheContextFirst) {
  run_thread(kNonSecure, kProcess);
  use_fp();
  pend_line(3, kNonSecure, 0x20);
  ASSERT_TRUE(take());
  ASSERT_TRUE(prepare_fp(core));
  const std::uint32_t context = kPspNs - 0x68 + 0x20;
  for (unsigned index = 0; index < 16; ++index) EXPECT_EQ(word(context + 4 * index), 0xF000 + index);
  EXPECT_EQ(word(context + 0x40), 0x0300'0010u);
  EXPECT_EQ(scs_ns(0xEF34) & 1, 0u);
  core.state.s[0] = 1;
  ASSERT_TRUE(branch(core.state.r[14]));
  EXPECT_EQ(core.state.s[0], 0xF000u);
  EXPECT_EQ(core.state.fpscr, 0x0300'0010u);
}

TEST_F(FpContext, StackingAtOnce) {
  scs(0xEF34, 0x8000'0000);  // LSPEN = 0
  run_thread(kNonSecure, kProcess);
  use_fp();
  pend_line(3, kNonSecure, 0x20);
  ASSERT_TRUE(take());
  EXPECT_EQ(word(kPspNs - 0x68 + 0x20 + 60), 0xF00Fu);
  EXPECT_EQ(scs_ns(0xEF34) & 1, 0u);
  core.state.s[15] = 0;
  ASSERT_TRUE(branch(core.state.r[14]));
  EXPECT_EQ(core.state.s[15], 0xF00Fu);
}

TEST_F(FpContext, SecureContextWithTsSavesAllAndIsHiddenFromNonSecureCode) {
  scs(0xEF34, 0xC400'0000);  // ASPEN, LSPEN, TS
  use_fp();
  pend_line(3, kNonSecure, 0x20);
  ASSERT_TRUE(take());
  EXPECT_EQ(core.state.r[14], 0xFFFF'FFE8u);
  EXPECT_EQ(core.state.stack[kSecure][kMain], kMspS - 0xA8 - 0x28);
  EXPECT_EQ(word(kMspS - 0xA8 - 0x28), 0xFEFA'125Au);  // signature with FP context
  ASSERT_TRUE(prepare_fp(core));                       // Non-secure handler touches the FPU
  const std::uint32_t context = kMspS - 0xA8 + 0x20;
  EXPECT_EQ(word(context), 0xF000u);
  EXPECT_EQ(word(context + 0x40), 0x0300'0010u);
  EXPECT_EQ(word(context + 0x48), 0xF010u);
  EXPECT_EQ(word(context + 0x48 + 60), 0xF01Fu);
  for (unsigned index = 0; index < 32; ++index) EXPECT_EQ(core.state.s[index], 0u) << index;
  ASSERT_TRUE(branch(core.state.r[14]));
  for (unsigned index = 0; index < 32; ++index) EXPECT_EQ(core.state.s[index], 0xF000 + index);
  EXPECT_EQ(core.state.r[13], kMspS);
  EXPECT_TRUE(core.state.secure_fp_active);
}

TEST_F(FpContext, LazyStoreFaultIsTakenBeforeTheInstruction) {
  run_thread(kNonSecure, kProcess);
  use_fp();
  pend_line(3, kNonSecure, 0x20);
  ASSERT_TRUE(take());
  core.system->fp.fpcar[kNonSecure] = 0x3000'0000;
  EXPECT_FALSE(prepare_fp(core));
  EXPECT_EQ(scs(0xEDE4), 0x60u);  // LSPERR, SFARVALID
  take_fault(core, core.state.r[15]);
  EXPECT_EQ(core.state.ipsr, kSecureFault);
  EXPECT_EQ(core.system->fp.fpccr[kNonSecure] & 1, 1u);
}

TEST_F(FpContext, ClearOnReturn) {
  scs(0xEF34, 0xD000'0000);  // CLRONRET
  pend_line(3, kSecure, 0x20);
  ASSERT_TRUE(take());
  use_fp();
  ASSERT_TRUE(branch(core.state.r[14]));
  EXPECT_EQ(core.state.s[0], 0u);
  EXPECT_EQ(core.state.s[15], 0u);
  EXPECT_EQ(core.state.s[16], 0xF010u);
}

TEST_F(FpContext, FpccrViews) {
  scs(0xEF34, 0xFC00'0000);
  EXPECT_EQ(scs_ns(0xEF34) & 0x2C00'0000u, 0u);  // TS, CLRONRETS, LSPENS are Secure
  scs_ns(0xEF34, 0);                             // LSPEN and CLRONRET are taken away by LSPENS and CLRONRETS
  EXPECT_EQ(scs(0xEF34) & 0x5000'0000u, 0x5000'0000u);
  EXPECT_EQ(scs_ns(0xEF34) & 0x8000'0000u, 0u);
  EXPECT_EQ(scs(0xEF34) & 0x8000'0000u, 0x8000'0000u);
}

TEST_F(FpContext, StoreAndLoadMultipleAroundANonSecureCall) {
  use_fp();
  ASSERT_TRUE(execute_vlstm(core, 0x3000'1000));
  EXPECT_FALSE(core.state.fp_active);
  EXPECT_EQ(scs(0xEF38), 0x3000'1000u);
  EXPECT_EQ(scs(0xEF34) & 1, 1u);
  ASSERT_TRUE(execute_vlldm(core, 0x3000'1000));
  EXPECT_TRUE(core.state.fp_active);
  EXPECT_EQ(core.state.s[3], 0xF003u);
  core.state.secure_fp_active = false;
  EXPECT_TRUE(execute_vlstm(core, 0x3000'1001));  // without a Secure context both do nothing
}

// --- faults of the lazy store (PreserveFPState, UpdateFPCCR)
// -------------------------------------------------

class LazyFault : public FpContext {
 protected:
  /// A Non-secure handler, over Thread code whose context waits.
  LazyFault() {
    run_thread(kNonSecure, kProcess);
    use_fp();
  }
  void enter_handler(std::uint8_t priority = 0x40) {
    pend_line(3, kNonSecure, priority);
    ASSERT_TRUE(take());
  }
};

TEST_F(LazyFault, MpuFaultIsMlsperr) {
  enter_handler();
  scs_ns(0xED98, 0);  // all of SRAM is read-only for everybody
  scs_ns(0xED9C, 0x2000'0000 | 3 << 1);
  scs_ns(0xEDA0, 0x2000'FFE0 | 1);
  scs_ns(0xEDC0, 0x44);
  scs_ns(0xED94, 5);
  EXPECT_FALSE(prepare_fp(core));
  EXPECT_EQ(scs_ns(0xED28), 1u << 5);  // MLSPERR, no address
  EXPECT_TRUE(is_pending(core, kMemManage, kNonSecure));
}

TEST_F(LazyFault, BusErrorIsLsperr) {
  enter_handler();
  set_sau(3, 0x2100'0000, 0x2100'FFFF, false);
  core.system->fp.fpcar[kNonSecure] = 0x2100'0000;  // Non-secure, and nothing there
  EXPECT_FALSE(prepare_fp(core));
  EXPECT_EQ(scs(0xED28) & 0xFF00, 1u << 13);  // LSPERR, no address
  EXPECT_TRUE(is_pending(core, kBusFault, kSecure));
}

TEST_F(LazyFault, AccessTakenAwayMeanwhileIsNocp) {
  enter_handler();
  scs(0xED8C, 0);  // NSACR
  EXPECT_FALSE(prepare_fp(core));
  EXPECT_EQ(scs(0xED28), 1u << 19);  // of the Secure side
}

/// Whether it escalates was decided when the frame was made: BFRDY is clear, HFRDY set.
TEST_F(LazyFault, FaultThatWasNotReadyThenIsAHardFault) {
  scs(0xED24, bit(16) | bit(18) | bit(19));  // BusFault disabled
  enter_handler();
  scs(0xED24, bit(16) | bit(17) | bit(18) | bit(19));
  set_sau(3, 0x2100'0000, 0x2100'FFFF, false);
  core.system->fp.fpcar[kNonSecure] = 0x2100'0000;
  EXPECT_FALSE(prepare_fp(core));
  EXPECT_TRUE(is_pending(core, kHardFault, kSecure));
  EXPECT_FALSE(is_pending(core, kBusFault, kSecure));
  EXPECT_EQ(scs(0xED2C), 1u << 30);
}

TEST_F(LazyFault, ContextBelowTheStackLimitIsNotStored) {
  enter_handler();
  const std::uint32_t context = scs_ns(0xEF38);
  bus.poke(context, 4, 0xA5A5'A5A5);
  core.system->fp.fpccr[kNonSecure] |= kSpLimViol;
  EXPECT_TRUE(prepare_fp(core));
  EXPECT_EQ(word(context), 0xA5A5'A5A5u);
  EXPECT_EQ(scs_ns(0xEF34) & 1, 0u);
}

TEST_F(LazyFault, SecondContextOfTheSameWorldIsLserr) {
  enter_handler();
  core.state.fp_active = true;  // software has set FPCA without an FP instruction
  pend_line(4, kNonSecure, 0x00);
  ASSERT_TRUE(take());
  EXPECT_EQ(scs(0xEDE4), 1u << 7);  // LSERR
}

TEST_F(FpContext, ReturnOfNonSecureContextOverAWaitingSecureOneIsLserr) {
  use_fp();
  pend_line(3, kNonSecure, 0x20);
  ASSERT_TRUE(take());  // the Secure context waits
  ASSERT_EQ(scs(0xEF34) & 1, 1u);
  core.state.stack[kNonSecure][kProcess] = kPspNs - 0x68;
  core.state.process_stack[kNonSecure] = true;
  bus.poke(kPspNs - 0x68 + 0x1C, 4, 0x0100'0000);
  ASSERT_TRUE(branch(0xFFFF'FFAC));  // Non-secure Thread mode, process stack, with FP context
  EXPECT_EQ(scs(0xEDE4), 1u << 7);
}

TEST_F(FpContext, ClearOnReturnOverAWaitingSecureContextIsLserr) {
  scs(0xEF34, 0xD000'0000);  // CLRONRET
  use_fp();
  pend_line(3, kSecure, 0x20);
  ASSERT_TRUE(take());
  core.state.fp_active = true;
  ASSERT_TRUE(branch(core.state.r[14]));
  EXPECT_EQ(scs(0xEDE4), 1u << 7);
}

TEST_F(FpContext, UnstackingErrorLeavesNoSecretInTheRegisters) {
  scs(0xEF34, 0x8000'0000);  // at once
  run_thread(kNonSecure, kProcess);
  use_fp();
  pend_line(3, kNonSecure, 0x20);
  ASSERT_TRUE(take());
  core.state.stack[kNonSecure][kProcess] = 0x2001'0000 - 0x30;  // the FP part lies outside
  bus.poke(0x2001'0000 - 0x30 + 0x1C, 4, 0x0100'0000);
  core.state.s[0] = 0x5EC2E7;
  ASSERT_TRUE(branch(core.state.r[14]));
  EXPECT_EQ(scs(0xEDE4) & 8, 8u);  // AUVIOL
  EXPECT_EQ(core.state.s[0], 0u);
}

// --- every way in, with every kind of FP context
// ------------------------------------------------------------

enum class Context : std::uint8_t { Lazy, AtOnce, LazyAll, AtOnceAll };

struct FpEntryCase {
  const char* name;
  World from;
  StackKind stack;
  World to;
  Context context;
};

class FpEntryMatrix : public FpContext, public ::testing::WithParamInterface<FpEntryCase> {
 protected:
  bool lazy() const { return GetParam().context == Context::Lazy || GetParam().context == Context::LazyAll; }
  /// FPCCR.TS counts for Secure code only.
  bool saves_all() const {
    const bool all = GetParam().context == Context::LazyAll || GetParam().context == Context::AtOnceAll;
    return all && GetParam().from == kSecure;
  }
};

constexpr World kWorlds[] = {kSecure, kNonSecure};
std::vector<FpEntryCase> fp_entry_cases() {
  std::vector<FpEntryCase> cases;
  for (const World from : kWorlds) {
    for (const World to : kWorlds) {
      for (const StackKind stack : {kMain, kProcess}) {
        cases.push_back({"Lazy", from, stack, to, Context::Lazy});
        cases.push_back({"AtOnce", from, stack, to, Context::AtOnce});
        cases.push_back({"LazyAll", from, stack, to, Context::LazyAll});
        cases.push_back({"AtOnceAll", from, stack, to, Context::AtOnceAll});
      }
    }
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(All, FpEntryMatrix, ::testing::ValuesIn(fp_entry_cases()), [](const auto& test) {
  const FpEntryCase& entry = test.param;
  return std::string(entry.from == kSecure ? "S" : "Ns") + (entry.stack == kMain ? "Msp" : "Psp") + "To" +
         (entry.to == kSecure ? "S" : "Ns") + entry.name;
});

/// PushStack(), ExceptionTaken(), PopStack(): sizes 0x68 and 0xA8, FType = 0, and everything comes back, also
/// after the handler has used the FPU for itself.
TEST_P(FpEntryMatrix, FrameAndReturn) {
  const FpEntryCase& entry = GetParam();
  const bool all = entry.context == Context::LazyAll || entry.context == Context::AtOnceAll;
  scs(0xEF34, 0x8000'0000 | (lazy() ? 0x4000'0000 : 0) | (all ? 0x0400'0000 : 0));
  run_thread(entry.from, entry.stack);
  use_fp();
  const std::uint32_t top = core.state.r[13];
  pend_line(3, entry.to, 0x20);
  ASSERT_TRUE(take());
  EXPECT_EQ(core.state.r[14] & 0x10, 0u);  // FType
  const std::uint32_t hidden = entry.from == kSecure && entry.to == kNonSecure ? 0x28 : 0;
  EXPECT_EQ(stack_of(entry.from, entry.stack), top - (saves_all() ? 0xA8 : 0x68) - hidden);
  ASSERT_TRUE(prepare_fp(core));  // the handler uses the FPU
  for (unsigned index = 0; index < (saves_all() ? 32u : 16u); ++index) core.state.s[index] = 0xBAD;
  core.state.fpscr = 0;
  ASSERT_TRUE(branch(core.state.r[14]));
  EXPECT_EQ(core.state.ipsr, 0u);
  EXPECT_EQ(core.state.world, entry.from);
  EXPECT_EQ(core.state.r[13], top);
  for (unsigned index = 0; index < 32; ++index) EXPECT_EQ(core.state.s[index], 0xF000 + index) << index;
  EXPECT_EQ(core.state.fpscr, 0x0300'0010u);
  EXPECT_TRUE(core.state.fp_active);
  EXPECT_EQ(core.state.secure_fp_active, entry.from == kSecure);
  EXPECT_EQ(scs(0xEDE4) | scs(0xED28) | scs_ns(0xED28), 0u);
}

}  // namespace
}  // namespace microvisor::board

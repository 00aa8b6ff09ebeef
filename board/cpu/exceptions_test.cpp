// Exception entry by hand: frame words, EXC_RETURN, register clearing, the additional state context, INVEP
// trap gates, tail-chaining and derived faults. Expectations: Armv8-M ARM (DDI0553) B3.18 to B3.24 and the
// RETPSR layout.
#include "board/cpu/system_test_bus.hpp"

namespace microvisor::board {
namespace {

class ExceptionEntry : public SystemTest {
 protected:
  /// The eight words that entry from the prepared state has to push.
  void expect_frame(std::uint32_t frame, std::uint32_t return_address, std::uint32_t psr) {
    const std::uint32_t expected[8] = {0x1000, 0x1001, 0x1002, 0x1003, 0x100C, 0x1EEF, return_address, psr};
    for (unsigned index = 0; index < 8; ++index) {
      EXPECT_EQ(word(frame + 4 * index), expected[index]) << "word " << index;
    }
  }
  void expect_additional_context(std::uint32_t frame) {
    EXPECT_EQ(word(frame), 0xFEFA'125Bu);
    for (unsigned index = 0; index < 8; ++index) EXPECT_EQ(word(frame + 8 + 4 * index), 0x1004 + index);
  }
  std::uint32_t trap_from_nonsecure(std::uint32_t target) {
    record_access_fault(core, Attribution::Fault::SecureFetch, AccessType::Fetch, target);
    take_fault(core, target);
    return core.state.r[14];
  }
};

struct EntryCase {
  const char* name;
  World from;
  StackKind stack;
  bool handler;  ///< interrupted code is itself a handler of `from`
  World to;
  std::uint32_t exc_return;
};

class EntryMatrix : public ExceptionEntry, public ::testing::WithParamInterface<EntryCase> {};

/// EXC_RETURN: 0xFFFFFF80 | S 6 | DCRS 5 | FType 4 | Mode 3 | SPSEL 2 | ES 0, SPSEL being the target world's
/// CONTROL.
INSTANTIATE_TEST_SUITE_P(
    All, EntryMatrix,
    ::testing::Values(EntryCase{"NsThreadMspToNs", kNonSecure, kMain, false, kNonSecure, 0xFFFF'FFB8},
                      EntryCase{"NsThreadPspToNs", kNonSecure, kProcess, false, kNonSecure, 0xFFFF'FFBC},
                      EntryCase{"NsHandlerToNs", kNonSecure, kMain, true, kNonSecure, 0xFFFF'FFB0},
                      EntryCase{"SThreadMspToS", kSecure, kMain, false, kSecure, 0xFFFF'FFF9},
                      EntryCase{"SThreadPspToS", kSecure, kProcess, false, kSecure, 0xFFFF'FFFD},
                      EntryCase{"SHandlerToS", kSecure, kMain, true, kSecure, 0xFFFF'FFF1},
                      EntryCase{"NsThreadMspToS", kNonSecure, kMain, false, kSecure, 0xFFFF'FFB9},
                      EntryCase{"NsThreadPspToS", kNonSecure, kProcess, false, kSecure, 0xFFFF'FFB9},
                      EntryCase{"NsHandlerToS", kNonSecure, kMain, true, kSecure, 0xFFFF'FFB1},
                      EntryCase{"SThreadMspToNs", kSecure, kMain, false, kNonSecure, 0xFFFF'FFF8},
                      EntryCase{"SThreadPspToNs", kSecure, kProcess, false, kNonSecure, 0xFFFF'FFF8},
                      EntryCase{"SHandlerToNs", kSecure, kMain, true, kNonSecure, 0xFFFF'FFF0}),
    [](const auto& test) { return test.param.name; });

TEST_P(EntryMatrix, FrameAndExcReturn) {
  const EntryCase& expected = GetParam();
  run_thread(expected.from, expected.stack);
  core.state.r[15] = 0x4321'0ABC;
  core.state.z = core.state.c = true;
  if (expected.handler) {
    core.state.ipsr = kFirstInterrupt + 7;
    set_active(core, kFirstInterrupt + 7, expected.from, true);
    if (expected.from == kNonSecure) core.system->nvic.nonsecure[0] |= bit(7);
    core.system->nvic.priority[7] = 0xC0;
  }
  const std::uint32_t top = core.state.r[13];
  pend_line(3, expected.to, 0x20);
  ASSERT_TRUE(take());

  const std::uint32_t ipsr = expected.handler ? kFirstInterrupt + 7 : 0;
  expect_frame(top - 0x20, 0x4321'0ABC, 0x6100'0000 | ipsr);
  EXPECT_EQ(core.state.r[14], expected.exc_return);
  EXPECT_EQ(core.state.ipsr, kFirstInterrupt + 3u);
  EXPECT_EQ(core.state.world, expected.to);
  EXPECT_EQ(core.state.r[15], handler(expected.to, kFirstInterrupt + 3));
  EXPECT_TRUE(core.state.thumb);
  const bool hides = expected.from == kSecure && expected.to == kNonSecure;
  EXPECT_EQ(stack_of(expected.from, expected.handler ? kMain : expected.stack),
            top - 0x20 - (hides ? 0x28 : 0));
  if (hides) {
    expect_additional_context(top - 0x48);
    for (unsigned index = 0; index <= 12; ++index) EXPECT_EQ(core.state.r[index], 0u) << index;
    EXPECT_FALSE(core.state.z || core.state.c);
  } else {
    EXPECT_EQ(core.state.r[4], 0x1004u);
    EXPECT_EQ(core.state.r[11], 0x100Bu);
  }
  // The handler's stack: what is in use is the main stack of the target world.
  const bool same = expected.from == expected.to && (expected.handler || expected.stack == kMain);
  const std::uint32_t main = expected.to == kSecure ? kMspS : kMspNs;
  EXPECT_EQ(core.state.r[13], same ? main - 0x20 : main);
}

TEST_P(EntryMatrix, ReturnRestoresEverything) {
  const EntryCase& expected = GetParam();
  run_thread(expected.from, expected.stack);
  core.state.n = core.state.q = true;
  core.state.ge = 0xA;
  core.state.it = 0x4C;
  if (expected.handler) {
    core.state.ipsr = kFirstInterrupt + 7;
    if (expected.from == kNonSecure) core.system->nvic.nonsecure[0] |= bit(7);
    core.system->nvic.priority[7] = 0xC0;
    set_active(core, kFirstInterrupt + 7, expected.from, true);
  }
  const CoreState before = core.state;
  pend_line(3, expected.to, 0x20);
  ASSERT_TRUE(take());
  for (unsigned index = 0; index < 4; ++index) core.state.r[index] = 0xDEAD;
  if (expected.to == kNonSecure && expected.from == kSecure) {
    for (unsigned index = 4; index < 12; ++index) core.state.r[index] = 0xDEAD;
  }
  ASSERT_TRUE(branch(core.state.r[14]));
  EXPECT_EQ(core.state.r, before.r);
  EXPECT_EQ(read_xpsr(core.state), read_xpsr(before));
  EXPECT_EQ(core.state.world, before.world);
  EXPECT_EQ(core.state.process_stack, before.process_stack);
  EXPECT_FALSE(is_active(core, kFirstInterrupt + 3, expected.to));
  EXPECT_EQ(core.system->control.cfsr[kSecure], 0u);
  EXPECT_EQ(core.system->control.sfsr, 0u);
}

TEST_F(ExceptionEntry, UnalignedStackIsRealignedAndGivenBack) {
  run_thread(kNonSecure, kProcess);
  core.state.r[13] = kPspNs - 4;
  pend_line(3, kNonSecure, 0x20);
  ASSERT_TRUE(take());
  EXPECT_EQ(core.state.stack[kNonSecure][kProcess], kPspNs - 8 - 0x20);
  expect_frame(kPspNs - 8 - 0x20, kCodeNs, 0x0100'0200);  // SPREALIGN
  ASSERT_TRUE(branch(core.state.r[14]));
  EXPECT_EQ(core.state.r[13], kPspNs - 4);
}

TEST_F(ExceptionEntry, SfpaIsInTheFrameOfSecureCodeOnly) {
  core.state.secure_fp_active = true;
  pend_line(3, kSecure, 0x20);
  ASSERT_TRUE(take());
  EXPECT_EQ(word(kMspS - 4), 0x0110'0000u);
  EXPECT_FALSE(core.state.secure_fp_active);
  ASSERT_TRUE(branch(core.state.r[14]));
  EXPECT_TRUE(core.state.secure_fp_active);
}

TEST_F(ExceptionEntry, EvenVectorStartsWithoutThumb) {
  bus.poke(kVectorsS + 4 * (kFirstInterrupt + 3), 4, 0x0C00'2000);
  pend_line(3, kSecure, 0x20);
  ASSERT_TRUE(take());
  EXPECT_FALSE(core.state.thumb);
  EXPECT_EQ(core.state.r[15], 0x0C00'2000u);
}

TEST_F(ExceptionEntry, EntrySetsTheEventRegisterAndClearsTheMonitor) {
  core.state.exclusive = true;
  pend_line(3, kSecure, 0x20);
  ASSERT_TRUE(take());
  EXPECT_TRUE(core.state.event);
  EXPECT_FALSE(core.state.exclusive);
}

// --- trap gates -----------------------------------------------------------------------------------------

TEST_F(ExceptionEntry, BranchToPlainSecureAddressIsATrapWithTheTargetAsReturnAddress) {
  run_thread(kNonSecure, kProcess);
  core.state.r[14] = kCodeNs + 5;  // BL has completed
  EXPECT_EQ(trap_from_nonsecure(0x0C00'8008), 0xFFFF'FFB9u);
  EXPECT_EQ(core.state.world, kSecure);
  EXPECT_EQ(core.state.ipsr, kSecureFault);
  EXPECT_EQ(scs(0xEDE4), 1u);  // SFSR: exactly INVEP, SFAR not valid
  EXPECT_EQ(core.state.stack[kNonSecure][kProcess], kPspNs - 0x20);
  EXPECT_EQ(word(kPspNs - 8), 0x0C00'8008u);
  EXPECT_EQ(word(kPspNs - 12), kCodeNs + 5);
  EXPECT_EQ(core.state.r[13], kMspS);
  EXPECT_TRUE(core.state.process_stack[kNonSecure]);  // CONTROL_NS.SPSEL tells the handler where the frame is
}

TEST_F(ExceptionEntry, TrapReturnsToARewrittenAddress) {
  run_thread(kNonSecure, kProcess);
  trap_from_nonsecure(0x0C00'8008);
  bus.poke(kPspNs - 0x20, 4, 0x600D);    // result
  bus.poke(kPspNs - 8, 4, kCodeNs + 4);  // back behind the call
  scs(0xEDE4, 0xFF);
  EXPECT_EQ(scs(0xEDE4), 0u);
  ASSERT_TRUE(branch(core.state.r[14]));
  EXPECT_EQ(core.state.world, kNonSecure);
  EXPECT_EQ(core.state.r[0], 0x600Du);
  EXPECT_EQ(core.state.r[15], kCodeNs + 4);
  EXPECT_EQ(core.state.r[13], kPspNs);
}

TEST_F(ExceptionEntry, TrapWithThumbBitClearIsStillInvep) {
  run_thread(kNonSecure, kMain);
  core.state.thumb = false;
  trap_from_nonsecure(0x0C00'8008);
  EXPECT_EQ(scs(0xEDE4), 1u);
  EXPECT_EQ(scs_ns(0xED28), 0u);
  EXPECT_EQ(word(kMspNs - 4), 0x0000'0000u);  // T = 0 in the frame
}

TEST_F(ExceptionEntry, TrapFromNonSecureHandlerAboveSecureFaultIsStillTakenUnderPris) {
  scs(0xED0C, 0x05FA'4000);        // PRIS
  scs_byte(0xED1B, 0x40);          // SecureFault at 0x40
  pend_line(3, kNonSecure, 0x00);  // compares as 0x80
  run_thread(kNonSecure, kMain);
  ASSERT_TRUE(take());
  EXPECT_EQ(trap_from_nonsecure(0x0C00'8010), 0xFFFF'FFB1u);
  EXPECT_EQ(core.state.ipsr, kSecureFault);
  EXPECT_EQ(scs(0xED2C), 0u);
}

// --- several at once ------------------------------------------------------------------------------------

TEST_F(ExceptionEntry, TheMostUrgentOfSeveralIsTakenAndTheNextTailChains) {
  run_thread(kNonSecure, kProcess);
  pend_line(5, kNonSecure, 0x40);
  pend_line(4, kNonSecure, 0x20);
  ASSERT_TRUE(take());
  EXPECT_EQ(core.state.ipsr, kFirstInterrupt + 4u);
  EXPECT_FALSE(core.attention);
  ASSERT_TRUE(branch(core.state.r[14]));
  EXPECT_EQ(core.state.ipsr, kFirstInterrupt + 5u);  // nothing popped, nothing pushed
  EXPECT_EQ(core.state.r[14], 0xFFFF'FFBCu);
  EXPECT_EQ(core.state.stack[kNonSecure][kProcess], kPspNs - 0x20);
  ASSERT_TRUE(branch(core.state.r[14]));
  EXPECT_EQ(core.state.ipsr, 0u);
  EXPECT_EQ(core.state.r[13], kPspNs);
}

TEST_F(ExceptionEntry, TailChainToNonSecurePushesTheCalleeRegistersThen) {
  scs(0xED0C, 0x05FA'4000);  // PRIS: the Secure one comes first
  pend_line(4, kSecure, 0x20);
  pend_line(5, kNonSecure, 0x20);
  ASSERT_TRUE(take());
  EXPECT_EQ(core.state.r[14], 0xFFFF'FFF9u);
  ASSERT_TRUE(branch(core.state.r[14]));
  EXPECT_EQ(core.state.world, kNonSecure);
  EXPECT_EQ(core.state.r[14], 0xFFFF'FFF8u);
  EXPECT_EQ(core.state.stack[kSecure][kMain], kMspS - 0x48);
  expect_additional_context(kMspS - 0x48);
  for (unsigned index = 0; index <= 12; ++index) EXPECT_EQ(core.state.r[index], 0u) << index;
  ASSERT_TRUE(branch(core.state.r[14]));
  EXPECT_EQ(core.state.r[4], 0x1004u);
  EXPECT_EQ(core.state.r[0], 0x1000u);
  EXPECT_EQ(core.state.r[13], kMspS);
}

TEST_F(ExceptionEntry, TailChainFromNonSecureToSecureKeepsThemStackedWithDcrsClear) {
  pend_line(4, kNonSecure, 0x20);
  ASSERT_TRUE(take());
  ASSERT_EQ(core.state.r[14], 0xFFFF'FFF8u);
  pend_line(5, kSecure, 0x20);  // same priority: waits for the handler to end
  EXPECT_FALSE(core.attention);
  ASSERT_TRUE(branch(core.state.r[14]));
  EXPECT_EQ(core.state.world, kSecure);
  EXPECT_EQ(core.state.r[14], 0xFFFF'FFD9u);  // DCRS = 0
  EXPECT_EQ(core.state.r[13], kMspS - 0x48);
  ASSERT_TRUE(branch(core.state.r[14]));
  for (unsigned index = 0; index < 13; ++index) EXPECT_EQ(core.state.r[index], 0x1000 + index);
  EXPECT_EQ(core.state.r[13], kMspS);
}

TEST_F(ExceptionEntry, SecureHandlerLeavesNothingInScratchRegistersForATailChainedNonSecureOne) {
  run_thread(kNonSecure, kMain);
  scs(0xED0C, 0x05FA'4000);
  pend_line(4, kSecure, 0x20);
  pend_line(5, kNonSecure, 0x20);
  ASSERT_TRUE(take());
  core.state.r[0] = core.state.r[12] = 0x5EC2E7;
  core.state.n = true;
  ASSERT_TRUE(branch(core.state.r[14]));
  ASSERT_EQ(core.state.world, kNonSecure);
  EXPECT_EQ(core.state.r[0], 0u);
  EXPECT_EQ(core.state.r[12], 0u);
  EXPECT_FALSE(core.state.n);
  EXPECT_EQ(core.state.r[4], 0x1004u);
}

// --- faults of the entry itself -------------------------------------------------------------------------

TEST_F(ExceptionEntry, StackLimitStopsTheFrameAndTakesStackOverflow) {
  run_thread(kNonSecure, kProcess);
  core.state.stack_limit[kNonSecure][kProcess] = kPspNs - 0x18;
  bus.poke(kPspNs - 0x20, 4, 0xA5A5'A5A5);
  bus.poke(kPspNs - 0x04, 4, 0xA5A5'A5A5);
  scs_ns(0xED18, 0);  // UsageFault_NS at priority 0, more urgent than the interrupt
  pend_line(3, kNonSecure, 0x20);
  ASSERT_TRUE(take());
  EXPECT_EQ(core.state.ipsr, kUsageFault);
  EXPECT_EQ(core.state.world, kNonSecure);
  EXPECT_EQ(scs_ns(0xED28), 1u << 20);
  EXPECT_EQ(core.state.stack[kNonSecure][kProcess], kPspNs - 0x18);
  EXPECT_EQ(word(kPspNs - 0x20), 0xA5A5'A5A5u);
  EXPECT_EQ(word(kPspNs - 0x04), 0xA5A5'A5A5u);
  EXPECT_TRUE(is_pending(core, kFirstInterrupt + 3, kNonSecure));  // the original stays pending
}

TEST_F(ExceptionEntry, StackLimitIsExact) {
  run_thread(kNonSecure, kProcess);
  core.state.stack_limit[kNonSecure][kProcess] = kPspNs - 0x20;
  pend_line(3, kNonSecure, 0x20);
  ASSERT_TRUE(take());
  EXPECT_EQ(core.state.ipsr, kFirstInterrupt + 3u);
}

TEST_F(ExceptionEntry, LessUrgentDerivedFaultWaits) {
  run_thread(kNonSecure, kProcess);
  core.state.r[13] = 0x2001'0000 + 0x20;  // outside every memory and every SAU region
  scs_byte(0xED1B, 0x80);                 // SecureFault
  pend_line(3, kNonSecure, 0x20);
  ASSERT_TRUE(take());
  EXPECT_EQ(core.state.ipsr, kFirstInterrupt + 3u);
  EXPECT_TRUE(is_pending(core, kSecureFault, kSecure));
  EXPECT_EQ(scs(0xEDE4), 0x48u);  // AUVIOL, SFARVALID
  EXPECT_EQ(scs(0xEDE8), 0x2001'0000u);
}

TEST_F(ExceptionEntry, MoreUrgentDerivedFaultIsTakenInstead) {
  run_thread(kNonSecure, kProcess);
  core.state.r[13] = 0x2001'0020;
  pend_line(3, kNonSecure, 0x20);  // SecureFault stands at 0
  ASSERT_TRUE(take());
  EXPECT_EQ(core.state.ipsr, kSecureFault);
  EXPECT_TRUE(is_pending(core, kFirstInterrupt + 3, kNonSecure));
  EXPECT_EQ(core.state.r[14], 0xFFFF'FFB9u);
}

TEST_F(ExceptionEntry, StackingBusErrorIsStkerr) {
  core.state.r[13] = 0x3001'0020;  // Secure, but nothing there
  pend_line(3, kSecure, 0x20);
  ASSERT_TRUE(take());
  EXPECT_EQ(core.state.ipsr, kBusFault);
  EXPECT_EQ(scs(0xED28), 1u << 12);
}

TEST_F(ExceptionEntry, UnreadableVectorIsAHardFault) {
  scs(0xED08, 0x3001'0000);
  bus.poke(kVectorsS + 4 * kHardFault, 4, handler(kSecure, kHardFault) | 1);
  pend_line(3, kSecure, 0x20);
  ASSERT_TRUE(core.attention);
  EXPECT_FALSE(service(core));  // the vector of HardFault is just as unreadable
  EXPECT_TRUE(core.state.locked_up);
  EXPECT_EQ(scs(0xED2C), 2u);
}

TEST_F(ExceptionEntry, NonSecureVectorTableInSecureMemoryIsASecureHardFault) {
  set_vector_table(core, kNonSecure, 0x0C00'0000);
  run_thread(kNonSecure, kMain);
  pend_line(3, kNonSecure, 0x20);
  ASSERT_TRUE(take());
  EXPECT_EQ(core.state.ipsr, kHardFault);
  EXPECT_EQ(core.state.world, kSecure);
  EXPECT_EQ(scs(0xED2C), 2u);  // VECTTBL
}

TEST_F(ExceptionEntry, SecureVectorTableInNonSecureMemoryIsAFault) {
  set_vector_table(core, kSecure, 0x0800'0000);
  pend_line(3, kSecure, 0x20);
  ASSERT_TRUE(core.attention);
  EXPECT_FALSE(service(core));
  EXPECT_TRUE(core.state.locked_up);
}

/// DerivedLateArrival(): the derived HardFault is no more urgent than NMI, and waits; nothing locks up.
TEST_F(ExceptionEntry, StackingErrorOnTheWayToNmiWaitsForItsEnd) {
  scs(0xED24, 0);  // BusFault disabled: HardFault
  core.state.r[13] = 0x3001'0020;
  core.raise_nmi();
  ASSERT_TRUE(take());
  EXPECT_FALSE(core.state.locked_up);
  EXPECT_EQ(core.state.ipsr, kNmi);
  EXPECT_TRUE(is_pending(core, kHardFault, kSecure));
  EXPECT_EQ(scs(0xED28), 1u << 12);  // STKERR
}

TEST_F(ExceptionEntry, UnreadableVectorOfHardFaultLocksUp) {
  scs(0xED08, 0x3100'0000);  // VTOR_S: nothing there
  record_usage_fault(core, UsageFault::Undefined);
  set_pending(core, kUsageFault, kSecure, false);
  scs(0xED24, 0);
  record_usage_fault(core, UsageFault::Undefined);
  take_fault(core, kCodeS);
  EXPECT_TRUE(core.state.locked_up);
  EXPECT_EQ(scs(0xED2C) & 2, 2u);  // VECTTBL
}

/// ExceptionTaken(): R0-R3, R12 and the flags are zero for every Non-secure handler.
TEST_F(ExceptionEntry, NonSecureHandlerBeginsWithClearScratchRegisters) {
  run_thread(kNonSecure, kProcess);
  core.state.n = core.state.q = true;
  core.state.ge = 5;
  pend_line(3, kNonSecure, 0x20);
  ASSERT_TRUE(take());
  for (const unsigned index : {0u, 1u, 2u, 3u, 12u}) EXPECT_EQ(core.state.r[index], 0u) << index;
  EXPECT_EQ(read_apsr(core.state), 0u);
  EXPECT_EQ(core.state.r[4], 0x1004u);
}

/// SetSP() and Stack(): the limit at every place round the end of the frame.
TEST_F(ExceptionEntry, StackLimitAtEveryPlace) {
  for (std::uint32_t offset = 0; offset <= 0x40; offset += 4) {
    run_thread(kNonSecure, kProcess);
    core.state.r[13] = kPspNs - offset;
    const std::uint32_t frame = ((kPspNs - offset) & ~7u) - 0x20;
    core.state.stack_limit[kNonSecure][kProcess] = kPspNs - 0x40;
    scs_ns(0xED18, 0);
    scs_ns(0xED28, 0xFFFF'FFFF);
    pend_line(3, kNonSecure, 0x20);
    ASSERT_TRUE(take());
    const bool fits = frame >= kPspNs - 0x40;
    EXPECT_EQ(core.state.ipsr == kFirstInterrupt + 3u, fits) << offset;
    EXPECT_EQ(scs_ns(0xED28) == 0, fits) << offset;
    EXPECT_EQ(stack_of(kNonSecure, kProcess), fits ? frame : kPspNs - 0x40) << offset;
    for (const unsigned number : {unsigned{kUsageFault}, kFirstInterrupt + 3u}) {
      set_active(core, number, kNonSecure, false);
      set_pending(core, number, kNonSecure, false);
    }
    core.state.ipsr = 0;
  }
}

}  // namespace
}  // namespace microvisor::board

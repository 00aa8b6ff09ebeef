// Watchpoints and the cycle counter, by hand from the architecture's rules. Expectations: Armv8-M ARM
// (DDI0553), DWT_FUNCTIONn, pseudocode DWT_ValidMatch, DWT_InstructionAddressMatch, DWT_DataAddressMatch,
// DWT_DataValueMatch, DWT_AddressCompare, SetDWTDebugEvent.
#include "board/cpu/debug_test_bus.hpp"

namespace microvisor::board {
namespace {

class Dwt : public DebugTest {
 protected:
  enum Match : std::uint32_t {
    kCycles = 1,
    kInstruction = 2,
    kInstructionLimit = 3,
    kAccess = 4,
    kWrite = 5,
    kRead = 6,
    kDataLimit = 7,
    kValue = 8,
    kValueWritten = 9,
    kValueRead = 10,
    kLinkedValue = 11
  };
  static constexpr std::uint32_t kEvent = 1u << 4, kHalfword = 1u << 10, kWord = 2u << 10;
  static constexpr std::uint32_t kMatched = 1u << 24;

  Dwt() { scs(kDemcr, kMonEn | kTrcEna); }
  void set(unsigned comparator, std::uint32_t value, std::uint32_t function) {
    scs(0x1020 + 16 * comparator, value);
    scs(0x1028 + 16 * comparator, function);
  }
  bool matched(unsigned comparator) { return (scs(0x1028 + 16 * comparator) & kMatched) != 0; }
  /// Runs one instruction of Non-secure Thread code. True if the monitor was entered: it is left again, and
  /// `stop` is where it would have gone on.
  bool hits(std::initializer_list<unsigned> instruction) {
    run_thread(kNonSecure, kProcess);
    place(kCodeNs, instruction);
    go(1);
    go(1);
    if (!in_monitor()) return false;
    stop = stopped_at();
    bus.poke(frame(), 4, 0);  // a watched value in R0 would match again when the frame is read back
    leave_handler(0);
    return true;
  }

  std::uint32_t stop = 0;
};

constexpr std::initializer_list<unsigned> kStoreWord{0x6008, 0xE7FE};  // STR R0, [R1]
constexpr std::initializer_list<unsigned> kStoreByte{0x7008, 0xE7FE};
constexpr std::initializer_list<unsigned> kLoadWord{0x6808, 0xE7FE};
constexpr std::initializer_list<unsigned> kLoadByte{0x7808, 0xE7FE};
constexpr std::initializer_list<unsigned> kStoreHalf{0x8008, 0xE7FE};

TEST_F(Dwt, WhatTheComparatorsCanDo) {
  EXPECT_EQ(scs(0x1000), 0x4000'0000u);
  EXPECT_EQ(scs(0x1028) >> 27, 0x0Bu);  // cycles, instruction and data addresses
  EXPECT_EQ(scs(0x1038) >> 27, 0x1Eu);  // and limits and values, without cycles
  EXPECT_EQ(scs(0x1048) >> 27, 0x0Au);
  EXPECT_EQ(scs(0x1058) >> 27, 0x1Eu);
  for (unsigned offset = 0x1008; offset < 0x101C; offset += 4) EXPECT_EQ(scs(offset), 0u);
  EXPECT_EQ(scs(0x101C), 0xFFFF'FFFFu);
}

TEST_F(Dwt, WatchpointIsTakenBehindTheAccess) {
  set(0, kData, kAccess | kEvent | kWord);
  core.state.r[0] = 0x5EED;
  core.state.r[1] = kData;
  EXPECT_TRUE(hits(kStoreWord));
  EXPECT_EQ(word(kData), 0x5EEDu);
  EXPECT_EQ(stop, kCodeNs + 2);
  EXPECT_EQ(reason(), kDwtTrap);
  EXPECT_TRUE(matched(0));
  EXPECT_FALSE(matched(0));  // cleared by reading
}

TEST_F(Dwt, NeighboursDoNotMatch) {
  set(0, kData, kAccess | kEvent | kWord);
  core.state.r[1] = kData;
  hits(kLoadWord);
  for (const std::uint32_t address : {kData - 4, kData + 4, kData + 0x100}) {
    core.state.r[1] = address;
    EXPECT_FALSE(hits(kStoreWord)) << std::hex << address;
    EXPECT_FALSE(hits(kLoadWord)) << std::hex << address;
  }
  core.state.r[1] = kData + 3;
  EXPECT_TRUE(hits(kLoadByte));
  core.state.r[1] = kData - 1;
  EXPECT_FALSE(hits(kLoadByte));
}

/// DWT_AddressCompare(): the comparator's address is masked by the size of the access, and the other way
/// round.
TEST_F(Dwt, SizesOfAccessAndComparator) {
  set(0, kData + 1, kAccess | kEvent);  // a byte
  core.state.r[1] = kData;
  EXPECT_TRUE(hits(kLoadWord));
  EXPECT_FALSE(hits(kLoadByte));
  core.state.r[1] = kData + 1;
  EXPECT_TRUE(hits(kLoadByte));
  set(0, kData + 2, kAccess | kEvent | kHalfword);
  EXPECT_FALSE(hits(kLoadByte));
  core.state.r[1] = kData + 3;
  EXPECT_TRUE(hits(kLoadByte));
  core.state.r[1] = kData;
  EXPECT_FALSE(hits(kStoreHalf));
  EXPECT_TRUE(hits(kStoreWord));
}

TEST_F(Dwt, Directions) {
  core.state.r[1] = kData;
  set(0, kData, kWrite | kEvent | kWord);
  EXPECT_FALSE(hits(kLoadWord));
  EXPECT_TRUE(hits(kStoreByte));
  set(0, kData, kRead | kEvent | kWord);
  EXPECT_TRUE(hits(kLoadByte));
  EXPECT_FALSE(hits(kStoreWord));
}

TEST_F(Dwt, ActionOtherThanAnEventSetsMatchedOnly) {
  set(2, kData, kAccess | kWord);
  core.state.r[1] = kData;
  EXPECT_FALSE(hits(kStoreWord));
  EXPECT_TRUE(matched(2));
  EXPECT_EQ(scs(kDfsr), 0u);
}

TEST_F(Dwt, RangeIncludesBothEnds) {
  set(0, kData + 0x10, kAccess | kEvent);
  set(1, kData + 0x1F, kDataLimit);
  const std::pair<std::uint32_t, bool> expected[] = {
      {0x0F, false}, {0x10, true}, {0x18, true}, {0x1F, true}, {0x20, false}};
  for (const auto& [offset, hit] : expected) {
    core.state.r[1] = kData + offset;
    EXPECT_EQ(hits(kLoadByte), hit) << std::hex << offset;
    EXPECT_EQ(matched(0), hit);
  }
  core.state.r[1] = kData + 0x0C;  // a word that ends before the range
  EXPECT_FALSE(hits(kLoadWord));
  core.state.r[1] = kData + 0x1C;
  EXPECT_TRUE(hits(kLoadWord));
  EXPECT_FALSE(hits({0x6848, 0xE7FE}));  // LDR R0, [R1, #4]: right behind it
}

TEST_F(Dwt, RangeWatchesOneDirection) {
  set(2, kData, kWrite);
  set(3, kData + 0xFF, kDataLimit | kEvent);
  core.state.r[1] = kData + 0x80;
  EXPECT_FALSE(hits(kLoadWord));
  EXPECT_TRUE(hits(kStoreWord));
}

TEST_F(Dwt, Values) {
  core.state.r[1] = kData + 0x40;
  set(1, 0xCAFE'CAFE, kValue | kEvent | kHalfword);
  core.state.r[0] = 0x1234'5678;
  EXPECT_FALSE(hits(kStoreWord));
  core.state.r[0] = 0xCAFE'5678;
  EXPECT_TRUE(hits(kStoreWord));  // in the upper half
  EXPECT_TRUE(hits(kLoadWord));
  core.state.r[0] = 0xCAFE;
  EXPECT_TRUE(hits(kStoreHalf));
  EXPECT_FALSE(hits(kStoreByte));  // smaller than the value
  set(1, 0xCAFE'CAFE, kValueWritten | kEvent | kHalfword);
  EXPECT_FALSE(hits(kLoadWord));
  core.state.r[0] = 0xCAFE;
  EXPECT_TRUE(hits(kStoreWord));
}

TEST_F(Dwt, ValueAtAnAddress) {
  set(0, kData + 2, kWrite | kHalfword);
  set(1, 0x0707'0707, kLinkedValue | kEvent | kHalfword);
  core.state.r[1] = kData;
  core.state.r[0] = 0x0000'0707;
  EXPECT_FALSE(hits(kStoreWord));  // the value is in the other half
  core.state.r[0] = 0x0707'0000;
  EXPECT_TRUE(hits(kStoreWord));
  EXPECT_TRUE(matched(1));
  core.state.r[0] = 0x0707;
  EXPECT_FALSE(hits(kStoreHalf));
  core.state.r[1] = kData + 2;
  EXPECT_TRUE(hits(kStoreHalf));
  EXPECT_FALSE(hits(kLoadWord));
}

TEST_F(Dwt, SettingsThatAComparatorLacksNeverMatch) {
  set(0, kData, kValue | kEvent | kWord);
  set(2, 0, kDataLimit | kEvent);
  set(3, 0xFFFF'FFFF, kDataLimit | kEvent);  // its neighbour is no address
  core.state.r[1] = kData;
  core.state.r[0] = kData;
  EXPECT_FALSE(hits(kStoreWord));
  EXPECT_FALSE(hits(kLoadWord));
}

// --- accesses of several words ---------------------------------------------------------------------------

TEST_F(Dwt, StoreMultipleCompletesBeforeTheMonitor) {
  set(0, kData + 4, kAccess | kEvent | kWord);
  core.state.r[1] = kData;
  EXPECT_TRUE(hits({0xC1F1, 0xE7FE}));  // STMIA R1!, {R0, R4-R7}
  EXPECT_EQ(stop, kCodeNs + 2);
  EXPECT_EQ(core.state.r[1], kData + 20);
  EXPECT_EQ(word(kData + 4), 0x1004u);
  EXPECT_EQ(word(kData + 16), 0x1007u);
}

TEST_F(Dwt, LoadMultipleOnItsLastWord) {
  set(0, kData + 12, kRead | kEvent | kWord);
  core.state.r[1] = kData;
  for (unsigned index = 0; index < 4; ++index) bus.poke(kData + 4 * index, 4, 0xA0 + index);
  EXPECT_TRUE(hits({0xC93C, 0xE7FE}));  // LDMIA R1!, {R2-R5}
  EXPECT_EQ(core.state.r[5], 0xA3u);
  EXPECT_FALSE(hits({0xE9D1, 0x2300, 0xE7FE}));  // LDRD R2, R3, [R1]: behind it
}

TEST_F(Dwt, PopIntoPcStopsAtTheTarget) {
  set(0, kPspNs - 4, kRead | kEvent | kWord);
  bus.poke(kPspNs - 4, 4, (kCodeNs + 0x40) | 1);
  place(kCodeNs + 0x40, {0x2001, 0x2102, 0xE7FE});
  core.state.r[13] = kPspNs - 4;
  EXPECT_TRUE(hits({0xBD00}));
  EXPECT_EQ(stop, kCodeNs + 0x40);
}

TEST_F(Dwt, UnalignedAccessMatchesByItsBytes) {
  set(0, kData + 4, kAccess | kEvent);
  core.state.r[1] = kData + 1;
  EXPECT_TRUE(hits(kLoadWord));
  core.state.r[1] = kData - 1;
  EXPECT_FALSE(hits(kLoadWord));
}

TEST_F(Dwt, FrameOfAnExceptionIsWatchedToo) {
  run_thread(kNonSecure, kProcess);
  set(0, kPspNs - 8, kWrite | kEvent | kWord);  // where the return address goes
  pend_line(3, kNonSecure, 0x20);
  place(kCodeNs, {0xE7FE});
  go(2);
  ASSERT_TRUE(in_monitor());  // more urgent than the interrupt, which waits
  EXPECT_EQ(stopped_at(), kCodeNs);
  EXPECT_TRUE(is_pending(core, kFirstInterrupt + 3, kNonSecure));
}

TEST_F(Dwt, FrameThatIsReadBackIsWatchedToo) {
  run_thread(kNonSecure, kProcess);
  pend_line(3, kNonSecure, 0x20);
  place(kCodeNs, {0xE7FE});
  go(1);
  ASSERT_EQ(core.state.ipsr, kFirstInterrupt + 3);
  bus.poke(frame(), 4, 0xCAFE'5678);
  set(1, 0xCAFE'5678, kValueRead | kEvent | kWord);
  leave_handler(0);
  ASSERT_TRUE(in_monitor());
  EXPECT_TRUE(matched(1));
}

// --- instruction addresses
// -----------------------------------------------------------------------------------

TEST_F(Dwt, InstructionAddressIsTakenBehindTheInstruction) {
  place(kCodeNs, {0x2001, 0x2102, 0x2203, 0xE7FE});
  set(2, kCodeNs + 2, kInstruction | kEvent);
  go(10);
  ASSERT_TRUE(in_monitor());
  EXPECT_EQ(stopped_at(), kCodeNs + 4);
  EXPECT_EQ(reason(), kDwtTrap);
  EXPECT_EQ(core.state.r[1], 2u);
  EXPECT_TRUE(matched(2));
}

TEST_F(Dwt, InstructionRange) {
  place(kCodeNs, {0x2001, 0x2102, 0x2203, 0x2304, 0xE7FE});
  set(0, kCodeNs + 2, kInstruction | kEvent);
  set(1, kCodeNs + 4, kInstructionLimit);
  go(10);
  ASSERT_TRUE(in_monitor());
  EXPECT_EQ(stopped_at(), kCodeNs + 4);
  leave_handler(1);
  go(5);
  ASSERT_TRUE(in_monitor());
  EXPECT_EQ(stopped_at(), kCodeNs + 6);
  leave_handler(5);
  EXPECT_FALSE(in_monitor());
  EXPECT_EQ(core.state.r[3], 4u);
}

TEST_F(Dwt, BreakpointComesBeforeTheInstructionMatch) {
  place(kCodeNs, {0x2001, 0xE7FE});
  set(0, kCodeNs, kInstruction | kEvent);
  set_breakpoint(0, kCodeNs);
  go(5);
  ASSERT_TRUE(in_monitor());
  EXPECT_EQ(stopped_at(), kCodeNs);
  EXPECT_EQ(reason(), kBkpt);
  EXPECT_FALSE(matched(0));
}

// --- who may be watched
// --------------------------------------------------------------------------------------

TEST_F(Dwt, NeedsTrcenaAndALevelThatAllowsNonInvasiveDebug) {
  set(0, kData, kAccess | kEvent | kWord);
  core.state.r[1] = kData;
  scs(kDemcr, kMonEn);
  EXPECT_FALSE(hits(kStoreWord));
  scs(kDemcr, kMonEn | kTrcEna);
  EXPECT_TRUE(hits(kStoreWord));
  set_debug_authentication(core, {false, false, false, false});
  EXPECT_FALSE(hits(kStoreWord));
  EXPECT_FALSE(matched(0) && matched(0));
  set_debug_authentication(core, {false, true, false, false});
  EXPECT_TRUE(hits(kStoreWord));
  set_debug_authentication(core, {false, false, false, false});
  set_breakpoint(0, kCodeNs);  // the FPB does not depend on it
  EXPECT_TRUE(hits(kStoreWord));
  EXPECT_EQ(stop, kCodeNs);
}

TEST_F(Dwt, SecureAccessesNeedSdmeForAnEvent) {
  scs(kDauthctrl, 0);
  set(0, kData, kAccess | kEvent | kWord);
  run_thread(kSecure, kMain);
  place(kCodeS, {0x6008, 0xE7FE});
  core.state.r[1] = kData;
  go(2);
  EXPECT_FALSE(in_monitor());
  EXPECT_FALSE(matched(0));
  scs(kDauthctrl, 3);
  core.state.r[15] = kCodeS;
  go(3);
  EXPECT_TRUE(in_monitor());
}

TEST_F(Dwt, SecureMatchesWithoutEventNeedSecureNonInvasiveDebug) {
  scs(kDauthctrl, 0);
  set(0, kData, kAccess | kWord);
  run_thread(kSecure, kMain);
  place(kCodeS, {0x6008, 0x6008, 0xE7FE});
  core.state.r[1] = kData;
  go(1);
  EXPECT_FALSE(matched(0));
  scs(kDauthctrl, 0xC);  // SPNIDENSEL, INTSPNIDEN
  go(1);
  EXPECT_TRUE(matched(0));
}

TEST_F(Dwt, MatchAboveTheMonitorsPriorityIsNotKeptForLater) {
  set(0, kData, kAccess | kEvent | kWord);
  core.state.primask[kSecure] = true;
  core.state.r[1] = kData;
  EXPECT_FALSE(hits(kStoreWord));
  core.state.primask[kSecure] = false;
  go(2);
  EXPECT_FALSE(in_monitor());
  EXPECT_TRUE(matched(0));
}

TEST_F(Dwt, ArmedAndGoneAgain) {
  set(0, kData, kAccess | kEvent | kWord);
  core.state.r[1] = kData;
  EXPECT_TRUE(hits(kStoreWord));
  set(0, kData, 0);
  EXPECT_FALSE(hits(kStoreWord));
  EXPECT_EQ(core.watch.data().size(), 0u);
  EXPECT_EQ(core.watch.code().size(), 0u);
}

// --- cycles
// ---------------------------------------------------------------------------------------------------

TEST_F(Dwt, CycleCounterCountsInstructions) {
  place(kCodeNs, {0xE7FE});
  scs(0x1004, 100);
  scs(0x1000, 1);
  go(50);
  EXPECT_EQ(scs(0x1004), 150u);
  scs(0x1000, 0);
  go(50);
  EXPECT_EQ(scs(0x1004), 150u);
  scs(0x1000, 1);
  set_debug_authentication(core, {false, false, false, false});
  go(50);
  EXPECT_EQ(scs(0x1004), 150u);
}

TEST_F(Dwt, CycleMatch) {
  place(kCodeNs, {0x3001, 0xE7FD});  // ADDS R0, #1; B back
  scs(0x1000, 1);
  set(0, 20, kCycles | kEvent);
  for (int round = 0; round < 30; ++round) {
    scheduler.dispatch();
    go(1);
  }
  ASSERT_TRUE(in_monitor());
  EXPECT_EQ(core.state.r[0], 0x1000u + 10);
  EXPECT_EQ(reason(), kDwtTrap);
  EXPECT_TRUE(matched(0));
}

}  // namespace
}  // namespace microvisor::board

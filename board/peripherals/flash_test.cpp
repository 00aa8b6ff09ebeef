// The flash interface by its registers and its array, rule by rule (RM0456 chapter 7).
#include "board/peripherals/flash.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "board/memory/board_memories.hpp"
#include "board/peripherals/flash_bits.hpp"
#include "board/peripherals/test_bench.hpp"

namespace microvisor::board {
namespace {

using namespace flash;
using namespace testing;

constexpr std::uint32_t kKey1 = 0x4567'0123;
constexpr std::uint32_t kKey2 = 0xCDEF'89AB;
constexpr std::uint32_t kOptKey1 = 0x0819'2A3B;
constexpr std::uint32_t kOptKey2 = 0x4C5D'6E7F;
constexpr std::uint32_t kBank2 = kFlashBankSize;  // offset in the array
constexpr Access kSecureUnprivileged{.secure = true, .privileged = false};
constexpr Access kSecureFetch{.secure = true, .privileged = true, .fetch = true};
constexpr Access kNonSecureFetch{.secure = false, .privileged = true, .fetch = true};

/// Bank 1 non-secure, bank 2 secure, as Microvisor has it.
class FlashTest : public ::testing::Test {
 protected:
  FlashTest() {
    OptionBytes options = memories.flash().options();
    options.bank[0].watermark = PageRange{127, 0}.word();
    memories.flash().set_options(options);
    flash.reset(Reset::PowerOn);
    changes = 0;
  }

  void unlock(bool secure) {
    const std::uint32_t key = secure ? kSecKeyr : kNsKeyr;
    write(flash, key, kKey1);
    write(flash, key, kKey2);
  }
  void unlock_options() {
    unlock(false);
    write(flash, kOptKeyr, kOptKey1);
    write(flash, kOptKeyr, kOptKey2);
  }
  /// One row of four words with the controller of the access's world.
  void program(std::uint32_t offset, std::array<std::uint32_t, 4> words, const Access& access = kSecure) {
    write(flash, access.secure ? kSecCr : kNsCr, kPg);
    for (std::uint32_t word : words) {
      ASSERT_EQ(flash.write_array(offset, 4, access, word), Outcome::Ok);
      offset += 4;
    }
  }
  std::uint32_t word(std::uint32_t offset, const Access& access = kSecure) {
    std::uint32_t value = 0xDEAD'BEEF;
    EXPECT_EQ(flash.read_array(offset, 4, access, value), Outcome::Ok);
    return value;
  }
  [[nodiscard]] std::uint32_t status(bool secure = true) { return read(flash, secure ? kSecSr : kNsSr); }
  void finish() { run_for(scheduler, seconds(1)); }
  void erase_page(unsigned bank, unsigned page, bool secure) {
    write(flash, secure ? kSecCr : kNsCr, kPer | page << 3 | (bank != 0 ? std::uint32_t{kBker} : 0) | kStrt);
  }

  BoardMemories memories = *BoardMemories::in_memory(BoardIdentity::from_seed(3));
  Scheduler scheduler;
  RecordedLines lines;
  unsigned register_reports = 0;
  unsigned array_reports = 0;
  unsigned changes = 0;
  unsigned launches = 0;
  unsigned wipes = 0;
  Flash flash{memories.flash(),
              {.scheduler = scheduler,
               .interrupts = lines,
               .report_registers = [this] { ++register_reports; },
               .report_array = [this] { ++array_reports; },
               .permissions_changed = [this] { ++changes; },
               .cells_changed = [](std::uint32_t, std::uint32_t) {},
               .launch_options = [this] { ++launches; },
               .wipe_memories = [this] { ++wipes; }}};
};

// --- keys
// ----------------------------------------------------------------------------------------------------------

TEST_F(FlashTest, ResetValues) {
  EXPECT_EQ(read(flash, kNsCr), 0xC000'0000U);
  EXPECT_EQ(read(flash, kSecCr), 0x8000'0000U);
  EXPECT_EQ(read(flash, kNsSr), 0U);
  EXPECT_EQ(read(flash, kEccr), 0U);
}

TEST_F(FlashTest, RightKeysOpenOneController) {
  unlock(true);
  EXPECT_EQ(read(flash, kSecCr) & kLock, 0U);
  EXPECT_NE(read(flash, kNsCr) & kLock, 0U);
}

TEST_F(FlashTest, LockBitClosesAndKeysOpenAgain) {
  unlock(true);
  write(flash, kSecCr, kLock);
  EXPECT_NE(read(flash, kSecCr) & kLock, 0U);
  unlock(true);
  EXPECT_EQ(read(flash, kSecCr) & kLock, 0U);
}

TEST_F(FlashTest, WrongKeyIsABusErrorAndShutsUntilReset) {
  EXPECT_EQ(flash.write(kNsKeyr, 4, kSecure, 0x1234), Outcome::BusError);
  EXPECT_EQ(flash.write(kNsKeyr, 4, kSecure, kKey1), Outcome::BusError);
  EXPECT_EQ(flash.write(kNsKeyr, 4, kSecure, kKey2), Outcome::BusError);
  EXPECT_NE(read(flash, kNsCr) & kLock, 0U);
  flash.reset(Reset::System);
  unlock(false);
  EXPECT_EQ(read(flash, kNsCr) & kLock, 0U);
}

TEST_F(FlashTest, WrongOrderShutsToo) {
  EXPECT_EQ(flash.write(kSecKeyr, 4, kSecure, kKey2), Outcome::BusError);
  unlock(true);
  EXPECT_NE(read(flash, kSecCr) & kLock, 0U);
}

TEST_F(FlashTest, WrongKeyClosesAnOpenController) {
  unlock(false);
  EXPECT_EQ(flash.write(kNsKeyr, 4, kNonSecure, 0), Outcome::BusError);
  EXPECT_NE(read(flash, kNsCr) & kLock, 0U);
  unlock(false);
  EXPECT_NE(read(flash, kNsCr) & kLock, 0U);
}

TEST_F(FlashTest, OptionKeysNeedTheControllerOpen) {
  EXPECT_EQ(flash.write(kOptKeyr, 4, kSecure, kOptKey1), Outcome::BusError);
  unlock_options();
  EXPECT_NE(read(flash, kNsCr) & kOptLock, 0U);  // shut until reset
  flash.reset(Reset::System);
  unlock_options();
  EXPECT_EQ(read(flash, kNsCr) & kOptLock, 0U);
}

TEST_F(FlashTest, LockedControlRegisterKeepsItsBits) {
  write(flash, kSecCr, kPg | kEopie);
  EXPECT_EQ(read(flash, kSecCr), std::uint32_t{kLock});
}

// --- programming
// ---------------------------------------------------------------------------------------------------

TEST_F(FlashTest, QuadWordTakesEffectAfter118Microseconds) {
  unlock(true);
  program(kBank2 + 0x100, {1, 2, 3, 4});
  EXPECT_NE(status() & kBsy, 0U);
  EXPECT_NE(status(false) & kBsy, 0U);  // "a secure or non-secure operation is in progress"
  EXPECT_TRUE(memories.flash().erased(kBank2 + 0x100));
  run_for(scheduler, microseconds(118) - 1);
  EXPECT_NE(status() & kBsy, 0U);
  run_for(scheduler, 1);
  EXPECT_EQ(status(), 0U);
  EXPECT_EQ(word(kBank2 + 0x10C), 4U);
}

TEST_F(FlashTest, WaitingForWordsShowsInBothStatusRegisters) {
  unlock(true);
  write(flash, kSecCr, kPg);
  flash.write_array(kBank2, 4, kSecure, 0);
  EXPECT_EQ(status() & (kWdw | kBsy), std::uint32_t{kWdw});
  EXPECT_EQ(status(false) & kWdw, std::uint32_t{kWdw});
}

TEST_F(FlashTest, BurstProgramsEightRowsIn384Microseconds) {
  unlock(true);
  write(flash, kSecCr, kPg | kBwr);
  for (std::uint32_t index = 0; index < 32; ++index)
    flash.write_array(kBank2 + 0x80 + 4 * index, 4, kSecure, index);
  run_for(scheduler, microseconds(384) - 1);
  EXPECT_NE(status() & kBsy, 0U);
  run_for(scheduler, 1);
  EXPECT_EQ(status(), 0U);
  EXPECT_EQ(word(kBank2 + 0xFC), 31U);
}

TEST_F(FlashTest, UsedRowTakesZerosOnly) {
  unlock(true);
  program(kBank2, {1, 2, 3, 4});
  finish();
  program(kBank2, {1, 2, 3, 4});
  EXPECT_EQ(status(), std::uint32_t{kProgErr});
  EXPECT_EQ(word(kBank2), 1U);
  write(flash, kSecSr, kProgErr);
  program(kBank2, {0, 0, 0, 0});
  finish();
  EXPECT_EQ(status(), 0U);
  EXPECT_EQ(word(kBank2), 0U);
}

TEST_F(FlashTest, NoProgrammingWithoutPg) {
  unlock(true);
  flash.write_array(kBank2, 4, kSecure, 0);
  EXPECT_EQ(status(), std::uint32_t{kPgsErr});
}

TEST_F(FlashTest, StaleErrorFlagBlocksTheNextRow) {
  unlock(true);
  flash.write_array(kBank2, 4, kSecure, 0);  // no PG
  program(kBank2, {1, 2, 3, 4});
  EXPECT_FALSE(memories.flash().in_progress().operation == FlashOperation::QuadWord);
  write(flash, kSecSr, kPgsErr);
  program(kBank2, {1, 2, 3, 4});
  finish();
  EXPECT_EQ(word(kBank2), 1U);
}

TEST_F(FlashTest, NarrowWriteIsASizeError) {
  unlock(true);
  write(flash, kSecCr, kPg);
  flash.write_array(kBank2, 2, kSecure, 0);
  EXPECT_EQ(status(), std::uint32_t{kSizErr});
}

TEST_F(FlashTest, MisalignedFirstWordAndJumpsAreAlignmentErrors) {
  unlock(true);
  write(flash, kSecCr, kPg);
  flash.write_array(kBank2 + 4, 4, kSecure, 0);
  EXPECT_EQ(status(), std::uint32_t{kPgaErr});
  write(flash, kSecSr, kPgaErr);
  flash.write_array(kBank2, 4, kSecure, 0);
  flash.write_array(kBank2 + 8, 4, kSecure, 0);
  EXPECT_EQ(status(), std::uint32_t{kPgaErr});
  write(flash, kSecSr, kPgaErr);
  write(flash, kSecCr, kPg | kBwr);
  flash.write_array(kBank2 + 0x10, 4, kSecure, 0);  // a burst starts at a multiple of 128
  EXPECT_EQ(status(), std::uint32_t{kPgaErr});
}

TEST_F(FlashTest, WriteProtectedPageRefuses) {
  OptionBytes options = memories.flash().options();
  options.bank[1].write_protect_a = 0x0000'0000;  // page 0, locked
  memories.flash().set_options(options);
  flash.reset(Reset::System);
  unlock(true);
  program(kBank2, {1, 2, 3, 4});
  EXPECT_NE(status() & kWrpErr, 0U);
  write(flash, kSecCr, 0);
  write(flash, kSecSr, kProgramErrors);
  erase_page(1, 0, true);
  EXPECT_EQ(status(), std::uint32_t{kWrpErr});
  write(flash, kSecSr, kWrpErr);
  erase_page(1, 1, true);
  finish();
  EXPECT_EQ(status(), 0U);
}

TEST_F(FlashTest, CrossingWorldsIsAWriteProtectionErrorWithEvent) {
  unlock(true);
  unlock(false);
  program(0, {1, 2, 3, 4});  // secure transaction, non-secure page
  EXPECT_NE(status(true) & kWrpErr, 0U);
  EXPECT_GE(array_reports, 1U);
  array_reports = 0;
  flash.write_array(kBank2, 4, kNonSecure, 0);
  EXPECT_NE(status(false) & kWrpErr, 0U);
  EXPECT_EQ(array_reports, 1U);
  EXPECT_TRUE(memories.flash().erased(0));
  EXPECT_TRUE(memories.flash().erased(kBank2));
}

TEST_F(FlashTest, SecureCodeProgramsNonSecurePagesThroughTheOtherController) {
  unlock(false);
  program(0x40, {9, 8, 7, 6}, kNonSecure);
  finish();
  EXPECT_EQ(word(0x40, kNonSecure), 9U);
}

// --- erasing
// -------------------------------------------------------------------------------------------------------

TEST_F(FlashTest, PageEraseTakes1500MicrosecondsAndClearsStart) {
  unlock(true);
  program(kBank2 + 0x2000, {1, 2, 3, 4});
  finish();
  write(flash, kSecCr, 0);
  erase_page(1, 1, true);
  EXPECT_NE(read(flash, kSecCr) & kStrt, 0U);
  run_for(scheduler, microseconds(1500) - 1);
  EXPECT_NE(status() & kBsy, 0U);
  run_for(scheduler, 1);
  EXPECT_EQ(status(), 0U);
  EXPECT_EQ(read(flash, kSecCr) & (kStrt | kPer), std::uint32_t{kPer});
  EXPECT_TRUE(memories.flash().erased(kBank2 + 0x2000));
}

TEST_F(FlashTest, StartWithoutAKindOfEraseIsASequenceError) {
  unlock(true);
  write(flash, kSecCr, kStrt);
  EXPECT_EQ(status(), std::uint32_t{kPgsErr});
}

TEST_F(FlashTest, EraseOfTheOtherWorldsPageIsRefused) {
  unlock(true);
  unlock(false);
  erase_page(0, 0, true);
  EXPECT_EQ(status(true), std::uint32_t{kWrpErr});
  erase_page(1, 0, false);
  EXPECT_EQ(status(false), std::uint32_t{kWrpErr});
  EXPECT_EQ(array_reports, 2U);
}

TEST_F(FlashTest, BankEraseIsAllOrNothing) {
  unlock(true);
  program(kBank2 + 0x4000, {1, 2, 3, 4});
  finish();
  write(flash, kSecCr, kMer1 | kMer2 | kStrt);  // bank 1 is the other world's
  EXPECT_EQ(status(), std::uint32_t{kWrpErr});
  write(flash, kSecSr, kWrpErr);
  write(flash, kSecCr, kMer2 | kStrt);
  run_for(scheduler, milliseconds(195) - 1);
  EXPECT_NE(status() & kBsy, 0U);
  run_for(scheduler, 1);
  EXPECT_EQ(status(), 0U);
  EXPECT_TRUE(memories.flash().erased(kBank2 + 0x4000));
}

TEST_F(FlashTest, ControlRegisterWaitsWhileBusy) {
  unlock(true);
  erase_page(1, 0, true);
  EXPECT_EQ(flash.write(kSecCr, 4, kSecure, kPg), Outcome::Stall);
  EXPECT_EQ(flash.stalled_until(), scheduler.now() + microseconds(1500));
}

// --- busy bank
// -----------------------------------------------------------------------------------------------------

TEST_F(FlashTest, BusyBankStallsAndTheOtherGoesOn) {
  unlock(true);
  erase_page(1, 5, true);
  std::uint32_t value = 0;
  EXPECT_EQ(flash.read_array(kBank2 + 0x100, 4, kSecure, value), Outcome::Stall);
  EXPECT_EQ(flash.read_array(kBank2, 4, kSecureFetch, value), Outcome::Stall);
  EXPECT_FALSE(flash.direct(kBank2, kSecure));
  EXPECT_EQ(flash.read_array(0x100, 4, kNonSecure, value), Outcome::Ok);
  EXPECT_TRUE(flash.direct(0x100, kNonSecure));
  finish();
  EXPECT_EQ(flash.read_array(kBank2 + 0x100, 4, kSecure, value), Outcome::Ok);
  EXPECT_TRUE(flash.direct(kBank2, kSecure));
}

TEST_F(FlashTest, OperationAnnouncesThatDirectSpansChange) {
  unlock(true);
  changes = 0;
  erase_page(1, 5, true);
  EXPECT_GE(changes, 1U);
  changes = 0;
  finish();
  EXPECT_GE(changes, 1U);
}

// --- interrupts
// ----------------------------------------------------------------------------------------------------

TEST_F(FlashTest, EndAndErrorInterruptsOfEachController) {
  unlock(true);
  unlock(false);
  write(flash, kSecCr, kEopie | kPer | kBker | kStrt);
  finish();
  EXPECT_EQ(status(true), std::uint32_t{kEop});
  EXPECT_TRUE(lines.level(7));
  EXPECT_FALSE(lines.level(6));
  write(flash, kSecSr, kEop);
  EXPECT_FALSE(lines.level(7));
  write(flash, kNsCr, kErrie);
  flash.write_array(0, 4, kNonSecure, 0);
  EXPECT_EQ(status(false), kPgsErr | kOpErr);
  EXPECT_TRUE(lines.level(6));
  write(flash, kNsSr, kPgsErr | kOpErr);
  EXPECT_FALSE(lines.level(6));
}

TEST_F(FlashTest, NoEndFlagWithoutItsEnable) {
  unlock(true);
  erase_page(1, 0, true);
  finish();
  EXPECT_EQ(status(), 0U);
}

// --- protection
// ----------------------------------------------------------------------------------------------------

TEST_F(FlashTest, WrongWorldReadsZeroAndFetchesFault) {
  const std::vector<std::uint8_t> data(16, 0x77);
  memories.flash().load(0, data);
  memories.flash().load(kBank2, data);
  EXPECT_EQ(word(kBank2, kNonSecure), 0U);
  EXPECT_EQ(word(0, kSecure), 0U);
  EXPECT_EQ(array_reports, 2U);
  std::uint32_t value = 0;
  EXPECT_EQ(flash.read_array(kBank2, 4, kNonSecureFetch, value), Outcome::BusError);
  EXPECT_EQ(flash.read_array(0, 4, kSecureFetch, value), Outcome::BusError);
  EXPECT_EQ(word(0, kNonSecure), 0x7777'7777U);
  EXPECT_EQ(word(kBank2, kSecure), 0x7777'7777U);
}

TEST_F(FlashTest, SecureBlocksAddPagesAndVanishAtReset) {
  write(flash, kSecBb1r1, 1U << 3);
  EXPECT_EQ(read(flash, kSecBb1r1, kNonSecure), 1U << 3);  // readable by everybody
  memories.flash().load(3 * kFlashPageSize, std::vector<std::uint8_t>(4, 0x11));
  EXPECT_EQ(word(3 * kFlashPageSize, kNonSecure), 0U);
  EXPECT_EQ(word(3 * kFlashPageSize, kSecure), 0x1111'1111U);
  flash.reset(Reset::System);
  EXPECT_EQ(word(3 * kFlashPageSize, kNonSecure), 0x1111'1111U);
}

TEST_F(FlashTest, NonSecureWriteToSecureRegistersIsReported) {
  for (const std::uint32_t offset :
       {std::uint32_t{kSecBb1r1}, std::uint32_t{kSecCr}, std::uint32_t{kSecHdpcr}}) {
    register_reports = 0;
    write(flash, offset, ~0U, kNonSecure);
    EXPECT_EQ(register_reports, 1U) << offset;
  }
  EXPECT_EQ(read(flash, kSecBb1r1), 0U);
  EXPECT_EQ(read(flash, kSecHdpcr), 0U);
  EXPECT_EQ(read(flash, kSecCr, kNonSecure), 0U);
}

TEST_F(FlashTest, PrivilegedPageIsSilentlyEmptyToUnprivilegedCode) {
  write(flash, kPrivBb1r1, 1);
  memories.flash().load(0, std::vector<std::uint8_t>(4, 0x22));
  EXPECT_EQ(word(0, kUnprivileged), 0U);
  EXPECT_EQ(word(0, kNonSecure), 0x2222'2222U);
  EXPECT_EQ(array_reports, 0U);
}

TEST_F(FlashTest, NonSecureWorldSetsPrivilegeOfItsOwnPagesOnly) {
  write(flash, kPrivBb1r1, 0xF, kNonSecure);
  write(flash, kPrivBb2r4 - 12, 0xF, kNonSecure);
  EXPECT_EQ(read(flash, kPrivBb1r1), 0xFU);
  EXPECT_EQ(read(flash, kPrivBb2r4 - 12), 0U);
}

TEST_F(FlashTest, PrivilegeOfTheRegisters) {
  write(flash, kPrivCfgr, 3);
  EXPECT_EQ(read(flash, kNsCr, kUnprivileged), 0U);
  EXPECT_EQ(read(flash, kSecCr, kSecureUnprivileged), 0U);
  EXPECT_EQ(read(flash, kPrivCfgr, kUnprivileged), 3U);
  write(flash, kPrivCfgr, 0, kNonSecure);  // may clear NSPRIV, not SPRIV
  EXPECT_EQ(read(flash, kPrivCfgr), 1U);
}

TEST_F(FlashTest, ClosedHideAreaIsGoneUntilReset) {
  OptionBytes options = memories.flash().options();
  options.bank[1].hide = 1U << 31 | 16U << 16 | 0xFFFF;  // pages 0 to 16
  memories.flash().set_options(options);
  flash.reset(Reset::System);
  memories.flash().load(kBank2 + 16 * kFlashPageSize, std::vector<std::uint8_t>(4, 0x33));
  memories.flash().load(kBank2 + 17 * kFlashPageSize, std::vector<std::uint8_t>(4, 0x44));
  EXPECT_EQ(word(kBank2 + 16 * kFlashPageSize), 0x3333'3333U);
  write(flash, kSecHdpcr, 2);
  EXPECT_EQ(word(kBank2 + 16 * kFlashPageSize), 0U);
  EXPECT_EQ(word(kBank2 + 17 * kFlashPageSize), 0x4444'4444U);
  std::uint32_t value = 0;
  EXPECT_EQ(flash.read_array(kBank2, 4, kSecureFetch, value), Outcome::BusError);
  EXPECT_FALSE(flash.direct(kBank2, kSecure));
  write(flash, kSecHdpcr, 0);  // set-only
  EXPECT_EQ(read(flash, kSecHdpcr), 2U);
  unlock(true);
  erase_page(1, 16, true);
  EXPECT_EQ(status(), std::uint32_t{kWrpErr});
  flash.reset(Reset::System);
  EXPECT_EQ(word(kBank2 + 16 * kFlashPageSize), 0x3333'3333U);
}

TEST_F(FlashTest, DirectSpanReachesAsFarAsTheAnswerDoes) {
  write(flash, kSecBb1r1 + 4, 1);  // page 32
  const auto before = flash.direct(31 * kFlashPageSize, kNonSecure);
  ASSERT_TRUE(before);
  EXPECT_EQ(before->base, 0U);
  EXPECT_EQ(before->size, 32 * kFlashPageSize);
  EXPECT_FALSE(before->writable);
  const auto after = flash.direct(33 * kFlashPageSize, kNonSecure);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->base, 33 * kFlashPageSize);
  EXPECT_EQ(after->base + after->size, kBank2);
  EXPECT_FALSE(flash.direct(32 * kFlashPageSize, kNonSecure));
  EXPECT_EQ(flash.direct(32 * kFlashPageSize, kSecure)->size, kFlashPageSize);
}

// --- ECC
// -----------------------------------------------------------------------------------------------------------

TEST_F(FlashTest, BadRowRaisesNmiOnceUntilCleared) {
  memories.flash().mark_bad(kBank2 + 0x1230, true);
  EXPECT_FALSE(flash.direct(kBank2 + 0x1000, kSecure));
  word(kBank2 + 0x1220);
  EXPECT_EQ(lines.nmis, 0U);
  word(kBank2 + 0x1234);
  EXPECT_EQ(lines.nmis, 1U);
  EXPECT_EQ(read(flash, kEccr), kEccDetected | kEccBank | 0x1230U);
  word(kBank2 + 0x1230);
  EXPECT_EQ(lines.nmis, 1U);
  write(flash, kEccr, kEccDetected);
  EXPECT_EQ(read(flash, kEccr) & kEccDetected, 0U);
  word(kBank2 + 0x1230);
  EXPECT_EQ(lines.nmis, 2U);
}

// --- option bytes
// --------------------------------------------------------------------------------------------------

TEST_F(FlashTest, OptionsAreActiveAfterTheNextReset) {
  unlock_options();
  write(flash, kSecWm1r1, PageRange{0, 3}.word());
  EXPECT_EQ(word(0, kNonSecure), 0xFFFF'FFFFU);
  write(flash, kNsCr, kOptStrt);
  EXPECT_NE(status(false) & kBsy, 0U);
  finish();
  EXPECT_EQ(status(false), 0U);
  EXPECT_EQ(read(flash, kSecWm1r1), PageRange(0, 3).word());
  EXPECT_EQ(word(0, kNonSecure), 0xFFFF'FFFFU);
  flash.reset(Reset::System);
  EXPECT_EQ(word(0, kNonSecure), 0U);
  EXPECT_EQ(word(4 * kFlashPageSize, kNonSecure), 0xFFFF'FFFFU);
}

TEST_F(FlashTest, OptionRegistersNeedTheirLockOpen) {
  const std::uint32_t before = read(flash, kOptr);
  write(flash, kOptr, before ^ optr::kSwapBank);
  EXPECT_EQ(read(flash, kOptr), before);
}

TEST_F(FlashTest, NonSecureCodeCannotMoveTheWatermarkButCanWriteOptr) {
  unlock_options();
  const std::uint32_t before = read(flash, kSecWm2r2 - 4);
  write(flash, kSecWm2r2 - 4, PageRange{127, 0}.word(), kNonSecure);
  EXPECT_EQ(read(flash, kSecWm2r2 - 4), before);
  write(flash, kOptr, read(flash, kOptr) & ~optr::kStopWithoutReset, kNonSecure);
  EXPECT_EQ(read(flash, kOptr) & optr::kStopWithoutReset, 0U);
}

TEST_F(FlashTest, LaunchAsksForTheReset) {
  write(flash, kNsCr, kOblLaunch);
  EXPECT_EQ(launches, 0U);  // locked
  unlock_options();
  write(flash, kNsCr, kOblLaunch);
  EXPECT_EQ(launches, 1U);
}

/// Programs the shadow registers; true if the chip took the change.
#define EXPECT_OPTIONS(accepted)                          \
  do {                                                    \
    write(flash, kNsCr, kOptStrt);                        \
    finish();                                             \
    EXPECT_EQ((status(false) & kOptwErr) == 0, accepted); \
    write(flash, kNsSr, kOptwErr);                        \
  } while (false)

TEST_F(FlashTest, HideAreaMustLieInTheWatermark) {
  unlock_options();
  write(flash, kSecWm2r2 - 4, PageRange{0, 10}.word());
  write(flash, kSecWm2r2, 1U << 31 | 11U << 16);
  EXPECT_OPTIONS(false);
  EXPECT_TRUE(memories.flash().options().secure_pages(1).contains(127));  // nothing was taken
  write(flash, kSecWm2r2, 1U << 31 | 10U << 16);
  EXPECT_OPTIONS(true);
}

TEST_F(FlashTest, TrustZoneLeavesOnlyWithRegression) {
  unlock_options();
  write(flash, kOptr, read(flash, kOptr) & ~optr::kTrustZone);
  EXPECT_OPTIONS(false);
}

TEST_F(FlashTest, BootLockHoldsAboveLevel0) {
  unlock_options();
  write(flash, kSecBootAdd0r, 0x0C10'0000 | kBootLock);
  write(flash, kOptr, (read(flash, kOptr) & ~optr::kRdp) | optr::kRdpLevel0_5);
  EXPECT_OPTIONS(true);
  flash.reset(Reset::System);
  unlock_options();
  write(flash, kSecBootAdd0r, 0x0C10'0000);
  EXPECT_OPTIONS(false);
}

TEST_F(FlashTest, LockedWriteProtectionStays) {
  unlock_options();
  write(flash, kSecWm1r1 + 8, 0x0005'0000);  // WRP1AR: pages 0 to 5, UNLOCK = 0
  EXPECT_OPTIONS(true);
  flash.reset(Reset::System);
  unlock_options();
  write(flash, kSecWm1r1 + 8, 0x8000'007F);
  EXPECT_OPTIONS(false);
}

TEST_F(FlashTest, RegressionErasesEverything) {
  memories.flash().load(0x100, std::vector<std::uint8_t>(16, 1));
  OptionBytes options = memories.flash().options();
  options.optr = (options.optr & ~optr::kRdp) | 0xBB;  // level 1
  memories.flash().set_options(options);
  flash.reset(Reset::System);
  unlock_options();
  write(flash, kOptr, (read(flash, kOptr) & ~optr::kRdp) | optr::kRdpLevel0);
  EXPECT_OPTIONS(true);
  EXPECT_TRUE(memories.flash().erased(0x100));
  EXPECT_EQ(wipes, 1U);
}

TEST_F(FlashTest, Level2FreezesAllButTheSwap) {
  OptionBytes options = memories.flash().options();
  options.optr = (options.optr & ~optr::kRdp) | optr::kRdpLevel2;
  memories.flash().set_options(options);
  flash.reset(Reset::System);
  unlock_options();
  write(flash, kOptr, (read(flash, kOptr) & ~optr::kRdp) | optr::kRdpLevel0);
  EXPECT_OPTIONS(false);
  write(flash, kOptr, read(flash, kOptr) ^ optr::kSwapBank);
  EXPECT_OPTIONS(true);
}

TEST_F(FlashTest, SwapExchangesAddressesNotPages) {
  memories.flash().load(0, std::vector<std::uint8_t>(4, 0x0A));
  memories.flash().load(kBank2, std::vector<std::uint8_t>(4, 0x0B));
  OptionBytes options = memories.flash().options();
  options.optr |= optr::kSwapBank;
  memories.flash().set_options(options);
  flash.reset(Reset::System);
  EXPECT_EQ(word(0, kSecure), 0x0B0B'0B0BU);
  EXPECT_EQ(word(kBank2, kNonSecure), 0x0A0A'0A0AU);
  const auto span = flash.direct(0, kSecure);
  ASSERT_TRUE(span);
  EXPECT_EQ(span->base, 0U);
  EXPECT_EQ(span->physical, kPhysicalFlash + kBank2);
  unlock(true);
  erase_page(1, 0, true);  // physical bank 2
  finish();
  EXPECT_EQ(word(0, kSecure), 0xFFFF'FFFFU);
}

// --- OTP
// -----------------------------------------------------------------------------------------------------------

TEST_F(FlashTest, OtpRowIsProgrammedOnce) {
  unlock(false);
  write(flash, kNsCr, kPg);
  for (std::uint32_t index = 0; index < 4; ++index)
    flash.write_otp(0x10 + 4 * index, 4, kNonSecure, 0xFFFF'0000);
  finish();
  std::uint32_t value = 0;
  flash.read_otp(0x14, 4, value);
  EXPECT_EQ(value, 0xFFFF'0000U);
  for (std::uint32_t index = 0; index < 4; ++index) flash.write_otp(0x10 + 4 * index, 4, kNonSecure, 0);
  EXPECT_EQ(status(false), std::uint32_t{kProgErr});
}

// --- interruption
// --------------------------------------------------------------------------------------------------

TEST_F(FlashTest, SystemResetInTheMiddleIsRecordedInOpsr) {
  unlock(true);
  erase_page(1, 9, true);
  flash.reset(Reset::System);
  EXPECT_EQ(read(flash, kOpsr), 3U << 29 | 1U << 21 | 9 * kFlashPageSize);
  EXPECT_EQ(memories.flash().cuts(), 1U);
  EXPECT_EQ(status(), 0U);
  finish();
  EXPECT_EQ(memories.flash().erases(1, 9), 0U);
}

TEST_F(FlashTest, PowerLossLeavesNoTraceInOpsr) {
  unlock(true);
  erase_page(1, 9, true);
  flash.reset(Reset::PowerOn);
  EXPECT_EQ(read(flash, kOpsr), 0U);
  EXPECT_EQ(memories.flash().cuts(), 1U);
}

TEST_F(FlashTest, StateSurvivesSerialisation) {
  unlock(true);
  write(flash, kSecBb1r1, 5);
  erase_page(1, 2, true);
  Archive saved;
  flash.serialise(saved);
  finish();
  memories.flash().begin({.operation = FlashOperation::PageErase,
                          .address = kBank2 + 2 * kFlashPageSize,
                          .size = kFlashPageSize,
                          .data = {}});
  flash.reset(Reset::PowerOn);
  Archive loaded(saved.bytes());
  flash.serialise(loaded);
  EXPECT_EQ(read(flash, kSecBb1r1), 5U);
  EXPECT_EQ(read(flash, kSecCr) & kLock, 0U);
}

}  // namespace
}  // namespace microvisor::board

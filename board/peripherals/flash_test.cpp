// Keys, programming, erasing and what interrupts them, by registers and array, rule by rule (RM0456 chapter
// 7).
#include "board/peripherals/flash_bench.hpp"

namespace microvisor::board {
namespace {

using namespace flash;
using namespace testing;

// Keys

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

// Programming

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

// Erasing

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

/// DS13086 table 88: 195 ms a bank, both banks twice that; 1.7 ms a page from 10,000 cycles on.
TEST_F(FlashTest, ErasesTakeTheTimesOfTheDataSheet) {
  OptionBytes options = memories.flash().options();
  options.bank[1].watermark = PageRange{127, 0}.word();
  memories.flash().set_options(options);
  flash.reset(Reset::PowerOn);
  unlock(false);
  const auto duration = [this](std::uint32_t control) {
    const Time begin = scheduler.now();
    write(flash, kNsCr, control | kStrt);
    while ((status(false) & kBsy) != 0) run_for(scheduler, microseconds(10));
    return (scheduler.now() - begin) / microseconds(1);
  };
  EXPECT_EQ(duration(kMer1) / 1000, 195U);
  EXPECT_EQ(duration(kMer1 | kMer2) / 1000, 390U);
  EXPECT_EQ(memories.flash().erases(0, 5), 2U);
  EXPECT_EQ(duration(kPer | 5U << 3), 1500U);
  for (std::uint32_t cycle = memories.flash().erases(0, 5); cycle < 10'000; ++cycle) {
    memories.flash().begin({.operation = FlashOperation::PageErase,
                            .address = 5 * kFlashPageSize,
                            .size = kFlashPageSize,
                            .data = {}});
    memories.flash().complete();
  }
  EXPECT_EQ(duration(kPer | 5U << 3), 1700U);
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

// Busy bank

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

// Interrupts

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

// OTP

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

// Interruption

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

TEST_F(FlashTest, OpsrNamesOperationBankAndArea) {
  unlock(true);
  program(kBank2 + 0x120, {1, 2, 3, 4});
  flash.reset(Reset::System);
  EXPECT_EQ(read(flash, kOpsr), 1U << 29 | 1U << 21 | 0x120U);
  unlock(false);
  write(flash, kNsCr, kPg);
  for (std::uint32_t index = 0; index < 4; ++index) flash.write_otp(0x40 + 4 * index, 4, kNonSecure, 0);
  flash.reset(Reset::System);
  EXPECT_EQ(read(flash, kOpsr), 1U << 29 | 1U << 22 | 0x40U);  // system flash, no bank
  flash.reset(Reset::System);
  EXPECT_EQ(read(flash, kOpsr), 0U);  // nothing was interrupted this time
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

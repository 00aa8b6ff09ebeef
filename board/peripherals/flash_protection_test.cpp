// Who may read, fetch, program and hide which page, and rows that no longer read (RM0456 chapter 7).
#include "board/peripherals/flash_bench.hpp"

namespace microvisor::board {
namespace {

using namespace flash;
using namespace testing;

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

// ECC

TEST_F(FlashTest, BadRowRaisesNmiOnceUntilCleared) {
  memories.flash().mark(kBank2 + 0x1230, RowState::Bad);
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

TEST_F(FlashTest, CorrectedRowGivesItsDataAndTheInterrupt) {
  memories.flash().load(0x1230, std::vector<std::uint8_t>(16, 0x5A));
  memories.flash().mark(0x1230, RowState::Corrected);
  EXPECT_EQ(word(0x1234, kNonSecure), 0x5A5A'5A5AU);
  EXPECT_EQ(read(flash, kEccr), kEccCorrected | 0x1230U);
  EXPECT_EQ(lines.nmis, 0U);
  EXPECT_FALSE(lines.level(6));
  set_bits(flash, kEccr, kEccIe);  // writes ECCC back too, which clears it
  EXPECT_FALSE(lines.level(6));
  word(0x1234, kNonSecure);
  EXPECT_TRUE(lines.level(6));
  write(flash, kEccr, kEccCorrected | kEccIe);
  EXPECT_FALSE(lines.level(6));
}

/// RM0456 FLASH_ECCR: either flag is set only while both are clear.
TEST_F(FlashTest, ACorrectionNobodyClearedHidesADoubleError) {
  memories.flash().mark(kBank2 + 0x1230, RowState::Corrected);
  memories.flash().mark(kBank2 + 0x1240, RowState::Bad);
  word(kBank2 + 0x1230);
  word(kBank2 + 0x1240);
  EXPECT_EQ(read(flash, kEccr), kEccCorrected | kEccBank | 0x1230U);
  EXPECT_EQ(lines.nmis, 0U);
  write(flash, kEccr, kEccCorrected);
  word(kBank2 + 0x1240);
  EXPECT_EQ(lines.nmis, 1U);
}

TEST_F(FlashTest, UnstableRowsRaiseNmiNowAndThen) {
  memories.flash().mark(kBank2, RowState::Unstable);
  EXPECT_FALSE(flash.direct(kBank2, kSecure));
  for (int i = 0; i < 64; ++i) {
    word(kBank2);
    write(flash, kEccr, kEccDetected | kEccCorrected);
  }
  EXPECT_GT(lines.nmis, 16U);
  EXPECT_LT(lines.nmis, 48U);
}

TEST_F(FlashTest, RowInDoubtTakesZerosOnly) {
  unlock(true);
  for (const RowState state : {RowState::Bad, RowState::Corrected, RowState::Unstable}) {
    memories.flash().mark(kBank2 + 0x40, state);
    program(kBank2 + 0x40, {1, 2, 3, 4});
    EXPECT_EQ(status(), std::uint32_t{kProgErr});
    write(flash, kSecSr, kProgErr);
  }
  program(kBank2 + 0x40, {0, 0, 0, 0});
  finish();
  EXPECT_EQ(status(), 0U);
  EXPECT_EQ(memories.flash().row_state(kBank2 + 0x40), RowState::Good);
  EXPECT_EQ(word(kBank2 + 0x40), 0U);
}

}  // namespace
}  // namespace microvisor::board

// Cells change only when an operation completes; a cut leaves old, new or torn rows, the same for the same
// board.
#include "board/memory/flash_cells.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace microvisor::board {
namespace {

std::vector<std::uint8_t> fresh_state() {
  const FlashState fresh{};
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&fresh);
  return {bytes, bytes + sizeof fresh};
}

struct Cells {
  explicit Cells(std::uint64_t seed = 1) : cells(array, otp, state, seed) {}

  std::vector<std::uint8_t> array = std::vector<std::uint8_t>(kFlashSize, 0xFF);
  std::vector<std::uint8_t> otp = std::vector<std::uint8_t>(kOtpSize, 0xFF);
  std::vector<std::uint8_t> state = fresh_state();
  FlashCells cells;
};

FlashJob program(std::uint32_t cell, std::uint8_t value, std::uint32_t size = kFlashRowSize) {
  FlashJob job{.operation = size == kFlashRowSize ? FlashOperation::QuadWord : FlashOperation::Burst,
               .address = cell,
               .size = size,
               .data = {}};
  job.data.fill(value);
  return job;
}

TEST(FlashCells, ChangeAtTheEndOnly) {
  Cells board;
  board.cells.begin(program(0x100, 0x12));
  EXPECT_TRUE(board.cells.erased(0x100));
  board.cells.complete();
  EXPECT_FALSE(board.cells.erased(0x100));
  EXPECT_EQ(board.cells.row(0x10F)[15], 0x12);
  EXPECT_TRUE(board.cells.erased(0x110));
}

TEST(FlashCells, EraseCountsWearAndHealsRows) {
  Cells board;
  board.cells.mark_bad(0x2010, true);
  board.cells.begin(
      {.operation = FlashOperation::PageErase, .address = 0x2000, .size = kFlashPageSize, .data = {}});
  board.cells.complete();
  EXPECT_FALSE(board.cells.any_bad(0, kFlashSize));
  EXPECT_EQ(board.cells.erases(0, 1), 1U);
  EXPECT_EQ(board.cells.erases(0, 0), 0U);
  EXPECT_EQ(board.cells.erases(0, 2), 0U);
}

TEST(FlashCells, AnyBadSeesTheWholeRangeAndNothingElse) {
  Cells board;
  board.cells.mark_bad(0x1230, true);
  EXPECT_TRUE(board.cells.bad(0x123F));
  EXPECT_TRUE(board.cells.any_bad(0x1230, 1));
  EXPECT_TRUE(board.cells.any_bad(0, 0x2000));
  EXPECT_FALSE(board.cells.any_bad(0, 0x1230));
  EXPECT_FALSE(board.cells.any_bad(0x1240, 0x2000));
}

TEST(FlashCells, ABadRowIsNotErasedEvenIfItReadsOnes) {
  Cells board;
  board.cells.mark_bad(0x40, true);
  EXPECT_FALSE(board.cells.erased(0x40));
}

/// Old and new value of a torn row: every bit that is the same in both must not change.
TEST(FlashCells, ATornRowMixesOldAndNewBits) {
  std::set<std::vector<std::uint8_t>> seen;
  unsigned bad = 0;
  unsigned intact = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Cells board(seed);
    board.cells.begin(program(0x800, 0xF0));
    board.cells.cut_off();
    const auto row = board.cells.row(0x800);
    for (const std::uint8_t byte : row) EXPECT_EQ(byte & 0xF0, 0xF0);
    seen.insert({row.begin(), row.end()});
    bad += board.cells.bad(0x800) ? 1 : 0;
    intact += board.cells.erased(0x800) ? 1 : 0;
  }
  EXPECT_GT(seen.size(), 50U);
  EXPECT_GT(bad, 60U);
  EXPECT_LT(bad, 140U);
  EXPECT_GT(intact, 10U);
}

TEST(FlashCells, LeftoversAreTheSameForTheSameBoardAndHistory) {
  Cells first(42);
  Cells second(42);
  for (Cells* board : {&first, &second}) {
    board->cells.begin(program(0x1000, 0x3C, kFlashBurstSize));
    board->cells.cut_off();
  }
  EXPECT_TRUE(std::ranges::equal(first.cells.array(), second.cells.array()));
  EXPECT_EQ(first.cells.any_bad(0x1000, 128), second.cells.any_bad(0x1000, 128));
}

TEST(FlashCells, OptionsAreOldOrNewAfterACutNeverMixed) {
  unsigned changed = 0;
  for (std::uint64_t seed = 0; seed < 64; ++seed) {
    Cells board(seed);
    const OptionBytes before = board.cells.options();
    OptionBytes after = before;
    after.secure_boot = 0x0C10'0001;
    after.bank[0].watermark = PageRange{127, 0}.word();
    board.cells.begin_options(after);
    EXPECT_EQ(board.cells.options(), before);
    board.cells.cut_off();
    EXPECT_TRUE(board.cells.options() == before || board.cells.options() == after);
    changed += board.cells.options() == after ? 1 : 0;
  }
  EXPECT_GT(changed, 8U);
  EXPECT_LT(changed, 56U);
}

TEST(FlashCells, OtpLiesBehindTheArray) {
  Cells board;
  board.cells.begin(program(kOtpCells + 0x20, 0x01));
  board.cells.complete();
  EXPECT_EQ(board.cells.row(kOtpCells + 0x20)[0], 0x01);
  EXPECT_TRUE(std::ranges::all_of(board.cells.array(), [](std::uint8_t byte) { return byte == 0xFF; }));
}

}  // namespace
}  // namespace microvisor::board

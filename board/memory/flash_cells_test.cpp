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
  explicit Cells(std::uint64_t seed = 1) : cells(array, otp, state, supply, seed) {}

  std::vector<std::uint8_t> array = std::vector<std::uint8_t>(kFlashSize, 0xFF);
  std::vector<std::uint8_t> otp = std::vector<std::uint8_t>(kOtpSize, 0xFF);
  std::vector<std::uint8_t> state = fresh_state();
  MemorySupply supply;
  FlashCells cells;
};

FlashJob erase(std::uint32_t cell) {
  return {.operation = FlashOperation::PageErase, .address = cell, .size = kFlashPageSize, .data = {}};
}

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
  board.cells.mark(0x2010, RowState::Bad);
  board.cells.mark(0x2020, RowState::Unstable);
  board.cells.begin(erase(0x2000));
  board.cells.complete();
  EXPECT_FALSE(board.cells.any_flawed(0, kFlashSize));
  EXPECT_EQ(board.cells.erases(0, 1), 1U);
  EXPECT_EQ(board.cells.erases(0, 0), 0U);
  EXPECT_EQ(board.cells.erases(0, 2), 0U);
}

TEST(FlashCells, AnyFlawedSeesTheWholeRangeAndNothingElse) {
  for (const RowState state : {RowState::Bad, RowState::Corrected, RowState::Unstable}) {
    Cells board;
    board.cells.mark(0x1230, state);
    EXPECT_EQ(board.cells.row_state(0x123F), state);
    EXPECT_TRUE(board.cells.any_flawed(0x1230, 1));
    EXPECT_TRUE(board.cells.any_flawed(0, 0x2000));
    EXPECT_FALSE(board.cells.any_flawed(0, 0x1230));
    EXPECT_FALSE(board.cells.any_flawed(0x1240, 0x2000));
  }
}

TEST(FlashCells, ARowInDoubtIsNotErasedEvenIfItReadsOnes) {
  for (const RowState state : {RowState::Bad, RowState::Corrected, RowState::Unstable}) {
    Cells board;
    board.cells.mark(0x40, state);
    EXPECT_FALSE(board.cells.erased(0x40));
  }
}

TEST(FlashCells, ReadingsShowWhatTheStateSays) {
  Cells board;
  board.cells.load(0x40, std::vector<std::uint8_t>(kFlashRowSize, 0x5A));
  const std::pair<RowState, EccResult> expected[] = {{RowState::Good, EccResult::Good},
                                                     {RowState::Corrected, EccResult::Corrected},
                                                     {RowState::Bad, EccResult::Detected}};
  for (const auto& [state, ecc] : expected) {
    board.cells.mark(0x40, state);
    const RowReading reading = board.cells.read(0x44);
    EXPECT_EQ(reading.ecc, ecc);
    EXPECT_EQ(reading.data[3], 0x5A);
  }
}

/// An unstable row answers differently from reading to reading and from boot to boot, and what it answers is
/// a function of the board and its history.
TEST(FlashCells, UnstableRowsAnswerAnewEachTime) {
  const auto readings = [](Cells& board) {
    std::vector<std::pair<EccResult, std::array<std::uint8_t, kFlashRowSize>>> all;
    for (int i = 0; i < 64; ++i) {
      const RowReading reading = board.cells.read(0x40);
      all.emplace_back(reading.ecc, reading.data);
    }
    return all;
  };
  Cells board(5);
  Cells twin(5);
  for (Cells* one : {&board, &twin}) one->cells.mark(0x40, RowState::Unstable);
  const auto first = readings(board);
  EXPECT_EQ(first, readings(twin));
  EXPECT_NE(first, readings(board));
  std::set<EccResult> kinds;
  for (const auto& [ecc, data] : first) {
    kinds.insert(ecc);
    if (ecc != EccResult::Detected) {
      EXPECT_EQ(data[0], 0xFF);
    }
  }
  EXPECT_EQ(kinds.size(), 3U);
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
  // Of sixteen cuts six leave a double error and two an unstable row; four leave the row as it was.
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
  for (std::uint32_t cell = 0x1000; cell < 0x1080; cell += kFlashRowSize)
    EXPECT_EQ(first.cells.row_state(cell), second.cells.row_state(cell));
}

TEST(FlashCells, AnInterruptedEraseLeavesAPageNobodyCanTrust) {
  Cells board(9);
  board.cells.load(0x4000, std::vector<std::uint8_t>(kFlashPageSize, 0x00));
  board.cells.begin(erase(0x4000));
  board.cells.cut_off();
  std::set<RowState> states;
  unsigned looks_blank = 0;
  for (std::uint32_t cell = 0x4000; cell < 0x6000; cell += kFlashRowSize) {
    const RowState state = board.cells.row_state(cell);
    states.insert(state);
    const bool ones =
        std::ranges::all_of(board.cells.row(cell), [](std::uint8_t byte) { return byte == 0xFF; });
    looks_blank += ones && state == RowState::Unstable ? 1 : 0;
  }
  EXPECT_EQ(states.size(), 4U);
  EXPECT_GT(looks_blank, 10U);  // reads as ones now and then, and cannot be programmed
  EXPECT_EQ(board.cells.erases(0, 2), 0U);
  board.cells.begin(erase(0x4000));
  board.cells.complete();
  EXPECT_FALSE(board.cells.any_flawed(0x4000, kFlashPageSize));
}

/// Cut at the three moments of an operation, cells hold what they held then, and nothing is written after.
TEST(FlashCells, WithoutSupplyNothingChanges) {
  struct Case {
    OperationMoment moment;
    bool noted, done;
  };
  for (const Case& item :
       {Case{OperationMoment::Before, false, false}, Case{OperationMoment::Torn, true, false},
        Case{OperationMoment::After, false, true}}) {
    Cells board;
    board.supply.observe([&](const CellOperation& operation, OperationMoment moment) {
      EXPECT_EQ(operation.memory, CellMemory::Flash);
      EXPECT_EQ(operation.address, 0x100U);
      EXPECT_EQ(operation.size, kFlashRowSize);
      EXPECT_FALSE(operation.erases);
      if (moment == item.moment) board.supply.cut("test");
    });
    board.cells.begin(program(0x100, 0x12));
    board.cells.complete();
    EXPECT_EQ(board.cells.in_progress().operation != FlashOperation::None, item.noted);
    EXPECT_EQ(board.cells.row(0x100)[0] == 0x12, item.done);
    board.cells.begin(program(0x200, 0x34));  // after the cut
    board.cells.complete();
    EXPECT_EQ(board.cells.row(0x200)[0], 0xFF);
    EXPECT_EQ(board.cells.in_progress().address, item.moment == OperationMoment::Before ? 0U : 0x100U);
    board.supply.restore();
    board.cells.power_on();
    EXPECT_EQ(board.cells.cuts(), item.noted ? 1U : 0U);
  }
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

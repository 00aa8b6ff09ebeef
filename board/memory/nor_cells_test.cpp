// Cells change only when an operation completes; a cut leaves torn pages and half-erased sectors, the same
// for the same board.
#include "board/memory/nor_cells.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "board/memory/board_memories.hpp"

namespace microvisor::board {
namespace {

struct Nor {
  explicit Nor(std::uint64_t seed = 1)
      : memories(*BoardMemories::in_memory(BoardIdentity::from_seed(seed))) {}
  void program(std::uint32_t page, std::uint8_t value) {
    std::array<std::uint8_t, kNorPageSize> data{};
    data.fill(value);
    cells.begin_program(page, data);
  }
  [[nodiscard]] std::vector<std::uint8_t> bytes(std::uint32_t address, std::uint32_t size) const {
    std::vector<std::uint8_t> result(size);
    for (std::uint32_t i = 0; i < size; ++i) result[i] = cells.read(address + i);
    return result;
  }

  BoardMemories memories;
  NorCells& cells = memories.nor();
};

TEST(NorCells, ChangeAtTheEndOnly) {
  Nor nor;
  nor.program(0x100, 0x0F);
  EXPECT_EQ(nor.cells.read(0x100), 0xFF);
  nor.cells.complete();
  EXPECT_EQ(nor.cells.read(0x1FF), 0x0F);
  nor.program(0x100, 0xF3);  // from 1 to 0 only
  nor.cells.complete();
  EXPECT_EQ(nor.cells.read(0x100), 0x03);
  nor.cells.begin_erase(0, kNorSectorSize);
  EXPECT_EQ(nor.cells.read(0x100), 0x03);
  nor.cells.complete();
  EXPECT_EQ(nor.cells.read(0x100), 0xFF);
  EXPECT_EQ(nor.cells.erases(0), 1U);
  EXPECT_EQ(nor.cells.erases(1), 0U);
}

TEST(NorCells, ATornPageHasClearedSomeOfTheBits) {
  std::set<std::vector<std::uint8_t>> seen;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Nor nor(seed);
    nor.program(0x200, 0x3C);
    nor.cells.cut_off();
    const auto page = nor.bytes(0x200, kNorPageSize);
    for (const std::uint8_t byte : page) EXPECT_EQ(byte & 0x3C, 0x3C);  // others are not touched
    EXPECT_EQ(nor.cells.read(0x1FF), 0xFF);
    EXPECT_EQ(nor.cells.read(0x300), 0xFF);
    seen.insert(page);
    EXPECT_EQ(nor.cells.last_cut().address, 0x200U);
  }
  EXPECT_GT(seen.size(), 40U);
}

TEST(NorCells, AnInterruptedEraseLeavesOldBlankZeroAndMixedPages) {
  Nor nor(4);
  for (std::uint32_t page = 0; page < 65'536; page += kNorPageSize) {
    nor.program(page, 0x5A);
    nor.cells.complete();
  }
  nor.cells.begin_erase(0, 65'536);
  nor.cells.cut_off();
  unsigned old = 0, blank = 0, zero = 0, mixed = 0;
  for (std::uint32_t page = 0; page < 65'536; page += kNorPageSize) {
    const auto bytes = nor.bytes(page, kNorPageSize);
    const auto all = [&](std::uint8_t value) { return std::ranges::count(bytes, value) == kNorPageSize; };
    ++(all(0x5A) ? old : all(0xFF) ? blank : all(0x00) ? zero : mixed);
  }
  EXPECT_GT(std::min({old, blank, zero, mixed}), 8U);
  EXPECT_EQ(nor.cells.erases(0), 0U);
  EXPECT_EQ(nor.cells.cuts(), 1U);
}

TEST(NorCells, LeftoversAreTheSameForTheSameBoardAndHistory) {
  Nor first(7), twin(7), other(8);
  for (Nor* nor : {&first, &twin, &other}) {
    nor->program(0, 0x00);
    nor->cells.cut_off();
  }
  EXPECT_EQ(first.bytes(0, kNorPageSize), twin.bytes(0, kNorPageSize));
  EXPECT_NE(first.bytes(0, kNorPageSize), other.bytes(0, kNorPageSize));
}

TEST(NorCells, RegistersAreOldOrNewAfterACut) {
  std::set<std::uint8_t> seen;
  for (std::uint64_t seed = 0; seed < 32; ++seed) {
    Nor nor(seed);
    NorRegisters next;
    next.status = 0x1C;
    nor.cells.begin_registers(next);
    nor.cells.cut_off();
    seen.insert(nor.cells.registers().status);
  }
  EXPECT_EQ(seen, (std::set<std::uint8_t>{0, 0x1C}));
}

TEST(NorCells, WithoutSupplyNothingChanges) {
  for (const OperationMoment wanted :
       {OperationMoment::Before, OperationMoment::Torn, OperationMoment::After}) {
    Nor nor;
    nor.memories.supply().observe([&](const CellOperation& operation, OperationMoment moment) {
      EXPECT_EQ(operation.memory, CellMemory::Nor);
      EXPECT_EQ(operation.address, 0U);
      EXPECT_EQ(operation.size, kNorPageSize);
      EXPECT_FALSE(operation.erases);
      if (moment == wanted) nor.memories.supply().cut("test");
    });
    nor.program(0, 0x11);
    nor.cells.complete();
    EXPECT_EQ(nor.cells.read(0) == 0x11, wanted == OperationMoment::After);
    EXPECT_EQ(nor.cells.in_progress().operation == NorOperation::Program, wanted == OperationMoment::Torn);
    nor.program(0x100, 0x22);
    nor.cells.complete();
    EXPECT_EQ(nor.cells.read(0x100), 0xFF);
  }
}

TEST(NorCells, ThePowerGoesWhenTheHostHasNoRoom) {
  Nor nor;
  std::vector<std::uint8_t> array(kNorSize), state(sizeof(NorState));
  new (state.data()) NorState;
  MemorySupply supply;
  NorCells cells(NorArray(array), state, supply, 1,
                 [](std::size_t, std::size_t) { return std::string("disk full"); });
  cells.begin_erase(0, kNorSectorSize);  // needs none
  cells.complete();
  EXPECT_TRUE(supply.on());
  cells.begin_program(0, std::array<std::uint8_t, kNorPageSize>{});
  EXPECT_FALSE(supply.on());
  EXPECT_EQ(supply.reason(), "disk full");
  EXPECT_EQ(cells.in_progress().operation, NorOperation::None);
}

}  // namespace
}  // namespace microvisor::board

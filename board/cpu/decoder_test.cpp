// The instruction table: no opcode has two meanings, and what is not an instruction of Armv8-M Mainline with
// DSP and single-precision floating point is UNDEFINED (DDI0553 section C2).
#include "board/cpu/decoder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <set>
#include <vector>

#include "board/cpu/arithmetic.hpp"

namespace microvisor::board {
namespace {

std::vector<const Encoding*> all_rows() {
  std::vector<const Encoding*> rows;
  for (const auto& group : encoding_groups()) {
    for (const Encoding& row : group) rows.push_back(&row);
  }
  return rows;
}

/// Every opcode of `special` is also one of `general`.
bool refines(const Encoding& special, const Encoding& general) {
  const bool base_agrees = general.not_pc == 0 || special.not_pc == general.not_pc ||
                           (~special.value & special.mask & general.not_pc) != 0;
  return base_agrees && (special.mask & general.mask) == general.mask && special.mask != general.mask &&
         (special.value & general.mask) == general.value;
}

/// No opcode matches both.
bool disjoint(const Encoding& a, const Encoding& b) {
  const auto excludes = [](const Encoding& one, const Encoding& other) {
    return one.not_pc != 0 && (other.value & other.mask & one.not_pc) == one.not_pc;
  };
  return a.wide != b.wide || ((a.value ^ b.value) & a.mask & b.mask) != 0 || excludes(a, b) || excludes(b, a);
}

TEST(InstructionTable, OverlappingRowsAreRefinements) {
  const auto rows = all_rows();
  for (const Encoding* a : rows) {
    for (const Encoding* b : rows) {
      if (a == b || disjoint(*a, *b)) continue;
      if (refines(*a, *b) || refines(*b, *a)) continue;
      // Two rows may also cross if a third one, more special than both, has all their common opcodes.
      const std::uint32_t mask = a->mask | b->mask, value = a->value | b->value;
      const bool settled = std::any_of(rows.begin(), rows.end(), [&](const Encoding* c) {
        return c->wide == a->wide && c->mask == mask && c->value == value;
      });
      EXPECT_TRUE(settled) << a->name << " and " << b->name;
    }
  }
}

TEST(InstructionTable, NamesAreUnique) {
  std::set<std::string_view> names;
  for (const Encoding* row : all_rows()) EXPECT_TRUE(names.insert(row->name).second) << row->name;
}

TEST(InstructionTable, WideRowsBeginWithTheWidePrefix) {
  for (const Encoding* row : all_rows()) {
    if (row->wide) {
      EXPECT_TRUE(is_wide(row->value >> 16)) << row->name;
    } else {
      EXPECT_FALSE(is_wide(row->value)) << row->name;
    }
  }
}

bool defined(std::uint32_t opcode, bool wide, std::uint8_t it_state = 0) {
  const Encoding* row = find_encoding(opcode, wide);
  Record record;
  record.length = wide ? 2 : 1;
  return row != nullptr && row->translate(opcode, {.slot = Place::kNoPage, .it_state = it_state}, record);
}

TEST(UndefinedSpace, Narrow) {
  EXPECT_FALSE(defined(0xDE00, false)) << "UDF";
  EXPECT_FALSE(defined(0xBA80, false)) << "HLT of the A profile";
  EXPECT_FALSE(defined(0xB650, false)) << "SETEND of the A profile";
  EXPECT_FALSE(defined(0xB800, false));
  EXPECT_FALSE(defined(0xB664, false)) << "CPS with the A bit";
  EXPECT_FALSE(defined(0x4701, false)) << "BX with bits that should be zero";
  EXPECT_FALSE(defined(0xBFF8, false)) << "IT with condition 1111";
}

TEST(UndefinedSpace, WideOfOtherProfiles) {
  EXPECT_FALSE(defined(0xF7F0'8000, true)) << "SMC";
  EXPECT_FALSE(defined(0xF7E0'8000, true)) << "HVC";
  EXPECT_FALSE(defined(0xF3C0'8F00, true)) << "BXJ";
  EXPECT_FALSE(defined(0xF7F0'A000, true)) << "UDF.W";
  EXPECT_FALSE(defined(0xE810'C000, true)) << "RFE";
  EXPECT_FALSE(defined(0xF000'C000, true)) << "BLX (immediate)";
}

TEST(UndefinedSpace, WideOfLaterVersions) {
  EXPECT_FALSE(defined(0xF040'E001, true)) << "WLS of 8.1-M";
  EXPECT_FALSE(defined(0xE89F'8001, true)) << "CLRM of 8.1-M";
  EXPECT_FALSE(defined(0xEA50'8F0D, true)) << "CSEL of 8.1-M";
  EXPECT_FALSE(defined(0xEF00'0840, true)) << "VADD of MVE";
}

TEST(UndefinedSpace, IndexingThatDoesNotExist) {
  EXPECT_FALSE(defined(0xF851'0904 & ~0x0200u & ~0x0800u, true)) << "LDR with bit 11 clear and bits 10:6 set";
  EXPECT_FALSE(defined(0xF851'0804, true)) << "LDR with P = 0 and W = 0";
  EXPECT_FALSE(defined(0xE850'0000, true)) << "LDREX with bits that should be one clear";
}

TEST(ItBlock, BranchesOnlyAtTheEnd) {
  constexpr std::uint8_t kTwoLeft = 0x04, kLast = 0x08;
  EXPECT_FALSE(defined(0xE7FE, false, kTwoLeft)) << "B";
  EXPECT_TRUE(defined(0xE7FE, false, kLast));
  EXPECT_FALSE(defined(0xD0FE, false, kLast)) << "Bcc";
  EXPECT_FALSE(defined(0xB100, false, kLast)) << "CBZ";
  EXPECT_FALSE(defined(0xBF08, false, kLast)) << "IT";
  EXPECT_FALSE(defined(0xB672, false, kLast)) << "CPS";
  EXPECT_FALSE(defined(0xBD00, false, kTwoLeft)) << "POP {pc}";
}

TEST(ItState, Advances) {
  // ITETE EQ: 0000 0101 1, see ITAdvance().
  EXPECT_EQ(advance_it(0b0000'1011), 0b0001'0110);
  EXPECT_EQ(advance_it(0b0001'0110), 0b0000'1100);
  EXPECT_EQ(advance_it(0b0000'1000), 0);
}

TEST(ModifiedImmediate, Expands) {
  EXPECT_EQ(expand_immediate(0x0AB).value, 0xABu);
  EXPECT_EQ(expand_immediate(0x1AB).value, 0x00AB'00ABu);
  EXPECT_EQ(expand_immediate(0x2AB).value, 0xAB00'AB00u);
  EXPECT_EQ(expand_immediate(0x3AB).value, 0xABAB'ABABu);
  EXPECT_EQ(expand_immediate(0x400).value, 0x8000'0000u);
  EXPECT_TRUE(expand_immediate(0x400).rotated);
  EXPECT_EQ(expand_immediate(0xFFF).value, 0x0000'01FEu);
}

TEST(Arithmetic, ShiftsByRegister) {
  EXPECT_EQ(shift_by_register(Shift::Lsl, 1, 32, 0).carry, 1u);
  EXPECT_EQ(shift_by_register(Shift::Lsl, 1, 33, 1).carry, 0u);
  EXPECT_EQ(shift_by_register(Shift::Asr, 0x8000'0000, 200, 0).value, 0xFFFF'FFFFu);
  EXPECT_EQ(shift_by_register(Shift::Ror, 0x8000'0001, 32, 0).carry, 1u);
  EXPECT_EQ(shift_by_register(Shift::Lsr, 5, 0, 1).carry, 1u);
}

}  // namespace
}  // namespace microvisor::board

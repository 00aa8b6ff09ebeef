// Translators of 32-bit branches, system and security instructions and absent coprocessors (DDI0553 section
// C2.3.10 on).
#include "board/cpu/handlers_memory.hpp"
#include "board/cpu/translate.hpp"

namespace microvisor::board {
namespace {

/// Bcc.W label
bool conditional_branch(std::uint32_t op, const Place& place, Record& record) {
  if (place.in_it()) return false;
  const std::uint32_t offset = bits(op, 26, 26) << 20 | bits(op, 11, 11) << 19 | bits(op, 13, 13) << 18 |
                               bits(op, 21, 16) << 12 | bits(op, 10, 0) << 1;
  set_conditional_branch(record, place, bits(op, 25, 22), sign_extend(offset, 21) + 4);
  return true;
}

/// The distance of B.W and BL: S:I1:I2:imm10:imm11:0 with I = NOT(J EOR S).
std::int32_t long_distance(std::uint32_t op) {
  const std::uint32_t sign = bits(op, 26, 26);
  const std::uint32_t i1 = ~(bits(op, 13, 13) ^ sign) & 1, i2 = ~(bits(op, 11, 11) ^ sign) & 1;
  const std::uint32_t offset =
      sign << 24 | i1 << 23 | i2 << 22 | bits(op, 25, 16) << 12 | bits(op, 10, 0) << 1;
  return sign_extend(offset, 25) + 4;
}

/// B.W label
bool branch(std::uint32_t op, const Place& place, Record& record) {
  if (!branch_allowed(place)) return false;
  set_branch<BranchNear<Condition::Always>, BranchFar<Condition::Always>>(record, place, long_distance(op));
  return true;
}

/// BL label
bool branch_link(std::uint32_t op, const Place& place, Record& record) {
  if (!branch_allowed(place)) return false;
  set_branch<BranchLink<true>, BranchLink<false>>(record, place, long_distance(op));
  return true;
}

/// TBB, TBH [Rn, Rm]
template <typename T>
bool table_branch(std::uint32_t op, const Place& place, Record& record) {
  record.n = reg(op, 16), record.m = reg(op, 0);
  if (record.n == 13 || is_special(record.m) || !branch_allowed(place)) return false;
  if (record.n == 15) {
    set<TableBranch<T, true>>(record);
  } else {
    set<TableBranch<T, false>>(record);
  }
  return true;
}

/// MRS Rd, special register
bool move_from_special(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 8), record.imm = bits(op, 7, 0);
  if (is_special(record.d)) return false;
  set<MoveFromSpecial>(record);
  return true;
}

/// MSR special register, Rn
bool move_to_special(std::uint32_t op, const Place&, Record& record) {
  record.n = reg(op, 16), record.imm = bits(op, 7, 0), record.s = static_cast<std::uint8_t>(bits(op, 11, 10));
  if (is_special(record.n) || record.s == 0) return false;
  set<MoveToSpecial>(record);
  return true;
}

/// Instructions without fields: hints, barriers, CLREX, SG
template <class Operation>
bool plain(std::uint32_t, const Place&, Record& record) {
  set<Operation>(record);
  return true;
}

/// UDF.W #imm16
bool undefined(std::uint32_t, const Place&, Record&) { return false; }

/// TT, TTT, TTA, TTAT Rd, Rn
bool test_target_form(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 8), record.n = reg(op, 16);
  record.s = static_cast<std::uint8_t>(bits(op, 7, 7) << 1 | bits(op, 6, 6));
  if (is_special(record.d) || is_special(record.n)) return false;
  set<TestTarget>(record);
  return true;
}

/// CDP, MCR, MRC, MCRR, MRRC, LDC, STC: only CP10 and CP11 exist, and they are in the floating-point group.
bool coprocessor(std::uint32_t op, const Place&, Record& record) {
  const unsigned number = bits(op, 11, 8);
  if (number == 10 || number == 11) return false;
  set<NoCoprocessor>(record);
  return true;
}

constexpr Encoding kEncodings[] = {
    {"B T3 (EQ to VC)", "11110 s 0ccc iiiiii 10 j 0 j iiiiiiiiiii", &conditional_branch},
    {"B T3 (HI to LT)", "11110 s 10cc iiiiii 10 j 0 j iiiiiiiiiii", &conditional_branch},
    {"B T3 (GT, LE)", "11110 s 110c iiiiii 10 j 0 j iiiiiiiiiii", &conditional_branch},
    {"B T4", "11110 s iiiiiiiiii 10 j 1 j iiiiiiiiiii", &branch},
    {"BL T1", "11110 s iiiiiiiiii 11 j 1 j iiiiiiiiiii", &branch_link},
    {"TBB T1", "11101000 1101 nnnn 1111 0000 0000 mmmm", &table_branch<std::uint8_t>},
    {"TBH T1", "11101000 1101 nnnn 1111 0000 0001 mmmm", &table_branch<std::uint16_t>},
    {"MRS T1", "11110011 1110 1111 1000 dddd ssssssss", &move_from_special},
    {"MSR (register) T1", "11110011 1000 nnnn 1000 mm00 ssssssss", &move_to_special},
    {"Hint T2", "11110011 1010 1111 1000 0000 hhhhhhhh", &plain<NoOperation>},
    {"WFE T2", "11110011 1010 1111 1000 0000 00000010", &plain<WaitForEvent>},
    {"WFI T2", "11110011 1010 1111 1000 0000 00000011", &plain<WaitForInterrupt>},
    {"SEV T2", "11110011 1010 1111 1000 0000 00000100", &plain<SendEvent>},
    {"CLREX T1", "11110011 1011 1111 1000 1111 0010 1111", &plain<ClearExclusive>},
    {"DSB T1", "11110011 1011 1111 1000 1111 0100 oooo", &plain<Synchronise>},
    {"DMB T1", "11110011 1011 1111 1000 1111 0101 oooo", &plain<NoOperation>},
    {"ISB T1", "11110011 1011 1111 1000 1111 0110 oooo", &plain<Synchronise>},
    {"UDF T2", "11110111 1111 iiii 1010 iiii iiii iiii", &undefined},
    {"SG T1", "11101001 0111 1111 1110 1001 0111 1111", &plain<SecureGateway>},
    {"TT T1", "11101000 0100 nnnn 1111 dddd at00 0000", &test_target_form},
    {"Coprocessor load/store, transfers of two", "111x110 xxxxx xxxx xxxx cccc xxxx xxxx", &coprocessor},
    {"Coprocessor data, transfers of one", "111x1110 xxxx xxxx xxxx cccc xxxx xxxx", &coprocessor},
};

}  // namespace

std::span<const Encoding> control_encodings() { return kEncodings; }

}  // namespace microvisor::board

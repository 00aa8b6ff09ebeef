// Translators of 32-bit data processing, multiplication and division (DDI0553 sections C2.3.1 to C2.3.4).
#include "board/cpu/translate.hpp"

#include <utility>

namespace microvisor::board {
namespace {

// --- the table of data operations
// ------------------------------------------------------------------------------------

using Setter = void (*)(Record&);

template <std::size_t kNumber>
void set_numbered(Record& record) {
  constexpr auto kAlu = static_cast<Alu>(kNumber / (kOperands * 2));
  constexpr auto kOperand = static_cast<Operand>(kNumber / 2 % kOperands);
  set<DataOperation<kAlu, kOperand, kNumber % 2 != 0>>(record);
}

template <std::size_t... kNumber>
constexpr std::array<Setter, sizeof...(kNumber)> make_setters(std::index_sequence<kNumber...>) {
  return {&set_numbered<kNumber>...};
}

template <Alu kAlu, std::size_t... kNumber>
constexpr std::array<Setter, sizeof...(kNumber)> make_stack_setters(std::index_sequence<kNumber...>) {
  return {&set<WriteStackPointer<kAlu, static_cast<Operand>(kNumber / 2), kNumber % 2 != 0>>...};
}

/// ADD, SUB, MOV with SP as the destination.
bool set_stack_operation(Record& record, Alu alu, Operand operand, bool flags) {
  constexpr auto kAll = std::make_index_sequence<kOperands * 2>();
  static constexpr auto kAdd = make_stack_setters<Alu::Add>(kAll),
                        kSubtract = make_stack_setters<Alu::Sub>(kAll);
  const std::size_t number = static_cast<std::size_t>(operand) * 2 + (flags ? 1 : 0);
  if (alu == Alu::Add) {
    kAdd[number](record);
  } else {
    kSubtract[number](record);
  }
  return true;
}

/// The registers of an operation are legal; the three-operand forms may have SP as base and destination of
/// ADD and SUB.
template <Alu kAlu>
bool registers_allowed(const Record& record, bool uses_m) {
  constexpr bool kUnary = kAlu == Alu::Mov || kAlu == Alu::Mvn;
  constexpr bool kStack = kAlu == Alu::Add || kAlu == Alu::Sub || kAlu == Alu::Cmn || kAlu == Alu::Cmp;
  if (uses_m && is_special(record.m) && !(kAlu == Alu::Mov && record.m == 13)) return false;
  if (!kUnary && (record.n == 15 || (record.n == 13 && !kStack))) return false;
  if (has_destination(kAlu) && is_special(record.d)) return kStack && record.d == 13 && record.n == 13;
  return true;
}

template <Alu kAlu>
bool finish(Record& record, Operand operand, bool flags) {
  if (has_destination(kAlu) && record.d == 13) return set_stack_operation(record, kAlu, operand, flags);
  set_data_operation(record, kAlu, operand, flags);
  return true;
}

/// op{S} Rd, Rn, Rm{, shift}
template <Alu kAlu>
bool shifted_register(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 8), record.n = reg(op, 16), record.m = reg(op, 0);
  if (!registers_allowed<kAlu>(record, true)) return false;
  const Operand operand = immediate_shift(record, bits(op, 5, 4), bits(op, 14, 12) << 2 | bits(op, 7, 6));
  return finish<kAlu>(record, operand, bit(op, 20));
}

/// op{S} Rd, Rn, #modified immediate
template <Alu kAlu>
bool modified_immediate(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 8), record.n = reg(op, 16);
  if (!registers_allowed<kAlu>(record, false)) return false;
  const ExpandedImmediate expanded =
      expand_immediate(bits(op, 26, 26) << 11 | bits(op, 14, 12) << 8 | bits(op, 7, 0));
  record.imm = expanded.value;
  return finish<kAlu>(record, expanded.rotated ? Operand::RotatedImmediate : Operand::Immediate, bit(op, 20));
}

/// ADDW, SUBW Rd, Rn, #imm12; with PC as the base: ADR
template <Alu kAlu>
bool plain_immediate(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 8), record.n = reg(op, 16);
  record.imm = bits(op, 26, 26) << 11 | bits(op, 14, 12) << 8 | bits(op, 7, 0);
  if (record.n == 15) {
    if (is_special(record.d)) return false;
    if (kAlu == Alu::Sub) record.imm = 0 - record.imm;
    set<AddressOfLabel>(record);
    return true;
  }
  if (!registers_allowed<kAlu>(record, false)) return false;
  return finish<kAlu>(record, Operand::Immediate, false);
}

std::uint32_t imm16(std::uint32_t op) {
  return bits(op, 19, 16) << 12 | bits(op, 26, 26) << 11 | bits(op, 14, 12) << 8 | bits(op, 7, 0);
}

/// MOVW Rd, #imm16
bool move_wide(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 8), record.imm = imm16(op);
  if (is_special(record.d)) return false;
  set_data_operation(record, Alu::Mov, Operand::Immediate, false);
  return true;
}

/// MOVT Rd, #imm16
bool move_top(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 8), record.imm = imm16(op) << 16;
  if (is_special(record.d)) return false;
  set<MoveTop>(record);
  return true;
}

/// LSL, LSR, ASR, ROR{S} Rd, Rn, Rm
template <Shift kShift>
bool shift_by_register_form(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 8), record.n = reg(op, 16), record.m = reg(op, 0);
  if (is_special(record.d) || is_special(record.n) || is_special(record.m)) return false;
  if (bit(op, 20)) {
    set<ShiftRegister<kShift, true>>(record);
  } else {
    set<ShiftRegister<kShift, false>>(record);
  }
  return true;
}

// --- bit fields and saturation
// ---------------------------------------------------------------------------------------

unsigned least_bit(std::uint32_t op) { return bits(op, 14, 12) << 2 | bits(op, 7, 6); }
std::uint32_t low_mask(unsigned width) { return static_cast<std::uint32_t>((std::uint64_t{1} << width) - 1); }

/// BFI Rd, Rn, #lsb, #width; with PC for Rn: BFC
bool bit_field_insert(std::uint32_t op, const Place&, Record& record) {
  const unsigned low = least_bit(op), high = bits(op, 4, 0);
  record.d = reg(op, 8), record.n = reg(op, 16), record.s = static_cast<std::uint8_t>(low);
  if (high < low || is_special(record.d) || record.n == 13) return false;
  record.imm = low_mask(high - low + 1) << low;
  if (record.n == 15) {
    set<BitFieldClear>(record);
  } else {
    set<BitFieldInsert>(record);
  }
  return true;
}

/// UBFX, SBFX Rd, Rn, #lsb, #width
template <bool kSigned>
bool bit_field_extract(std::uint32_t op, const Place&, Record& record) {
  const unsigned low = least_bit(op), width = bits(op, 4, 0) + 1;
  record.d = reg(op, 8), record.n = reg(op, 16), record.s = static_cast<std::uint8_t>(low);
  if (low + width > 32 || is_special(record.d) || is_special(record.n)) return false;
  record.imm = kSigned ? width : low_mask(width);
  if (kSigned) {
    set<BitFieldExtractSigned>(record);
  } else {
    set<BitFieldExtract>(record);
  }
  return true;
}

/// SSAT, USAT Rd, #width, Rn{, shift}
template <bool kSigned>
bool saturate(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 8), record.n = reg(op, 16), record.s = static_cast<std::uint8_t>(least_bit(op));
  record.extra = static_cast<std::uint8_t>(bits(op, 4, 0) + (kSigned ? 1 : 0));
  // ASR by 0 is the place of SSAT16 and USAT16.
  if (is_special(record.d) || is_special(record.n) || (bit(op, 21) && record.s == 0)) return false;
  if (bit(op, 21)) {
    set<Saturate<kSigned, true>>(record);
  } else {
    set<Saturate<kSigned, false>>(record);
  }
  return true;
}

// --- multiply and divide
// ---------------------------------------------------------------------------------------------

/// MUL, MLA, MLS, SDIV, UDIV Rd, Rn, Rm{, Ra}
template <class Operation>
bool three_registers(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 8), record.n = reg(op, 16), record.m = reg(op, 0), record.s = reg(op, 12);
  // Ra is 15 in the forms without an addend.
  if (is_special(record.d) || is_special(record.n) || is_special(record.m) || record.s == 13) return false;
  set<Operation>(record);
  return true;
}

/// MLS with Ra = 15 is not a form without an addend.
bool multiply_subtract(std::uint32_t op, const Place& place, Record& record) {
  return reg(op, 12) != 15 && three_registers<MultiplySubtract>(op, place, record);
}

/// SMULL, UMULL, SMLAL, UMLAL, UMAAL RdLo, RdHi, Rn, Rm
template <LongMultiply kKind>
bool multiply_long(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 12), record.s = reg(op, 8), record.n = reg(op, 16), record.m = reg(op, 0);
  if (is_special(record.d) || is_special(record.s) || record.d == record.s) return false;
  if (is_special(record.n) || is_special(record.m)) return false;
  set<MultiplyLong<kKind>>(record);
  return true;
}

/// CLZ, RBIT, REV, REV16, REVSH Rd, Rm: Rm stands twice
template <class Operation>
bool unary(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 8), record.m = reg(op, 0);
  if (is_special(record.d) || is_special(record.m) || reg(op, 16) != record.m) return false;
  set<Operation>(record);
  return true;
}

/// SXTB, SXTH, UXTB, UXTH Rd, Rm{, rotation}
template <class Operation>
bool extend(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 8), record.m = reg(op, 0), record.s = static_cast<std::uint8_t>(bits(op, 5, 4) * 8);
  if (is_special(record.d) || is_special(record.m)) return false;
  set<Operation>(record);
  return true;
}

constexpr Encoding kEncodings[] = {
    {"TST (register) T2", "11101010000 1 nnnn 0iii 1111 iittmmmm", &shifted_register<Alu::Tst>},
    {"AND (register) T2", "11101010000 S nnnn 0iii dddd iittmmmm", &shifted_register<Alu::And>},
    {"BIC (register) T2", "11101010001 S nnnn 0iii dddd iittmmmm", &shifted_register<Alu::Bic>},
    {"MOV (register) T3", "11101010010 S 1111 0iii dddd iittmmmm", &shifted_register<Alu::Mov>},
    {"ORR (register) T2", "11101010010 S nnnn 0iii dddd iittmmmm", &shifted_register<Alu::Orr>},
    {"MVN (register) T2", "11101010011 S 1111 0iii dddd iittmmmm", &shifted_register<Alu::Mvn>},
    {"ORN (register) T1", "11101010011 S nnnn 0iii dddd iittmmmm", &shifted_register<Alu::Orn>},
    {"TEQ (register) T1", "11101010100 1 nnnn 0iii 1111 iittmmmm", &shifted_register<Alu::Teq>},
    {"EOR (register) T2", "11101010100 S nnnn 0iii dddd iittmmmm", &shifted_register<Alu::Eor>},
    {"CMN (register) T2", "11101011000 1 nnnn 0iii 1111 iittmmmm", &shifted_register<Alu::Cmn>},
    {"ADD (register) T3", "11101011000 S nnnn 0iii dddd iittmmmm", &shifted_register<Alu::Add>},
    {"ADC (register) T2", "11101011010 S nnnn 0iii dddd iittmmmm", &shifted_register<Alu::Adc>},
    {"SBC (register) T2", "11101011011 S nnnn 0iii dddd iittmmmm", &shifted_register<Alu::Sbc>},
    {"CMP (register) T3", "11101011101 1 nnnn 0iii 1111 iittmmmm", &shifted_register<Alu::Cmp>},
    {"SUB (register) T2", "11101011101 S nnnn 0iii dddd iittmmmm", &shifted_register<Alu::Sub>},
    {"RSB (register) T1", "11101011110 S nnnn 0iii dddd iittmmmm", &shifted_register<Alu::Rsb>},

    {"TST (immediate) T1", "11110i00000 1 nnnn 0iii 1111 iiiiiiii", &modified_immediate<Alu::Tst>},
    {"AND (immediate) T1", "11110i00000 S nnnn 0iii dddd iiiiiiii", &modified_immediate<Alu::And>},
    {"BIC (immediate) T1", "11110i00001 S nnnn 0iii dddd iiiiiiii", &modified_immediate<Alu::Bic>},
    {"MOV (immediate) T2", "11110i00010 S 1111 0iii dddd iiiiiiii", &modified_immediate<Alu::Mov>},
    {"ORR (immediate) T1", "11110i00010 S nnnn 0iii dddd iiiiiiii", &modified_immediate<Alu::Orr>},
    {"MVN (immediate) T1", "11110i00011 S 1111 0iii dddd iiiiiiii", &modified_immediate<Alu::Mvn>},
    {"ORN (immediate) T1", "11110i00011 S nnnn 0iii dddd iiiiiiii", &modified_immediate<Alu::Orn>},
    {"TEQ (immediate) T1", "11110i00100 1 nnnn 0iii 1111 iiiiiiii", &modified_immediate<Alu::Teq>},
    {"EOR (immediate) T1", "11110i00100 S nnnn 0iii dddd iiiiiiii", &modified_immediate<Alu::Eor>},
    {"CMN (immediate) T1", "11110i01000 1 nnnn 0iii 1111 iiiiiiii", &modified_immediate<Alu::Cmn>},
    {"ADD (immediate) T3", "11110i01000 S nnnn 0iii dddd iiiiiiii", &modified_immediate<Alu::Add>},
    {"ADC (immediate) T1", "11110i01010 S nnnn 0iii dddd iiiiiiii", &modified_immediate<Alu::Adc>},
    {"SBC (immediate) T1", "11110i01011 S nnnn 0iii dddd iiiiiiii", &modified_immediate<Alu::Sbc>},
    {"CMP (immediate) T2", "11110i01101 1 nnnn 0iii 1111 iiiiiiii", &modified_immediate<Alu::Cmp>},
    {"SUB (immediate) T3", "11110i01101 S nnnn 0iii dddd iiiiiiii", &modified_immediate<Alu::Sub>},
    {"RSB (immediate) T2", "11110i01110 S nnnn 0iii dddd iiiiiiii", &modified_immediate<Alu::Rsb>},

    {"ADD (immediate) T4", "11110i10000 0 nnnn 0iii dddd iiiiiiii", &plain_immediate<Alu::Add>},
    {"SUB (immediate) T4", "11110i10101 0 nnnn 0iii dddd iiiiiiii", &plain_immediate<Alu::Sub>},
    {"MOV (immediate) T3", "11110i10010 0 iiii 0iii dddd iiiiiiii", &move_wide},
    {"MOVT T1", "11110i10110 0 iiii 0iii dddd iiiiiiii", &move_top},
    {"SSAT T1", "11110011 00h0 nnnn 0iii dddd ii0 wwwww", &saturate<true>},
    {"USAT T1", "11110011 10h0 nnnn 0iii dddd ii0 wwwww", &saturate<false>},
    {"SBFX T1", "11110011 0100 nnnn 0iii dddd ii0 wwwww", &bit_field_extract<true>},
    {"UBFX T1", "11110011 1100 nnnn 0iii dddd ii0 wwwww", &bit_field_extract<false>},
    {"BFI T1", "11110011 0110 nnnn 0iii dddd ii0 wwwww", &bit_field_insert},

    {"LSL (register) T2", "11111010 000S nnnn 1111 dddd 0000 mmmm", &shift_by_register_form<Shift::Lsl>},
    {"LSR (register) T2", "11111010 001S nnnn 1111 dddd 0000 mmmm", &shift_by_register_form<Shift::Lsr>},
    {"ASR (register) T2", "11111010 010S nnnn 1111 dddd 0000 mmmm", &shift_by_register_form<Shift::Asr>},
    {"ROR (register) T2", "11111010 011S nnnn 1111 dddd 0000 mmmm", &shift_by_register_form<Shift::Ror>},
    {"SXTH T2", "11111010 0000 1111 1111 dddd 10rr mmmm", &extend<SignExtendHalf>},
    {"UXTH T2", "11111010 0001 1111 1111 dddd 10rr mmmm", &extend<ZeroExtendHalf>},
    {"SXTB T2", "11111010 0100 1111 1111 dddd 10rr mmmm", &extend<SignExtendByte>},
    {"UXTB T2", "11111010 0101 1111 1111 dddd 10rr mmmm", &extend<ZeroExtendByte>},
    {"REV T2", "11111010 1001 mmmm 1111 dddd 1000 mmmm", &unary<ReverseBytes>},
    {"REV16 T2", "11111010 1001 mmmm 1111 dddd 1001 mmmm", &unary<ReverseBytesInHalves>},
    {"RBIT T1", "11111010 1001 mmmm 1111 dddd 1010 mmmm", &unary<ReverseBits>},
    {"REVSH T2", "11111010 1001 mmmm 1111 dddd 1011 mmmm", &unary<ReverseSignedHalf>},
    {"CLZ T1", "11111010 1011 mmmm 1111 dddd 1000 mmmm", &unary<CountLeadingZeros>},

    {"MUL T2", "11111011 0000 nnnn 1111 dddd 0000 mmmm", &three_registers<Multiply>},
    {"MLA T1", "11111011 0000 nnnn aaaa dddd 0000 mmmm", &three_registers<MultiplyAdd>},
    {"MLS T1", "11111011 0000 nnnn aaaa dddd 0001 mmmm", &multiply_subtract},
    {"SMULL T1", "11111011 1000 nnnn llll hhhh 0000 mmmm", &multiply_long<LongMultiply::Signed>},
    {"UMULL T1", "11111011 1010 nnnn llll hhhh 0000 mmmm", &multiply_long<LongMultiply::Unsigned>},
    {"SMLAL T1", "11111011 1100 nnnn llll hhhh 0000 mmmm", &multiply_long<LongMultiply::SignedAdd>},
    {"UMLAL T1", "11111011 1110 nnnn llll hhhh 0000 mmmm", &multiply_long<LongMultiply::UnsignedAdd>},
    {"UMAAL T1", "11111011 1110 nnnn llll hhhh 0110 mmmm", &multiply_long<LongMultiply::UnsignedAddAdd>},
    {"SDIV T1", "11111011 1001 nnnn 1111 dddd 1111 mmmm", &three_registers<Divide<true>>},
    {"UDIV T1", "11111011 1011 nnnn 1111 dddd 1111 mmmm", &three_registers<Divide<false>>},
};

}  // namespace

std::span<const Encoding> data_encodings() { return kEncodings; }

void set_data_operation(Record& record, Alu operation, Operand operand, bool flags) {
  static constexpr auto kSetters = make_setters(std::make_index_sequence<kAluOperations * kOperands * 2>());
  const auto number =
      (static_cast<std::size_t>(operation) * kOperands + static_cast<std::size_t>(operand)) * 2;
  kSetters[number + (flags ? 1 : 0)](record);
}

Operand immediate_shift(Record& record, unsigned type, unsigned amount) {
  constexpr std::array kKinds{Operand::Lsl, Operand::Lsr, Operand::Asr, Operand::Ror};
  if (amount == 0) {
    if (type == 0) return Operand::Register;
    if (type == 3) return Operand::Rrx;
    amount = 32;
  }
  record.s = static_cast<std::uint8_t>(amount);
  return kKinds[type];
}

}  // namespace microvisor::board

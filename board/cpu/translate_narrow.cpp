// Translators of all 16-bit encodings (DDI0553 section C2.2).
//
// Data processing with low registers sets flags outside IT blocks and leaves them alone inside.
#include "board/cpu/handlers_memory.hpp"
#include "board/cpu/translate.hpp"

namespace microvisor::board {

void set_conditional_branch(Record& record, const Place& place, unsigned condition, std::int32_t distance) {
  using Setter = void (*)(Record&, const Place&, std::int32_t);
#define MV_CONDITIONAL(name) &set_branch<BranchNear<Condition::name>, BranchFar<Condition::name>>
  static constexpr std::array<Setter, kConditions> kSetters{
      MV_CONDITIONAL(Eq), MV_CONDITIONAL(Ne), MV_CONDITIONAL(Cs), MV_CONDITIONAL(Cc), MV_CONDITIONAL(Mi),
      MV_CONDITIONAL(Pl), MV_CONDITIONAL(Vs), MV_CONDITIONAL(Vc), MV_CONDITIONAL(Hi), MV_CONDITIONAL(Ls),
      MV_CONDITIONAL(Ge), MV_CONDITIONAL(Lt), MV_CONDITIONAL(Gt), MV_CONDITIONAL(Le), MV_CONDITIONAL(Always)};
#undef MV_CONDITIONAL
  kSetters[condition](record, place, distance);
}

namespace {

// --- shift, add, subtract, move, compare
// -----------------------------------------------------------------------------

/// LSLS, LSRS, ASRS Rd, Rm, #imm5 (and MOVS Rd, Rm).
bool shift_immediate(std::uint32_t op, const Place& place, Record& record) {
  record.d = low_reg(op, 0), record.m = low_reg(op, 3);
  const unsigned type = bits(op, 12, 11);
  // MOVS (register) T2 has no IT form.
  if (type == 0 && bits(op, 10, 6) == 0 && place.in_it()) return false;
  set_data_operation(record, Alu::Mov, immediate_shift(record, type, bits(op, 10, 6)), !place.in_it());
  return true;
}

/// ADDS, SUBS Rd, Rn, Rm
template <Alu kAlu>
bool add_register(std::uint32_t op, const Place& place, Record& record) {
  record.d = low_reg(op, 0), record.n = low_reg(op, 3), record.m = low_reg(op, 6);
  set_data_operation(record, kAlu, Operand::Register, !place.in_it());
  return true;
}

/// ADDS, SUBS Rd, Rn, #imm3
template <Alu kAlu>
bool add_immediate3(std::uint32_t op, const Place& place, Record& record) {
  record.d = low_reg(op, 0), record.n = low_reg(op, 3), record.imm = bits(op, 8, 6);
  set_data_operation(record, kAlu, Operand::Immediate, !place.in_it());
  return true;
}

/// MOVS, CMP, ADDS, SUBS Rdn, #imm8
template <Alu kAlu>
bool immediate8(std::uint32_t op, const Place& place, Record& record) {
  record.d = record.n = low_reg(op, 8), record.imm = bits(op, 7, 0);
  set_data_operation(record, kAlu, Operand::Immediate, kAlu == Alu::Cmp || !place.in_it());
  return true;
}

/// ANDS, EORS, ADCS, SBCS, ORRS, BICS, MVNS Rdn, Rm; TST, CMP, CMN Rn, Rm
template <Alu kAlu>
bool data_register(std::uint32_t op, const Place& place, Record& record) {
  record.d = record.n = low_reg(op, 0), record.m = low_reg(op, 3);
  set_data_operation(record, kAlu, Operand::Register, !has_destination(kAlu) || !place.in_it());
  return true;
}

/// LSLS, LSRS, ASRS, RORS Rdn, Rm
template <Shift kShift>
bool shift_register(std::uint32_t op, const Place& place, Record& record) {
  record.d = record.n = low_reg(op, 0), record.m = low_reg(op, 3);
  if (place.in_it()) {
    set<ShiftRegister<kShift, false>>(record);
  } else {
    set<ShiftRegister<kShift, true>>(record);
  }
  return true;
}

/// RSBS Rd, Rn, #0
bool negate(std::uint32_t op, const Place& place, Record& record) {
  record.d = low_reg(op, 0), record.n = low_reg(op, 3), record.imm = 0;
  set_data_operation(record, Alu::Rsb, Operand::Immediate, !place.in_it());
  return true;
}

/// MULS Rdm, Rn, Rdm
bool multiply(std::uint32_t op, const Place& place, Record& record) {
  record.d = record.m = low_reg(op, 0), record.n = low_reg(op, 3);
  if (place.in_it()) {
    set<Multiply>(record);
  } else {
    set<MultiplyFlags>(record);
  }
  return true;
}

/// The register of the high forms: bit 7 above bits 2:0.
std::uint8_t high_reg(std::uint32_t op) {
  return static_cast<std::uint8_t>(bits(op, 7, 7) << 3 | bits(op, 2, 0));
}

/// ADD Rdn, Rm
bool add_high(std::uint32_t op, const Place& place, Record& record) {
  record.d = record.n = high_reg(op), record.m = reg(op, 3);
  if (record.d == 15) {
    if (record.m == 15 || !branch_allowed(place)) return false;
    set<AddToPc>(record);
  } else if (record.m == 15) {
    if (record.d == 13) return false;
    set<AddPc>(record);
  } else if (record.d == 13) {
    set<WriteStackPointer<Alu::Add, Operand::Register, false>>(record);
  } else {
    set_data_operation(record, Alu::Add, Operand::Register, false);
  }
  return true;
}

/// CMP Rn, Rm
bool compare_high(std::uint32_t op, const Place&, Record& record) {
  record.n = high_reg(op), record.m = reg(op, 3);
  if (record.n == 15 || record.m == 15) return false;
  set_data_operation(record, Alu::Cmp, Operand::Register, true);
  return true;
}

/// MOV Rd, Rm
bool move_high(std::uint32_t op, const Place& place, Record& record) {
  record.d = high_reg(op), record.m = reg(op, 3);
  if (record.d == 15) {
    if (record.m == 15 || !branch_allowed(place)) return false;
    set<MovePc>(record);
  } else if (record.d == 13) {
    if (record.m == 15) return false;
    set<WriteStackPointer<Alu::Mov, Operand::Register, false>>(record);
  } else if (record.m == 15) {
    set<MoveFromPc>(record);
  } else {
    set_data_operation(record, Alu::Mov, Operand::Register, false);
  }
  return true;
}

/// BX, BLX, BXNS, BLXNS Rm
template <class Operation>
bool branch_register(std::uint32_t op, const Place& place, Record& record) {
  record.m = reg(op, 3);
  if (record.m == 15 || record.m == 13 || !branch_allowed(place)) return false;
  set<Operation>(record);
  return true;
}

// --- loads and stores
// ----------------------------------------------------------------------------------------------

/// LDR Rt, label
bool load_literal(std::uint32_t op, const Place&, Record& record) {
  record.d = low_reg(op, 8), record.imm = bits(op, 7, 0) * 4;
  set<Load<std::uint32_t, Addressing::Literal>>(record);
  return true;
}

/// LDR, LDRB, STR ... Rt, [Rn, Rm]
template <class Operation>
bool register_offset(std::uint32_t op, const Place&, Record& record) {
  record.d = low_reg(op, 0), record.n = low_reg(op, 3), record.m = low_reg(op, 6);
  set<Operation>(record);
  return true;
}

/// LDR, LDRB, STR ... Rt, [Rn, #imm5]
template <class Operation, unsigned kScale>
bool immediate_offset(std::uint32_t op, const Place&, Record& record) {
  record.d = low_reg(op, 0), record.n = low_reg(op, 3), record.imm = bits(op, 10, 6) * kScale;
  set<Operation>(record);
  return true;
}

/// LDR, STR Rt, [SP, #imm8]
template <class Operation>
bool stack_offset(std::uint32_t op, const Place&, Record& record) {
  record.d = low_reg(op, 8), record.n = 13, record.imm = bits(op, 7, 0) * 4;
  set<Operation>(record);
  return true;
}

/// ADR Rd, label
bool address_of_label(std::uint32_t op, const Place&, Record& record) {
  record.d = low_reg(op, 8), record.imm = bits(op, 7, 0) * 4;
  set<AddressOfLabel>(record);
  return true;
}

/// ADD Rd, SP, #imm8
bool add_sp_to_register(std::uint32_t op, const Place&, Record& record) {
  record.d = low_reg(op, 8), record.n = 13, record.imm = bits(op, 7, 0) * 4;
  set_data_operation(record, Alu::Add, Operand::Immediate, false);
  return true;
}

/// ADD, SUB SP, SP, #imm7
template <Alu kAlu>
bool adjust_sp(std::uint32_t op, const Place&, Record& record) {
  record.n = record.d = 13, record.imm = bits(op, 6, 0) * 4;
  set<WriteStackPointer<kAlu, Operand::Immediate, false>>(record);
  return true;
}

/// PUSH {registers}
bool push(std::uint32_t op, const Place&, Record& record) {
  record.n = 13, record.imm = bits(op, 7, 0) | bits(op, 8, 8) << 14;
  record.s = static_cast<std::uint8_t>(std::popcount(record.imm));
  if (record.s == 0) return false;
  set<StoreMultiple<Multiple::DecrementBefore, true>>(record);
  return true;
}

/// POP {registers}
bool pop(std::uint32_t op, const Place& place, Record& record) {
  record.n = 13, record.imm = bits(op, 7, 0) | bits(op, 8, 8) << 15;
  record.s = static_cast<std::uint8_t>(std::popcount(record.imm));
  if (record.s == 0) return false;
  if (bit(op, 8)) {
    if (!branch_allowed(place)) return false;
    set<LoadMultiple<Multiple::IncrementAfter, true, true>>(record);
  } else {
    set<LoadMultiple<Multiple::IncrementAfter, true, false>>(record);
  }
  return true;
}

/// STM Rn!, {registers}
bool store_multiple(std::uint32_t op, const Place&, Record& record) {
  record.n = low_reg(op, 8), record.imm = bits(op, 7, 0);
  record.s = static_cast<std::uint8_t>(std::popcount(record.imm));
  if (record.s == 0) return false;
  set<StoreMultiple<Multiple::IncrementAfter, true>>(record);
  return true;
}

/// LDM Rn{!}, {registers}: no write-back if Rn is in the list.
bool load_multiple(std::uint32_t op, const Place&, Record& record) {
  record.n = low_reg(op, 8), record.imm = bits(op, 7, 0);
  record.s = static_cast<std::uint8_t>(std::popcount(record.imm));
  if (record.s == 0) return false;
  if (bit(op, record.n)) {
    set<LoadMultiple<Multiple::IncrementAfter, false, false>>(record);
  } else {
    set<LoadMultiple<Multiple::IncrementAfter, true, false>>(record);
  }
  return true;
}

// --- miscellaneous
// ---------------------------------------------------------------------------------------------------

/// SXTB, SXTH, UXTB, UXTH, REV, REV16, REVSH Rd, Rm
template <class Operation>
bool unary(std::uint32_t op, const Place&, Record& record) {
  record.d = low_reg(op, 0), record.m = low_reg(op, 3);
  set<Operation>(record);
  return true;
}

/// CBZ, CBNZ Rn, label
template <bool kNonZero>
bool compare_and_branch(std::uint32_t op, const Place& place, Record& record) {
  if (place.in_it()) return false;
  record.n = low_reg(op, 0);
  const auto distance = static_cast<std::int32_t>(bits(op, 9, 9) << 6 | bits(op, 7, 3) << 1) + 4;
  set_branch<CompareAndBranch<true, kNonZero>, CompareAndBranch<false, kNonZero>>(record, place, distance);
  return true;
}

/// CPSIE, CPSID
bool change_state(std::uint32_t op, const Place& place, Record& record) {
  if (place.in_it()) return false;
  record.imm = bits(op, 4, 4) << 2 | bits(op, 1, 0);
  // Bit 1 is I (PRIMASK), bit 0 is F (FAULTMASK).
  set<ChangeProcessorState>(record);
  return true;
}

/// BKPT #imm8
bool breakpoint(std::uint32_t op, const Place&, Record& record) {
  record.imm = bits(op, 7, 0);
  set<Breakpoint>(record);
  return true;
}

/// IT{x{y{z}}} condition
bool if_then(std::uint32_t op, const Place& place, Record& record) {
  const unsigned condition = bits(op, 7, 4);
  // Condition 1111 and "else never" are UNPREDICTABLE.
  if (place.in_it() || condition == 15 || (condition == 14 && std::popcount(bits(op, 3, 0)) != 1))
    return false;
  record.imm = bits(op, 7, 0);
  if (place.slot == Place::kNoPage || place.slot + 1 + kLongestItBlock > kPageSlots) {
    set<IfThenStepped>(record);
  } else {
    set<IfThen>(record);
  }
  return true;
}

/// NOP, YIELD, WFE, WFI, SEV, and hints without a meaning
template <class Operation>
bool hint(std::uint32_t, const Place&, Record& record) {
  set<Operation>(record);
  return true;
}

/// Bcc label
bool conditional_branch(std::uint32_t op, const Place& place, Record& record) {
  if (place.in_it()) return false;
  set_conditional_branch(record, place, bits(op, 11, 8), sign_extend(bits(op, 7, 0) << 1, 9) + 4);
  return true;
}

/// UDF #imm8
bool undefined(std::uint32_t, const Place&, Record&) { return false; }

/// SVC #imm8
bool supervisor_call(std::uint32_t, const Place&, Record& record) {
  set<SupervisorCall>(record);
  return true;
}

/// B label
bool branch(std::uint32_t op, const Place& place, Record& record) {
  if (!branch_allowed(place)) return false;
  const std::int32_t distance = sign_extend(bits(op, 10, 0) << 1, 12) + 4;
  set_branch<BranchNear<Condition::Always>, BranchFar<Condition::Always>>(record, place, distance);
  return true;
}

template <typename T>
using LoadOffset = Load<T, Addressing::Offset>;
template <typename T>
using LoadRegister = Load<T, Addressing::Register>;
template <typename T>
using StoreOffset = Store<T, Addressing::Offset>;
template <typename T>
using StoreRegister = Store<T, Addressing::Register>;

constexpr Encoding kEncodings[] = {
    {"LSL (immediate) T1", "00000 iiiii mmm ddd", &shift_immediate},
    {"LSR (immediate) T1", "00001 iiiii mmm ddd", &shift_immediate},
    {"ASR (immediate) T1", "00010 iiiii mmm ddd", &shift_immediate},
    {"ADD (register) T1", "0001100 mmm nnn ddd", &add_register<Alu::Add>},
    {"SUB (register) T1", "0001101 mmm nnn ddd", &add_register<Alu::Sub>},
    {"ADD (immediate) T1", "0001110 iii nnn ddd", &add_immediate3<Alu::Add>},
    {"SUB (immediate) T1", "0001111 iii nnn ddd", &add_immediate3<Alu::Sub>},
    {"MOV (immediate) T1", "00100 ddd iiiiiiii", &immediate8<Alu::Mov>},
    {"CMP (immediate) T1", "00101 nnn iiiiiiii", &immediate8<Alu::Cmp>},
    {"ADD (immediate) T2", "00110 ddd iiiiiiii", &immediate8<Alu::Add>},
    {"SUB (immediate) T2", "00111 ddd iiiiiiii", &immediate8<Alu::Sub>},
    {"AND (register) T1", "010000 0000 mmm ddd", &data_register<Alu::And>},
    {"EOR (register) T1", "010000 0001 mmm ddd", &data_register<Alu::Eor>},
    {"LSL (register) T1", "010000 0010 mmm ddd", &shift_register<Shift::Lsl>},
    {"LSR (register) T1", "010000 0011 mmm ddd", &shift_register<Shift::Lsr>},
    {"ASR (register) T1", "010000 0100 mmm ddd", &shift_register<Shift::Asr>},
    {"ADC (register) T1", "010000 0101 mmm ddd", &data_register<Alu::Adc>},
    {"SBC (register) T1", "010000 0110 mmm ddd", &data_register<Alu::Sbc>},
    {"ROR (register) T1", "010000 0111 mmm ddd", &shift_register<Shift::Ror>},
    {"TST (register) T1", "010000 1000 mmm nnn", &data_register<Alu::Tst>},
    {"RSB (immediate) T1", "010000 1001 nnn ddd", &negate},
    {"CMP (register) T1", "010000 1010 mmm nnn", &data_register<Alu::Cmp>},
    {"CMN (register) T1", "010000 1011 mmm nnn", &data_register<Alu::Cmn>},
    {"ORR (register) T1", "010000 1100 mmm ddd", &data_register<Alu::Orr>},
    {"MUL T1", "010000 1101 nnn ddd", &multiply},
    {"BIC (register) T1", "010000 1110 mmm ddd", &data_register<Alu::Bic>},
    {"MVN (register) T1", "010000 1111 mmm ddd", &data_register<Alu::Mvn>},
    {"ADD (register) T2", "01000100 d mmmm ddd", &add_high},
    {"CMP (register) T2", "01000101 n mmmm nnn", &compare_high},
    {"MOV (register) T1", "01000110 d mmmm ddd", &move_high},
    {"BX T1", "010001110 mmmm 000", &branch_register<BranchExchange>},
    {"BXNS T1", "010001110 mmmm 100", &branch_register<BranchNonSecure>},
    {"BLX T1", "010001111 mmmm 000", &branch_register<BranchLinkExchange>},
    {"BLXNS T1", "010001111 mmmm 100", &branch_register<BranchLinkNonSecure>},
    {"LDR (literal) T1", "01001 ttt iiiiiiii", &load_literal},
    {"STR (register) T1", "0101000 mmm nnn ttt", &register_offset<StoreRegister<std::uint32_t>>},
    {"STRH (register) T1", "0101001 mmm nnn ttt", &register_offset<StoreRegister<std::uint16_t>>},
    {"STRB (register) T1", "0101010 mmm nnn ttt", &register_offset<StoreRegister<std::uint8_t>>},
    {"LDRSB (register) T1", "0101011 mmm nnn ttt", &register_offset<LoadRegister<std::int8_t>>},
    {"LDR (register) T1", "0101100 mmm nnn ttt", &register_offset<LoadRegister<std::uint32_t>>},
    {"LDRH (register) T1", "0101101 mmm nnn ttt", &register_offset<LoadRegister<std::uint16_t>>},
    {"LDRB (register) T1", "0101110 mmm nnn ttt", &register_offset<LoadRegister<std::uint8_t>>},
    {"LDRSH (register) T1", "0101111 mmm nnn ttt", &register_offset<LoadRegister<std::int16_t>>},
    {"STR (immediate) T1", "01100 iiiii nnn ttt", &immediate_offset<StoreOffset<std::uint32_t>, 4>},
    {"LDR (immediate) T1", "01101 iiiii nnn ttt", &immediate_offset<LoadOffset<std::uint32_t>, 4>},
    {"STRB (immediate) T1", "01110 iiiii nnn ttt", &immediate_offset<StoreOffset<std::uint8_t>, 1>},
    {"LDRB (immediate) T1", "01111 iiiii nnn ttt", &immediate_offset<LoadOffset<std::uint8_t>, 1>},
    {"STRH (immediate) T1", "10000 iiiii nnn ttt", &immediate_offset<StoreOffset<std::uint16_t>, 2>},
    {"LDRH (immediate) T1", "10001 iiiii nnn ttt", &immediate_offset<LoadOffset<std::uint16_t>, 2>},
    {"STR (immediate) T2", "10010 ttt iiiiiiii", &stack_offset<StoreOffset<std::uint32_t>>},
    {"LDR (immediate) T2", "10011 ttt iiiiiiii", &stack_offset<LoadOffset<std::uint32_t>>},
    {"ADR T1", "10100 ddd iiiiiiii", &address_of_label},
    {"ADD (SP plus immediate) T1", "10101 ddd iiiiiiii", &add_sp_to_register},
    {"ADD (SP plus immediate) T2", "101100000 iiiiiii", &adjust_sp<Alu::Add>},
    {"SUB (SP minus immediate) T1", "101100001 iiiiiii", &adjust_sp<Alu::Sub>},
    {"CBZ T1", "1011 0 0 i 1 iiiii nnn", &compare_and_branch<false>},
    {"CBNZ T1", "1011 1 0 i 1 iiiii nnn", &compare_and_branch<true>},
    {"SXTH T1", "1011001000 mmm ddd", &unary<SignExtendHalf>},
    {"SXTB T1", "1011001001 mmm ddd", &unary<SignExtendByte>},
    {"UXTH T1", "1011001010 mmm ddd", &unary<ZeroExtendHalf>},
    {"UXTB T1", "1011001011 mmm ddd", &unary<ZeroExtendByte>},
    {"PUSH T1", "1011010 m rrrrrrrr", &push},
    {"POP T1", "1011110 p rrrrrrrr", &pop},
    {"CPS T1", "10110110011 m 0 0 i f", &change_state},
    {"REV T1", "1011101000 mmm ddd", &unary<ReverseBytes>},
    {"REV16 T1", "1011101001 mmm ddd", &unary<ReverseBytesInHalves>},
    {"REVSH T1", "1011101011 mmm ddd", &unary<ReverseSignedHalf>},
    {"BKPT T1", "10111110 iiiiiiii", &breakpoint},
    {"IT T1", "10111111 cccc mmmm", &if_then},
    {"Hint T1", "10111111 hhhh 0000", &hint<NoOperation>},
    {"WFE T1", "10111111 0010 0000", &hint<WaitForEvent>},
    {"WFI T1", "10111111 0011 0000", &hint<WaitForInterrupt>},
    {"SEV T1", "10111111 0100 0000", &hint<SendEvent>},
    {"STM T1", "11000 nnn rrrrrrrr", &store_multiple},
    {"LDM T1", "11001 nnn rrrrrrrr", &load_multiple},
    {"B T1", "1101 cccc iiiiiiii", &conditional_branch},
    {"UDF T1", "11011110 iiiiiiii", &undefined},
    {"SVC T1", "11011111 iiiiiiii", &supervisor_call},
    {"B T2", "11100 iiiiiiiiiii", &branch},
};

}  // namespace

std::span<const Encoding> narrow_encodings() { return kEncodings; }

}  // namespace microvisor::board

// Handlers of data processing: moves, arithmetic, logic, shifts, multiplication, division and bit fields.
//
// An operation is a struct with `run<length>`; set<Operation>(record) puts it into a record. Destinations are
// R0-R12 and LR: what writes SP or PC has operations of its own, and translators see to that.
#pragma once

#include "board/cpu/arithmetic.hpp"
#include "board/cpu/interpreter.hpp"

namespace microvisor::board {

enum class Alu : std::uint8_t {
  And,
  Bic,
  Orr,
  Orn,
  Eor,
  Add,
  Adc,
  Sbc,
  Sub,
  Rsb,
  Mov,
  Mvn,
  Tst,
  Teq,
  Cmn,
  Cmp
};
inline constexpr unsigned kAluOperations = 16;
/// Where the second operand comes from. RotatedImmediate has a carry out, its bit 31.
enum class Operand : std::uint8_t { Immediate, RotatedImmediate, Register, Lsl, Lsr, Asr, Ror, Rrx };
inline constexpr unsigned kOperands = 8;

constexpr bool is_arithmetic(Alu operation) {
  return (operation >= Alu::Add && operation <= Alu::Rsb) || operation >= Alu::Cmn;
}
constexpr bool has_destination(Alu operation) { return operation < Alu::Tst; }

template <Operand kOperand>
MV_INLINE Shifted second_operand(const Core& core, const Record* rec, std::uint32_t carry) {
  if constexpr (kOperand == Operand::Immediate) return {rec->imm, carry};
  if constexpr (kOperand == Operand::RotatedImmediate) return {rec->imm, rec->imm >> 31};
  const std::uint32_t value = core.state.r[rec->m];
  const unsigned by = rec->s;
  if constexpr (kOperand == Operand::Register) return {value, carry};
  if constexpr (kOperand == Operand::Lsl) return {value << by, value >> (32 - by) & 1};
  if constexpr (kOperand == Operand::Lsr) {
    return {static_cast<std::uint32_t>(std::uint64_t{value} >> by), value >> (by - 1) & 1};
  }
  if constexpr (kOperand == Operand::Asr) {
    const std::int64_t wide = as_signed(value);
    return {as_unsigned(wide >> by), as_unsigned(wide >> (by - 1)) & 1};
  }
  if constexpr (kOperand == Operand::Ror) {
    const std::uint32_t turned = std::rotr(value, static_cast<int>(by));
    return {turned, turned >> 31};
  }
  return {carry << 31 | value >> 1, value & 1};
}

/// AddWithCarry() with all its results.
struct Sum {
  std::uint32_t value, carry, overflow;
};
template <Alu kAlu>
MV_INLINE Sum arithmetic(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  if constexpr (kAlu == Alu::Add || kAlu == Alu::Cmn) {
    const std::uint32_t value = a + b;
    return {value, value < a, (~(a ^ b) & (a ^ value)) >> 31};
  }
  if constexpr (kAlu == Alu::Sub || kAlu == Alu::Cmp) {
    const std::uint32_t value = a - b;
    return {value, a >= b, ((a ^ b) & (a ^ value)) >> 31};
  }
  if constexpr (kAlu == Alu::Rsb) {
    const std::uint32_t value = b - a;
    return {value, b >= a, ((b ^ a) & (b ^ value)) >> 31};
  }
  const std::uint32_t second = kAlu == Alu::Sbc ? ~b : b;
  const std::uint64_t wide = std::uint64_t{a} + second + c;
  const auto value = static_cast<std::uint32_t>(wide);
  return {value, static_cast<std::uint32_t>(wide >> 32), (~(a ^ second) & (a ^ value)) >> 31};
}

template <Alu kAlu>
MV_INLINE std::uint32_t logic(std::uint32_t a, std::uint32_t b) {
  switch (kAlu) {
    case Alu::And:
    case Alu::Tst: return a & b;
    case Alu::Bic: return a & ~b;
    case Alu::Orr: return a | b;
    case Alu::Orn: return a | ~b;
    case Alu::Eor:
    case Alu::Teq: return a ^ b;
    case Alu::Mvn: return ~b;
    default: return b;
  }
}

/// The sixteen operations with every kind of operand.
template <Alu kAlu, Operand kOperand, bool kFlags>
struct DataOperation {
  template <int kLength>
  static void run(ARGS) {
    const Shifted operand = second_operand<kOperand>(core, rec, c);
    const std::uint32_t a = core.state.r[rec->n];
    if constexpr (is_arithmetic(kAlu)) {
      const Sum sum = arithmetic<kAlu>(a, operand.value, c);
      if constexpr (has_destination(kAlu)) core.state.r[rec->d] = sum.value;
      if constexpr (kFlags) nz = flags_of(sum.value), c = sum.carry, v = sum.overflow;
    } else {
      const std::uint32_t value = logic<kAlu>(a, operand.value);
      if constexpr (has_destination(kAlu)) core.state.r[rec->d] = value;
      if constexpr (kFlags) nz = flags_of(value), c = operand.carry;
    }
    return next<kLength>(PASS);
  }
};

/// ADD, SUB and MOV with SP as the destination: the stack limit applies, bits 1:0 are zero.
template <Alu kAlu, Operand kOperand, bool kFlags>
struct WriteStackPointer {
  template <int kLength>
  static void run(ARGS) {
    const Shifted operand = second_operand<kOperand>(core, rec, c);
    Sum sum{operand.value, c, v};
    if constexpr (kAlu != Alu::Mov) sum = arithmetic<kAlu>(core.state.r[rec->n], operand.value, c);
    if (MV_UNLIKELY(below_stack_limit(core, sum.value) && violates_stack_limit(core, sum.value)))
      return fail(PASS);
    core.state.r[13] = sum.value & ~3u;
    if constexpr (kFlags) nz = flags_of(sum.value), c = sum.carry, v = sum.overflow;
    return next<kLength>(PASS);
  }
};

/// LSL, LSR, ASR, ROR by a register.
template <Shift kShift, bool kFlags>
struct ShiftRegister {
  template <int kLength>
  static void run(ARGS) {
    const Shifted result = shift_by_register(kShift, core.state.r[rec->n], core.state.r[rec->m] & 0xFF, c);
    core.state.r[rec->d] = result.value;
    if constexpr (kFlags) nz = flags_of(result.value), c = result.carry;
    return next<kLength>(PASS);
  }
};

/// ADR, ADD (register) and MOV with PC as an operand: Rd = Align(PC, s) + imm, or PC + Rm.
struct AddressOfLabel {
  template <int kLength>
  static void run(ARGS) {
    core.state.r[rec->d] = (pc_value(core, rec) & ~3u) + rec->imm;
    return next<kLength>(PASS);
  }
};
struct MoveFromPc {
  template <int kLength>
  static void run(ARGS) {
    core.state.r[rec->d] = pc_value(core, rec);
    return next<kLength>(PASS);
  }
};
struct AddPc {
  template <int kLength>
  static void run(ARGS) {
    core.state.r[rec->d] += pc_value(core, rec);
    return next<kLength>(PASS);
  }
};

/// Defines an operation whose result depends on core, record and flags and that sets no flags itself.
#define MV_OPERATION(Name, expression)     \
  struct Name {                            \
    template <int kLength>                 \
    static void run(ARGS) {                \
      const auto& r = core.state.r;        \
      core.state.r[rec->d] = (expression); \
      return next<kLength>(PASS);          \
    }                                      \
  }

MV_OPERATION(MoveTop, (r[rec->d] & 0xFFFF) | rec->imm);
MV_OPERATION(Multiply, r[rec->n] * r[rec->m]);
MV_OPERATION(MultiplyAdd, r[rec->s] + r[rec->n] * r[rec->m]);
MV_OPERATION(MultiplySubtract, r[rec->s] - r[rec->n] * r[rec->m]);
MV_OPERATION(CountLeadingZeros, static_cast<std::uint32_t>(std::countl_zero(r[rec->m])));
MV_OPERATION(ReverseBytes, reverse_bytes(r[rec->m]));
MV_OPERATION(ReverseBytesInHalves, reverse_bytes_in_halves(r[rec->m]));
MV_OPERATION(ReverseSignedHalf, as_unsigned(static_cast<std::int16_t>(reverse_bytes_in_halves(r[rec->m]))));
MV_OPERATION(ReverseBits, reverse_bits(r[rec->m]));
// Extensions: `s` is the rotation, `n` the addend of the accumulating forms.
MV_OPERATION(SignExtendByte, as_unsigned(static_cast<std::int8_t>(std::rotr(r[rec->m], rec->s))));
MV_OPERATION(SignExtendHalf, as_unsigned(static_cast<std::int16_t>(std::rotr(r[rec->m], rec->s))));
MV_OPERATION(ZeroExtendByte, std::rotr(r[rec->m], rec->s) & 0xFF);
MV_OPERATION(ZeroExtendHalf, std::rotr(r[rec->m], rec->s) & 0xFFFF);
// Bit fields: `s` is the least bit; imm the mask (in place for inserts), or the width for extracts.
MV_OPERATION(BitFieldInsert, (r[rec->d] & ~rec->imm) | (r[rec->n] << rec->s & rec->imm));
MV_OPERATION(BitFieldClear, r[rec->d] & ~rec->imm);
MV_OPERATION(BitFieldExtract, r[rec->n] >> rec->s & rec->imm);
MV_OPERATION(BitFieldExtractSigned,
             as_unsigned(as_signed(r[rec->n] << (32 - rec->s - rec->imm)) >> (32 - rec->imm)));

/// MULS of 16-bit code: N and Z only.
struct MultiplyFlags {
  template <int kLength>
  static void run(ARGS) {
    const std::uint32_t value = core.state.r[rec->n] * core.state.r[rec->m];
    core.state.r[rec->d] = value;
    nz = flags_of(value);
    return next<kLength>(PASS);
  }
};

/// The 64-bit products: RdLo is `d`, RdHi is `s`.
enum class LongMultiply : std::uint8_t { Unsigned, Signed, UnsignedAdd, SignedAdd, UnsignedAddAdd };

template <LongMultiply kKind>
struct MultiplyLong {
  template <int kLength>
  static void run(ARGS) {
    auto& r = core.state.r;
    const std::uint32_t a = r[rec->n], b = r[rec->m];
    constexpr bool kSigned = kKind == LongMultiply::Signed || kKind == LongMultiply::SignedAdd;
    std::uint64_t product = std::uint64_t{a} * b;
    if constexpr (kSigned) product = static_cast<std::uint64_t>(std::int64_t{as_signed(a)} * as_signed(b));
    if constexpr (kKind == LongMultiply::UnsignedAdd || kKind == LongMultiply::SignedAdd) {
      product += std::uint64_t{r[rec->s]} << 32 | r[rec->d];
    }
    if constexpr (kKind == LongMultiply::UnsignedAddAdd) product += std::uint64_t{r[rec->s]} + r[rec->d];
    r[rec->d] = static_cast<std::uint32_t>(product);
    r[rec->s] = static_cast<std::uint32_t>(product >> 32);
    return next<kLength>(PASS);
  }
};

/// Division by zero gives 0, or the fault if CCR.DIV_0_TRP is set; INT_MIN / -1 is INT_MIN.
template <bool kSigned>
struct Divide {
  template <int kLength>
  static void run(ARGS) {
    const std::uint32_t a = core.state.r[rec->n], b = core.state.r[rec->m];
    if (MV_UNLIKELY(b == 0 && divide_traps(core))) {
      record_usage_fault(core, UsageFault::DivideByZero);
      return fail(PASS);
    }
    std::uint32_t quotient = 0;
    if (b != 0) quotient = kSigned ? as_unsigned(std::int64_t{as_signed(a)} / as_signed(b)) : a / b;
    core.state.r[rec->d] = quotient;
    return next<kLength>(PASS);
  }
};

/// SSAT and USAT: the operand is shifted, `extra` is the width.
template <bool kSigned, bool kArithmeticShift>
struct Saturate {
  template <int kLength>
  static void run(ARGS) {
    const std::int32_t value = as_signed(core.state.r[rec->n]);
    const std::int32_t shifted = kArithmeticShift ? value >> rec->s : as_signed(as_unsigned(value) << rec->s);
    const Saturated result =
        kSigned ? saturate_signed(shifted, rec->extra) : saturate_unsigned(shifted, rec->extra);
    core.state.r[rec->d] = result.value;
    core.state.q |= result.saturated;
    return next<kLength>(PASS);
  }
};

/// Puts one of the 256 DataOperations into a record; see translate_data.cpp.
void set_data_operation(Record& record, Alu operation, Operand operand, bool flags);
/// The kind of operand for a DecodeImmShift(); fills record.s.
Operand immediate_shift(Record& record, unsigned type, unsigned amount);

}  // namespace microvisor::board

// Translators of the floating-point extension (DDI0553 sections C2.4.5 to C2.4.10): FPv5 for single
// precision. Double registers exist for loads, stores and moves; double arithmetic is UNDEFINED.
#include "board/cpu/handlers_fp.hpp"
#include "board/cpu/translate.hpp"

namespace microvisor::board {
namespace {

/// S registers: four bits and a lowest one.
std::uint8_t single_d(std::uint32_t op) {
  return static_cast<std::uint8_t>(bits(op, 15, 12) << 1 | bits(op, 22, 22));
}
std::uint8_t single_n(std::uint32_t op) {
  return static_cast<std::uint8_t>(bits(op, 19, 16) << 1 | bits(op, 7, 7));
}
std::uint8_t single_m(std::uint32_t op) {
  return static_cast<std::uint8_t>(bits(op, 3, 0) << 1 | bits(op, 5, 5));
}

/// VADD, VMUL, VFMA ... Sd, Sn, Sm
template <class Operation>
bool three_floats(std::uint32_t op, const Place&, Record& record) {
  record.d = single_d(op), record.n = single_n(op), record.m = single_m(op);
  set<Operation>(record);
  return true;
}

/// The same for instructions that are not allowed in IT blocks: VSEL, VMAXNM, VMINNM
template <class Operation>
bool unconditional(std::uint32_t op, const Place& place, Record& record) {
  return !place.in_it() && three_floats<Operation>(op, place, record);
}

/// VABS, VSQRT, VCVT ... Sd, Sm, with a rounding where it matters
template <class Operation, std::uint8_t kRounding = kRoundByFpscr>
bool two_floats(std::uint32_t op, const Place&, Record& record) {
  record.d = single_d(op), record.m = single_m(op), record.extra = kRounding;
  set<Operation>(record);
  return true;
}

/// VRINTA, VCVTN ... Sd, Sm: RM is 00 A, 01 N, 10 P, 11 M
template <class Operation>
bool directed(std::uint32_t op, const Place& place, Record& record) {
  constexpr std::array kModes{Rounding::TiesAway, Rounding::Nearest, Rounding::Up, Rounding::Down};
  if (place.in_it()) return false;
  record.d = single_d(op), record.m = single_m(op);
  record.extra = static_cast<std::uint8_t>(kModes[bits(op, 17, 16)]);
  set<Operation>(record);
  return true;
}

/// VCVTB, VCVTT Sd, Sm: half precision in the bottom or top
template <class Operation>
bool half_conversion(std::uint32_t op, const Place&, Record& record) {
  record.d = single_d(op), record.m = single_m(op), record.s = bit(op, 7) ? 16 : 0;
  set<Operation>(record);
  return true;
}

/// VCVT Sd, Sd, #fraction bits
template <class Signed, class Unsigned>
bool fixed_point(std::uint32_t op, const Place&, Record& record) {
  const unsigned width = bit(op, 7) ? 32 : 16;
  const unsigned whole = bits(op, 3, 0) << 1 | bits(op, 5, 5);
  if (whole > width) return false;
  record.d = single_d(op), record.n = static_cast<std::uint8_t>(width);
  record.s = static_cast<std::uint8_t>(width - whole);
  if (bit(op, 16)) {
    set<Unsigned>(record);
  } else {
    set<Signed>(record);
  }
  return true;
}

/// VMOV Sd, #imm: VFPExpandImm()
bool move_immediate(std::uint32_t op, const Place&, Record& record) {
  const std::uint32_t imm8 = bits(op, 19, 16) << 4 | bits(op, 3, 0);
  const std::uint32_t exponent = bit(imm8, 6) ? 0x7C : 0x80;
  record.d = single_d(op);
  record.imm = bits(imm8, 7, 7) << 31 | (exponent | bits(imm8, 5, 4)) << 23 | bits(imm8, 3, 0) << 19;
  set<FloatImmediate>(record);
  return true;
}

/// VMOV Sn, Rt; VMOV Rt, Sn
template <class Operation>
bool move_core(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 12), record.n = single_n(op);
  if (is_special(record.d)) return false;
  set<Operation>(record);
  return true;
}

/// VMOV Dn[x], Rt; VMOV Rt, Dn[x]: D is bit 7 above bits 19:16, x is bit 21
template <class Operation>
bool move_half_of_double(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 12), record.n = static_cast<std::uint8_t>(bits(op, 19, 16) << 1 | bits(op, 21, 21));
  if (is_special(record.d) || bit(op, 7)) return false;
  set<Operation>(record);
  return true;
}

/// VMOV Rt, Rt2, Sm, Sm1; VMOV Rt, Rt2, Dm and back
template <class ToCore, class FromCore>
bool move_pair(std::uint32_t op, const Place&, Record& record) {
  const bool is_double = bit(op, 8);
  record.d = reg(op, 12), record.s = reg(op, 16);
  record.m = is_double ? static_cast<std::uint8_t>(bits(op, 3, 0) << 1) : single_m(op);
  if (is_special(record.d) || is_special(record.s) || record.m > 30 || (is_double && bit(op, 5)))
    return false;
  if (bit(op, 20)) {
    if (record.d == record.s) return false;
    set<ToCore>(record);
  } else {
    set<FromCore>(record);
  }
  return true;
}

/// VMRS Rt, FPSCR; Rt = 15: the flags
bool move_from_fpscr(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 12);
  if (record.d == 13) return false;
  if (record.d == 15) {
    set<FlagsFromFpscr>(record);
  } else {
    set<MoveFromFpscr>(record);
  }
  return true;
}

/// VMSR FPSCR, Rt
bool move_to_fpscr(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 12);
  if (is_special(record.d)) return false;
  set<MoveToFpscr>(record);
  return true;
}

/// The first S register and the number of words of a load or store; false if they do not exist.
bool take_registers(std::uint32_t op, unsigned words, Record& record) {
  const bool is_double = bit(op, 8);
  record.d = is_double ? static_cast<std::uint8_t>(bits(op, 15, 12) << 1) : single_d(op);
  record.s = static_cast<std::uint8_t>(words);
  if (is_double && (bit(op, 22) || words % 2 != 0)) return false;
  return words > 0 && record.d + words <= 32;
}

/// VLDR, VSTR Sd or Dd, [Rn, #imm]
template <class Operation, class Literal>
bool load_store(std::uint32_t op, const Place&, Record& record) {
  record.n = reg(op, 16), record.imm = bit(op, 23) ? bits(op, 7, 0) * 4 : 0 - bits(op, 7, 0) * 4;
  if (!take_registers(op, bit(op, 8) ? 2 : 1, record)) return false;
  if (record.n == 15) {
    if (!bit(op, 20)) return false;
    set<Literal>(record);
  } else {
    set<Operation>(record);
  }
  return true;
}

/// VLDM, VSTM Rn{!}, registers
template <class Operation>
bool load_store_multiple(std::uint32_t op, const Place&, Record& record) {
  record.n = reg(op, 16);
  if (record.n == 15 || !take_registers(op, bits(op, 7, 0), record)) return false;
  set<Operation>(record);
  return true;
}

/// VLSTM, VLLDM Rn
template <bool kStore>
bool lazy_context(std::uint32_t op, const Place&, Record& record) {
  record.n = reg(op, 16);
  if (record.n == 15) return false;  // SP is the usual base: compilers emit VLSTM SP around a call
  set<FloatLazyContext<kStore>>(record);
  return true;
}

constexpr auto kIa = Multiple::IncrementAfter;
constexpr auto kDb = Multiple::DecrementBefore;
constexpr auto kToZero = static_cast<std::uint8_t>(Rounding::Zero);
using LoadFloat = FloatLoad<Addressing::Offset>;
using LoadFloatLiteral = FloatLoad<Addressing::Literal>;

constexpr Encoding kEncodings[] = {
    {"VMLA T1", "11101110 0D00 nnnn dddd 1010 n0M0 mmmm",
     &three_floats<FloatMultiplyAccumulate<false, false>>},
    {"VMLS T1", "11101110 0D00 nnnn dddd 1010 n1M0 mmmm",
     &three_floats<FloatMultiplyAccumulate<false, true>>},
    {"VNMLS T1", "11101110 0D01 nnnn dddd 1010 n0M0 mmmm",
     &three_floats<FloatMultiplyAccumulate<true, false>>},
    {"VNMLA T1", "11101110 0D01 nnnn dddd 1010 n1M0 mmmm",
     &three_floats<FloatMultiplyAccumulate<true, true>>},
    {"VMUL T2", "11101110 0D10 nnnn dddd 1010 n0M0 mmmm", &three_floats<FloatMultiply>},
    {"VNMUL T2", "11101110 0D10 nnnn dddd 1010 n1M0 mmmm", &three_floats<FloatNegatedMultiply>},
    {"VADD T2", "11101110 0D11 nnnn dddd 1010 n0M0 mmmm", &three_floats<FloatAdd>},
    {"VSUB T2", "11101110 0D11 nnnn dddd 1010 n1M0 mmmm", &three_floats<FloatSubtract>},
    {"VDIV T1", "11101110 1D00 nnnn dddd 1010 n0M0 mmmm", &three_floats<FloatDivide>},
    {"VFNMS T1", "11101110 1D01 nnnn dddd 1010 n0M0 mmmm", &three_floats<FloatFused<true, false>>},
    {"VFNMA T1", "11101110 1D01 nnnn dddd 1010 n1M0 mmmm", &three_floats<FloatFused<true, true>>},
    {"VFMA T2", "11101110 1D10 nnnn dddd 1010 n0M0 mmmm", &three_floats<FloatFused<false, false>>},
    {"VFMS T2", "11101110 1D10 nnnn dddd 1010 n1M0 mmmm", &three_floats<FloatFused<false, true>>},
    {"VMOV (immediate) T2", "11101110 1D11 iiii dddd 1010 0000 iiii", &move_immediate},
    {"VMOV (register) T2", "11101110 1D11 0000 dddd 1010 01M0 mmmm", &two_floats<FloatMove>},
    {"VABS T2", "11101110 1D11 0000 dddd 1010 11M0 mmmm", &two_floats<FloatAbsolute>},
    {"VNEG T2", "11101110 1D11 0001 dddd 1010 01M0 mmmm", &two_floats<FloatNegate>},
    {"VSQRT T1", "11101110 1D11 0001 dddd 1010 11M0 mmmm", &two_floats<FloatSquareRoot>},
    {"VCVTB, VCVTT (from half) T1", "11101110 1D11 0010 dddd 1010 T1M0 mmmm", &half_conversion<HalfToFloat>},
    {"VCVTB, VCVTT (to half) T1", "11101110 1D11 0011 dddd 1010 T1M0 mmmm", &half_conversion<FloatToHalf>},
    {"VCMP T1", "11101110 1D11 0100 dddd 1010 01M0 mmmm", &two_floats<FloatCompare<false, false>>},
    {"VCMPE T1", "11101110 1D11 0100 dddd 1010 11M0 mmmm", &two_floats<FloatCompare<false, true>>},
    {"VCMP (zero) T2", "11101110 1D11 0101 dddd 1010 0100 0000", &two_floats<FloatCompare<true, false>>},
    {"VCMPE (zero) T2", "11101110 1D11 0101 dddd 1010 1100 0000", &two_floats<FloatCompare<true, true>>},
    {"VRINTR T1", "11101110 1D11 0110 dddd 1010 01M0 mmmm", &two_floats<FloatRound>},
    {"VRINTZ T1", "11101110 1D11 0110 dddd 1010 11M0 mmmm", &two_floats<FloatRound, kToZero>},
    {"VRINTX T1", "11101110 1D11 0111 dddd 1010 01M0 mmmm", &two_floats<FloatRoundExact>},
    {"VCVT (from unsigned) T1", "11101110 1D11 1000 dddd 1010 01M0 mmmm", &two_floats<UnsignedToFloat>},
    {"VCVT (from signed) T1", "11101110 1D11 1000 dddd 1010 11M0 mmmm", &two_floats<SignedToFloat>},
    {"VCVTR (to unsigned) T1", "11101110 1D11 1100 dddd 1010 01M0 mmmm", &two_floats<FloatToUnsigned>},
    {"VCVT (to unsigned) T1", "11101110 1D11 1100 dddd 1010 11M0 mmmm",
     &two_floats<FloatToUnsigned, kToZero>},
    {"VCVTR (to signed) T1", "11101110 1D11 1101 dddd 1010 01M0 mmmm", &two_floats<FloatToSigned>},
    {"VCVT (to signed) T1", "11101110 1D11 1101 dddd 1010 11M0 mmmm", &two_floats<FloatToSigned, kToZero>},
    {"VCVT (from fixed) T1", "11101110 1D11 101u dddd 1010 s1i0 iiii",
     &fixed_point<FixedToFloat<true>, FixedToFloat<false>>},
    {"VCVT (to fixed) T1", "11101110 1D11 111u dddd 1010 s1i0 iiii",
     &fixed_point<FloatToFixed<true>, FloatToFixed<false>>},

    {"VSELEQ T1", "11111110 0D00 nnnn dddd 1010 n0M0 mmmm", &unconditional<FloatSelect<Condition::Eq>>},
    {"VSELVS T1", "11111110 0D01 nnnn dddd 1010 n0M0 mmmm", &unconditional<FloatSelect<Condition::Vs>>},
    {"VSELGE T1", "11111110 0D10 nnnn dddd 1010 n0M0 mmmm", &unconditional<FloatSelect<Condition::Ge>>},
    {"VSELGT T1", "11111110 0D11 nnnn dddd 1010 n0M0 mmmm", &unconditional<FloatSelect<Condition::Gt>>},
    {"VMAXNM T2", "11111110 1D00 nnnn dddd 1010 n0M0 mmmm", &unconditional<FloatMaximum>},
    {"VMINNM T2", "11111110 1D00 nnnn dddd 1010 n1M0 mmmm", &unconditional<FloatMinimum>},
    {"VRINTA, N, P, M T1", "11111110 1D11 10rr dddd 1010 01M0 mmmm", &directed<FloatRound>},
    {"VCVTA, N, P, M (to unsigned) T1", "11111110 1D11 11rr dddd 1010 01M0 mmmm", &directed<FloatToUnsigned>},
    {"VCVTA, N, P, M (to signed) T1", "11111110 1D11 11rr dddd 1010 11M0 mmmm", &directed<FloatToSigned>},

    {"VMOV (core to single) T1", "11101110 0000 nnnn tttt 1010 n001 0000", &move_core<MoveFromCore>},
    {"VMOV (single to core) T1", "11101110 0001 nnnn tttt 1010 n001 0000", &move_core<MoveToCore>},
    {"VMOV (core to half of double) T1", "11101110 00x0 dddd tttt 1011 d001 0000",
     &move_half_of_double<MoveFromCore>},
    {"VMOV (half of double to core) T1", "11101110 00x1 nnnn tttt 1011 n001 0000",
     &move_half_of_double<MoveToCore>},
    {"VMOV (pair) T1", "11101100 010o 2222 tttt 101s 00M1 mmmm",
     &move_pair<MovePairToCore, MovePairFromCore>},
    {"VMRS T1", "11101110 1111 0001 tttt 1010 0001 0000", &move_from_fpscr},
    {"VMSR T1", "11101110 1110 0001 tttt 1010 0001 0000", &move_to_fpscr},

    {"VLDR T1", "11101101 uD01 nnnn dddd 101s iiii iiii", &load_store<LoadFloat, LoadFloatLiteral>},
    {"VSTR T1", "11101101 uD00 nnnn dddd 101s iiii iiii", &load_store<FloatStore, FloatStore>},
    {"VLDM T1", "11101100 1D01 nnnn dddd 101s iiii iiii",
     &load_store_multiple<FloatLoadMultiple<kIa, false>>},
    {"VLDM T1 (write-back)", "11101100 1D11 nnnn dddd 101s iiii iiii",
     &load_store_multiple<FloatLoadMultiple<kIa, true>>},
    {"VLDMDB T1", "11101101 0D11 nnnn dddd 101s iiii iiii",
     &load_store_multiple<FloatLoadMultiple<kDb, true>>},
    {"VSTM T1", "11101100 1D00 nnnn dddd 101s iiii iiii",
     &load_store_multiple<FloatStoreMultiple<kIa, false>>},
    {"VSTM T1 (write-back)", "11101100 1D10 nnnn dddd 101s iiii iiii",
     &load_store_multiple<FloatStoreMultiple<kIa, true>>},
    {"VSTMDB T1", "11101101 0D10 nnnn dddd 101s iiii iiii",
     &load_store_multiple<FloatStoreMultiple<kDb, true>>},
    {"VLSTM T1", "11101100 0010 nnnn 0000 1010 0000 0000", &lazy_context<true>},
    {"VLLDM T1", "11101100 0011 nnnn 0000 1010 0000 0000", &lazy_context<false>},
};

}  // namespace

std::span<const Encoding> floating_point_encodings() { return kEncodings; }

}  // namespace microvisor::board

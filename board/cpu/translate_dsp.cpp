// Translators of the DSP extension (DDI0553 sections C2.3.2 to C2.3.4).
#include "board/cpu/handlers_dsp.hpp"
#include "board/cpu/translate.hpp"

namespace microvisor::board {
namespace {

/// Rd, Rn, Rm with an addend Ra where `Operation` uses it.
bool take_registers(std::uint32_t op, Record& record) {
  record.d = reg(op, 8), record.n = reg(op, 16), record.m = reg(op, 0), record.s = reg(op, 12);
  return !is_special(record.d) && !is_special(record.n) && !is_special(record.m);
}

/// SADD16, UQSUB8, QADD, SEL, USAD8 ... Rd, Rn, Rm
template <class Operation>
bool three_registers(std::uint32_t op, const Place&, Record& record) {
  if (!take_registers(op, record)) return false;
  set<Operation>(record);
  return true;
}

/// SMLAD, SMLAWT, SMMLAR ... Rd, Rn, Rm, Ra; the low bits of op2 pick halves, exchange or rounding
template <class Operation, unsigned kOptionBits>
bool multiply(std::uint32_t op, const Place&, Record& record) {
  if (!take_registers(op, record) || record.s == 13) return false;
  record.extra = static_cast<std::uint8_t>(bits(op, 4 + kOptionBits - 1, 4));
  set<Operation>(record);
  return true;
}

/// SMMLS: there is no form without an addend.
bool multiply_top_subtract(std::uint32_t op, const Place& place, Record& record) {
  return reg(op, 12) != 15 && multiply<MultiplyTop<TopMultiply::Subtract>, 1>(op, place, record);
}

/// SMLALBB, SMLALD ... RdLo, RdHi, Rn, Rm
template <class Operation, unsigned kOptionBits>
bool multiply_long(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 12), record.s = reg(op, 8), record.n = reg(op, 16), record.m = reg(op, 0);
  if (is_special(record.d) || is_special(record.s) || record.d == record.s) return false;
  if (is_special(record.n) || is_special(record.m)) return false;
  record.extra = static_cast<std::uint8_t>(bits(op, 4 + kOptionBits - 1, 4));
  set<Operation>(record);
  return true;
}

/// SXTAB, UXTAB16 ... Rd, Rn, Rm{, rotation}
template <class Operation>
bool extend(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 8), record.n = reg(op, 16), record.m = reg(op, 0);
  record.s = static_cast<std::uint8_t>(bits(op, 5, 4) * 8);
  if (is_special(record.d) || record.n == 13 || is_special(record.m)) return false;
  set<Operation>(record);
  return true;
}

/// PKHBT, PKHTB Rd, Rn, Rm{, shift}
bool pack(std::uint32_t op, const Place&, Record& record) {
  if (!take_registers(op, record)) return false;
  const unsigned amount = bits(op, 14, 12) << 2 | bits(op, 7, 6);
  if (bit(op, 5)) {
    record.s = static_cast<std::uint8_t>(amount == 0 ? 32 : amount);
    set<PackTopBottom>(record);
  } else {
    record.s = static_cast<std::uint8_t>(amount);
    set<PackBottomTop>(record);
  }
  return true;
}

/// SSAT16, USAT16 Rd, #width, Rn
template <bool kSigned>
bool saturate_halves(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 8), record.n = reg(op, 16);
  record.extra = static_cast<std::uint8_t>(bits(op, 3, 0) + (kSigned ? 1 : 0));
  if (is_special(record.d) || is_special(record.n)) return false;
  set<SaturateHalves<kSigned>>(record);
  return true;
}

#define MV_PARALLEL(PREFIX, FLAVOUR, bits_of_flavour)                              \
  {PREFIX "ADD8 T1", "11111010 1000 nnnn 1111 dddd " bits_of_flavour " mmmm",      \
   &three_registers<Parallel<Flavour::FLAVOUR, Lanes::Add8>>},                     \
      {PREFIX "ADD16 T1", "11111010 1001 nnnn 1111 dddd " bits_of_flavour " mmmm", \
       &three_registers<Parallel<Flavour::FLAVOUR, Lanes::Add16>>},                \
      {PREFIX "ASX T1", "11111010 1010 nnnn 1111 dddd " bits_of_flavour " mmmm",   \
       &three_registers<Parallel<Flavour::FLAVOUR, Lanes::AddSubtractExchanged>>}, \
      {PREFIX "SUB8 T1", "11111010 1100 nnnn 1111 dddd " bits_of_flavour " mmmm",  \
       &three_registers<Parallel<Flavour::FLAVOUR, Lanes::Subtract8>>},            \
      {PREFIX "SUB16 T1", "11111010 1101 nnnn 1111 dddd " bits_of_flavour " mmmm", \
       &three_registers<Parallel<Flavour::FLAVOUR, Lanes::Subtract16>>},           \
  {                                                                                \
    PREFIX "SAX T1", "11111010 1110 nnnn 1111 dddd " bits_of_flavour " mmmm",      \
        &three_registers<Parallel<Flavour::FLAVOUR, Lanes::SubtractAddExchanged>>  \
  }

constexpr Encoding kEncodings[] = {
    MV_PARALLEL("S", Signed, "0000"),
    MV_PARALLEL("Q", Saturating, "0001"),
    MV_PARALLEL("SH", Halving, "0010"),
    MV_PARALLEL("U", Unsigned, "0100"),
    MV_PARALLEL("UQ", UnsignedSaturating, "0101"),
    MV_PARALLEL("UH", UnsignedHalving, "0110"),
    {"QADD T1", "11111010 1000 nnnn 1111 dddd 1000 mmmm", &three_registers<SaturatingAdd<false, false>>},
    {"QDADD T1", "11111010 1000 nnnn 1111 dddd 1001 mmmm", &three_registers<SaturatingAdd<false, true>>},
    {"QSUB T1", "11111010 1000 nnnn 1111 dddd 1010 mmmm", &three_registers<SaturatingAdd<true, false>>},
    {"QDSUB T1", "11111010 1000 nnnn 1111 dddd 1011 mmmm", &three_registers<SaturatingAdd<true, true>>},
    {"SEL T1", "11111010 1010 nnnn 1111 dddd 1000 mmmm", &three_registers<SelectBytes>},

    {"SXTAH T1", "11111010 0000 nnnn 1111 dddd 10rr mmmm", &extend<SignExtendHalfAdd>},
    {"UXTAH T1", "11111010 0001 nnnn 1111 dddd 10rr mmmm", &extend<ZeroExtendHalfAdd>},
    {"SXTB16 T1", "11111010 0010 1111 1111 dddd 10rr mmmm", &extend<SignExtendBytes>},
    {"SXTAB16 T1", "11111010 0010 nnnn 1111 dddd 10rr mmmm", &extend<SignExtendBytesAdd>},
    {"UXTB16 T1", "11111010 0011 1111 1111 dddd 10rr mmmm", &extend<ZeroExtendBytes>},
    {"UXTAB16 T1", "11111010 0011 nnnn 1111 dddd 10rr mmmm", &extend<ZeroExtendBytesAdd>},
    {"SXTAB T1", "11111010 0100 nnnn 1111 dddd 10rr mmmm", &extend<SignExtendByteAdd>},
    {"UXTAB T1", "11111010 0101 nnnn 1111 dddd 10rr mmmm", &extend<ZeroExtendByteAdd>},
    {"PKH T1", "11101010110 0 nnnn 0iii dddd iit0 mmmm", &pack},
    {"SSAT16 T1", "11110011 0010 nnnn 0000 dddd 0000 wwww", &saturate_halves<true>},
    {"USAT16 T1", "11110011 1010 nnnn 0000 dddd 0000 wwww", &saturate_halves<false>},

    {"SMULxy T1", "11111011 0001 nnnn 1111 dddd 00xy mmmm", &multiply<MultiplyHalves<false>, 2>},
    {"SMLAxy T1", "11111011 0001 nnnn aaaa dddd 00xy mmmm", &multiply<MultiplyHalves<true>, 2>},
    {"SMUAD T1", "11111011 0010 nnnn 1111 dddd 000x mmmm", &multiply<MultiplyDual<false, false>, 1>},
    {"SMLAD T1", "11111011 0010 nnnn aaaa dddd 000x mmmm", &multiply<MultiplyDual<false, true>, 1>},
    {"SMULWy T1", "11111011 0011 nnnn 1111 dddd 000y mmmm", &multiply<MultiplyWide<false>, 1>},
    {"SMLAWy T1", "11111011 0011 nnnn aaaa dddd 000y mmmm", &multiply<MultiplyWide<true>, 1>},
    {"SMUSD T1", "11111011 0100 nnnn 1111 dddd 000x mmmm", &multiply<MultiplyDual<true, false>, 1>},
    {"SMLSD T1", "11111011 0100 nnnn aaaa dddd 000x mmmm", &multiply<MultiplyDual<true, true>, 1>},
    {"SMMUL T1", "11111011 0101 nnnn 1111 dddd 000r mmmm", &multiply<MultiplyTop<TopMultiply::Plain>, 1>},
    {"SMMLA T1", "11111011 0101 nnnn aaaa dddd 000r mmmm", &multiply<MultiplyTop<TopMultiply::Add>, 1>},
    {"SMMLS T1", "11111011 0110 nnnn aaaa dddd 000r mmmm", &multiply_top_subtract},
    {"USAD8 T1", "11111011 0111 nnnn 1111 dddd 0000 mmmm", &three_registers<SumOfDifferences>},
    {"USADA8 T1", "11111011 0111 nnnn aaaa dddd 0000 mmmm", &multiply<SumOfDifferencesAdd, 1>},
    {"SMLALxy T1", "11111011 1100 nnnn llll hhhh 10xy mmmm", &multiply_long<MultiplyHalvesLong, 2>},
    {"SMLALD T1", "11111011 1100 nnnn llll hhhh 110x mmmm", &multiply_long<MultiplyDualLong<false>, 1>},
    {"SMLSLD T1", "11111011 1101 nnnn llll hhhh 110x mmmm", &multiply_long<MultiplyDualLong<true>, 1>},
};

}  // namespace

std::span<const Encoding> dsp_encodings() { return kEncodings; }

}  // namespace microvisor::board

// Translators of 32-bit loads and stores (DDI0553 sections C2.3.5 to C2.3.9).
#include "board/cpu/handlers_memory.hpp"
#include "board/cpu/translate.hpp"

namespace microvisor::board {
namespace {

/// Write-back: the base must be a register that can take it and not the one loaded or stored.
bool base_allowed(const Record& record, Addressing mode) {
  return !writes_back(mode) || (record.n != 15 && record.n != record.d);
}

/// The immediate of the forms with 8 bits: bit 9 is U.
std::uint32_t signed_imm8(std::uint32_t op) { return bit(op, 9) ? bits(op, 7, 0) : 0 - bits(op, 7, 0); }

template <typename T, Addressing kMode>
bool finish_load(Record& record, const Place& place) {
  if (!base_allowed(record, kMode)) return false;
  // A byte or halfword "to PC" is a hint.
  if (record.d == 15 && sizeof(T) < 4) {
    if (writes_back(kMode)) return false;
    set<NoOperation>(record);
    return true;
  }
  return set_load<Load<T, kMode>, LoadStackPointer<kMode>, LoadPc<kMode>>(record, place, sizeof(T) == 4);
}

/// LDR, LDRB, LDRH, LDRSB, LDRSH Rt, [Rn, #imm12]
template <typename T>
bool load_imm12(std::uint32_t op, const Place& place, Record& record) {
  record.d = reg(op, 12), record.n = reg(op, 16), record.imm = bits(op, 11, 0);
  return finish_load<T, Addressing::Offset>(record, place);
}

/// The same with #imm8: offset (negative), pre-indexed, post-indexed
template <typename T, Addressing kMode>
bool load_imm8(std::uint32_t op, const Place& place, Record& record) {
  record.d = reg(op, 12), record.n = reg(op, 16), record.imm = signed_imm8(op);
  return finish_load<T, kMode>(record, place);
}

/// The same with a register, shifted left by 0 to 3
template <typename T>
bool load_register(std::uint32_t op, const Place& place, Record& record) {
  record.d = reg(op, 12), record.n = reg(op, 16), record.m = reg(op, 0);
  record.s = static_cast<std::uint8_t>(bits(op, 5, 4));
  if (is_special(record.m)) return false;
  return finish_load<T, Addressing::Register>(record, place);
}

/// The same from a label
template <typename T>
bool load_literal(std::uint32_t op, const Place& place, Record& record) {
  record.d = reg(op, 12), record.n = 15;
  record.imm = bit(op, 23) ? bits(op, 11, 0) : 0 - bits(op, 11, 0);
  return finish_load<T, Addressing::Literal>(record, place);
}

/// LDRT, LDRBT, LDRHT, LDRSBT, LDRSHT Rt, [Rn, #imm8]
template <typename T>
bool load_unprivileged(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 12), record.n = reg(op, 16), record.imm = bits(op, 7, 0);
  if (is_special(record.d)) return false;
  set<LoadUnprivileged<T>>(record);
  return true;
}

template <typename T, Addressing kMode>
bool finish_store(Record& record) {
  if (record.n == 15 || record.d == 15 || !base_allowed(record, kMode)) return false;
  if (record.d == 13 && sizeof(T) < 4) return false;
  set<Store<T, kMode>>(record);
  return true;
}

/// STR, STRB, STRH Rt, [Rn, #imm12]
template <typename T>
bool store_imm12(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 12), record.n = reg(op, 16), record.imm = bits(op, 11, 0);
  return finish_store<T, Addressing::Offset>(record);
}

template <typename T, Addressing kMode>
bool store_imm8(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 12), record.n = reg(op, 16), record.imm = signed_imm8(op);
  return finish_store<T, kMode>(record);
}

template <typename T>
bool store_register(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 12), record.n = reg(op, 16), record.m = reg(op, 0);
  record.s = static_cast<std::uint8_t>(bits(op, 5, 4));
  if (is_special(record.m)) return false;
  return finish_store<T, Addressing::Register>(record);
}

template <typename T>
bool store_unprivileged(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 12), record.n = reg(op, 16), record.imm = bits(op, 7, 0);
  if (is_special(record.d) || record.n == 15) return false;
  set<StoreUnprivileged<T>>(record);
  return true;
}

// --- multiple and dual
// -------------------------------------------------------------------------------------------------

/// LDM, LDMDB Rn{!}, {registers}
template <Multiple kForm, bool kWriteback>
bool load_multiple(std::uint32_t op, const Place& place, Record& record) {
  record.n = reg(op, 16), record.imm = bits(op, 15, 0);
  record.s = static_cast<std::uint8_t>(std::popcount(record.imm));
  if (record.n == 15 || record.s < 2 || bit(op, 13) || bits(op, 15, 14) == 3) return false;
  if (kWriteback && bit(record.imm, record.n)) return false;
  if (bit(op, 15)) {
    if (!branch_allowed(place)) return false;
    set<LoadMultiple<kForm, kWriteback, true>>(record);
  } else {
    set<LoadMultiple<kForm, kWriteback, false>>(record);
  }
  return true;
}

/// STM, STMDB Rn{!}, {registers}
template <Multiple kForm, bool kWriteback>
bool store_multiple(std::uint32_t op, const Place&, Record& record) {
  record.n = reg(op, 16), record.imm = bits(op, 15, 0);
  record.s = static_cast<std::uint8_t>(std::popcount(record.imm));
  if (record.n == 15 || record.s < 2 || bit(op, 15) || bit(op, 13)) return false;
  if (kWriteback && bit(record.imm, record.n)) return false;
  set<StoreMultiple<kForm, kWriteback>>(record);
  return true;
}

/// The fields of LDRD and STRD: bit 23 is U.
bool take_dual(std::uint32_t op, Addressing mode, Record& record) {
  record.d = reg(op, 12), record.s = reg(op, 8), record.n = reg(op, 16);
  record.imm = bit(op, 23) ? bits(op, 7, 0) * 4 : 0 - bits(op, 7, 0) * 4;
  if (is_special(record.d) || is_special(record.s)) return false;
  return !writes_back(mode) || (record.n != 15 && record.n != record.d && record.n != record.s);
}

/// LDRD Rt, Rt2, [Rn, #imm8]
template <Addressing kMode>
bool load_dual(std::uint32_t op, const Place&, Record& record) {
  if (!take_dual(op, kMode, record) || record.d == record.s) return false;
  if (record.n == 15) {
    set<LoadDual<Addressing::Literal>>(record);
  } else {
    set<LoadDual<kMode>>(record);
  }
  return true;
}

/// STRD Rt, Rt2, [Rn, #imm8]
template <Addressing kMode>
bool store_dual(std::uint32_t op, const Place&, Record& record) {
  if (!take_dual(op, kMode, record) || record.n == 15) return false;
  set<StoreDual<kMode>>(record);
  return true;
}

// --- exclusive, acquire, release
// ---------------------------------------------------------------------------------------

/// LDREX Rt, [Rn, #imm8]; LDREXB, LDA, LDAEX ... Rt, [Rn]
template <typename T, bool kExclusive, unsigned kScale>
bool load_aligned(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 12), record.n = reg(op, 16), record.imm = kScale == 0 ? 0 : bits(op, 7, 0) * kScale;
  if (is_special(record.d) || record.n == 15) return false;
  set<LoadAligned<T, kExclusive>>(record);
  return true;
}

/// STL, STLB, STLH Rt, [Rn]
template <typename T>
bool store_release(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 12), record.n = reg(op, 16);
  if (is_special(record.d) || record.n == 15) return false;
  set<StoreAligned<T>>(record);
  return true;
}

bool exclusive_registers_allowed(const Record& record) {
  return !is_special(record.d) && !is_special(record.s) && record.n != 15 && record.d != record.n &&
         record.d != record.s;
}

/// STREX Rd, Rt, [Rn, #imm8]
bool store_exclusive_word(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 8), record.s = reg(op, 12), record.n = reg(op, 16), record.imm = bits(op, 7, 0) * 4;
  if (!exclusive_registers_allowed(record)) return false;
  set<StoreExclusive<std::uint32_t>>(record);
  return true;
}

/// STREXB, STREXH, STLEX, STLEXB, STLEXH Rd, Rt, [Rn]
template <typename T>
bool store_exclusive(std::uint32_t op, const Place&, Record& record) {
  record.d = reg(op, 0), record.s = reg(op, 12), record.n = reg(op, 16);
  if (!exclusive_registers_allowed(record)) return false;
  set<StoreExclusive<T>>(record);
  return true;
}

/// PLD, PLI
bool preload(std::uint32_t, const Place&, Record& record) {
  set<NoOperation>(record);
  return true;
}

// The encodings of one load or store: S is "1" for sign extension, Z the size.
#define MV_LOADS(NAME, T, S, Z)                                                                   \
  {NAME " (immediate, 12 bits)", "1111100" S "1" Z "1 NNNN tttt iiii iiii iiii", &load_imm12<T>}, \
      {NAME " (literal)", "1111100" S "u" Z "1 1111 tttt iiii iiii iiii", &load_literal<T>},      \
      {NAME " (immediate, negative)", "1111100" S "0" Z "1 NNNN tttt 1100 iiii iiii",             \
       &load_imm8<T, Addressing::Offset>},                                                        \
      {NAME " (immediate, pre-indexed)", "1111100" S "0" Z "1 NNNN tttt 11u1 iiii iiii",          \
       &load_imm8<T, Addressing::PreIndexed>},                                                    \
      {NAME " (immediate, post-indexed)", "1111100" S "0" Z "1 NNNN tttt 10u1 iiii iiii",         \
       &load_imm8<T, Addressing::PostIndexed>},                                                   \
      {NAME "T", "1111100" S "0" Z "1 NNNN tttt 1110 iiii iiii", &load_unprivileged<T>}, {        \
    NAME " (register)", "1111100" S "0" Z "1 NNNN tttt 0000 00ss mmmm", &load_register<T>         \
  }

#define MV_STORES(NAME, T, Z)                                                                   \
  {NAME " (immediate, 12 bits)", "11111000 1" Z "0 nnnn tttt iiii iiii iiii", &store_imm12<T>}, \
      {NAME " (immediate, negative)", "11111000 0" Z "0 nnnn tttt 1100 iiii iiii",              \
       &store_imm8<T, Addressing::Offset>},                                                     \
      {NAME " (immediate, pre-indexed)", "11111000 0" Z "0 nnnn tttt 11u1 iiii iiii",           \
       &store_imm8<T, Addressing::PreIndexed>},                                                 \
      {NAME " (immediate, post-indexed)", "11111000 0" Z "0 nnnn tttt 10u1 iiii iiii",          \
       &store_imm8<T, Addressing::PostIndexed>},                                                \
      {NAME "T", "11111000 0" Z "0 nnnn tttt 1110 iiii iiii", &store_unprivileged<T>}, {        \
    NAME " (register)", "11111000 0" Z "0 nnnn tttt 0000 00ss mmmm", &store_register<T>         \
  }

constexpr Encoding kEncodings[] = {
    MV_LOADS("LDR", std::uint32_t, "0", "10"),
    MV_LOADS("LDRB", std::uint8_t, "0", "00"),
    MV_LOADS("LDRH", std::uint16_t, "0", "01"),
    MV_LOADS("LDRSB", std::int8_t, "1", "00"),
    MV_LOADS("LDRSH", std::int16_t, "1", "01"),
    MV_STORES("STR", std::uint32_t, "10"),
    MV_STORES("STRB", std::uint8_t, "00"),
    MV_STORES("STRH", std::uint16_t, "01"),
    {"PLD (immediate) T1", "11111000 1001 NNNN 1111 iiii iiii iiii", &preload},
    {"PLD (immediate) T2", "11111000 0001 NNNN 1111 1100 iiii iiii", &preload},
    {"PLD (literal) T1", "11111000 u001 1111 1111 iiii iiii iiii", &preload},
    {"PLD (register) T1", "11111000 0001 NNNN 1111 0000 00ss mmmm", &preload},
    {"PLI (immediate) T1", "11111001 1001 NNNN 1111 iiii iiii iiii", &preload},
    {"PLI (immediate) T2", "11111001 0001 NNNN 1111 1100 iiii iiii", &preload},
    {"PLI (immediate, literal) T3", "11111001 u001 1111 1111 iiii iiii iiii", &preload},
    {"PLI (register) T1", "11111001 0001 NNNN 1111 0000 00ss mmmm", &preload},

    {"STM T2", "11101000 1000 nnnn rrrr rrrr rrrr rrrr", &store_multiple<Multiple::IncrementAfter, false>},
    {"STM T2 (write-back)", "11101000 1010 nnnn rrrr rrrr rrrr rrrr",
     &store_multiple<Multiple::IncrementAfter, true>},
    {"LDM T2", "11101000 1001 nnnn rrrr rrrr rrrr rrrr", &load_multiple<Multiple::IncrementAfter, false>},
    {"LDM T2 (write-back)", "11101000 1011 nnnn rrrr rrrr rrrr rrrr",
     &load_multiple<Multiple::IncrementAfter, true>},
    {"STMDB T1", "11101001 0000 nnnn rrrr rrrr rrrr rrrr", &store_multiple<Multiple::DecrementBefore, false>},
    {"STMDB T1 (write-back)", "11101001 0010 nnnn rrrr rrrr rrrr rrrr",
     &store_multiple<Multiple::DecrementBefore, true>},
    {"LDMDB T1", "11101001 0001 nnnn rrrr rrrr rrrr rrrr", &load_multiple<Multiple::DecrementBefore, false>},
    {"LDMDB T1 (write-back)", "11101001 0011 nnnn rrrr rrrr rrrr rrrr",
     &load_multiple<Multiple::DecrementBefore, true>},

    {"LDRD (offset) T1", "11101001 u101 nnnn tttt 2222 iiii iiii", &load_dual<Addressing::Offset>},
    {"LDRD (pre-indexed) T1", "11101001 u111 nnnn tttt 2222 iiii iiii", &load_dual<Addressing::PreIndexed>},
    {"LDRD (post-indexed) T1", "11101000 u111 nnnn tttt 2222 iiii iiii", &load_dual<Addressing::PostIndexed>},
    {"STRD (offset) T1", "11101001 u100 nnnn tttt 2222 iiii iiii", &store_dual<Addressing::Offset>},
    {"STRD (pre-indexed) T1", "11101001 u110 nnnn tttt 2222 iiii iiii", &store_dual<Addressing::PreIndexed>},
    {"STRD (post-indexed) T1", "11101000 u110 nnnn tttt 2222 iiii iiii",
     &store_dual<Addressing::PostIndexed>},

    {"STREX T1", "11101000 0100 nnnn tttt dddd iiii iiii", &store_exclusive_word},
    {"LDREX T1", "11101000 0101 nnnn tttt 1111 iiii iiii", &load_aligned<std::uint32_t, true, 4>},
    {"STREXB T1", "11101000 1100 nnnn tttt 1111 0100 dddd", &store_exclusive<std::uint8_t>},
    {"STREXH T1", "11101000 1100 nnnn tttt 1111 0101 dddd", &store_exclusive<std::uint16_t>},
    {"STLB T1", "11101000 1100 nnnn tttt 1111 1000 1111", &store_release<std::uint8_t>},
    {"STLH T1", "11101000 1100 nnnn tttt 1111 1001 1111", &store_release<std::uint16_t>},
    {"STL T1", "11101000 1100 nnnn tttt 1111 1010 1111", &store_release<std::uint32_t>},
    {"STLEXB T1", "11101000 1100 nnnn tttt 1111 1100 dddd", &store_exclusive<std::uint8_t>},
    {"STLEXH T1", "11101000 1100 nnnn tttt 1111 1101 dddd", &store_exclusive<std::uint16_t>},
    {"STLEX T1", "11101000 1100 nnnn tttt 1111 1110 dddd", &store_exclusive<std::uint32_t>},
    {"LDREXB T1", "11101000 1101 nnnn tttt 1111 0100 1111", &load_aligned<std::uint8_t, true, 0>},
    {"LDREXH T1", "11101000 1101 nnnn tttt 1111 0101 1111", &load_aligned<std::uint16_t, true, 0>},
    {"LDAB T1", "11101000 1101 nnnn tttt 1111 1000 1111", &load_aligned<std::uint8_t, false, 0>},
    {"LDAH T1", "11101000 1101 nnnn tttt 1111 1001 1111", &load_aligned<std::uint16_t, false, 0>},
    {"LDA T1", "11101000 1101 nnnn tttt 1111 1010 1111", &load_aligned<std::uint32_t, false, 0>},
    {"LDAEXB T1", "11101000 1101 nnnn tttt 1111 1100 1111", &load_aligned<std::uint8_t, true, 0>},
    {"LDAEXH T1", "11101000 1101 nnnn tttt 1111 1101 1111", &load_aligned<std::uint16_t, true, 0>},
    {"LDAEX T1", "11101000 1101 nnnn tttt 1111 1110 1111", &load_aligned<std::uint32_t, true, 0>},
};

}  // namespace

std::span<const Encoding> memory_encodings() { return kEncodings; }

}  // namespace microvisor::board

// From the bits of an instruction to a record.
//
// The instruction set is a table: one row an encoding, with the name of the manual, a pattern of 16 or 32
// bits and a translator that picks the fields out. Where two rows match, one of them is a refinement of the
// other (TST is ANDS without a destination) and has more fixed bits: it wins. A test proves that no other
// overlaps exist. What matches no row, and what a translator declines, is UNDEFINED.
#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string_view>

#include "board/cpu/record.hpp"

namespace microvisor::board {

/// Where an instruction stands, as far as its record depends on it.
struct Place {
  static constexpr std::uint32_t kNoPage = ~std::uint32_t{0};
  std::uint32_t slot = kNoPage;  ///< halfword in its page; kNoPage in the single-step buffer
  std::uint8_t it_state = 0;

  [[nodiscard]] constexpr bool in_it() const { return it_state != 0; }
  [[nodiscard]] constexpr bool last_in_it() const { return (it_state & 0xF) == 8; }
};

/// Fills the record from the opcode (first halfword in the upper half for 32-bit encodings); length is
/// already set. False: UNDEFINED.
using Translator = bool (*)(std::uint32_t opcode, const Place& place, Record& record);

/// One encoding. The pattern holds 0, 1 and letters for fields, first bit first; blanks are for the eye. A
/// field of capital N is a base register that may not be 15: that is another encoding.
struct Encoding {
  std::string_view name;
  std::uint32_t mask = 0;
  std::uint32_t value = 0;
  std::uint32_t not_pc = 0;  ///< bits that are not all ones
  Translator translate = nullptr;
  bool wide = false;

  constexpr Encoding(std::string_view name_, std::string_view pattern, Translator translate_)
      : name(name_), translate(translate_) {
    unsigned bits = 0;
    for (const char letter : pattern) {
      if (letter == ' ') continue;
      mask = mask << 1 | (letter == '0' || letter == '1' ? 1u : 0u);
      value = value << 1 | (letter == '1' ? 1u : 0u);
      not_pc = not_pc << 1 | (letter == 'N' ? 1u : 0u);
      ++bits;
    }
    wide = bits == 32;
    if (bits != 16 && bits != 32) throw std::logic_error("a pattern has 16 or 32 bits");
  }
  [[nodiscard]] constexpr bool matches(std::uint32_t opcode) const {
    return (opcode & mask) == value && (not_pc == 0 || (opcode & not_pc) != not_pc);
  }
};

/// The groups of the table; each is defined beside its translators.
std::span<const Encoding> narrow_encodings();  // translate_narrow.cpp: all 16-bit encodings
std::span<const Encoding> data_encodings();    // translate_data.cpp: 32-bit data processing and multiply
std::span<const Encoding> dsp_encodings();     // translate_dsp.cpp: DSP extension
std::span<const Encoding> memory_encodings();  // translate_memory.cpp: 32-bit loads and stores
std::span<const Encoding>
control_encodings();  // translate_control.cpp: branches, system, security, coprocessor
std::span<const Encoding> floating_point_encodings();  // translate_fp.cpp
/// All of them.
std::span<const std::span<const Encoding>> encoding_groups();

/// True if the halfword is the first of a 32-bit instruction (DDI0553 section C2.1).
constexpr bool is_wide(std::uint32_t first) { return (first & 0xF800) >= 0xE800; }

/// The row an opcode belongs to; null: UNDEFINED.
const Encoding* find_encoding(std::uint32_t opcode, bool wide);

/// Decodes one instruction for its place; what is UNDEFINED becomes a record that faults.
void decode(std::uint32_t opcode, bool wide, const Place& place, Record& record);

/// ITSTATE after one instruction of the block (DDI0553, ITAdvance).
constexpr std::uint8_t advance_it(std::uint8_t it_state) {
  return (it_state & 7) == 0 ? std::uint8_t{0}
                             : static_cast<std::uint8_t>((it_state & 0xE0) | ((it_state << 1) & 0x1F));
}

constexpr std::uint32_t bits(std::uint32_t opcode, unsigned high, unsigned low) {
  return opcode >> low & ((std::uint64_t{1} << (high - low + 1)) - 1);
}
constexpr bool bit(std::uint32_t opcode, unsigned position) { return (opcode >> position & 1) != 0; }
/// A register field of four bits whose lowest stands at `low`.
constexpr std::uint8_t reg(std::uint32_t opcode, unsigned low) {
  return static_cast<std::uint8_t>(opcode >> low & 15);
}
/// A register field of three bits.
constexpr std::uint8_t low_reg(std::uint32_t opcode, unsigned low) {
  return static_cast<std::uint8_t>(opcode >> low & 7);
}
constexpr std::int32_t sign_extend(std::uint32_t value, unsigned width) {
  return static_cast<std::int32_t>(value << (32 - width)) >> (32 - width);
}
/// ThumbExpandImm(): the modified immediate i:imm3:imm8 (DDI0553 section C1.5).
struct ExpandedImmediate {
  std::uint32_t value = 0;
  bool rotated = false;  ///< the carry out is bit 31 of the value; otherwise the carry stays
};
ExpandedImmediate expand_immediate(std::uint32_t imm12);

}  // namespace microvisor::board

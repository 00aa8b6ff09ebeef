// Finding the row of an opcode, and what holds for all rows: UNDEFINED space and IT blocks.
#include "board/cpu/decoder.hpp"

#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

#include "board/cpu/handlers_control.hpp"

namespace microvisor::board {
namespace {

/// Rows by leading bits, the most specific first: the first six bits of 16-bit opcodes, the first 12 of
/// 32-bit ones.
class Index {
 public:
  Index() : narrow_(1u << kNarrowBits), wide_(1u << kWideBits) {
    for (const auto& group : encoding_groups()) {
      for (const Encoding& row : group) enter(row);
    }
    for (auto* table : {&narrow_, &wide_}) {
      for (auto& bucket : *table) std::stable_sort(bucket.begin(), bucket.end(), more_specific);
    }
  }

  [[nodiscard]] const Encoding* find(std::uint32_t opcode, bool wide) const {
    const auto& bucket = wide ? wide_[opcode >> (32 - kWideBits)] : narrow_[opcode >> (16 - kNarrowBits)];
    const auto found =
        std::find_if(bucket.begin(), bucket.end(), [&](const Encoding* row) { return row->matches(opcode); });
    return found == bucket.end() ? nullptr : *found;
  }

 private:
  static constexpr unsigned kNarrowBits = 6;
  static constexpr unsigned kWideBits = 12;

  static bool more_specific(const Encoding* a, const Encoding* b) {
    return std::popcount(a->mask) > std::popcount(b->mask);
  }

  void enter(const Encoding& row) {
    auto& table = row.wide ? wide_ : narrow_;
    const unsigned shift = row.wide ? 32 - kWideBits : 16 - kNarrowBits;
    for (std::uint32_t key = 0; key < table.size(); ++key) {
      if ((((key << shift) ^ row.value) & row.mask) >> shift == 0) table[key].push_back(&row);
    }
  }

  std::vector<std::vector<const Encoding*>> narrow_, wide_;
};

template <std::size_t... kIndex>
std::array<std::uint16_t, sizeof...(kIndex)> conditional_handlers(std::index_sequence<kIndex...>, bool wide) {
  if (wide) return {handler_index<&Conditional<static_cast<Condition>(kIndex)>::template run<2>>...};
  return {handler_index<&Conditional<static_cast<Condition>(kIndex)>::template run<1>>...};
}

/// Puts the condition of the block in front of a record.
void make_conditional(Record& record, const Place& place) {
  constexpr auto kAll = std::make_index_sequence<kConditions>();
  static const auto narrow = conditional_handlers(kAll, false), wide = conditional_handlers(kAll, true);
  record.real_op = record.op;
  const unsigned condition = std::min(place.it_state >> 4, static_cast<int>(kConditions) - 1);
  record.op = (record.length == 2 ? wide : narrow)[condition];
  record.it = place.it_state;
  record.it_next = advance_it(place.it_state);
}

}  // namespace

std::span<const std::span<const Encoding>> encoding_groups() {
  static const std::array<std::span<const Encoding>, 6> groups{
      narrow_encodings(), data_encodings(),    dsp_encodings(),
      memory_encodings(), control_encodings(), floating_point_encodings()};
  return groups;
}

const Encoding* find_encoding(std::uint32_t opcode, bool wide) {
  static const Index index;
  return index.find(opcode, wide);
}

void decode(std::uint32_t opcode, bool wide, const Place& place, Record& record) {
  const auto length = static_cast<std::uint8_t>(wide ? 2 : 1);
  const Encoding* row = find_encoding(opcode, wide);
  record = Record{};
  record.length = length;
  if (row == nullptr || !row->translate(opcode, place, record)) {
    record = Record{};
    record.length = length;
    set<Undefined>(record);
  }
  // BKPT is unconditional even in an IT block (DDI0553, BKPT).
  const bool unconditional = !wide && (opcode & 0xFF00) == 0xBE00;
  if (place.in_it() && !unconditional) make_conditional(record, place);
  if (place.in_it() && unconditional) record.it = place.it_state;
}

ExpandedImmediate expand_immediate(std::uint32_t imm12) {
  const std::uint32_t byte = imm12 & 0xFF;
  switch (imm12 >> 8) {
    case 0: return {byte, false};
    case 1: return {byte << 16 | byte, false};
    case 2: return {byte << 24 | byte << 8, false};
    case 3: return {byte * 0x0101'0101u, false};
    default: return {std::rotr((imm12 & 0x7F) | 0x80, static_cast<int>(imm12 >> 7)), true};
  }
}

}  // namespace microvisor::board

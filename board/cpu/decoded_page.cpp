// Decoding into a page, and the rule of IT blocks (see the header).
#include "board/cpu/decoded_page.hpp"

#include <algorithm>
#include <cstring>

#include "board/cpu/decoder.hpp"
#include "board/cpu/fetch.hpp"
#include "board/cpu/handlers_control.hpp"

namespace microvisor::board {
namespace {

std::uint32_t half_at(const std::uint8_t* code, std::uint32_t slot) {
  std::uint16_t half = 0;
  std::memcpy(&half, code + 2 * slot, sizeof half);
  return half;
}

/// The first slot behind the IT block of the IT instruction at `slot`, as far as it lies in the page.
std::uint32_t end_of_block(const std::uint8_t* code, std::uint32_t slot) {
  std::uint8_t state = static_cast<std::uint8_t>(half_at(code, slot));
  std::uint32_t at = slot + 1;
  for (; state != 0 && at < kPageSlots; state = advance_it(state)) at += is_wide(half_at(code, at)) ? 2 : 1;
  return std::min(at, kPageSlots);
}

/// BKPT T1
bool is_breakpoint(std::uint32_t half) { return (half & 0xFF00) == 0xBE00; }

bool is_if_then(const Record& record) { return record.op == handler_index<&IfThen::run<1>>; }

/// True if an IT instruction that has been decoded in this page has the instruction at `slot` in its block.
bool inside_block(const Record* records, const std::uint8_t* code, std::uint32_t slot) {
  const std::uint32_t first = slot > kLongestItBlock ? slot - kLongestItBlock : 0;
  for (std::uint32_t before = first; before < slot; ++before) {
    if (is_if_then(records[before]) && end_of_block(code, before) > slot) return true;
  }
  return false;
}

/// What stands in the block may have been decoded on its own before.
void clear_block(Record* records, const std::uint8_t* code, std::uint32_t slot) {
  const std::uint32_t end = end_of_block(code, slot);
  for (std::uint32_t inside = slot + 1; inside < end; ++inside) {
    if (records[inside].it == 0) forget(records[inside]);
  }
}

}  // namespace

bool is_marked(const Record& record) { return record.op == handler_index<&Marked::run>; }

void forget(Record& record) {
  if (!is_marked(record)) record.op = 0;
}

DecodedPage::DecodedPage(std::uint32_t number) {
  records[kPageSlots].op = handler_index<&PageEnd::run>;
  records[kPageSlots].imm = number;
}

bool is_decodable(const Record* records, const std::uint8_t* code, std::uint32_t slot,
                  std::uint8_t it_state) {
  const std::uint32_t half = half_at(code, slot);
  if (is_wide(half) && slot + 1 == kPageSlots) return false;
  if (it_state == 0) return !inside_block(records, code, slot);
  // BKPT has no condition in front of it that would notice another way in.
  return !is_breakpoint(half);
}

void decode_slot(Record* records, const std::uint8_t* code, std::uint32_t slot, std::uint8_t it_state) {
  std::uint32_t opcode = half_at(code, slot);
  const bool wide = is_wide(opcode);
  if (wide) opcode = opcode << 16 | half_at(code, slot + 1);
  decode(opcode, wide, {.slot = slot, .it_state = it_state}, records[slot]);
  if (is_if_then(records[slot])) clear_block(records, code, slot);
}

bool covers(const DecodedPage& page, const DecodedPage& other) {
  return std::ranges::equal(page.records, other.records, [](const Record& here, const Record& there) {
    return here.op != 0 || there.op == 0;
  });
}

void merge(DecodedPage& page, const DecodedPage& other, const std::uint8_t* code) {
  for (std::uint32_t slot = 0; slot < kPageSlots; ++slot) {
    if (page.records[slot].op == 0) page.records[slot] = other.records[slot];
  }
  // One of the two may have come to a block through its IT instruction, the other another way.
  for (std::uint32_t slot = 0; slot < kPageSlots; ++slot) {
    if (is_if_then(page.records[slot])) clear_block(page.records.data(), code, slot);
  }
}

}  // namespace microvisor::board

// Decoded instructions: pages, their life, and the rule of IT blocks (see the header).
#include "board/cpu/decode_cache.hpp"

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

/// Halfwords of the IT block behind the IT instruction at `slot`, as far as they lie in the page.
std::uint32_t block_length(const std::uint8_t* code, std::uint32_t slot) {
  std::uint8_t state = static_cast<std::uint8_t>(half_at(code, slot));
  std::uint32_t at = slot + 1;
  for (; state != 0 && at < kPageSlots; state = advance_it(state)) at += is_wide(half_at(code, at)) ? 2 : 1;
  return at - slot - 1;
}

bool is_if_then(const Record& record) { return record.op == handler_index<&IfThen::run<1>>; }

bool is_marked(const Record& record) { return record.op == handler_index<&Marked::run>; }

/// What is in the record does not hold any more.
void forget(Record& record) {
  if (!is_marked(record)) record.op = 0;
}

/// True if an IT instruction that has been decoded in this page has the instruction at `slot` in its block.
bool inside_block(const Record* records, const std::uint8_t* code, std::uint32_t slot) {
  const std::uint32_t first = slot > kLongestItBlock ? slot - kLongestItBlock : 0;
  for (std::uint32_t before = first; before < slot; ++before) {
    if (is_if_then(records[before]) && before + 1 + block_length(code, before) > slot) return true;
  }
  return false;
}

}  // namespace

DecodeCache::DecodeCache() { step[1].op = step[2].op = handler_index<&PageEnd::run>; }

DecodedPage& DecodeCache::page(std::uint32_t physical, bool& created) {
  std::unique_ptr<DecodedPage>& slot = pages_[physical / kPageBytes];
  created = slot == nullptr;
  if (created) {
    slot = std::make_unique<DecodedPage>();
    slot->records[kPageSlots].op = handler_index<&PageEnd::run>;
  }
  return *slot;
}

void DecodeCache::invalidate(std::uint32_t physical, std::uint32_t size) {
  if (pages_.empty() || size == 0) return;
  // An instruction may begin one halfword earlier, and an IT block reaches on.
  const std::uint64_t begin = physical < 2 ? 0 : physical - 2;
  const std::uint64_t end = std::uint64_t{physical} + size + 2 * kLongestItBlock;
  for (std::uint64_t number = begin / kPageBytes; number * kPageBytes < end; ++number) {
    const auto found = pages_.find(static_cast<std::uint32_t>(number));
    if (found == pages_.end()) continue;
    const std::uint64_t base = number * kPageBytes;
    const std::uint64_t from = begin > base ? (begin - base) / 2 : 0;
    const std::uint64_t to = std::min<std::uint64_t>((end - base + 1) / 2, kPageSlots);
    for (std::uint64_t slot = from; slot < to; ++slot) forget(found->second->records[slot]);
  }
}

void DecodeCache::mark(Record& record) {
  if (is_marked(record)) return;
  record = Record{};
  record.op = handler_index<&Marked::run>;
  marks_.push_back(&record);
}

void DecodeCache::unmark() {
  for (Record* record : marks_) record->op = 0;
  marks_.clear();
}

bool decode_slot(Record* records, const std::uint8_t* code, std::uint32_t slot, std::uint8_t it_state) {
  std::uint32_t opcode = half_at(code, slot);
  const bool wide = is_wide(opcode);
  if (wide && slot + 1 == kPageSlots) return false;
  if (it_state == 0 && inside_block(records, code, slot)) return false;
  if (wide) opcode = opcode << 16 | half_at(code, slot + 1);
  Record& record = records[slot];
  decode(opcode, wide, {.slot = slot, .it_state = it_state}, record);
  if (is_if_then(record)) {
    // What stands in the block may have been decoded on its own before.
    const std::uint32_t end = std::min(slot + 1 + kLongestItBlock, kPageSlots);
    for (std::uint32_t inside = slot + 1; inside < end; ++inside) {
      if (records[inside].it == 0) forget(records[inside]);
    }
  }
  return true;
}

}  // namespace microvisor::board

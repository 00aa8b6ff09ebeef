// Which records a board executes from, and their life (see the header).
#include "board/cpu/decode_cache.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "board/cpu/fetch.hpp"

namespace microvisor::board {

DecodeCache::DecodeCache() { step[1].op = step[2].op = handler_index<&PageEnd::run>; }

const Record* DecodeCache::page(std::uint32_t physical, const std::uint8_t* code, bool& created) {
  retired_.clear();
  const std::uint32_t number = physical / kPageBytes;
  Held& held = pages_[number];
  held.code = code;
  created = held.shared == nullptr && held.own == nullptr;
  if (created) held.shared = SharedCode::instance().find(number, code);
  if (held.shared == nullptr) own(held, number);
  return held.records();
}

void DecodeCache::clear() {
  pages_.clear();
  marks_.clear();
  unsettled_.clear();
}

DecodedPage& DecodeCache::own(Held& held, std::uint32_t number) {
  if (held.own == nullptr) {
    if (held.shared != nullptr) {
      held.own = std::make_unique<DecodedPage>(*held.shared);
      held.patience = std::min(2 * held.patience, std::numeric_limits<std::uint32_t>::max() / 4);
      retired_.push_back({.shared = std::move(held.shared), .own = {}});
    } else {
      held.own = std::make_unique<DecodedPage>(number);
    }
    unsettled_.push_back(number);
  }
  held.remaining = held.patience;
  return *held.own;
}

const Record* DecodeCache::decode(const Record* records, std::uint32_t slot, std::uint8_t it_state) {
  const std::uint32_t number = page_number(records);
  Held& held = pages_.at(number);
  if (!is_decodable(records, held.code, slot, it_state)) return nullptr;
  if (held.own == nullptr) {
    // Another board may have come this way since.
    SharedCode::Page latest = SharedCode::instance().find(number, held.code);
    if (latest != nullptr && latest->records[slot].op != 0) {
      std::swap(held.shared, latest);
      retired_.push_back({.shared = std::move(latest), .own = {}});
      return held.records();
    }
  }
  decode_slot(own(held, number).records.data(), held.code, slot, it_state);
  return held.records();
}

const Record* DecodeCache::forget(const Record* records, std::uint32_t slot) {
  const std::uint32_t number = page_number(records);
  Held& held = pages_.at(number);
  board::forget(own(held, number).records[slot]);
  return held.records();
}

const Record* DecodeCache::mark(const Record* records, std::uint32_t slot) {
  if (is_marked(records[slot])) return records;
  const std::uint32_t number = page_number(records);
  Record& record = own(pages_.at(number), number).records[slot];
  record = Record{};
  record.op = handler_index<&Marked::run>;
  marks_.push_back(&record);
  return pages_.at(number).records();
}

void DecodeCache::unmark() {
  for (Record* record : marks_) record->op = 0;
  marks_.clear();
}

bool DecodeCache::invalidate(std::uint32_t physical, std::uint32_t size) {
  if (pages_.empty() || size == 0) return false;
  bool moved = false;
  const std::uint64_t end = std::uint64_t{physical} + size;
  for (std::uint64_t number = physical / kPageBytes; number * kPageBytes < end; ++number) {
    const auto found = pages_.find(static_cast<std::uint32_t>(number));
    if (found == pages_.end()) continue;
    const std::uint64_t base = number * kPageBytes;
    if (physical <= base && end >= base + kPageBytes && marks_.empty()) {
      // All of it: whoever executes there next looks for a page with the new bytes.
      retired_.push_back(std::move(found->second));
      pages_.erase(found);
      moved = true;
      continue;
    }
    // An instruction may begin one halfword earlier, and an IT block reaches on.
    const std::uint64_t first = physical > base + 2 ? (physical - base - 2) / 2 : 0;
    const std::uint64_t last = (end - base + 1) / 2 + kLongestItBlock;
    moved |= forget(found->second, found->first, static_cast<std::uint32_t>(first),
                    static_cast<std::uint32_t>(std::min<std::uint64_t>(last, kPageSlots)));
  }
  return moved;
}

bool DecodeCache::forget(Held& held, std::uint32_t number, std::uint32_t from, std::uint32_t to) {
  const Record* records = held.records();
  if (std::all_of(records + from, records + to, [](const Record& record) { return record.op == 0; })) {
    return false;
  }
  auto& own_records = own(held, number).records;
  std::for_each(own_records.begin() + from, own_records.begin() + to,
                [](Record& record) { board::forget(record); });
  return held.records() != records;
}

bool DecodeCache::share_settled() {
  bool moved = false;
  std::erase_if(unsettled_, [&](std::uint32_t number) {
    const auto found = pages_.find(number);
    if (found == pages_.end() || found->second.own == nullptr) return true;
    Held& held = found->second;
    if (--held.remaining > 0) return false;
    held.shared = SharedCode::instance().publish(*held.own, held.code);
    held.own.reset();
    moved = true;
    return true;
  });
  return moved;
}

std::size_t DecodeCache::own_pages() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(pages_, [](const auto& entry) { return entry.second.own != nullptr; }));
}

}  // namespace microvisor::board

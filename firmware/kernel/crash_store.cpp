// Key::CrashReports: for each slot size (0: free), sequence, SHA-256; 4, 4 and 32 bytes.
#include "firmware/kernel/crash_store.hpp"

#include <algorithm>
#include <cstring>

#include "firmware/storage/bytes.hpp"

namespace microvisor::firmware::kernel {

namespace {

using storage::get32;
using storage::kNorPageSize;
using storage::kNorSectorSize;

constexpr std::size_t kEntrySize = 8 + sizeof(crypto::Digest);
using Table = std::array<std::uint8_t, CrashStore::kSlots * kEntrySize>;

}  // namespace

void CrashStore::mount() {
  slots_ = {};
  Table table{};
  std::size_t size = 0;
  const bool there = store_.get(vault::Key::CrashReports, table, size) == vault::StoreStatus::Ok;
  if (!there || size != table.size()) return;
  for (std::uint32_t i = 0; i < kSlots; ++i) {
    const auto entry = std::span(table).subspan(i * kEntrySize, kEntrySize);
    if (get32(entry, 0) > kMaximumReport) continue;
    slots_[i].size = get32(entry, 0);
    slots_[i].sequence = get32(entry, 4);
    std::copy_n(entry.begin() + 8, slots_[i].hash.size(), slots_[i].hash.begin());
  }
}

bool CrashStore::save() {
  Table table{};
  for (std::uint32_t i = 0; i < kSlots; ++i) {
    const auto entry = std::span(table).subspan(i * kEntrySize, kEntrySize);
    storage::put32(entry, 0, slots_[i].size);
    storage::put32(entry, 4, slots_[i].sequence);
    std::copy(slots_[i].hash.begin(), slots_[i].hash.end(), entry.begin() + 8);
  }
  return store_.put(vault::Key::CrashReports, table) == vault::StoreStatus::Ok;
}

std::optional<std::uint32_t> CrashStore::oldest() const {
  std::optional<std::uint32_t> best;
  for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
    if (slots_[slot].size == 0) continue;
    if (!best || slots_[slot].sequence < slots_[*best].sequence) best = slot;
  }
  return best;
}

std::uint32_t CrashStore::size() const {
  const auto slot = oldest();
  return slot ? slots_[*slot].size : 0;
}

crypto::Digest CrashStore::hash() const {
  const auto slot = oldest();
  return slot ? slots_[*slot].hash : crypto::Digest{};
}

bool CrashStore::read(std::uint32_t offset, std::span<std::uint8_t> out) {
  const auto slot = oldest();
  if (!slot || offset > slots_[*slot].size || out.size() > slots_[*slot].size - offset) return false;
  return nor_.read(address(*slot) + offset, out);
}

bool CrashStore::remove() {
  const auto slot = oldest();
  if (!slot) return true;
  slots_[*slot] = {};  // even if the memory fails: it would be sent again and again
  return save();
}

bool CrashWriter::begin() {
  const auto& slots = store_.slots_;
  const auto free = std::find_if(slots.begin(), slots.end(), [](const auto& slot) { return slot.size == 0; });
  if (free == slots.end()) return false;
  slot_ = static_cast<std::uint32_t>(free - slots.begin());
  sequence_ = 1;
  for (const auto& slot : slots) {
    if (slot.size != 0) sequence_ = std::max(sequence_, slot.sequence + 1);
  }
  size_ = 0;
  hash_ = {};
  const std::uint32_t start = CrashStore::address(slot_);
  return store_.nor_.erase_sector(start) && store_.nor_.erase_sector(start + kNorSectorSize);
}

bool CrashWriter::append(std::span<const std::uint8_t> bytes) {
  if (bytes.size() > CrashStore::kMaximumReport - size_) return false;
  while (!bytes.empty()) {
    const std::uint32_t fill = size_ % kNorPageSize;
    const std::size_t count = std::min<std::size_t>(kNorPageSize - fill, bytes.size());
    std::memcpy(page_.data() + fill, bytes.data(), count);
    size_ += static_cast<std::uint32_t>(count);
    bytes = bytes.subspan(count);
    if (size_ % kNorPageSize == 0 && !flush()) return false;
  }
  return true;
}

/// Programs what page_ holds: the bytes from the last page boundary up to size_.
bool CrashWriter::flush() {
  const std::uint32_t count = size_ % kNorPageSize == 0 ? kNorPageSize : size_ % kNorPageSize;
  const auto piece = std::span(page_).first(count);
  hash_.update(piece);
  return store_.nor_.program(CrashStore::address(slot_) + size_ - count, piece);
}

bool CrashWriter::commit() {
  if (size_ == 0 || (size_ % kNorPageSize != 0 && !flush())) return false;
  store_.slots_[slot_] = {size_, sequence_, hash_.finish()};
  if (store_.save()) return true;
  store_.slots_[slot_] = {};
  return false;
}

}  // namespace microvisor::firmware::kernel

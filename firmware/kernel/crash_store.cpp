// Header: magic, size, sequence, CRC-32 of the report, CRC-32 of these four; 4 bytes each, little-endian.
#include "firmware/kernel/crash_store.hpp"

#include <algorithm>
#include <cstring>

#include "firmware/storage/bytes.hpp"

namespace microvisor::firmware::kernel {

namespace {

using storage::get32;
using storage::kNorPageSize;
using storage::kNorSectorSize;

constexpr std::uint32_t kMagic = 0x5243'564D;  // "MVCR" in memory order
constexpr std::uint32_t kHeaderSize = 20;
using Header = std::array<std::uint8_t, kHeaderSize>;

}  // namespace

void CrashStore::mount() {
  for (std::uint32_t slot = 0; slot < kSlots; ++slot) slots_[slot] = look(slot);
}

CrashStore::Slot CrashStore::look(std::uint32_t slot) {
  Header header{};
  if (!nor_.read(address(slot), header) || get32(header, 0) != kMagic ||
      get32(header, 16) != storage::crc32(std::span(header).first(16))) {
    return {};
  }
  const Slot found{get32(header, 4), get32(header, 8)};
  if (found.size == 0 || found.size > kMaximumReport) return {};
  std::uint32_t crc = 0;
  std::array<std::uint8_t, 64> piece;
  for (std::uint32_t at = 0; at < found.size; at += static_cast<std::uint32_t>(piece.size())) {
    const auto part = std::span(piece).first(std::min<std::size_t>(piece.size(), found.size - at));
    if (!nor_.read(address(slot) + kNorPageSize + at, part)) return {};
    crc = storage::crc32(part, crc);
  }
  return crc == get32(header, 12) ? found : Slot{};
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

bool CrashStore::read(std::uint32_t offset, std::span<std::uint8_t> out) {
  const auto slot = oldest();
  if (!slot || offset > slots_[*slot].size || out.size() > slots_[*slot].size - offset) return false;
  return nor_.read(address(*slot) + kNorPageSize + offset, out);
}

/// Once its header is erased, a slot is free.
bool CrashStore::remove() {
  const auto slot = oldest();
  if (!slot) return true;
  slots_[*slot] = {};  // even if the memory fails: it would be sent again and again
  return nor_.erase_sector(address(*slot));
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
  size_ = crc_ = 0;
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
  crc_ = storage::crc32(piece, crc_);
  return store_.nor_.program(CrashStore::address(slot_) + kNorPageSize + size_ - count, piece);
}

bool CrashWriter::commit() {
  if (size_ == 0 || (size_ % kNorPageSize != 0 && !flush())) return false;
  Header header{};
  storage::put32(header, 0, kMagic);
  storage::put32(header, 4, size_);
  storage::put32(header, 8, sequence_);
  storage::put32(header, 12, crc_);
  storage::put32(header, 16, storage::crc32(std::span(header).first(16)));
  if (!store_.nor_.program(CrashStore::address(slot_), header)) return false;
  store_.slots_[slot_] = store_.look(slot_);
  return store_.slots_[slot_].size != 0;
}

}  // namespace microvisor::firmware::kernel

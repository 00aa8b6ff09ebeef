// The object table is one value in the journal, the progress of the open object another, small one. Sectors
// are erased when the first byte comes to lie in them, so an interrupted object costs at most one checkpoint
// of repeated transfer.
#include "firmware/update/staging.hpp"

#include <algorithm>
#include <cstring>

#include "firmware/layout.hpp"
#include "firmware/storage/bytes.hpp"

namespace microvisor::firmware::update {

namespace {

using storage::kNorPageSize;
using storage::kNorSectorSize;
using vault::Key;
using vault::StoreStatus;

// Table entry: hash, offset, capacity, size, complete (4 bytes each).
constexpr std::size_t kEntrySize = 32 + 16;
constexpr std::size_t kMaximumTable = kMaximumStagedObjects * kEntrySize;
static_assert(kMaximumTable <= kMaximumStoreValue);
constexpr std::size_t kProgressSize = 32 + 4;

constexpr std::uint32_t round_up(std::uint32_t size) {
  return (size + kNorSectorSize - 1) / kNorSectorSize * kNorSectorSize;
}

}  // namespace

Staging::Staging(storage::Nor& nor, vault::Store& store, YieldHook hook)
    : nor_(nor), store_(store), yield_(hook) {}

void Staging::mount() {
  count_ = 0;
  open_ = false;
  std::array<std::uint8_t, kMaximumTable> table;
  std::size_t size = 0;
  if (store_.get(Key::StagedObjects, table, size) != StoreStatus::Ok) return;
  for (std::size_t at = 0; at + kEntrySize <= size; at += kEntrySize) {
    const auto entry = std::span(table).subspan(at, kEntrySize);
    Object& object = objects_[count_++];
    std::memcpy(object.hash.data(), entry.data(), object.hash.size());
    object.offset = storage::get32(entry, 32);
    object.capacity = storage::get32(entry, 36);
    object.size = storage::get32(entry, 40);
    object.complete = storage::get32(entry, 44);
  }
}

bool Staging::save_table() {
  std::array<std::uint8_t, kMaximumTable> table;
  for (std::uint32_t i = 0; i < count_; ++i) {
    const auto entry = std::span(table).subspan(i * kEntrySize, kEntrySize);
    std::memcpy(entry.data(), objects_[i].hash.data(), objects_[i].hash.size());
    storage::put32(entry, 32, objects_[i].offset);
    storage::put32(entry, 36, objects_[i].capacity);
    storage::put32(entry, 40, objects_[i].size);
    storage::put32(entry, 44, objects_[i].complete);
  }
  return store_.put(Key::StagedObjects, std::span(table).first(count_ * kEntrySize)) == StoreStatus::Ok;
}

bool Staging::save_progress(std::uint32_t offset) {
  std::array<std::uint8_t, kProgressSize> value;
  std::memcpy(value.data(), objects_[open_index_].hash.data(), 32);
  storage::put32(value, 32, offset);
  if (store_.put(Key::StagedProgress, value) != StoreStatus::Ok) return false;
  checkpoint_ = offset;
  return true;
}

std::uint32_t Staging::load_progress(const crypto::Digest& hash) {
  std::array<std::uint8_t, kProgressSize> value;
  std::size_t size = 0;
  if (store_.get(Key::StagedProgress, value, size) != StoreStatus::Ok || size != value.size()) return 0;
  return std::equal(hash.begin(), hash.end(), value.begin()) ? storage::get32(value, 32) : 0;
}

const Staging::Object* Staging::find(const crypto::Digest& hash) const {
  for (std::uint32_t i = 0; i < count_; ++i) {
    if (objects_[i].hash == hash) return &objects_[i];
  }
  return nullptr;
}

bool Staging::is_complete(const crypto::Digest& hash) const {
  const Object* object = find(hash);
  return object != nullptr && object->complete != 0;
}

std::optional<std::uint32_t> Staging::size_of(const crypto::Digest& hash) const {
  const Object* object = find(hash);
  if (object == nullptr || object->complete == 0) return std::nullopt;
  return object->size;
}

void Staging::remove_at(std::uint32_t index) {
  for (std::uint32_t i = index + 1; i < count_; ++i) objects_[i - 1] = objects_[i];
  --count_;
}

std::optional<std::uint32_t> Staging::find_gap(std::uint32_t capacity) const {
  // Candidates are the start of the area and the end of each object; the lowest that is free for long enough
  // wins.
  std::optional<std::uint32_t> best;
  for (std::uint32_t i = 0; i <= count_; ++i) {
    const std::uint32_t start = i == 0 ? kStaging : objects_[i - 1].offset + objects_[i - 1].capacity;
    if (start + capacity > kStaging + kStagingSize || (best && *best <= start)) continue;
    const auto collides = [&](const Object& object) {
      return start < object.offset + object.capacity && object.offset < start + capacity;
    };
    if (std::none_of(objects_.begin(), objects_.begin() + count_, collides)) best = start;
  }
  return best;
}

bool Staging::evict_one(const crypto::Digest& hash, std::span<const crypto::Digest> keep) {
  for (std::uint32_t i = 0; i < count_; ++i) {
    const crypto::Digest& candidate = objects_[i].hash;
    if (candidate == hash || std::find(keep.begin(), keep.end(), candidate) != keep.end()) continue;
    remove_at(i);
    return true;
  }
  return false;
}

StagingStatus Staging::allocate(const crypto::Digest& hash, std::uint32_t maximum_size,
                                std::span<const crypto::Digest> keep) {
  const std::uint32_t capacity = round_up(maximum_size);
  if (maximum_size == 0 || capacity > kStagingSize) return StagingStatus::TooLarge;
  for (;;) {
    const std::optional<std::uint32_t> offset = find_gap(capacity);
    if (offset && count_ < objects_.size()) {
      objects_[count_++] = Object{hash, *offset, capacity, maximum_size, 0};
      return save_table() ? StagingStatus::Ok : StagingStatus::Failed;
    }
    if (!evict_one(hash, keep)) return StagingStatus::NoRoom;
  }
}

StagingStatus Staging::open(const crypto::Digest& hash, std::uint32_t maximum_size,
                            std::span<const crypto::Digest> keep, std::uint32_t& offset) {
  open_ = false;
  offset = 0;
  const Object* object = find(hash);
  if (object != nullptr && (object->complete != 0 || object->size < maximum_size)) {
    const StagingStatus status = drop(hash);  // asked for again: what is there is not good enough
    if (status != StagingStatus::Ok) return status;
    object = nullptr;
  }
  if (object == nullptr) {
    // A progress record of an earlier attempt speaks of sectors that are somebody else's now.
    if (load_progress(hash) != 0 && store_.remove(Key::StagedProgress) != StoreStatus::Ok)
      return StagingStatus::Failed;
    const StagingStatus status = allocate(hash, maximum_size, keep);
    if (status != StagingStatus::Ok) return status;
    object = find(hash);
  }
  open_index_ = static_cast<std::uint32_t>(object - objects_.data());
  offset = std::min(load_progress(hash), object->size) / kNorSectorSize * kNorSectorSize;
  written_ = offset;
  checkpoint_ = offset;
  open_ = true;
  return StagingStatus::Ok;
}

StagingStatus Staging::flush_page() {
  // The page buffer holds the bytes from the last page boundary up to written_.
  const std::uint32_t count = written_ % kNorPageSize == 0 ? kNorPageSize : written_ % kNorPageSize;
  const std::uint32_t start = written_ - count;
  const std::uint32_t address = objects_[open_index_].offset + start;
  if (start % kNorSectorSize == 0 && !nor_.erase_sector(address)) return StagingStatus::Failed;
  if (!nor_.program(address, std::span(page_).first(count))) return StagingStatus::Failed;
  yield();
  return StagingStatus::Ok;
}

StagingStatus Staging::write(std::span<const std::uint8_t> data) {
  if (!open_) return StagingStatus::NotFound;
  if (data.size() > objects_[open_index_].size - written_) return StagingStatus::TooLarge;
  while (!data.empty()) {
    const std::uint32_t fill = written_ % kNorPageSize;
    const std::size_t count = std::min<std::size_t>(kNorPageSize - fill, data.size());
    std::memcpy(page_.data() + fill, data.data(), count);
    written_ += static_cast<std::uint32_t>(count);
    data = data.subspan(count);
    if (written_ % kNorPageSize != 0) continue;
    const StagingStatus status = flush_page();
    if (status != StagingStatus::Ok) return status;
    if (written_ - checkpoint_ >= kCheckpoint && written_ % kNorSectorSize == 0 && !save_progress(written_)) {
      return StagingStatus::Failed;
    }
  }
  return StagingStatus::Ok;
}

StagingStatus Staging::hash_object(const Object& object, crypto::Digest& digest) {
  std::array<std::uint8_t, kNorPageSize> buffer;
  crypto::Sha256 hash;
  for (std::uint32_t at = 0; at < object.size; at += kNorPageSize) {
    const auto piece = std::span(buffer).first(std::min<std::size_t>(buffer.size(), object.size - at));
    if (!nor_.read(object.offset + at, piece)) return StagingStatus::Failed;
    hash.update(piece);
    yield();
  }
  digest = hash.finish();
  return StagingStatus::Ok;
}

StagingStatus Staging::finish() {
  if (!open_) return StagingStatus::NotFound;
  if (written_ % kNorPageSize != 0) {
    const StagingStatus status = flush_page();
    if (status != StagingStatus::Ok) return status;
  }
  open_ = false;
  Object& object = objects_[open_index_];
  object.size = written_;
  crypto::Digest digest{};
  const StagingStatus status = hash_object(object, digest);
  if (status != StagingStatus::Ok) return status;
  if (digest != object.hash) {
    remove_at(open_index_);
    return save_table() ? StagingStatus::WrongHash : StagingStatus::Failed;
  }
  object.complete = 1;
  return save_table() ? StagingStatus::Ok : StagingStatus::Failed;
}

void Staging::suspend() {
  if (!open_) return;
  open_ = false;
  const std::uint32_t safe = written_ / kNorSectorSize * kNorSectorSize;
  if (safe > checkpoint_) (void)save_progress(safe);
}

bool Staging::read(const crypto::Digest& hash, std::uint32_t offset, std::span<std::uint8_t> out) {
  const Object* object = find(hash);
  if (object == nullptr || object->complete == 0 || offset > object->size ||
      out.size() > object->size - offset) {
    return false;
  }
  return nor_.read(object->offset + offset, out);
}

StagingStatus Staging::verify(const crypto::Digest& hash) {
  const Object* object = find(hash);
  if (object == nullptr || object->complete == 0) return StagingStatus::NotFound;
  crypto::Digest digest{};
  const StagingStatus status = hash_object(*object, digest);
  if (status != StagingStatus::Ok) return status;
  return crypto::equal(digest, hash) == crypto::Verdict::Valid ? StagingStatus::Ok : StagingStatus::WrongHash;
}

StagingStatus Staging::drop(const crypto::Digest& hash) {
  const Object* object = find(hash);
  if (object == nullptr) return StagingStatus::Ok;
  remove_at(static_cast<std::uint32_t>(object - objects_.data()));
  return save_table() ? StagingStatus::Ok : StagingStatus::Failed;
}

}  // namespace microvisor::firmware::update

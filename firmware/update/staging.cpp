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

// Table: format, the last generation, then entries of hash, offset, capacity, size, complete, generation;
// numbers of 4 bytes.
constexpr std::uint32_t kTableFormat = 2;
constexpr std::size_t kTableHeader = 8;
constexpr std::size_t kEntrySize = 32 + 20;
constexpr std::size_t kMaximumTable = kTableHeader + kMaximumStagedObjects * kEntrySize;
static_assert(kMaximumTable <= kMaximumStoreValue);
constexpr std::size_t kProgressSize = 32 + 8;  // hash, generation, offset

constexpr std::uint32_t sectors_of(std::uint32_t size) {
  return (size + kSealedSectorData - 1) / kSealedSectorData;
}

crypto::SealedBox box_in(std::span<std::uint8_t, kNorSectorSize> sector) {
  return {sector.subspan<4, crypto::kSealNonceSize>(), sector.subspan<kSectorHeader, kSealedSectorData>(),
          sector.last<crypto::kSealTagSize>()};
}

/// What a box is bound to: its place in the NOR and the generation of its object.
std::array<std::uint8_t, 8> context_of(std::uint32_t address, std::uint32_t generation) {
  std::array<std::uint8_t, 8> context{};
  storage::put32(context, 0, address);
  storage::put32(context, 4, generation);
  return context;
}

}  // namespace

UpdateError error_of(StagingStatus status) {
  switch (status) {
    case StagingStatus::Ok: return UpdateError::None;
    case StagingStatus::TooLarge:
    case StagingStatus::WrongHash: return UpdateError::Hash;
    case StagingStatus::OldCopy: return UpdateError::OldStaging;
    default: return UpdateError::Storage;
  }
}

Staging::Staging(storage::Nor& nor, vault::Store& store, const crypto::SealingKey& key, YieldHook hook)
    : nor_(nor), store_(store), key_(key), yield_(hook) {}

void Staging::mount() {
  count_ = 0;
  generation_ = 0;
  open_ = false;
  loaded_ = kNothing;
  const auto table = std::span(sector_).first(kMaximumTable);
  std::size_t size = 0;
  if (store_.get(Key::StagedObjects, table, size) != StoreStatus::Ok || size < kTableHeader ||
      storage::get32(table, 0) != kTableFormat) {
    return;
  }
  generation_ = storage::get32(table, 4);
  for (std::size_t at = kTableHeader; at + kEntrySize <= size; at += kEntrySize) {
    const auto entry = table.subspan(at, kEntrySize);
    Object& object = objects_[count_++];
    std::memcpy(object.hash.data(), entry.data(), object.hash.size());
    object.offset = storage::get32(entry, 32);
    object.capacity = storage::get32(entry, 36);
    object.size = storage::get32(entry, 40);
    object.complete = storage::get32(entry, 44);
    object.generation = storage::get32(entry, 48);
  }
}

bool Staging::save_table() {
  const auto table = scratch();
  storage::put32(table, 0, kTableFormat);
  storage::put32(table, 4, generation_);
  for (std::uint32_t i = 0; i < count_; ++i) {
    const auto entry = table.subspan(kTableHeader + i * kEntrySize, kEntrySize);
    std::memcpy(entry.data(), objects_[i].hash.data(), objects_[i].hash.size());
    storage::put32(entry, 32, objects_[i].offset);
    storage::put32(entry, 36, objects_[i].capacity);
    storage::put32(entry, 40, objects_[i].size);
    storage::put32(entry, 44, objects_[i].complete);
    storage::put32(entry, 48, objects_[i].generation);
  }
  return store_.put(Key::StagedObjects, table.first(kTableHeader + count_ * kEntrySize)) == StoreStatus::Ok;
}

bool Staging::save_progress(std::uint32_t offset) {
  std::array<std::uint8_t, kProgressSize> value;
  std::memcpy(value.data(), objects_[open_index_].hash.data(), 32);
  storage::put32(value, 32, objects_[open_index_].generation);
  storage::put32(value, 36, offset);
  if (store_.put(Key::StagedProgress, value) != StoreStatus::Ok) return false;
  checkpoint_ = offset;
  return true;
}

std::uint32_t Staging::load_progress(const Object& object) {
  std::array<std::uint8_t, kProgressSize> value;
  std::size_t size = 0;
  if (store_.get(Key::StagedProgress, value, size) != StoreStatus::Ok || size != value.size()) return 0;
  const bool same = std::equal(object.hash.begin(), object.hash.end(), value.begin()) &&
                    storage::get32(value, 32) == object.generation;
  return same ? storage::get32(value, 36) : 0;
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
  if (maximum_size == 0 || maximum_size > kStagingSize) return StagingStatus::TooLarge;
  const std::uint32_t capacity = sectors_of(maximum_size) * kNorSectorSize;
  if (capacity > kStagingSize) return StagingStatus::TooLarge;
  for (;;) {
    const std::optional<std::uint32_t> offset = find_gap(capacity);
    if (offset && count_ < objects_.size()) {
      objects_[count_++] = Object{hash, *offset, capacity, maximum_size, 0, ++generation_};
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
    const StagingStatus status = allocate(hash, maximum_size, keep);
    if (status != StagingStatus::Ok) return status;
    object = find(hash);
  }
  open_index_ = static_cast<std::uint32_t>(object - objects_.data());
  offset = std::min(load_progress(*object), object->size) / kSealedSectorData * kSealedSectorData;
  written_ = offset;
  checkpoint_ = offset;
  loaded_ = kNothing;
  open_ = true;
  return StagingStatus::Ok;
}

// ---- Sectors

StagingStatus Staging::flush_sector() {
  // The buffer holds the bytes from the last sector's boundary up to written_.
  const std::uint32_t rest = written_ % kSealedSectorData;
  const std::uint32_t count = rest == 0 ? kSealedSectorData : rest;
  return store_sector(objects_[open_index_], (written_ - count) / kSealedSectorData, count);
}

StagingStatus Staging::store_sector(const Object& object, std::uint32_t index, std::uint32_t count) {
  const std::uint32_t address = object.offset + index * kNorSectorSize;
  std::fill(sector_.begin() + kSectorHeader + count, sector_.end(), std::uint8_t{0});
  storage::put32(sector_, 0, object.generation);
  if (!crypto::seal(key_, context_of(address, object.generation), box_in(sector_)))
    return StagingStatus::Failed;
  if (!nor_.erase_sector(address)) return StagingStatus::Failed;
  for (std::uint32_t at = 0; at < kNorSectorSize; at += kNorPageSize) {
    if (!nor_.program(address + at, std::span(sector_).subspan(at, kNorPageSize)))
      return StagingStatus::Failed;
    yield();
  }
  return StagingStatus::Ok;
}

StagingStatus Staging::load_sector(const Object& object, std::uint32_t index) {
  if (open_) return StagingStatus::Failed;  // the buffer is in use
  const std::uint32_t address = object.offset + index * kNorSectorSize;
  if (loaded_ == address) return StagingStatus::Ok;
  loaded_ = kNothing;
  if (!nor_.read(address, sector_)) return StagingStatus::Failed;
  yield();
  const std::uint32_t generation = storage::get32(sector_, 0);
  if (!crypto::unseal(key_, context_of(address, generation), box_in(sector_)))
    return StagingStatus::WrongHash;
  if (generation < object.generation) return StagingStatus::OldCopy;
  if (generation != object.generation) return StagingStatus::WrongHash;
  loaded_ = address;
  return StagingStatus::Ok;
}

StagingStatus Staging::write(std::span<const std::uint8_t> data) {
  if (!open_) return StagingStatus::NotFound;
  if (data.size() > objects_[open_index_].size - written_) return StagingStatus::TooLarge;
  while (!data.empty()) {
    const std::uint32_t fill = written_ % kSealedSectorData;
    const std::size_t count = std::min<std::size_t>(kSealedSectorData - fill, data.size());
    std::memcpy(sector_.data() + kSectorHeader + fill, data.data(), count);
    written_ += static_cast<std::uint32_t>(count);
    data = data.subspan(count);
    if (written_ % kSealedSectorData != 0) continue;
    const StagingStatus status = flush_sector();
    if (status != StagingStatus::Ok) return status;
    const bool passed = written_ / kCheckpoint != checkpoint_ / kCheckpoint;
    if (passed && !save_progress(written_)) return StagingStatus::Failed;
  }
  return StagingStatus::Ok;
}

StagingStatus Staging::hash_object(const Object& object, std::uint32_t padded_size, crypto::Digest& digest) {
  crypto::Sha256 hash;
  for (std::uint32_t at = 0; at < object.size; at += kSealedSectorData) {
    const StagingStatus status = load_sector(object, at / kSealedSectorData);
    if (status != StagingStatus::Ok) return status;
    hash.update(std::span(sector_).subspan(kSectorHeader, std::min(kSealedSectorData, object.size - at)));
    yield();
  }
  constexpr std::uint32_t kPiece = 8192;
  for (std::uint32_t at = object.size; at < padded_size;) {
    const std::uint32_t count = std::min(kPiece, padded_size - at);
    hash.update_blank(count);
    at += count;
    yield();
  }
  digest = hash.finish();
  return StagingStatus::Ok;
}

// ---- Objects

StagingStatus Staging::finish() {
  if (!open_) return StagingStatus::NotFound;
  if (written_ % kSealedSectorData != 0) {
    const StagingStatus status = flush_sector();
    if (status != StagingStatus::Ok) return status;
  }
  open_ = false;
  objects_[open_index_].size = written_;
  return complete(objects_[open_index_].hash, 0);
}

StagingStatus Staging::complete(const crypto::Digest& hash, std::uint32_t padded_size) {
  const Object* const found = find(hash);
  if (found == nullptr) return StagingStatus::NotFound;
  const auto index = static_cast<std::uint32_t>(found - objects_.data());
  Object& object = objects_[index];
  const StagingStatus status = hash_object(object, padded_size, found_);
  if (status != StagingStatus::Ok) return status;
  if (found_ != object.hash) {
    remove_at(index);
    return save_table() ? StagingStatus::WrongHash : StagingStatus::Failed;
  }
  object.complete = 1;
  object.capacity = sectors_of(object.size) * kNorSectorSize;  // the rest of its region is free again
  return save_table() ? StagingStatus::Ok : StagingStatus::Failed;
}

void Staging::suspend() {
  if (!open_) return;
  open_ = false;
  const std::uint32_t safe = written_ / kSealedSectorData * kSealedSectorData;
  if (safe > checkpoint_) (void)save_progress(safe);
}

StagingStatus Staging::read(const crypto::Digest& hash, std::uint32_t offset, std::span<std::uint8_t> out) {
  const Object* object = find(hash);
  if (object == nullptr || object->complete == 0 || offset > object->size ||
      out.size() > object->size - offset) {
    return StagingStatus::NotFound;
  }
  while (!out.empty()) {
    const StagingStatus status = load_sector(*object, offset / kSealedSectorData);
    if (status != StagingStatus::Ok) return status;
    const std::uint32_t skip = offset % kSealedSectorData;
    const std::size_t count = std::min<std::size_t>(kSealedSectorData - skip, out.size());
    std::memcpy(out.data(), sector_.data() + kSectorHeader + skip, count);
    offset += static_cast<std::uint32_t>(count);
    out = out.subspan(count);
  }
  return StagingStatus::Ok;
}

StagingStatus Staging::peek(const crypto::Digest& hash, std::span<const std::uint8_t>& contents) {
  const Object* object = find(hash);
  if (object == nullptr || object->complete == 0) return StagingStatus::NotFound;
  if (object->size > kSealedSectorData) return StagingStatus::TooLarge;
  contents = std::span(sector_).subspan(kSectorHeader, object->size);
  return load_sector(*object, 0);
}

std::span<std::uint8_t> Staging::scratch() {
  suspend();
  loaded_ = kNothing;
  return sector_;
}

StagingStatus Staging::verify(const crypto::Digest& hash, std::uint32_t padded_size) {
  loaded_ = kNothing;  // from the NOR, all of it
  const Object* object = find(hash);
  if (object == nullptr || object->complete == 0) return StagingStatus::NotFound;
  crypto::Digest digest{};
  const StagingStatus status = hash_object(*object, padded_size, digest);
  if (status != StagingStatus::Ok) return status;
  return crypto::equal(digest, hash) == crypto::Verdict::Valid ? StagingStatus::Ok : StagingStatus::WrongHash;
}

StagingStatus Staging::drop(const crypto::Digest& hash) {
  suspend();
  const Object* object = find(hash);
  if (object == nullptr) return StagingStatus::Ok;
  remove_at(static_cast<std::uint32_t>(object - objects_.data()));
  return save_table() ? StagingStatus::Ok : StagingStatus::Failed;
}

StagingStatus Staging::clear() {
  suspend();
  count_ = 0;
  return save_table() ? StagingStatus::Ok : StagingStatus::Failed;
}

}  // namespace microvisor::firmware::update

// The staging area: objects of updates in the external NOR flash, found by their SHA-256.
//
// The NOR holds bytes only; what they are stands in the vault's journal, which nobody outside the secure
// world can write. So an object is authenticated by the hash under which it was asked for, and is believed
// only after it has been read back from the NOR and hashed. An object being written is resumable: every
// kCheckpoint bytes the journal notes how far it has come, and after a power cut the sector at that point is
// erased again before it is written.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "firmware/crypto/crypto.hpp"
#include "firmware/limits.hpp"
#include "firmware/storage/flash.hpp"
#include "firmware/vault/store.hpp"

namespace microvisor::firmware::update {

inline constexpr std::uint32_t kCheckpoint = 16 * 1024;  // a multiple of the sector size

enum class StagingStatus : std::uint8_t { Ok, NotFound, NoRoom, TooLarge, WrongHash, Failed };

class Staging {
 public:
  using YieldHook = void (*)();
  Staging(storage::Nor& nor, vault::Store& store, YieldHook hook);

  /// Reads the object table and the progress of the open object. A lost table means an empty staging area.
  void mount();

  /// Whether the object is there, complete and (when it was completed) verified.
  [[nodiscard]] bool is_complete(const crypto::Digest& hash) const;
  [[nodiscard]] std::optional<std::uint32_t> size_of(const crypto::Digest& hash) const;

  /// Opens an object for writing; `offset` is where to go on. Objects that are neither in `keep` nor `hash`
  /// give way when there is no room.
  [[nodiscard]] StagingStatus open(const crypto::Digest& hash, std::uint32_t maximum_size,
                                   std::span<const crypto::Digest> keep, std::uint32_t& offset);
  [[nodiscard]] StagingStatus write(std::span<const std::uint8_t> data);
  /// Ends the open object: reads it back and compares its hash; WrongHash drops it.
  [[nodiscard]] StagingStatus finish();
  /// Leaves the open object for later, with a checkpoint at what is safely stored.
  void suspend();
  /// Bytes of the open object that have been written.
  [[nodiscard]] std::uint32_t written() const { return open_ ? written_ : 0; }

  /// Reads from a complete object.
  [[nodiscard]] bool read(const crypto::Digest& hash, std::uint32_t offset, std::span<std::uint8_t> out);
  /// Reads a complete object back and compares its hash with its name.
  [[nodiscard]] StagingStatus verify(const crypto::Digest& hash);
  /// Forgets one object, or all.
  [[nodiscard]] StagingStatus drop(const crypto::Digest& hash);

 private:
  struct Object {  // as stored under Key::StagedObjects
    crypto::Digest hash{};
    std::uint32_t offset = 0;    // in the NOR
    std::uint32_t capacity = 0;  // bytes reserved, whole sectors
    std::uint32_t size = 0;      // bytes; for an incomplete object the largest size allowed
    std::uint32_t complete = 0;
  };

  [[nodiscard]] const Object* find(const crypto::Digest& hash) const;
  [[nodiscard]] StagingStatus allocate(const crypto::Digest& hash, std::uint32_t maximum_size,
                                       std::span<const crypto::Digest> keep);
  [[nodiscard]] std::optional<std::uint32_t> find_gap(std::uint32_t capacity) const;
  [[nodiscard]] bool evict_one(const crypto::Digest& hash, std::span<const crypto::Digest> keep);
  void remove_at(std::uint32_t index);
  [[nodiscard]] bool save_table();
  [[nodiscard]] bool save_progress(std::uint32_t offset);
  [[nodiscard]] std::uint32_t load_progress(const crypto::Digest& hash);
  [[nodiscard]] StagingStatus flush_page();
  [[nodiscard]] StagingStatus hash_object(const Object& object, crypto::Digest& digest);
  void yield() const {
    if (yield_ != nullptr) yield_();
  }

  storage::Nor& nor_;
  vault::Store& store_;
  YieldHook yield_;
  std::array<Object, kMaximumStagedObjects> objects_{};
  std::uint32_t count_ = 0;
  bool open_ = false;
  std::uint32_t open_index_ = 0;
  std::uint32_t written_ = 0;     // bytes accepted, page buffer included
  std::uint32_t checkpoint_ = 0;  // bytes the journal knows to be stored
  std::array<std::uint8_t, storage::kNorPageSize> page_{};
};

}  // namespace microvisor::firmware::update

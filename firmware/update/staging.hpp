// The staging area: objects of updates in the external NOR flash, found by their SHA-256.
//
// Each sector of 4 KiB is one sealed box (crypto/seal.hpp): generation (4 bytes), nonce (12), up to 4064
// bytes of the object, tag (16). What stands where is a table in the vault's journal, which nobody outside
// the secure world can write, with the generation of each object: a counter that goes on whenever an object
// is opened anew. A box opens only where it was written and under the generation in the table. So who holds
// the NOR learns nothing from it but sizes, and can neither change an object nor put an older copy back; a
// box that opens under the generation it claims, and that is an earlier one, shows that somebody has tried
// (OldCopy).
//
// An object is believed only after it has been read back and hashed. An object being written is resumable:
// about every kCheckpoint bytes the journal notes how far it has come, and after a power cut the sector at
// that point is erased again before it is written.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "firmware/crypto/crypto.hpp"
#include "firmware/crypto/seal.hpp"
#include "firmware/limits.hpp"
#include "firmware/storage/flash.hpp"
#include "firmware/update/update_error.hpp"
#include "firmware/vault/store.hpp"
#include "protocol/transfer/format.hpp"

namespace microvisor::firmware::crypto {
class HpkeOpener;
}

namespace microvisor::firmware::update {

/// In front of an object's bytes in each sector of the NOR: generation and nonce.
inline constexpr std::uint32_t kSectorHeader = sizeof(std::uint32_t) + crypto::kSealNonceSize;
/// Bytes of an object in one sector.
inline constexpr std::uint32_t kSealedSectorData =
    storage::kNorSectorSize - sizeof(std::uint32_t) - crypto::kSealOverhead;
/// The journal notes how far an object has come when a sector is stored that passes a multiple of this: where
/// a transfer encoding can go on.
inline constexpr std::uint32_t kCheckpoint = protocol::transfer::kSegmentBytes;

enum class StagingStatus : std::uint8_t {
  Ok,
  NotFound,
  NoRoom,
  TooLarge,
  WrongHash,  ///< the object is not what its hash says, or has decayed
  OldCopy,    ///< what the NOR holds was there at an earlier time
  Failed,
};

/// What an update fails with because of it.
[[nodiscard]] UpdateError error_of(StagingStatus status);

class Staging {
 public:
  using YieldHook = void (*)();
  /// `key` is looked at from mount() on.
  Staging(storage::Nor& nor, vault::Store& store, const crypto::SealingKey& key, YieldHook hook);

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
  /// The hash of what finish() or complete() read back the last time.
  [[nodiscard]] const crypto::Digest& found() const { return found_; }
  /// Leaves the open object for later, with a checkpoint at the last whole sector.
  void suspend();
  /// Bytes of the open object that have been written.
  [[nodiscard]] std::uint32_t written() const { return open_ ? written_ : 0; }

  // While no object is open:

  /// Reads from a complete object.
  [[nodiscard]] StagingStatus read(const crypto::Digest& hash, std::uint32_t offset,
                                   std::span<std::uint8_t> out);
  /// A complete object that fits one sector, in the sector buffer: until anything else here is called.
  [[nodiscard]] StagingStatus peek(const crypto::Digest& hash, std::span<const std::uint8_t>& contents);
  /// The sector buffer, as memory for anything else: until anything else here is called. At least 4 KiB,
  /// aligned to words.
  [[nodiscard]] std::span<std::uint8_t> scratch();
  // decryption.cpp, kernel only:

  /// Room for an object that decrypt() will write. What a power cut has left of it is dropped: a cipher
  /// cannot go on in the middle. What is neither in `keep` nor this gives way.
  [[nodiscard]] StagingStatus reserve(const crypto::Digest& hash, std::uint32_t size,
                                      std::span<const crypto::Digest> keep);
  /// Fills it (`to`) with the first `size` bytes of a complete object (`from`), decrypted. WrongHash: what
  /// was to be decrypted has decayed. The new object counts once it is complete().
  [[nodiscard]] StagingStatus decrypt(const crypto::Digest& from, const crypto::Digest& to,
                                      std::uint32_t size, crypto::HpkeOpener& opener);
  /// Reads back an object of which everything is written. Its name is the hash of what it holds, filled up
  /// with 0xFF to `padded_size` (0: not at all); if it is not, WrongHash, and it is dropped.
  [[nodiscard]] StagingStatus complete(const crypto::Digest& hash, std::uint32_t padded_size);
  /// Reads a complete object back and compares its hash with its name, as complete() does.
  [[nodiscard]] StagingStatus verify(const crypto::Digest& hash, std::uint32_t padded_size = 0);
  /// Forgets one object.
  [[nodiscard]] StagingStatus drop(const crypto::Digest& hash);
  /// Forgets all objects.
  [[nodiscard]] StagingStatus clear();

 private:
  struct Object {  // as stored under Key::StagedObjects
    crypto::Digest hash{};
    std::uint32_t offset = 0;    // in the NOR
    std::uint32_t capacity = 0;  // bytes reserved, whole sectors
    std::uint32_t size = 0;      // bytes; for an incomplete object the largest size allowed
    std::uint32_t complete = 0;
    std::uint32_t generation = 0;
  };
  static constexpr std::uint32_t kNothing = ~std::uint32_t{0};

  [[nodiscard]] const Object* find(const crypto::Digest& hash) const;
  [[nodiscard]] StagingStatus allocate(const crypto::Digest& hash, std::uint32_t maximum_size,
                                       std::span<const crypto::Digest> keep);
  [[nodiscard]] std::optional<std::uint32_t> find_gap(std::uint32_t capacity) const;
  [[nodiscard]] bool evict_one(const crypto::Digest& hash, std::span<const crypto::Digest> keep);
  void remove_at(std::uint32_t index);
  [[nodiscard]] bool save_table();
  [[nodiscard]] bool save_progress(std::uint32_t offset);
  [[nodiscard]] std::uint32_t load_progress(const Object& object);
  [[nodiscard]] StagingStatus flush_sector();
  [[nodiscard]] StagingStatus store_sector(const Object& object, std::uint32_t index, std::uint32_t count);
  [[nodiscard]] StagingStatus load_sector(const Object& object, std::uint32_t index);
  [[nodiscard]] StagingStatus hash_object(const Object& object, std::uint32_t padded_size,
                                          crypto::Digest& digest);
  void yield() const {
    if (yield_ != nullptr) yield_();
  }

  storage::Nor& nor_;
  vault::Store& store_;
  const crypto::SealingKey& key_;
  YieldHook yield_;
  std::array<Object, kMaximumStagedObjects> objects_{};
  std::uint32_t count_ = 0;
  bool open_ = false;
  std::uint32_t open_index_ = 0;
  std::uint32_t generation_ = 0;  // the last one given to an object
  std::uint32_t written_ = 0;     // bytes accepted, those in the sector buffer included
  crypto::Digest found_{};
  std::uint32_t checkpoint_ = 0;  // bytes the journal knows to be stored
  // The sector being filled, or the one read last (the address in the NOR: loaded_), or scratch memory.
  alignas(8) std::array<std::uint8_t, storage::kNorSectorSize> sector_{};
  std::uint32_t loaded_ = kNothing;
};

}  // namespace microvisor::firmware::update

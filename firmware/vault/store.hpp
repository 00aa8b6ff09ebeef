// The vault's journal: a small key/value store that survives power cuts, torn rows and rows that no longer
// read.
//
// Values are appended as records to a ring of pages; the newest record of a key counts. Every row carries a
// tag that says whether it begins a record or continues one, so that one bad row costs the record it belongs
// to and nothing else: the scan finds the next record behind it by itself. A record counts only if all its
// rows are readable and its CRC agrees, so a put() is atomic: after a power cut at any point the key has its
// old or its new value.
//
// A page becomes part of the ring by its header rows, which are written after the records that had to be
// moved into it. So a power cut during the move leaves a page that does not count, and the move is done
// again. docs/boot.md has the format.
//
// Values are sealed by a key of the chip (crypto/seal.hpp), bound to their key and sequence number, so that a
// copy of the flash tells nothing and a value counts in its own record only. What tools outside read or write
// (is_plain()) is not.
//
// Not thread-safe; the worker owns it (and start-up code before the worker exists). Reading and writing do
// not allocate.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "firmware/crypto/seal.hpp"
#include "firmware/layout.hpp"
#include "firmware/limits.hpp"
#include "firmware/storage/flash.hpp"

namespace microvisor::firmware::vault {

/// Keys in use, all of them here so that no two parts take the same.
enum class Key : std::uint16_t {
  InstalledApplication = 0x0100,  // update: what bank 1 holds
  InstalledManifest = 0x0101,     // update: the manifest of what bank 1 holds, whole envelope
  UpdateState = 0x0102,           // update: target, phase, failure
  StagedObjects = 0x0103,         // update: what the staging area holds
  StagedProgress = 0x0104,        // update: how far the object being fetched has come
  SecurityRatchet = 0x0105,       // vault: u32, see ratchet.hpp
  KernelUpdate = 0x0106,          // upgrader: the update of Microvisor itself (upgrader/update_record.hpp)
  LayerKeys = 0x0107,             // vault: keys to encrypted layers, see layer_keys.hpp
  BootCount = 0x0200,             // kernel: u64
  Settings = 0x0201,              // kernel: what the gateway set
  FactoryTest = 0x0202,           // kernel: u32, see FactoryTest below
  WifiConfig = 0x0203,            // kernel: SSID and password (resident/wifi_settings.hpp)
  AccessPointName = 0x0206,       // kernel: of the modem's packet network; a factory writes it in clear
  EraseDue = 0x0205,              // kernel: u64, the sequence of the change of keys that asks for it
  CrashReports = 0x0204,          // kernel: what waits in the NOR (crash_store.cpp)
  LinkState = 0x0300,             // link: what survives a reset
  TlsSession = 0x0301,            // link: session ticket
};

/// Whether the values of `key` stand in the flash as they are: no secrets, and known to the factory or to
/// tools that look at a board from outside.
[[nodiscard]] constexpr bool is_plain(Key key) {
  return key == Key::InstalledApplication || key == Key::InstalledManifest || key == Key::UpdateState ||
         key == Key::SecurityRatchet || key == Key::KernelUpdate || key == Key::FactoryTest;
}

/// Values of Key::FactoryTest; without a record the device is a product.
enum class FactoryTest : std::uint8_t {
  None = 0,
  Testing = 1,  // the application is the line's test application
  Passed = 2,   // it has passed and does not run any more; the next application makes the device a product
};

enum class StoreStatus : std::uint8_t {
  Ok,
  NotFound,
  TooLarge,
  Full,
  FlashFailed,
  NoKey,  ///< the value is sealed, or would have to be, and this chip's key does not do it
};

class Store {
 public:
  /// `first_page` to `last_page` of bank 2; at least 3 pages.
  explicit Store(storage::Flash& flash, Pages pages = kVaultJournal) : flash_(flash), pages_(pages) {}

  /// From now on values are sealed with `key`, which is looked at whenever it is needed. Without this call
  /// (host tools) nothing is sealed, and what is sealed cannot be read.
  void seal_with(const crypto::SealingKey& key) { key_ = &key; }

  /// Reads the ring and finds every key's newest record. Call first. Writes once: the very last record is
  /// written again, because a power cut may have left it in a state that reads well today and not tomorrow.
  [[nodiscard]] StoreStatus mount();

  /// Copies the value of `key` to `out` and sets `size`. TooLarge if `out` is too small (`size` then says how
  /// much).
  [[nodiscard]] StoreStatus get(Key key, std::span<std::uint8_t> out, std::size_t& size);

  /// Sets the value of `key` atomically. An equal value is not written again.
  [[nodiscard]] StoreStatus put(Key key, std::span<const std::uint8_t> value);

  /// Removes `key`, atomically. Ok also if it was not there.
  [[nodiscard]] StoreStatus remove(Key key);
  /// Removes every other key, one after the other.
  [[nodiscard]] StoreStatus remove_all_but(Key key);

  /// Rows found unreadable or torn at the last mount(), for diagnosis.
  [[nodiscard]] std::uint32_t damaged_rows() const { return damaged_rows_; }

 private:
  struct Header {
    std::uint16_t key = 0;
    std::uint16_t size = 0;
    std::uint32_t sequence = 0;
    std::uint32_t crc = 0;
    bool removed = false;
    bool sealed = false;
    /// Bytes of the value; `size` counts what is stored.
    [[nodiscard]] std::size_t value_size() const {
      return sealed && size >= crypto::kSealOverhead ? size - crypto::kSealOverhead : size;
    }
  };
  class Stored;
  struct Entry {
    Header header;
    std::uint32_t address = 0;  // of the record's first row
  };

  [[nodiscard]] std::uint32_t page_address(std::uint32_t index) const {
    return pages_.address() + index * kPageSize;
  }
  [[nodiscard]] std::uint32_t page_count() const { return pages_.last - pages_.first + 1; }
  [[nodiscard]] std::uint32_t page_of(std::uint32_t address) const {
    return (address - pages_.address()) / kPageSize;
  }
  [[nodiscard]] bool seals(Key key) const { return key_ != nullptr && !is_plain(key); }
  [[nodiscard]] Entry* find(std::uint16_t key);

  void find_head();
  void scan_page(std::uint32_t index);
  void note(const Header& header, std::uint32_t address);
  [[nodiscard]] bool read_page_sequence(std::uint32_t index, std::uint32_t& sequence);
  [[nodiscard]] bool read_header(std::uint32_t address, Header& header);
  [[nodiscard]] bool record_is_good(std::uint32_t address, const Header& header);
  void scan();
  [[nodiscard]] bool settle();
  [[nodiscard]] bool read_stored(const Entry& entry, std::size_t from, std::span<std::uint8_t> out);
  [[nodiscard]] bool equals(const Entry& entry, std::span<const std::uint8_t> value);
  [[nodiscard]] StoreStatus append(std::uint16_t key, std::span<const std::uint8_t> value, bool removed);
  [[nodiscard]] bool measure_value(const Header& header, const crypto::SealNonce& nonce,
                                   std::span<const std::uint8_t> value, std::uint32_t& crc) const;
  [[nodiscard]] bool is_own(std::uint32_t address) const;
  [[nodiscard]] bool program(std::uint32_t address, const storage::Row& row);
  [[nodiscard]] bool erase(std::uint32_t address);
  [[nodiscard]] bool program_record(std::uint32_t address, const Header& header,
                                    const crypto::SealNonce& nonce, std::span<const std::uint8_t> value);
  [[nodiscard]] StoreStatus make_room(std::uint32_t rows);
  [[nodiscard]] StoreStatus advance();
  /// New address of each entry that was moved, 0 for the others; in force once the page has its header.
  using Moves = std::array<std::uint32_t, kMaximumStoreKeys>;
  [[nodiscard]] StoreStatus move_page(std::uint32_t from, std::uint32_t to, std::uint32_t& row, Moves& moves);
  enum class Copied : std::uint8_t { Done, SourceBad, TargetBad };
  [[nodiscard]] Copied copy_record(const Entry& entry, std::uint32_t address);
  void drop_lost();
  [[nodiscard]] std::uint32_t live_rows() const;

  storage::Flash& flash_;
  Pages pages_;
  const crypto::SealingKey* key_ = nullptr;
  std::array<Entry, kMaximumStoreKeys> entries_{};
  std::uint32_t entry_count_ = 0;
  std::uint32_t next_sequence_ = 1;
  bool has_head_ = false;
  std::uint32_t head_ = 0;           // index of the page being written
  std::uint32_t head_row_ = 0;       // next free row in it
  std::uint32_t page_sequence_ = 0;  // of the head page
  std::uint32_t damaged_rows_ = 0;
};

}  // namespace microvisor::firmware::vault

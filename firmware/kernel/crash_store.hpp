// Encrypted crash reports on their way to the service, in an area of their own of the external NOR flash.
//
// The area is divided into slots of two sectors. The NOR holds bytes only; which slot holds a report, its
// size and its SHA-256 stand in the vault's journal, written last. So a slot whose writing a power cut has
// broken off is free, and who holds the NOR can neither put an older report back nor make one up: it is
// compared with its hash when it is sent. When all slots hold a report, no further one is taken: what came
// first says most, and a device that crashes in a loop without a connection does not wear its memory out.
// Worker (and start-up code before the worker exists).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "firmware/crypto/crypto.hpp"
#include "firmware/layout.hpp"
#include "firmware/storage/flash.hpp"
#include "firmware/vault/store.hpp"

namespace microvisor::firmware::kernel {

class CrashStore {
 public:
  static constexpr std::uint32_t kSlotSize = 2 * storage::kNorSectorSize;
  static constexpr std::uint32_t kSlots = kCrashReportsSize / kSlotSize;
  static constexpr std::uint32_t kMaximumReport = kSlotSize - storage::kNorPageSize;

  CrashStore(storage::Nor& nor, vault::Store& store) : nor_(nor), store_(store) {}

  /// Reads which slots hold a report. Call after Store::mount().
  void mount();
  [[nodiscard]] bool empty() const { return !oldest().has_value(); }

  /// The oldest report: its size, its SHA-256 when it was written, its bytes as the NOR has them now, its
  /// end.
  [[nodiscard]] std::uint32_t size() const;
  [[nodiscard]] crypto::Digest hash() const;
  [[nodiscard]] bool read(std::uint32_t offset, std::span<std::uint8_t> out);
  [[nodiscard]] bool remove();

 private:
  friend class CrashWriter;
  struct Slot {
    std::uint32_t size = 0;  // of the report; 0: free
    std::uint32_t sequence = 0;
    crypto::Digest hash{};
  };
  [[nodiscard]] static constexpr std::uint32_t address(std::uint32_t slot) {
    return kCrashReports + slot * kSlotSize;
  }
  [[nodiscard]] bool save();
  [[nodiscard]] std::optional<std::uint32_t> oldest() const;

  storage::Nor& nor_;
  vault::Store& store_;
  std::array<Slot, kSlots> slots_{};
};

/// Writes one report, page by page. Nothing counts before commit().
class CrashWriter {
 public:
  explicit CrashWriter(CrashStore& store) : store_(store) {}

  /// Erases a free slot. False: there is none, or the memory fails.
  [[nodiscard]] bool begin();
  [[nodiscard]] bool append(std::span<const std::uint8_t> bytes);
  [[nodiscard]] bool commit();

 private:
  [[nodiscard]] bool flush();

  CrashStore& store_;
  std::uint32_t slot_ = 0;
  std::uint32_t sequence_ = 0;
  std::uint32_t size_ = 0;  // taken so far, those in page_ included
  crypto::Sha256 hash_;
  std::array<std::uint8_t, storage::kNorPageSize> page_{};
};

}  // namespace microvisor::firmware::kernel

// Which copy of each boot stage runs next: one quad-word, the newest valid one of two pages.
//
// Records are appended; when a page is full the other one is erased and begun. The record in force is never
// erased before its successor stands, and a torn successor is not valid, so a power cut leaves the old or the
// new choice. Preboot reads with read_boot_record(), which needs no RAM but the stack; only the upgrader and
// the image builder write.
#pragma once

#include <cstdint>
#include <optional>

#include "firmware/storage/flash.hpp"

namespace microvisor::firmware::vault {

enum class Copy : std::uint8_t { A = 0, B = 1 };

struct BootRecord {
  std::uint32_t sequence = 0;
  Copy bootrom = Copy::A;
  Copy upgrader = Copy::A;
  bool upgrade_requested = false;  // run the upgrader instead of the bootrom
  friend bool operator==(const BootRecord&, const BootRecord&) = default;
};

[[nodiscard]] storage::Row encode_boot_record(const BootRecord& record);
[[nodiscard]] std::optional<BootRecord> decode_boot_record(const storage::Row& row);

/// The record in force; a default record (everything A) if no valid one exists, as on a page that has
/// decayed.
[[nodiscard]] BootRecord read_boot_record(storage::Flash& flash);

/// Puts `record` into force with the next sequence number. False if the flash failed; the old record then
/// still holds.
[[nodiscard]] bool write_boot_record(storage::Flash& flash, BootRecord record);

}  // namespace microvisor::firmware::vault

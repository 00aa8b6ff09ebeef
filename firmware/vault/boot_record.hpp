// Which boot stage runs next, in which copy, and how often it may still try: one quad-word, the newest valid
// one of two pages.
//
// Records are appended; when a page is full the other one is erased and begun. The record in force is never
// erased before its successor stands, and a torn successor is not valid, so a power cut leaves the old or the
// new choice. A row may also read well once and not again (RM0456 section 7.3.11), and then the choice before
// it is back: so every choice must be one that can be taken again, and whoever relies on the newest looks at
// what it stands for as well (firmware/upgrader). Preboot counts, the bootrom asks for a return, the upgrader
// and the kernel write what comes next.
#pragma once

#include <cstdint>
#include <optional>

#include "firmware/storage/flash.hpp"

namespace microvisor::firmware::vault {

enum class Copy : std::uint8_t { A = 0, B = 1 };

struct BootRecord {
  static constexpr std::uint8_t kMaximumStarts = 7;

  std::uint32_t sequence = 0;
  Copy bootrom = Copy::A;
  Copy upgrader = Copy::A;
  bool run_upgrader = false;  ///< run the upgrader instead of the bootrom
  /// With run_upgrader: the previous kernel is to return. Without: that has been done or tried, and is not
  /// asked for again until a kernel has proven itself.
  bool restore = false;
  bool on_trial = false;              ///< the kernel has not proven itself yet
  bool other_upgrader_tried = false;  ///< the copy of the upgrader is the second one that tries
  std::uint8_t starts_left = 0;       ///< of the kernel on trial, or of this copy of the upgrader
  friend bool operator==(const BootRecord&, const BootRecord&) = default;
};

[[nodiscard]] constexpr Copy other(Copy copy) { return copy == Copy::A ? Copy::B : Copy::A; }

/// The flags as they stand in the row; the boot status shows them.
[[nodiscard]] std::uint16_t boot_flags(const BootRecord& record);
/// Which copy of the upgrader such flags name.
[[nodiscard]] Copy upgrader_of(std::uint32_t flags);
[[nodiscard]] storage::Row encode_boot_record(const BootRecord& record);
[[nodiscard]] std::optional<BootRecord> decode_boot_record(const storage::Row& row);

/// The record in force; a default record (everything A) if no valid one exists, as on a page that has
/// decayed.
[[nodiscard]] BootRecord read_boot_record(storage::Flash& flash);

/// Puts `record` into force with the next sequence number. False if the flash failed; the old record then
/// still holds.
[[nodiscard]] bool write_boot_record(storage::Flash& flash, BootRecord record);

}  // namespace microvisor::firmware::vault

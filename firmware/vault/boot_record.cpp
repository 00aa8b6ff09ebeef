// Row layout, little-endian: magic (2), flags (2, with the starts left in bits 8 to 10), sequence (4),
// complement of sequence (4), CRC-32 of the 12 bytes before (4). Small, because preboot has one page for
// everything.
#include "firmware/vault/boot_record.hpp"

#include "firmware/layout.hpp"
#include "firmware/storage/bytes.hpp"

namespace microvisor::firmware::vault {

namespace {

constexpr std::uint16_t kMagic = 0xB007;
constexpr std::uint32_t kBootromB = 1u << 0;
constexpr std::uint32_t kUpgraderB = 1u << 1;
constexpr std::uint32_t kRunUpgrader = 1u << 2;
constexpr std::uint32_t kRestore = 1u << 3;
constexpr std::uint32_t kOnTrial = 1u << 4;
constexpr std::uint32_t kOtherUpgraderTried = 1u << 5;
constexpr std::uint32_t kStarts = 7u << 8;
constexpr unsigned kStartsShift = 8;
constexpr std::uint32_t kKnownFlags =
    kBootromB | kUpgraderB | kRunUpgrader | kRestore | kOnTrial | kOtherUpgraderTried | kStarts;
static_assert(BootRecord::kMaximumStarts << kStartsShift == kStarts);

/// Where the record in force stands; `address` is 0 if there is none.
struct Found {
  BootRecord record;
  std::uint32_t address = 0;
};

Found find_record(storage::Flash& flash) {
  Found found;
  for (std::uint32_t at = kVaultBootRecord.address(); at < kVaultBootRecord.end(); at += storage::kRowSize) {
    storage::Row row;
    if (flash.read_row(at, row) != storage::FlashStatus::Ok) continue;
    const std::optional<BootRecord> record = decode_boot_record(row);
    if (record && (found.address == 0 || record->sequence > found.record.sequence)) found = {*record, at};
  }
  return found;
}

/// First row of the page from `address` on that reads blank with only blank rows behind it; page end: none.
std::uint32_t free_row(storage::Flash& flash, std::uint32_t address, std::uint32_t end) {
  std::uint32_t candidate = end;
  for (std::uint32_t at = end; at > address; at -= storage::kRowSize) {
    storage::Row row;
    if (flash.read_row(at - storage::kRowSize, row) != storage::FlashStatus::Ok || !storage::is_blank(row))
      break;
    candidate = at - storage::kRowSize;
  }
  return candidate;
}

/// Programs and reads back. A row that looks blank but was torn may not take the record: the caller then
/// tries the next.
bool program_record(storage::Flash& flash, std::uint32_t address, const BootRecord& record) {
  const storage::Row row = encode_boot_record(record);
  if (flash.program_row(address, row) != storage::FlashStatus::Ok) return false;
  storage::Row back;
  return flash.read_row(address, back) == storage::FlashStatus::Ok && back == row;
}

}  // namespace

std::uint16_t boot_flags(const BootRecord& record) {
  return static_cast<std::uint16_t>(
      (record.bootrom == Copy::B ? kBootromB : 0u) | (record.upgrader == Copy::B ? kUpgraderB : 0u) |
      (record.run_upgrader ? kRunUpgrader : 0u) | (record.restore ? kRestore : 0u) |
      (record.on_trial ? kOnTrial : 0u) | (record.other_upgrader_tried ? kOtherUpgraderTried : 0u) |
      static_cast<std::uint32_t>(record.starts_left) << kStartsShift);
}

Copy upgrader_of(std::uint32_t flags) { return (flags & kUpgraderB) != 0 ? Copy::B : Copy::A; }

storage::Row encode_boot_record(const BootRecord& record) {
  storage::Row row{};
  storage::put16(row, 0, kMagic);
  storage::put16(row, 2, boot_flags(record));
  storage::put32(row, 4, record.sequence);
  storage::put32(row, 8, ~record.sequence);
  storage::put32(row, 12, storage::crc32(std::span(row).first(12)));
  return row;
}

std::optional<BootRecord> decode_boot_record(const storage::Row& row) {
  const std::uint32_t flags = storage::get16(row, 2);
  if (storage::get16(row, 0) != kMagic || (flags & ~kKnownFlags) != 0) return std::nullopt;
  if (storage::get32(row, 4) != ~storage::get32(row, 8)) return std::nullopt;
  if (storage::get32(row, 12) != storage::crc32(std::span(row).first(12))) return std::nullopt;
  BootRecord record;
  record.sequence = storage::get32(row, 4);
  record.bootrom = (flags & kBootromB) != 0 ? Copy::B : Copy::A;
  record.upgrader = upgrader_of(flags);
  record.run_upgrader = (flags & kRunUpgrader) != 0;
  record.restore = (flags & kRestore) != 0;
  record.on_trial = (flags & kOnTrial) != 0;
  record.other_upgrader_tried = (flags & kOtherUpgraderTried) != 0;
  record.starts_left = static_cast<std::uint8_t>((flags & kStarts) >> kStartsShift);
  return record;
}

BootRecord read_boot_record(storage::Flash& flash) { return find_record(flash).record; }

bool write_boot_record(storage::Flash& flash, BootRecord record) {
  const Found current = find_record(flash);
  record.sequence = current.record.sequence + 1;
  const std::uint32_t first = kVaultBootRecord.address();
  const std::uint32_t second = first + kPageSize;
  // Go on in the page of the record in force; the other page is free to be erased.
  const std::uint32_t page = current.address >= second ? second : first;
  std::uint32_t at = free_row(flash, page, page + kPageSize);
  for (; at < page + kPageSize; at += storage::kRowSize) {
    if (program_record(flash, at, record)) return true;
  }
  at = page == first ? second : first;
  return flash.erase_page(at) == storage::FlashStatus::Ok && program_record(flash, at, record);
}

}  // namespace microvisor::firmware::vault

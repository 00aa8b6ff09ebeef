#include "board/peripherals/gtzc_tzsc.hpp"

#include <utility>

#include "board/peripherals/register_lanes.hpp"

namespace microvisor::board {
namespace {

enum Register : std::uint32_t {
  kCr = 0x00,
  kSecCfgr1 = 0x10,
  kPrivCfgr1 = 0x20,
  kRegions = 0x40,
  kRegionsEnd = 0x90
};

// Peripherals that exist, per instance and register (RM0456 5.6.2 to 5.6.4, 5.7.2).
constexpr std::uint32_t kBits[2][3] = {{0x000F'FFFF, 0x0000'01FF, 0x007F'FFFF}, {0x0000'1BFF, 0, 0}};

constexpr std::uint32_t kEnabled = 1U << 0;
constexpr std::uint32_t kRegionLock = 1U << 1;
constexpr std::uint32_t kRegionSecure = 1U << 8;
constexpr std::uint32_t kRegionPrivileged = 1U << 9;
constexpr std::uint32_t kConfigBits = kEnabled | kRegionLock | kRegionSecure | kRegionPrivileged;
constexpr std::uint32_t kRangeBits = 0x0FFF'07FF;

/// Bytes of one unit of START and LENGTH (RM0456 5.4.3).
constexpr std::uint32_t unit_of(unsigned memory) {
  return memory == static_cast<unsigned>(WatermarkMemory::BackupSram) ? 32 : 128 * 1024;
}

/// Only OCTOSPI1, FMC bank 1 and OCTOSPI2 have a region B.
constexpr bool has_region(unsigned memory, unsigned which) {
  return which == 0 || (memory != static_cast<unsigned>(WatermarkMemory::FmcBank3) &&
                        memory != static_cast<unsigned>(WatermarkMemory::BackupSram));
}

}  // namespace

Tzsc::Tzsc(unsigned instance, Hooks hooks) : instance_(instance), hooks_(std::move(hooks)) {}

Outcome Tzsc::read(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t& value) {
  value = 0;
  const std::uint32_t word = offset & ~3U;
  const bool open = word >= kSecCfgr1 && word < kRegions;
  if (!open && !access.secure) {
    hooks_.report();
    return Outcome::Ok;
  }
  if (open || access.privileged) value = read_lane(peek(word), offset, size);
  return Outcome::Ok;
}

Outcome Tzsc::write(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t value) {
  const std::uint32_t word = offset & ~3U;
  if (!access.secure) {
    hooks_.report();
    return Outcome::Ok;
  }
  if (!writable(word, access)) return Outcome::Ok;
  value = write_lane(peek(word), offset, size, value);
  if (word == kCr) {
    locked_ = locked_ || (value & 1) != 0;
  } else if (word >= kSecCfgr1 && word < kRegions) {
    write_attributes(word, access, value);
  } else {
    write_region(word, value);
  }
  hooks_.changed();
  return Outcome::Ok;
}

bool Tzsc::writable(std::uint32_t offset, const Access& access) const {
  if (offset >= kSecCfgr1 && offset < kPrivCfgr1) return !locked_;  // bit by bit, see write_attributes
  if (offset >= kPrivCfgr1 && offset < kRegions) return !locked_ && access.privileged;
  return access.privileged;
}

void Tzsc::write_attributes(std::uint32_t offset, const Access& access, std::uint32_t value) {
  const unsigned index = (offset & 0xF) / 4;
  if (index >= 3) return;
  const std::uint32_t existing = kBits[instance_ - 1][index];
  if (offset >= kPrivCfgr1) {
    privileged_[index] = value & existing;
    return;
  }
  // Unprivileged secure code may not move a peripheral that is privileged (RM0456 5.6.2).
  const std::uint32_t mask = access.privileged ? existing : existing & ~privileged_[index];
  secure_[index] = (secure_[index] & ~mask) | (value & mask);
}

void Tzsc::write_region(std::uint32_t offset, std::uint32_t value) {
  if (instance_ != 1 || offset < kRegions || offset >= kRegionsEnd) return;
  const unsigned memory = (offset - kRegions) / 16;
  const unsigned which = offset % 16 / 8;
  if (!has_region(memory, which)) return;
  Region& region = regions_[memory][which];
  if ((region.config & kRegionLock) != 0) return;
  if (offset % 8 == 0) {
    region.config = value & kConfigBits;
  } else {
    region.range = value & kRangeBits;
  }
}

std::uint32_t Tzsc::peek(std::uint32_t offset) const {
  if (offset == kCr) return locked_ ? 1 : 0;
  const unsigned index = (offset & 0xF) / 4;
  if (offset >= kSecCfgr1 && offset < kPrivCfgr1) return index < 3 ? secure_[index] : 0;
  if (offset >= kPrivCfgr1 && offset < 0x30) return index < 3 ? privileged_[index] : 0;
  if (offset < kRegions || offset >= kRegionsEnd) return 0;
  const Region& region = regions_[(offset - kRegions) / 16][offset % 16 / 8];
  return offset % 8 == 0 ? region.config : region.range;
}

Violation Tzsc::check_region(WatermarkMemory memory, std::uint32_t offset, const Access& access) const {
  const auto index = static_cast<unsigned>(memory);
  const std::uint32_t block = offset / unit_of(index);
  bool covered = false;
  for (const Region& region : regions_[index]) {
    const std::uint32_t start = region.range & 0x7FF;
    const std::uint32_t length = region.range >> 16;
    if ((region.config & kEnabled) == 0 || block < start || block >= start + length) continue;
    covered = true;  // where A and B overlap, both have to agree
    const bool secure = (region.config & kRegionSecure) != 0;
    if (secure && !access.secure) return Violation::NonSecureToSecure;
    if (!secure && access.secure) return Violation::SecureToNonSecureRegion;
    if ((region.config & kRegionPrivileged) != 0 && !access.privileged) return Violation::Unprivileged;
  }
  if (covered) return Violation::None;
  // Outside the regions: secure and privileged (RM0456 5.4.3).
  if (!access.secure) return Violation::NonSecureToSecure;
  return access.privileged ? Violation::None : Violation::Unprivileged;
}

void Tzsc::reset(Reset) {
  locked_ = false;
  secure_ = {};
  privileged_ = {};
  regions_ = {};
  hooks_.changed();
}

void Tzsc::serialise(Archive& archive) {
  archive(locked_, secure_, privileged_, regions_);
  if (archive.loading()) hooks_.changed();
}

}  // namespace microvisor::board

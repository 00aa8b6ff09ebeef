// See memory_cache.hpp.
#include "cli/debug/memory_cache.hpp"

#include <algorithm>

namespace microvisor::cli::debug {

std::span<const MemoryRange> application_memory() {
  using Kind = MemoryRange::Kind;
  static constexpr std::array kRanges{
      MemoryRange{0x0800'0000, 0x10'0000, Kind::Flash},
      MemoryRange{0x0BFA'0500, 0x300, Kind::Flash},  // engineering data
      MemoryRange{0x2000'0000, 0x8'0000, Kind::Ram},
      MemoryRange{0x2800'0000, 0x4000, Kind::Ram},
      MemoryRange{0x4000'0000, 0x1000'0000, Kind::Peripheral},
      MemoryRange{0xE000'E000, 0x1000, Kind::Peripheral},
  };
  return kRanges;
}

const MemoryRange* range_of(std::uint32_t address) {
  const auto all = application_memory();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const MemoryRange& range) { return range.contains(address); });
  return found == all.end() ? nullptr : &*found;
}

void MemoryCache::put(std::uint32_t address, std::span<const std::uint8_t> bytes) {
  for (const std::uint8_t byte : bytes) {
    Line& line = lines_[address / kLine];
    line.bytes[address % kLine] = byte;
    line.known |= 1u << address % kLine;
    ++address;
  }
}

void MemoryCache::overwrite(std::uint32_t address, std::span<const std::uint8_t> bytes) {
  const MemoryRange* range = range_of(address);
  if (range != nullptr && range->kind == MemoryRange::Kind::Ram) put(address, bytes);
}

std::optional<std::uint32_t> MemoryCache::first_unknown(std::uint32_t address, std::uint32_t size) const {
  for (std::uint32_t at = address; at != address + size; ++at) {
    const auto line = lines_.find(at / kLine);
    if (line == lines_.end() || (line->second.known >> at % kLine & 1) == 0) return at;
  }
  return std::nullopt;
}

std::optional<std::vector<std::uint8_t>> MemoryCache::get(std::uint32_t address, std::uint32_t size) const {
  if (first_unknown(address, size)) return std::nullopt;
  std::vector<std::uint8_t> bytes(size);
  for (std::uint32_t i = 0; i < size; ++i) {
    const std::uint32_t at = address + i;
    bytes[i] = lines_.at(at / kLine).bytes[at % kLine];
  }
  return bytes;
}

void MemoryCache::forget_ram() {
  std::erase_if(lines_, [](const auto& entry) {
    const MemoryRange* range = range_of(entry.first * kLine);
    return range == nullptr || range->kind != MemoryRange::Kind::Flash;
  });
}

}  // namespace microvisor::cli::debug

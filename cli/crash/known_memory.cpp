// See known_memory.hpp.
#include "cli/crash/known_memory.hpp"

#include <algorithm>

#include "cli/debug/memory_cache.hpp"

namespace microvisor::cli {

namespace {

bool in_flash(std::uint32_t address) {
  const debug::MemoryRange* range = debug::range_of(address);
  return range != nullptr && range->kind == debug::MemoryRange::Kind::Flash;
}

}  // namespace

/// What the file loads into RAM is only what RAM began with.
KnownMemory::KnownMemory(const microvisor::crash::CrashReport& report, const board::LoadedImage& image)
    : stack_{report.stack_address(), {report.stack().begin(), report.stack().end()}} {
  for (const auto& segment : image.segments) {
    if (in_flash(segment.address)) flash_.push_back({segment.address, segment.bytes});
  }
}

std::vector<std::uint8_t> KnownMemory::read(std::uint32_t address, std::uint32_t size) const {
  const auto has = [&](const Piece& piece) { return address - piece.address < piece.bytes.size(); };
  const Piece* piece = &stack_;
  if (!has(stack_)) {
    const auto found = std::find_if(flash_.begin(), flash_.end(), has);
    if (found == flash_.end()) return {};
    piece = &*found;
  }
  const std::size_t at = address - piece->address;
  const auto begin = piece->bytes.begin() + static_cast<std::ptrdiff_t>(at);
  return {begin, begin + static_cast<std::ptrdiff_t>(std::min<std::size_t>(size, piece->bytes.size() - at))};
}

std::optional<std::uint16_t> KnownMemory::half_word(std::uint32_t address) const {
  const auto bytes = read(address, 2);
  if (bytes.size() != 2) return std::nullopt;
  return static_cast<std::uint16_t>(bytes[0] | bytes[1] << 8);
}

std::optional<std::uint32_t> KnownMemory::word(std::uint32_t address) const {
  const auto bytes = read(address, 4);
  if (bytes.size() != 4) return std::nullopt;
  return bytes[0] | std::uint32_t{bytes[1]} << 8 | std::uint32_t{bytes[2]} << 16 |
         std::uint32_t{bytes[3]} << 24;
}

std::optional<std::uint32_t> KnownMemory::end_of_stack() const {
  if (stack_.bytes.empty()) return std::nullopt;
  return stack_.address + static_cast<std::uint32_t>(stack_.bytes.size());
}

}  // namespace microvisor::cli

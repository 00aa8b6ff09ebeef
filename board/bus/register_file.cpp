#include "board/bus/register_file.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "board/bus/chip_map.hpp"
#include "board/bus/unmodelled_registers.hpp"

namespace microvisor::board {
RegisterFile::RegisterFile(const ChipBlock& block, std::function<void(std::string_view)> first_touch)
    : block_(block), first_touch_(std::move(first_touch)) {
  load_reset_values();
}

Outcome RegisterFile::read(std::uint32_t offset, unsigned size, const Access&, std::uint32_t& value) {
  touch(offset);
  const std::uint32_t lane = (offset & 3U) * 8;
  value = peek(offset) >> lane;
  if (size < 4) value &= (1U << (size * 8)) - 1;
  return Outcome::Ok;
}

Outcome RegisterFile::write(std::uint32_t offset, unsigned size, const Access&, std::uint32_t value) {
  touch(offset);
  const std::uint32_t lane = (offset & 3U) * 8;
  const std::uint32_t mask = size == 4 ? ~0U : ((1U << (size * 8)) - 1) << lane;
  std::uint32_t& word = words_[offset & ~3U];
  word = (word & ~mask) | ((value << lane) & mask);
  return Outcome::Ok;
}

std::uint32_t RegisterFile::peek(std::uint32_t offset) const {
  const auto found = words_.find(offset & ~3U);
  return found == words_.end() ? 0 : found->second;
}

void RegisterFile::reset(Reset) { load_reset_values(); }

void RegisterFile::serialise(Archive& archive) {
  auto count = static_cast<std::uint32_t>(words_.size());
  archive(count);
  if (archive.loading()) {
    words_.clear();
    for (std::uint32_t entry = 0; entry < count; ++entry) {
      std::uint32_t offset = 0;
      std::uint32_t value = 0;
      archive(offset, value);
      words_[offset] = value;
    }
    return;
  }
  for (auto& [key, word] : words_) {
    std::uint32_t offset = key;
    archive(offset, word);
  }
}

std::string_view RegisterFile::block_name() const { return block_.name; }

void RegisterFile::touch(std::uint32_t offset) {
  if (!first_touch_) return;
  const auto registers = unmodelled_registers(block_.base);
  const auto found = std::ranges::find(registers, offset & ~3U, &UnmodelledRegister::offset);
  const bool named = found != registers.end();
  if (!touched_.insert(named ? found->offset : kNameless).second) return;
  std::string name(block_.name);
  if (named) name.append(".").append(found->name);
  first_touch_(name);
}

void RegisterFile::load_reset_values() {
  words_.clear();
  for (const UnmodelledRegister& entry : unmodelled_registers(block_.base)) {
    if (entry.reset != 0) words_[entry.offset] = entry.reset;
  }
}

}  // namespace microvisor::board

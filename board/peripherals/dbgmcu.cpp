#include "board/peripherals/dbgmcu.hpp"

#include "board/peripherals/register_lanes.hpp"

namespace microvisor::board {
namespace {

constexpr std::uint32_t kIdCode = 0x3001'6482;  // device 0x482, revision 0x3001
constexpr std::uint32_t kStatus = 0xFC;

/// Bits that exist at 4 * index (RM0456 75.12.4); 0 for holes and IDCODE.
constexpr std::uint32_t kBits[] = {0, 0x0000'00F6, 0x0060'183F, 0x0000'0022, 0x0007'2800, 0x400E'0400,
                                   0, 0,           0x0000'FFFF, 0,           0x0000'000F};

/// Component identification (CoreSight), from 0xFD0.
std::uint32_t component_id(std::uint32_t offset) {
  switch (offset) {
    case 0xFE8: return 0x0A;
    case 0xFF0: return 0x0D;
    case 0xFF4: return 0xF0;
    case 0xFF8: return 0x05;
    case 0xFFC: return 0xB1;
    default: return 0;
  }
}

}  // namespace

Outcome Dbgmcu::read(std::uint32_t offset, unsigned size, const Access&, std::uint32_t& value) {
  value = read_lane(peek(offset & ~3U), offset, size);
  return Outcome::Ok;
}

std::uint32_t Dbgmcu::peek(std::uint32_t offset) const {
  offset &= ~3U;
  if (offset == 0) return kIdCode;
  if (offset / 4 < words_.size()) return words_[offset / 4];
  return offset == kStatus ? 1 : component_id(offset);
}

Outcome Dbgmcu::write(std::uint32_t offset, unsigned size, const Access&, std::uint32_t value) {
  const std::uint32_t index = offset / 4;
  if (index < words_.size()) words_[index] = write_lane(words_[index], offset, size, value) & kBits[index];
  return Outcome::Ok;
}

void Dbgmcu::reset(Reset kind) {
  if (kind == Reset::PowerOn) words_ = {};  // the debug domain sees power-on reset only
}

void Dbgmcu::serialise(Archive& archive) { archive(words_); }

}  // namespace microvisor::board

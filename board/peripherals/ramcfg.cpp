#include "board/peripherals/ramcfg.hpp"

#include <utility>

#include "board/peripherals/register_lanes.hpp"

namespace microvisor::board {
namespace {

// Offsets within the 64 bytes of one memory (RM0456 6.6).
enum Register : std::uint32_t {
  kCr = 0x00,
  kIer = 0x04,
  kWpr1 = 0x18,
  kWpr2 = 0x1C,
  kEccKeyr = 0x24,
  kErKeyr = 0x28,
};

constexpr std::uint32_t kUnitSize = 0x40;
constexpr std::uint32_t kEccEnable = 1U << 0;
constexpr std::uint32_t kAddressLatch = 1U << 4;
constexpr std::uint32_t kErase = 1U << 8;
constexpr std::uint32_t kWaitStates = 7U << 16;
constexpr unsigned kSram2 = static_cast<unsigned>(Ram::Sram2);

constexpr std::uint8_t kEraseKeys[] = {0xCA, 0x53};
constexpr std::uint8_t kEccKeys[] = {0xAE, 0x75};

/// Bit of FLASH_OPTR that is 0 when ECC of the memory is on; 0 for memories without ECC.
constexpr std::uint32_t ecc_option(unsigned index) {
  switch (static_cast<Ram>(index)) {
    case Ram::Sram2: return 1U << 24;
    case Ram::Sram3: return 1U << 23;
    case Ram::Backup: return 1U << 22;
    default: return 0;
  }
}

/// Counts the keys given in order; a wrong one starts over, and may itself be the first.
std::uint8_t after_key(std::uint8_t given, const std::uint8_t (&keys)[2], std::uint32_t value) {
  if (given < 2 && (value & 0xFF) == keys[given]) return static_cast<std::uint8_t>(given + 1);
  return (value & 0xFF) == keys[0] ? 1 : 0;
}

}  // namespace

Ramcfg::Ramcfg(Hooks hooks) : hooks_(std::move(hooks)) {}

Outcome Ramcfg::read(std::uint32_t offset, unsigned size, const Access&, std::uint32_t& value) {
  value = read_lane(peek(offset & ~3U), offset, size);
  return Outcome::Ok;
}

std::uint32_t Ramcfg::peek(std::uint32_t offset) const {
  const unsigned index = offset / kUnitSize;
  if (index >= units_.size()) return 0;
  switch (offset % kUnitSize & ~3U) {
    case kCr: return units_[index].control;
    case kIer: return units_[index].interrupts;
    case kWpr1: return index == kSram2 ? protected_pages_[0] : 0;
    case kWpr2: return index == kSram2 ? protected_pages_[1] : 0;
    default: return 0;  // no ECC error ever, never busy, keys write-only
  }
}

Outcome Ramcfg::write(std::uint32_t offset, unsigned size, const Access&, std::uint32_t value) {
  const unsigned index = offset / kUnitSize;
  if (index >= units_.size()) return Outcome::Ok;
  const std::uint32_t word = offset % kUnitSize & ~3U;
  value = write_lane(word >= kEccKeyr ? 0 : peek(offset & ~3U), offset, size, value);
  Unit& unit = units_[index];
  switch (word) {
    case kCr: write_control(index, value); break;
    case kIer: unit.interrupts = ecc_option(index) != 0 ? value & 0xB : 0; break;
    case kWpr1:
    case kWpr2:
      if (index == kSram2) {
        protected_pages_[word == kWpr2] |= value;
        hooks_.permissions_changed();
      }
      break;
    case kEccKeyr: unit.ecc_keys = after_key(unit.ecc_keys, kEccKeys, value); break;
    case kErKeyr: unit.erase_keys = after_key(unit.erase_keys, kEraseKeys, value); break;
    default: break;
  }
  return Outcome::Ok;
}

void Ramcfg::write_control(unsigned index, std::uint32_t value) {
  Unit& unit = units_[index];
  std::uint32_t ecc = unit.control & kEccEnable;
  if (ecc_option(index) != 0) {
    if ((value & kEccEnable) != 0) {
      ecc = kEccEnable;
    } else if (unit.ecc_keys == 2) {  // switching ECC off takes the keys
      ecc = 0;
      unit.ecc_keys = 0;
    }
  }
  unit.control = (value & (kAddressLatch | kWaitStates)) | ecc;
  if ((value & kErase) != 0 && unit.erase_keys == 2) {
    unit.erase_keys = 0;
    hooks_.erase(static_cast<Ram>(index));
  }
}

void Ramcfg::reset(Reset) {
  const std::uint32_t options = hooks_.option_register();
  for (unsigned index = 0; index < units_.size(); ++index) {
    const bool ecc_on = ecc_option(index) != 0 && (options & ecc_option(index)) == 0;
    units_[index] = {.control = ecc_on ? kEccEnable : 0, .interrupts = 0, .erase_keys = 0, .ecc_keys = 0};
  }
  protected_pages_ = {};
  hooks_.permissions_changed();
}

void Ramcfg::serialise(Archive& archive) { archive(units_, protected_pages_); }

}  // namespace microvisor::board

// The private peripheral bus: which block answers at an address, in whose view, and who may ask.
//
// Non-secure code sees the Non-secure view of everything at 0xE000_E000; Secure code sees the Secure view
// there and the Non-secure one at 0xE002_E000, which is empty to everybody else. Unprivileged access is a bus
// error, but for STIR when CCR.USERSETMPEND allows it. Registers are 32 bits; a narrower access reads or
// writes its bytes of the word.
//
// Source: Armv8-M ARM (DDI0553) B6.3 "system control space", D1.1; CPU-owned ranges of the Cortex-M33.
#include <bit>

#include "board/cpu/exceptions.hpp"

namespace microvisor::board {
namespace {

constexpr std::uint32_t kScs = 0xE000'E000;
constexpr std::uint32_t kScsAlias = 0xE002'E000;
constexpr std::uint32_t kPageMask = 0xFFFF'F000;
/// From here on blocks of the chip answer (DBGMCU at 0xE004_4000), not of the core.
constexpr std::uint32_t kChipBlocks = 0xE004'4000;
constexpr std::uint32_t kChipBlocksEnd = 0xE00F'F000;
constexpr unsigned kStir = 0xF00;

constexpr bool is_scs(std::uint32_t address) {
  return (address & kPageMask) == kScs || (address & kPageMask) == kScsAlias;
}
constexpr bool is_chip(std::uint32_t address) { return address >= kChipBlocks && address < kChipBlocksEnd; }

std::uint32_t byte_mask(std::uint32_t address, unsigned size) {
  const std::uint32_t bytes = size == 4 ? 0xFFFF'FFFF : (std::uint32_t{1} << (8 * size)) - 1;
  return bytes << (8 * (address & 3));
}

/// True if the register at `offset` of the SCS belongs to the debug block.
bool is_debug_offset(unsigned offset) { return (offset >= 0xDF0 && offset < 0xE10) || offset >= 0xFB0; }

std::uint32_t read_scs(Core& core, World view, unsigned offset, bool secure, bool peek) {
  if (offset >= 0x10 && offset < 0x20) return systick_read(core, view, offset, peek);
  if ((offset >= 0x100 && offset < 0x600) || offset == kStir) return nvic_read(core, view, offset);
  if (offset >= 0xD90 && offset < 0xDF0) return protection_read(core, view, offset, secure);
  if (is_debug_offset(offset)) return debug_read(core, kScs + offset, secure, peek);
  if (offset >= 0xF34 && offset < 0xF4C) return float_read(core, view, offset);
  return scb_read(core, view, offset, secure);
}

void write_scs(Core& core, World view, unsigned offset, std::uint32_t value, std::uint32_t mask,
               bool secure) {
  if (offset >= 0x10 && offset < 0x20) {
    systick_write(core, view, offset, value, mask);
  } else if ((offset >= 0x100 && offset < 0x600) || offset == kStir) {
    nvic_write(core, view, offset, value, mask);
  } else if (offset >= 0xD90 && offset < 0xDF0) {
    protection_write(core, view, offset, value, mask, secure);
  } else if (is_debug_offset(offset)) {
    debug_write(core, kScs + offset, value, mask, secure);
  } else if (offset >= 0xF34 && offset < 0xF4C) {
    float_write(core, view, offset, value, mask);
  } else {
    scb_write(core, view, offset, value, mask, secure);
  }
}

World view_of(std::uint32_t address, bool secure) {
  return secure && (address & kPageMask) == kScs ? kSecure : kNonSecure;
}

/// The alias is there for Secure code only.
bool is_empty_alias(std::uint32_t address, bool secure) {
  return !secure && (address & kPageMask) == kScsAlias;
}

bool permitted(const Core& core, std::uint32_t address, bool secure, bool privileged, bool write) {
  if (privileged) return true;
  if (!write || !is_scs(address) || (address & 0xFFC) != kStir) return false;
  return (core.system->control.configuration[view_of(address, secure)] & kUserSetMPend) != 0;
}

}  // namespace

bool read_ppb(Core& core, std::uint32_t address, unsigned size, bool secure, bool privileged,
              std::uint32_t& value) {
  value = 0;
  if (!permitted(core, address, secure, privileged, false)) return false;
  if (is_chip(address)) {
    return core.bus.read(address, size, {secure, privileged, false, Master::Core}, value) == Outcome::Ok;
  }
  if (is_empty_alias(address, secure)) return true;
  const std::uint32_t word_address = address & ~std::uint32_t{3};
  const std::uint32_t word =
      is_scs(address) ? read_scs(core, view_of(address, secure), word_address & 0xFFF, secure, false)
                      : debug_read(core, word_address, secure, false);
  value = (word & byte_mask(address, size)) >> (8 * (address & 3));
  return true;
}

bool write_ppb(Core& core, std::uint32_t address, unsigned size, bool secure, bool privileged,
               std::uint32_t value) {
  if (!permitted(core, address, secure, privileged, true)) return false;
  if (is_chip(address)) {
    return core.bus.write(address, size, {secure, privileged, false, Master::Core}, value) == Outcome::Ok;
  }
  if (is_empty_alias(address, secure)) return true;
  const std::uint32_t mask = byte_mask(address, size);
  const std::uint32_t shifted = value << (8 * (address & 3)) & mask;
  const std::uint32_t word_address = address & ~std::uint32_t{3};
  if (is_scs(address)) {
    write_scs(core, view_of(address, secure), word_address & 0xFFF, shifted, mask, secure);
  } else {
    debug_write(core, word_address, shifted, mask, secure);
  }
  return true;
}

std::uint32_t peek_ppb_register(const Core& core, std::uint32_t address, World world) {
  Core& unchanged = const_cast<Core&>(core);  // `peek` keeps the readers from changing anything
  const bool secure = world == kSecure;
  const std::uint32_t word_address = address & ~std::uint32_t{3};
  if (is_chip(address)) {
    std::uint32_t value = 0;
    return core.bus.peek(word_address, 4, value) ? value : 0;
  }
  if (is_empty_alias(address, secure)) return 0;
  if (!is_scs(address)) return debug_read(unchanged, word_address, secure, true);
  return read_scs(unchanged, view_of(address, secure), word_address & 0xFFF, secure, true);
}

}  // namespace microvisor::board

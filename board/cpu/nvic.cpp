// The interrupt controller: 126 lines, each owned by one world (ITNS), four bits of priority.
//
// Non-secure code sees the lines of its own world only; the others read as zero and ignore writes. A line
// that rises becomes pending; one that is still high when its handler ends becomes pending again, and cannot
// be cleared by ICPR while it is high. A pulse stays latched.
//
// Source: Armv8-M ARM (DDI0553) B11 "NVIC", D1.2 NVIC_ISER to NVIC_IPR, STIR; RM0456 (priority bits 7:4).
#include "board/cpu/exceptions.hpp"

namespace microvisor::board {
namespace {

constexpr unsigned kWords = 4;  // of 32 lines
constexpr unsigned kIser = 0x100;
constexpr unsigned kIcer = 0x180;
constexpr unsigned kIspr = 0x200;
constexpr unsigned kIcpr = 0x280;
constexpr unsigned kIabr = 0x300;
constexpr unsigned kItns = 0x380;
constexpr unsigned kIpr = 0x400;
constexpr unsigned kIprEnd = 0x400 + 128;
constexpr unsigned kStir = 0xF00;
constexpr std::uint32_t kPriorityBits = 0xF0F0'F0F0;

std::uint32_t word_of(const Nvic::Lines& lines, unsigned word) {
  return static_cast<std::uint32_t>(lines[word / 2] >> (32 * (word % 2)));
}

void put_word(Nvic::Lines& lines, unsigned word, std::uint32_t value) {
  const unsigned shift = 32 * (word % 2);
  lines[word / 2] = (lines[word / 2] & ~(std::uint64_t{0xFFFF'FFFF} << shift)) | std::uint64_t{value}
                                                                                     << shift;
}

/// Lines that exist and that `view` may see.
std::uint32_t visible(const Nvic& nvic, World view, unsigned word) {
  const std::uint32_t existing = word == kWords - 1 ? bit(kInterruptLines % 32) - 1 : 0xFFFF'FFFF;
  return view == kSecure ? existing : existing & word_of(nvic.nonsecure, word);
}

bool line_visible(const Nvic& nvic, World view, unsigned line) {
  return line < kInterruptLines && (visible(nvic, view, line / 32) >> (line % 32) & 1) != 0;
}

std::uint32_t read_priorities(const Nvic& nvic, World view, unsigned first) {
  std::uint32_t value = 0;
  for (unsigned index = 0; index < 4; ++index) {
    if (!line_visible(nvic, view, first + index)) continue;
    value |= static_cast<std::uint32_t>(nvic.priority[first + index]) << (8 * index);
  }
  return value;
}

void write_priorities(Nvic& nvic, World view, unsigned first, std::uint32_t value, std::uint32_t mask) {
  for (unsigned index = 0; index < 4; ++index) {
    const unsigned shift = 8 * index;
    if ((mask >> shift & 0xFF) == 0 || !line_visible(nvic, view, first + index)) continue;
    nvic.priority[first + index] = static_cast<std::uint8_t>((value & kPriorityBits) >> shift);
  }
}

void pend_lines(Core& core, unsigned word, std::uint32_t lines) {
  for (unsigned index = 0; index < 32; ++index) {
    if ((lines >> index & 1) != 0) set_pending(core, kFirstInterrupt + 32 * word + index, kSecure, true);
  }
}

/// What is high and not being handled stays pending.
void unpend_lines(Nvic& nvic, unsigned word, std::uint32_t lines) {
  const std::uint32_t asserted = word_of(nvic.level, word) & ~word_of(nvic.active, word);
  put_word(nvic.pending, word, word_of(nvic.pending, word) & ~(lines & ~asserted));
}

/// Calls `act(word)` if `offset` is one of the four words of the bank at `bank`.
bool in_bank(unsigned offset, unsigned bank, unsigned& word) {
  if (offset < bank || offset >= bank + 4 * kWords) return false;
  word = (offset - bank) / 4;
  return true;
}

void write_bits(Core& core, World view, unsigned offset, std::uint32_t value) {
  Nvic& nvic = core.system->nvic;
  unsigned word = 0;
  if (in_bank(offset, kIser, word)) {
    put_word(nvic.enabled, word, word_of(nvic.enabled, word) | (value & visible(nvic, view, word)));
  } else if (in_bank(offset, kIcer, word)) {
    put_word(nvic.enabled, word, word_of(nvic.enabled, word) & ~(value & visible(nvic, view, word)));
  } else if (in_bank(offset, kIspr, word)) {
    pend_lines(core, word, value & visible(nvic, view, word));
  } else if (in_bank(offset, kIcpr, word)) {
    unpend_lines(nvic, word, value & visible(nvic, view, word));
  }
}

}  // namespace

std::uint32_t nvic_read(const Core& core, World view, unsigned offset) {
  const Nvic& nvic = core.system->nvic;
  unsigned word = 0;
  if (in_bank(offset, kIser, word) || in_bank(offset, kIcer, word)) {
    return word_of(nvic.enabled, word) & visible(nvic, view, word);
  }
  if (in_bank(offset, kIspr, word) || in_bank(offset, kIcpr, word)) {
    return word_of(nvic.pending, word) & visible(nvic, view, word);
  }
  if (in_bank(offset, kIabr, word)) return word_of(nvic.active, word) & visible(nvic, view, word);
  if (in_bank(offset, kItns, word)) return view == kSecure ? word_of(nvic.nonsecure, word) : 0;
  if (offset >= kIpr && offset < kIprEnd) return read_priorities(nvic, view, offset - kIpr);
  return 0;
}

void nvic_write(Core& core, World view, unsigned offset, std::uint32_t value, std::uint32_t mask) {
  Nvic& nvic = core.system->nvic;
  unsigned word = 0;
  if (offset >= kIpr && offset < kIprEnd) {
    write_priorities(nvic, view, offset - kIpr, value, mask);
  } else if (in_bank(offset, kItns, word)) {
    if (view != kSecure) return;
    put_word(nvic.nonsecure, word,
             merged(word_of(nvic.nonsecure, word), value, mask) & visible(nvic, kSecure, word));
  } else if (offset == kStir) {
    const unsigned line = value & 0x1FF;
    if (line_visible(nvic, view, line)) set_pending(core, kFirstInterrupt + line, kSecure, true);
  } else {
    write_bits(core, view, offset, value & mask);
  }
  reconsider(core);
}

void nvic_deactivate(Core& core, unsigned line) {
  const std::uint64_t mask = std::uint64_t{1} << (line % 64);
  if ((core.system->nvic.level[line / 64] & mask) != 0) {
    set_pending(core, kFirstInterrupt + line, kSecure, true);
  }
}

void set_interrupt_line(Core& core, unsigned line, bool level) {
  if (line >= kInterruptLines) return;
  Nvic& nvic = core.system->nvic;
  const std::uint64_t mask = std::uint64_t{1} << (line % 64);
  std::uint64_t& word = nvic.level[line / 64];
  const bool before = (word & mask) != 0;
  if (before == level) return;
  word ^= mask;
  if (!level) return;
  set_pending(core, kFirstInterrupt + line, kSecure, true);
  reconsider_from_outside(core);
}

void pend_nmi(Core& core) {
  set_pending(core, kNmi, kSecure, true);
  reconsider_from_outside(core);
}

void register_event(Core& core) {
  core.state.event = true;
  reconsider_from_outside(core);
}

}  // namespace microvisor::board

#include "board/peripherals/exti.hpp"

#include <utility>

namespace microvisor::board {
namespace {

enum Offset : std::uint32_t {
  kRtsr1 = 0x00,
  kFtsr1 = 0x04,
  kSwier1 = 0x08,
  kRpr1 = 0x0C,
  kFpr1 = 0x10,
  kSeccfgr1 = 0x14,
  kPrivcfgr1 = 0x18,
  kExticr1 = 0x60,
  kExticr4 = 0x6C,
  kLockr = 0x70,
  kImr1 = 0x80,
  kEmr1 = 0x84,
  kEnd = 0x88,
};

constexpr std::uint32_t kLineMask = (1U << 26) - 1;  // 23 to 25 are storage on this part
constexpr unsigned kFirstInterrupt = 11;
constexpr unsigned kPadLines = 16;

constexpr bool is_selector(std::uint32_t offset) { return offset >= kExticr1 && offset <= kExticr4; }

}  // namespace

Exti::Exti(InterruptSink& interrupts, Hooks hooks) : interrupts_(interrupts), hooks_(std::move(hooks)) {}

void Exti::reset(Reset) {
  words_.fill(0);
  update();
}

void Exti::serialise(Archive& archive) {
  archive(words_, signals_);
  if (archive.loading()) update();
}

std::uint32_t Exti::peek(std::uint32_t offset) const { return offset < kEnd ? at(offset) : 0; }

std::uint32_t Exti::open_lines(const Access& access) const {
  std::uint32_t open = kLineMask;
  if (!access.secure) open &= ~at(kSeccfgr1);
  if (!access.privileged) open &= ~at(kPrivcfgr1);
  return open;
}

std::uint32_t Exti::fields_of(std::uint32_t offset, std::uint32_t lines) {
  if (!is_selector(offset)) return lines;
  const unsigned first = (offset - kExticr1) / 4 * 4;
  std::uint32_t mask = 0;
  for (unsigned line = 0; line < 4; ++line) {
    if (test(lines, first + line)) mask |= 0xFFU << (8 * line);
  }
  return mask;
}

std::uint32_t Exti::load(std::uint32_t offset, std::uint32_t, const Access& access) {
  const bool configuration = offset == kSeccfgr1 || offset == kPrivcfgr1 || offset == kLockr;
  return configuration ? peek(offset) : peek(offset) & fields_of(offset, open_lines(access));
}

void Exti::store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) {
  if (offset >= kEnd) return;
  const bool locked = test(at(kLockr), 0);
  const std::uint32_t open = lanes & fields_of(offset, open_lines(access));
  switch (offset) {
    case kSeccfgr1:
      if (!access.secure) {
        if (hooks_.report_illegal_access) hooks_.report_illegal_access();
      } else if (!locked) {
        assign(at(offset), value, open);
      }
      return;
    case kPrivcfgr1:
      if (access.privileged && !locked) assign(at(offset), value, open);
      return;
    case kLockr:
      if (access.secure && access.privileged) at(offset) |= value & 1;
      return;
    case kRpr1:
      at(kRpr1) &= ~(value & open);
      at(kSwier1) &= ~(value & open);
      break;
    case kFpr1: at(kFpr1) &= ~(value & open); break;
    case kSwier1:
      at(kSwier1) |= value & open;
      at(kRpr1) |= value & open;
      if ((value & open & at(kEmr1)) != 0) interrupts_.raise_event();
      break;
    default: assign(at(offset), value, open);
  }
  update();
}

void Exti::edge(unsigned line, bool rising) {
  if (!test(at(rising ? kRtsr1 : kFtsr1), line)) return;
  at(rising ? kRpr1 : kFpr1) |= bit(line);
  if (test(at(kEmr1), line)) interrupts_.raise_event();
  update();
}

void Exti::pin_changed(PinId pin, bool level) {
  const std::uint32_t selector = at(kExticr1 + pin.number / 4U * 4U);
  const unsigned shift = 8 * (pin.number % 4U);
  if (bits(selector, shift + 7, shift) != pin.port) return;
  if (hooks_.selected) hooks_.selected(pin.number, level);
  edge(pin.number, level);
}

void Exti::set_signal(unsigned line, bool level) {
  if (test(signals_, line) == level) return;
  signals_ ^= bit(line);
  edge(line, level);
}

void Exti::update() {
  const std::uint32_t pending = (at(kRpr1) | at(kFpr1)) & at(kImr1);
  for (unsigned line = 0; line < kPadLines; ++line)
    interrupts_.set_line(kFirstInterrupt + line, test(pending, line));
  interrupts_.set_line(1, (pending & (bit(16) | field(22, 19))) != 0);  // PVD and the supply monitors
  interrupts_.set_line(72, (pending & field(18, 17)) != 0);             // comparators
}

}  // namespace microvisor::board

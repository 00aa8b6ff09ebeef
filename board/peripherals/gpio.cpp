#include "board/peripherals/gpio.hpp"

namespace microvisor::board {
namespace {

enum Offset : std::uint32_t {
  kModer = 0x00,
  kOtyper = 0x04,
  kOspeedr = 0x08,
  kPupdr = 0x0C,
  kIdr = 0x10,
  kOdr = 0x14,
  kBsrr = 0x18,
  kLckr = 0x1C,
  kAfrl = 0x20,
  kAfrh = 0x24,
  kBrr = 0x28,
  kHslvr = 0x2C,
  kSeccfgr = 0x30,
  kEnd = 0x34,
};

constexpr std::uint32_t kLockKey = bit(16);

/// Each bit of `mask` repeated `width` times.
std::uint32_t widen(std::uint32_t mask, unsigned width) {
  std::uint32_t result = 0;
  for (unsigned pin = 0; pin * width < 32; ++pin) {
    if (test(mask, pin)) result |= ((1U << width) - 1) << (pin * width);
  }
  return result;
}

/// The even bits, moved together; the odd ones are zero.
std::uint32_t narrow(std::uint32_t spread) {
  spread = (spread | spread >> 1) & 0x3333'3333;
  spread = (spread | spread >> 2) & 0x0F0F'0F0F;
  spread = (spread | spread >> 4) & 0x00FF'00FF;
  return (spread | spread >> 8) & 0x0000'FFFF;
}

}  // namespace

Gpio::Gpio(unsigned port, PinMatrix& pins)
    : port_(port), name_{'G', 'P', 'I', 'O', static_cast<char>('A' + port)}, pins_(pins) {
  reset(Reset::PowerOn);
}

void Gpio::reset(Reset) {
  words_.fill(0);
  // The debug port's pins start as alternate functions with their pull resistors (RM0456 13.4.1).
  at(kModer) = port_ == 0 ? 0xABFF'FFFF : port_ == 1 ? 0xFFFF'FEBF : 0xFFFF'FFFF;
  at(kOspeedr) = port_ == 0 ? 0x0C00'0000 : port_ == 1 ? 0xC0 : 0;
  at(kPupdr) = port_ == 0 ? 0x6400'0000 : port_ == 1 ? 0x100 : 0;
  at(kSeccfgr) = 0xFFFF;
  lock_mask_ = 0;
  lock_step_ = 0;
  apply();
}

void Gpio::serialise(Archive& archive) {
  archive(words_, lock_mask_, lock_step_);
  pins_.serialise_port(archive, port_);
}

std::uint32_t Gpio::fields_of(std::uint32_t offset, std::uint32_t pins) {
  switch (offset) {
    case kModer:
    case kOspeedr:
    case kPupdr: return widen(pins, 2);
    case kAfrl: return widen(pins & 0xFF, 4);
    case kAfrh: return widen(pins >> 8, 4);
    case kBsrr: return pins | (pins << 16);
    case kLckr: return pins | kLockKey;
    default: return pins;
  }
}

std::uint32_t Gpio::input() const {
  const std::uint32_t analog = at(kModer) & at(kModer) >> 1 & 0x5555'5555;  // mode 3, in the even bits
  return pins_.levels(port_) & ~narrow(analog);
}

std::uint32_t Gpio::peek(std::uint32_t offset) const {
  offset &= ~3U;
  if (offset >= kEnd || offset == kBsrr || offset == kBrr) return 0;
  return offset == kIdr ? input() : at(offset);
}

std::uint32_t Gpio::load(std::uint32_t offset, std::uint32_t, const Access& access) {
  if (access.secure || offset == kSeccfgr) return peek(offset);
  return peek(offset) & fields_of(offset, ~at(kSeccfgr) & 0xFFFF);
}

void Gpio::store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) {
  if (offset >= kEnd) return;
  std::uint32_t open = lanes;
  if (!access.secure) open &= fields_of(offset, ~at(kSeccfgr) & 0xFFFF);
  if (test(at(kLckr), 16)) {
    const bool frozen = offset <= kPupdr || offset == kAfrl || offset == kAfrh;
    if (frozen) open &= ~fields_of(offset, at(kLckr) & 0xFFFF);
  }
  switch (offset) {
    case kIdr: return;
    case kBsrr: {
      const std::uint32_t set = value & open & 0xFFFF;
      const std::uint32_t cleared = (value & open) >> 16;
      at(kOdr) = (at(kOdr) & ~cleared) | set;  // setting wins
      break;
    }
    case kBrr: at(kOdr) &= ~(value & open & 0xFFFF); break;
    case kLckr: return store_lock(value & open);
    case kSeccfgr:
      if (access.secure) assign(at(kSeccfgr), value, open & 0xFFFF);
      return;
    case kOtyper:
    case kOdr:
    case kHslvr: assign(at(offset), value, open & 0xFFFF); break;
    default: assign(at(offset), value, open);
  }
  apply();
}

/// Key sequence: LCKK with the pins, without, with, then a read (RM0456 13.4.8). Any other order starts over.
void Gpio::store_lock(std::uint32_t value) {
  if (test(at(kLckr), 16)) return;
  const std::uint32_t pins = value & 0xFFFF;
  const bool key = (value & kLockKey) != 0;
  if (lock_step_ == 0 || (lock_step_ == 1 && (key || pins != lock_mask_)) ||
      (lock_step_ == 2 && (!key || pins != lock_mask_))) {
    lock_step_ = key ? 1 : 0;
    lock_mask_ = pins;
    at(kLckr) = pins;
    return;
  }
  if (++lock_step_ < 3) return;
  lock_step_ = 0;
  at(kLckr) = pins | kLockKey;
}

void Gpio::apply() {
  for (unsigned pin = 0; pin < 16; ++pin) {
    PinMatrix::PadConfig config;
    using Mode = PinMatrix::PadConfig::Mode;
    using Pull = PinMatrix::PadConfig::Pull;
    constexpr Mode kModes[4] = {Mode::Input, Mode::Output, Mode::Alternate, Mode::Analog};
    constexpr Pull kPulls[4] = {Pull::None, Pull::Up, Pull::Down, Pull::None};
    config.mode = kModes[bits(at(kModer), 2 * pin + 1, 2 * pin)];
    config.open_drain = test(at(kOtyper), pin);
    config.pull = kPulls[bits(at(kPupdr), 2 * pin + 1, 2 * pin)];
    config.output = test(at(kOdr), pin);
    const std::uint32_t functions = at(pin < 8 ? kAfrl : kAfrh);
    config.function = static_cast<std::uint8_t>(bits(functions, 4 * (pin % 8) + 3, 4 * (pin % 8)));
    pins_.configure({static_cast<std::uint8_t>(port_), static_cast<std::uint8_t>(pin)}, config);
  }
}

// --- LPGPIO1
// --------------------------------------------------------------------------------------------------------

void LowPowerGpio::reset(Reset) { moder_ = odr_ = 0; }

std::uint32_t LowPowerGpio::peek(std::uint32_t offset) const {
  switch (offset & ~3U) {
    case kModer: return moder_;
    case kIdr: return odr_ & moder_;
    case kOdr: return odr_;
    default: return 0;
  }
}

std::uint32_t LowPowerGpio::load(std::uint32_t offset, std::uint32_t, const Access&) { return peek(offset); }

void LowPowerGpio::store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access&) {
  switch (offset) {
    case kModer: assign(moder_, value, lanes & 0xFFFF); break;
    case kOdr: assign(odr_, value, lanes & 0xFFFF); break;
    case kBsrr: odr_ = (odr_ & ~((value & lanes) >> 16)) | (value & lanes & 0xFFFF); break;
    case kBrr: odr_ &= ~(value & lanes & 0xFFFF); break;
    default: break;
  }
}

}  // namespace microvisor::board

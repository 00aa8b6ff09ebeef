#include "board/peripherals/syscfg.hpp"

#include <utility>

#include "board/peripherals/register_lanes.hpp"

namespace microvisor::board {
namespace {

enum Register : std::uint32_t {
  kSecCfgr = 0x00,
  kCfgr1 = 0x04,
  kFpuImr = 0x08,
  kCnsLckr = 0x0C,
  kCsLckr = 0x10,
  kCfgr2 = 0x14,
  kMesr = 0x18,
  kCccsr = 0x1C,
  kCccr = 0x24,
  kRssCmdr = 0x2C,
  kUcpdr = 0x70,
};

// SECCFGR
constexpr std::uint32_t kSyscfgSecure = 1U << 0;
constexpr std::uint32_t kClassBSecure = 1U << 1;
constexpr std::uint32_t kFpuSecure = 1U << 3;

constexpr std::uint32_t kCfgr1Bits = 0x000F'0300;
constexpr std::uint32_t kEraseFinished = 1U << 0;  // MESR.MCLR
constexpr std::uint32_t kCompensationBits = 0xF;
constexpr std::uint32_t kReadyShift = 8;

/// The SECCFGR bit that makes a register secure; 0: always open, or handled apart.
constexpr std::uint32_t guard_of(std::uint32_t offset) {
  switch (offset) {
    case kFpuImr: return kFpuSecure;
    case kCfgr2: return kClassBSecure;
    case kCfgr1:
    case kMesr:
    case kCccsr:
    case kCccsr + 4:
    case kCccr: return kSyscfgSecure;
    default: return 0;
  }
}

}  // namespace

Syscfg::Syscfg(Hooks hooks) : hooks_(std::move(hooks)) {}

std::uint32_t Syscfg::open_bits(std::uint32_t offset, const Access& access, bool writing) {
  if (access.secure) return offset == kCsLckr && !access.privileged ? 0 : ~0U;
  bool closed = false;
  switch (offset) {
    case kSecCfgr: closed = writing; break;
    case kCsLckr:
    case kRssCmdr: closed = true; break;
    default: closed = (security_ & guard_of(offset)) != 0; break;
  }
  if (closed) hooks_.report();
  return closed ? 0 : ~0U;
}

Outcome Syscfg::read(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t& value) {
  const std::uint32_t word = offset & ~3U;
  value = read_lane(peek(word) & open_bits(word, access, false), offset, size);
  return Outcome::Ok;
}

Outcome Syscfg::write(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t value) {
  const std::uint32_t word = offset & ~3U;
  const std::uint32_t open = open_bits(word, access, true);
  if (open == 0) return Outcome::Ok;
  // The locks take privileged code (RM0456 15.3.5, 15.3.6).
  if ((word == kCnsLckr || word == kCsLckr || word == kSecCfgr) && !access.privileged) return Outcome::Ok;
  write_word(word, write_lane(word == kMesr ? 0 : peek(word), offset, size, value), open);
  return Outcome::Ok;
}

void Syscfg::write_word(std::uint32_t offset, std::uint32_t value, std::uint32_t open) {
  value &= open;
  switch (offset) {
    case kSecCfgr: security_ = value & (kSyscfgSecure | kClassBSecure | kFpuSecure); break;
    case kCfgr1: config1_ = value & kCfgr1Bits; break;
    case kFpuImr: fpu_interrupts_ = value & 0x3F; break;
    case kCnsLckr:
      nonsecure_locks_ |= value & 3;
      publish_locks();
      break;
    case kCsLckr:
      secure_locks_ |= value & 7;
      publish_locks();
      break;
    case kCfgr2: config2_ |= value & 0xF; break;
    case kMesr: erase_status_ &= ~(value & kEraseFinished); break;
    case kCccsr: compensation_ = value & kCompensationBits; break;
    case kCccr: compensation_code_ = value & 0xFFFF; break;
    case kRssCmdr: command_ = value & 0xFFFF; break;
    case kUcpdr: usb_power_delivery_ = value & 3; break;
    default: break;
  }
}

std::uint32_t Syscfg::peek(std::uint32_t offset) const {
  switch (offset & ~3U) {
    case kSecCfgr: return security_;
    case kCfgr1: return config1_;
    case kFpuImr: return fpu_interrupts_;
    case kCnsLckr: return nonsecure_locks_;
    case kCsLckr: return secure_locks_;
    case kCfgr2: return config2_;
    case kMesr: return erase_status_;
    // EN1 and EN2 (bits 0, 2) raise RDY1 and RDY2 at once.
    case kCccsr:
      return compensation_ | (compensation_ & 1) << kReadyShift |
             (compensation_ >> 2 & 1) << (kReadyShift + 1);
    case kCccr: return compensation_code_;
    case kRssCmdr: return command_;
    case kUcpdr: return usb_power_delivery_;
    default: return 0;
  }
}

void Syscfg::publish_locks() const {
  hooks_.locks_changed({.nonsecure_vtor = (nonsecure_locks_ & 1) != 0,
                        .nonsecure_mpu = (nonsecure_locks_ & 2) != 0,
                        .secure_vtor_aircr = (secure_locks_ & 1) != 0,
                        .secure_mpu = (secure_locks_ & 2) != 0,
                        .sau = (secure_locks_ & 4) != 0});
}

void Syscfg::reset(Reset kind) {
  security_ = 0;
  config1_ = 0;
  fpu_interrupts_ = 0x1F;
  nonsecure_locks_ = 0;
  secure_locks_ = 0;
  config2_ = 0;
  erase_status_ = kEraseFinished;
  compensation_ = 0xA;
  compensation_code_ = 0x7878;
  usb_power_delivery_ = 0;
  if (kind == Reset::PowerOn) command_ = 0;  // RSSCMDR outlives a system reset
  publish_locks();
}

void Syscfg::serialise(Archive& archive) {
  archive(security_, config1_, fpu_interrupts_, nonsecure_locks_, secure_locks_, config2_, erase_status_,
          compensation_, compensation_code_, command_, usb_power_delivery_);
  if (archive.loading()) publish_locks();
}

}  // namespace microvisor::board

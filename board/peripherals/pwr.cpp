#include "board/peripherals/pwr.hpp"

#include <utility>

namespace microvisor::board {
namespace {

enum Offset : std::uint32_t {
  kCr1 = 0x00,
  kCr2 = 0x04,
  kCr3 = 0x08,
  kVosr = 0x0C,
  kSvmcr = 0x10,
  kWucr1 = 0x14,
  kWucr2 = 0x18,
  kWucr3 = 0x1C,
  kBdcr1 = 0x20,
  kBdcr2 = 0x24,
  kDbpr = 0x28,
  kUcpdr = 0x2C,
  kSeccfgr = 0x30,
  kPrivcfgr = 0x34,
  kSr = 0x38,
  kSvmsr = 0x3C,
  kBdsr = 0x40,
  kWusr = 0x44,
  kWuscr = 0x48,
  kApcr = 0x4C,
  kPucra = 0x50,
  kEnd = 0x98,
};

constexpr unsigned kWakeupLine = 77;  // PWR_S3WU
constexpr std::uint32_t kStopFlag = bit(1);
constexpr std::uint32_t kStandbyFlag = bit(2);

// SECCFGR
constexpr unsigned kLowPowerSecure = 12, kVoltageSecure = 13, kBackupSecure = 14, kPullSecure = 15;
constexpr std::uint32_t kSecurable = 0xF0FF;

std::uint32_t writable(std::uint32_t offset) {
  switch (offset) {
    case kCr1: return 0x0FE7;
    case kCr2: return 0x80FF'7F77;
    case kCr3: return 0x6;
    case kVosr: return field(18, 16);
    case kSvmcr: return 0x7F00'00F0;
    case kWucr1:
    case kWucr2: return 0xFF;
    case kWucr3: return 0xFFFF;
    case kBdcr1: return 0x11;
    case kBdcr2: return 0x3;
    case kDbpr: return 0x1;
    case kUcpdr: return 0x3;
    case kApcr: return 0x1;
    default: return offset >= kPucra && offset < kEnd ? 0xFFFF : 0;
  }
}

/// Pads by wake-up pin and WUCR3 selection (RM0456 table of wake-up sources); number 0xFF: internal or none.
constexpr PinId kNoPad{0xFF, 0xFF};
constexpr PinId pad(char port, unsigned number) {
  return {static_cast<std::uint8_t>(port - 'A'), static_cast<std::uint8_t>(number)};
}
constexpr PinId kWakeupPads[8][4] = {
    {pad('A', 0), pad('B', 2), pad('E', 4), kNoPad},  {pad('A', 4), pad('C', 13), pad('E', 5), kNoPad},
    {pad('E', 6), pad('A', 1), pad('B', 6), kNoPad},  {pad('A', 2), pad('B', 1), pad('B', 7), kNoPad},
    {pad('C', 5), pad('A', 3), pad('B', 8), kNoPad},  {pad('B', 5), pad('A', 5), pad('E', 7), kNoPad},
    {pad('B', 15), pad('A', 6), pad('E', 8), kNoPad}, {pad('F', 2), pad('A', 7), pad('B', 10), kNoPad},
};

/// Each bit of `mask` doubled: from one bit a wake-up pin to the two-bit fields of WUCR3.
std::uint32_t two_bit_fields(std::uint32_t mask) {
  std::uint32_t result = 0;
  for (unsigned pin = 0; pin < 8; ++pin) {
    if (test(mask, pin)) result |= 3U << (2 * pin);
  }
  return result;
}

}  // namespace

Pwr::Pwr(InterruptSink& interrupts, Hooks hooks)
    : wakeup_line_{&interrupts, kWakeupLine}, hooks_(std::move(hooks)) {}

void Pwr::reset(Reset kind) {
  const auto before = words_;
  words_.fill(0);
  if (kind == Reset::System) {
    // What a wake-up from Standby must find again (RM0456 10.8: registers that system reset leaves alone).
    for (const std::uint32_t offset : {kWucr1, kWucr2, kWucr3, kBdcr1, kBdcr2, kSr, kWusr, kApcr}) {
      words_[offset / 4] = before[offset / 4];
    }
    for (std::uint32_t offset = kPucra; offset < kEnd; offset += 4) words_[offset / 4] = before[offset / 4];
    words_[kSr / 4] &= ~kStopFlag;
  }
  depth_ = Depth::Run;
  update_wakeup_line();
}

void Pwr::serialise(Archive& archive) {
  archive(words_, depth_);
  if (archive.loading()) update_wakeup_line();
}

std::uint32_t Pwr::peek(std::uint32_t offset) const {
  offset &= ~3U;
  if (offset >= kEnd) return 0;
  const std::uint32_t word = words_[offset / 4];
  switch (offset) {
    case kVosr: return word | bit(15) | (test(word, 18) ? bit(14) : 0);
    case kSvmsr: {
      const std::uint32_t regulator = words_[kCr3 / 4] & bit(1);
      const std::uint32_t monitors =
          words_[kSvmcr / 4] & field(27, 24);  // RDY bits stand where the enables do
      return regulator | bit(15) | (words_[kVosr / 4] & field(17, 16)) | monitors;
    }
    case kWuscr: return 0;
    default: return word;
  }
}

std::uint32_t Pwr::secure_bits(std::uint32_t offset) const {
  const std::uint32_t seccfgr = words_[kSeccfgr / 4];
  const auto all_if = [&](unsigned number) { return test(seccfgr, number) ? ~0U : 0; };
  switch (offset) {
    case kCr1:
    case kCr2:
    case kSr: return all_if(kLowPowerSecure);
    case kCr3:
    case kSvmcr: return all_if(kVoltageSecure);
    case kVosr: return hooks_.system_clock_secure && hooks_.system_clock_secure() ? ~0U : 0;
    case kBdcr1:
    case kBdcr2:
    case kDbpr: return all_if(kBackupSecure);
    case kWucr1:
    case kWucr2:
    case kWusr:
    case kWuscr: return seccfgr & 0xFF;
    case kWucr3: return two_bit_fields(seccfgr & 0xFF);
    default: return offset == kApcr || offset >= kPucra ? all_if(kPullSecure) : 0;
  }
}

std::uint32_t Pwr::visible(std::uint32_t offset, const Access& access) const {
  if (offset == kSeccfgr || offset == kPrivcfgr) return ~0U;
  const std::uint32_t secured = secure_bits(offset);
  const std::uint32_t privilege = words_[kPrivcfgr / 4];
  std::uint32_t result = 0;
  if (access.secure && (access.privileged || !test(privilege, 0))) result |= secured;
  if (access.privileged || !test(privilege, 1)) result |= ~secured;
  return result;
}

std::uint32_t Pwr::load(std::uint32_t offset, std::uint32_t, const Access& access) {
  return peek(offset) & visible(offset, access);
}

void Pwr::store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) {
  if (offset >= kEnd) return;
  const std::uint32_t open = lanes & visible(offset, access);
  switch (offset) {
    case kSeccfgr: return store_seccfgr(value, lanes, access);
    case kPrivcfgr: return store_privcfgr(value, lanes, access);
    case kSr:
      if ((value & open & 1) != 0) words_[kSr / 4] = 0;  // CSSF
      return;
    case kWuscr:
      words_[kWusr / 4] &= ~(value & open);
      latch_active_wakeups(value & open & 0xFF);
      return;
    default: break;
  }
  const std::uint32_t enabled_before = words_[kWucr1 / 4];
  assign(words_[offset / 4], value, open & writable(offset));
  if (offset == kWucr1) {
    words_[kWusr / 4] &= words_[kWucr1 / 4];
    latch_active_wakeups(words_[kWucr1 / 4] & ~enabled_before);
  }
}

void Pwr::store_seccfgr(std::uint32_t value, std::uint32_t mask, const Access& access) {
  if (!access.secure) {
    if (hooks_.report_illegal_access) hooks_.report_illegal_access();
    return;
  }
  if (!access.privileged && test(words_[kPrivcfgr / 4], 0)) return;
  assign(words_[kSeccfgr / 4], value, mask & kSecurable);
}

void Pwr::store_privcfgr(std::uint32_t value, std::uint32_t mask, const Access& access) {
  if (access.privileged) assign(words_[kPrivcfgr / 4], value, mask & (access.secure ? 0x3 : 0x2));
}

bool Pwr::backup_writable() const { return test(words_[kDbpr / 4], 0); }

bool Pwr::has_secure_function() const { return words_[kSeccfgr / 4] != 0; }

// --- wake-up pins
// -----------------------------------------------------------------------------------------------------

std::optional<PinId> Pwr::wakeup_pad(unsigned index) const {
  const PinId chosen = kWakeupPads[index][bits(words_[kWucr3 / 4], 2 * index + 1, 2 * index)];
  return chosen == kNoPad ? std::nullopt : std::optional(chosen);
}

/// Sets the flags of enabled pins that are at their active level: enabling or clearing at such a moment does
/// not silence them.
void Pwr::latch_active_wakeups(std::uint32_t candidates) {
  for (unsigned index = 0; index < 8; ++index) {
    if (!test(candidates & words_[kWucr1 / 4], index)) continue;
    const std::optional<PinId> selected = wakeup_pad(index);
    if (!selected || !hooks_.pin_level) continue;
    const bool active_high = !test(words_[kWucr2 / 4], index);
    if (hooks_.pin_level(*selected) == active_high) words_[kWusr / 4] |= bit(index);
  }
  update_wakeup_line();
}

void Pwr::pin_changed(PinId pin, bool level) {
  const std::uint32_t enabled = words_[kWucr1 / 4];
  if (enabled == 0) return;
  bool woken = false;
  for (unsigned index = 0; index < 8; ++index) {
    if (!test(enabled, index) || wakeup_pad(index) != pin) continue;
    if (level == test(words_[kWucr2 / 4], index)) continue;  // not the active edge
    words_[kWusr / 4] |= bit(index);
    woken = true;
  }
  update_wakeup_line();
  if (woken) wake_from_standby();
}

void Pwr::wake_from_backup_domain() {
  for (unsigned index = 5; index < 8; ++index) {
    const bool internal = bits(words_[kWucr3 / 4], 2 * index + 1, 2 * index) == 3;
    if (internal && test(words_[kWucr1 / 4], index)) words_[kWusr / 4] |= bit(index);
  }
  update_wakeup_line();
  wake_from_standby();
}

void Pwr::update_wakeup_line() { wakeup_line_.set((words_[kWusr / 4] & words_[kWucr1 / 4]) != 0); }

// --- low-power modes
// ---------------------------------------------------------------------------------------------------

Pwr::Depth Pwr::depth_wanted() const {
  const std::uint32_t mode = bits(words_[kCr1 / 4], 2, 0);
  if (mode < 4) return Depth::Stop;
  return mode >= 6 && !test(words_[kBdcr1 / 4], 0) ? Depth::Shutdown : Depth::Standby;
}

void Pwr::core_asleep(bool deep) {
  if (!deep || depth_ != Depth::Run) return;
  const Depth wanted = depth_wanted();
  const unsigned allow_bit = wanted == Depth::Stop ? 12 : wanted == Depth::Standby ? 13 : 14;
  if (hooks_.option_register && !test(hooks_.option_register(), allow_bit)) {
    hooks_.request_reset(ResetCause::LowPower);
    return;
  }
  depth_ = wanted;
  words_[kSr / 4] |= wanted == Depth::Stop ? kStopFlag : wanted == Depth::Standby ? kStandbyFlag : 0;
  if (hooks_.enter_stop) hooks_.enter_stop();
  if (wanted != Depth::Stop && (words_[kWusr / 4] & words_[kWucr1 / 4]) != 0) wake_from_standby();
}

void Pwr::core_awake() {
  if (depth_ == Depth::Run) return;
  if (depth_ != Depth::Stop) return wake_from_standby();  // nothing is left that could run
  depth_ = Depth::Run;
  if (hooks_.leave_stop) hooks_.leave_stop();
}

void Pwr::wake_from_standby() {
  if (depth_ != Depth::Standby && depth_ != Depth::Shutdown) return;
  const bool shutdown = depth_ == Depth::Shutdown;
  depth_ = Depth::Run;
  hooks_.request_reset(shutdown ? ResetCause::PowerOn : ResetCause::Standby);
}

}  // namespace microvisor::board

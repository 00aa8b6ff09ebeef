#include "board/peripherals/pwr.hpp"

#include <utility>

#include "board/bus/bus.hpp"
#include "board/memory/sram.hpp"

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

constexpr unsigned kWakeupLine = 77;           // PWR_S3WU
constexpr std::uint32_t kClearFlags = bit(0);  // SR.CSSF
constexpr std::uint32_t kStopFlag = bit(1);
constexpr std::uint32_t kStandbyFlag = bit(2);
constexpr std::uint32_t kRegulatorSelect = bit(1);      // CR3.REGSEL
constexpr std::uint32_t kSram2Retention = field(6, 5);  // CR1.RRSB1, RRSB2
constexpr std::uint32_t kBackupRetention = bit(0);      // BDCR1.BREN

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

/// A stretch of memory that a bit in CR1 or CR2 switches off in some modes (RM0456 10.10.1, 10.10.2).
struct Supply {
  std::uint32_t offset;  ///< of the register
  std::uint8_t bit;
  bool lost_when;  ///< value of the bit at which the contents are lost
  PowerMode from, to;
  std::uint32_t physical, size;
};
constexpr std::uint32_t kPage = 0x1'0000, kFirstOfSram2 = 0x2000;
using enum PowerMode;
constexpr Supply kSupplies[] = {
    {kCr2, 0, true, Stop0, Stop3, kPhysicalSram, kPage},
    {kCr2, 1, true, Stop0, Stop3, kPhysicalSram + kPage, kPage},
    {kCr2, 2, true, Stop0, Stop3, kPhysicalSram + 2 * kPage, kPage},
    {kCr2, 4, true, Stop0, Stop2, kPhysicalSram + kSram2Offset, kFirstOfSram2},
    {kCr2, 5, true, Stop0, Stop2, kPhysicalSram + kSram2Offset + kFirstOfSram2, kPage - kFirstOfSram2},
    {kCr1, 5, false, Stop3, Standby, kPhysicalSram + kSram2Offset, kFirstOfSram2},
    {kCr1, 6, false, Stop3, Standby, kPhysicalSram + kSram2Offset + kFirstOfSram2, kPage - kFirstOfSram2},
    {kCr2, 6, true, Stop0, Stop3, kPhysicalSram4, kSram4Size},
    {kCr2, 16, true, Stop0, Stop3, kPhysicalSram + kSram3Offset, kPage},
    {kCr2, 17, true, Stop0, Stop3, kPhysicalSram + kSram3Offset + kPage, kPage},
    {kCr2, 18, true, Stop0, Stop3, kPhysicalSram + kSram3Offset + 2 * kPage, kPage},
    {kCr2, 19, true, Stop0, Stop3, kPhysicalSram + kSram3Offset + 3 * kPage, kPage},
    {kCr2, 20, true, Stop0, Stop3, kPhysicalSram + kSram3Offset + 4 * kPage, kPage},
    {kCr2, 21, true, Stop0, Stop3, kPhysicalSram + kSram3Offset + 5 * kPage, kPage},
    {kCr2, 22, true, Stop0, Stop3, kPhysicalSram + kSram3Offset + 6 * kPage, kPage},
    {kCr2, 23, true, Stop0, Stop3, kPhysicalSram + kSram3Offset + 7 * kPage, kPage},
    // CR1.SRAMxPD: off in Run mode too
    {kCr1, 8, true, Run, Stop3, kPhysicalSram, kSram2Offset},
    {kCr1, 9, true, Run, Stop3, kPhysicalSram + kSram2Offset, kPage},
    {kCr1, 10, true, Run, Stop3, kPhysicalSram + kSram3Offset, kSramSize - kSram3Offset},
    {kCr1, 11, true, Run, Stop3, kPhysicalSram4, kSram4Size},
};
// What nothing keeps in Standby.
constexpr Supply kLostInStandby[] = {
    {0, 0, true, Standby, Standby, kPhysicalSram, kSram2Offset},
    {0, 0, true, Standby, Standby, kPhysicalSram + kSram3Offset, kSramSize - kSram3Offset},
    {0, 0, true, Standby, Standby, kPhysicalSram4, kSram4Size},
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

Pwr::Pwr(InterruptSink& interrupts, std::uint32_t& backup, Hooks hooks)
    : wakeup_line_{&interrupts, kWakeupLine}, hooks_(std::move(hooks)), backup_(backup) {}

/// What each reset leaves alone (the "reset value" lines of RM0456 10.10).
void Pwr::reset(Reset kind) {
  const auto before = words_;
  words_.fill(0);
  const auto keep = [&](std::uint32_t offset, std::uint32_t mask = ~0U) {
    at(offset) = before[offset / 4] & mask;
  };
  if (kind != Reset::PowerOn) {
    keep(kCr3, ~kRegulatorSelect);
    keep(kBdcr2);
    keep(kSr, kStandbyFlag);
  }
  if (kind == Reset::Standby) {
    keep(kCr3);
    for (const std::uint32_t offset : {kCr1, kWucr1, kWucr2, kWucr3, kUcpdr, kWusr, kApcr}) keep(offset);
    for (std::uint32_t offset = kPucra; offset < kEnd; offset += 4) keep(offset);
  }
  enter(PowerMode::Run);
  update_wakeups();
}

void Pwr::serialise(Archive& archive) {
  archive(words_, backup_, mode_, events_);
  if (archive.loading()) update_wakeups();
}

std::uint32_t Pwr::peek(std::uint32_t offset) const {
  offset &= ~3U;
  if (offset >= kEnd) return 0;
  const std::uint32_t word = at(offset);
  switch (offset) {
    case kVosr: return word | bit(15) | (test(word, 18) ? bit(14) : 0);
    case kSvmsr: {
      const std::uint32_t monitors = at(kSvmcr) & field(27, 24);  // RDY bits stand where the enables do
      return (at(kCr3) & kRegulatorSelect) | bit(15) | (at(kVosr) & field(17, 16)) | monitors;
    }
    case kBdcr1: return backup_;
    case kWuscr: return 0;
    default: return word;
  }
}

/// Bits that only secure code may see and change (RM0456 table 109). Status bits are open to all.
std::uint32_t Pwr::secure_bits(std::uint32_t offset) const {
  const std::uint32_t seccfgr = at(kSeccfgr);
  const auto all_if = [&](unsigned number) { return test(seccfgr, number) ? ~0U : 0; };
  switch (offset) {
    case kCr1:
    case kCr2: return all_if(kLowPowerSecure);
    case kSr: return all_if(kLowPowerSecure) & kClearFlags;
    case kCr3:
    case kSvmcr: return all_if(kVoltageSecure);
    case kVosr: return hooks_.system_clock_secure && hooks_.system_clock_secure() ? field(18, 16) : 0;
    case kBdcr1:
    case kBdcr2:
    case kDbpr: return all_if(kBackupSecure);
    case kUcpdr: return hooks_.power_delivery_secure && hooks_.power_delivery_secure() ? ~0U : 0;
    case kWucr1:
    case kWucr2:
    case kWuscr: return seccfgr & 0xFF;
    case kWucr3: return two_bit_fields(seccfgr & 0xFF);
    case kApcr: return all_if(kPullSecure);
    default: break;
  }
  const bool pulls = offset >= kPucra && offset < kEnd;
  return pulls && hooks_.secure_pins ? hooks_.secure_pins((offset - kPucra) / 8) : 0;
}

std::uint32_t Pwr::visible(std::uint32_t offset, const Access& access) const {
  if (offset == kSeccfgr || offset == kPrivcfgr || offset == kSvmsr || offset == kBdsr || offset == kWusr)
    return ~0U;
  const std::uint32_t secured = secure_bits(offset);
  const std::uint32_t privilege = at(kPrivcfgr);
  // VOSRDY, BOOSTRDY and the flags of SR can be read by everybody (RM0456 10.8.2).
  std::uint32_t result = offset == kVosr ? field(15, 14) : offset == kSr ? kStopFlag | kStandbyFlag : 0;
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
      if ((value & open & kClearFlags) != 0) at(kSr) = 0;
      return;
    case kBdcr1: return store_backup(value, open);
    case kWuscr:
      at(kWusr) &= ~(value & open & ~internal_wakeups());
      latch_active_wakeups(value & open & 0xFF);
      return;
    default: break;
  }
  const std::uint32_t before = at(offset);
  assign(at(offset), value, open & writable(offset));
  if (offset == kWucr1) {
    at(kWusr) &= at(kWucr1);
    latch_active_wakeups(at(kWucr1) & ~before);
  }
  if (offset == kCr1 && at(kCr1) != before) lose_memories(PowerMode::Run);
  update_wakeups();
}

/// BDCR1 lies behind DBP, and BREN can be changed only while the LDO is at work (RM0456 10.10.9).
void Pwr::store_backup(std::uint32_t value, std::uint32_t mask) {
  if (!backup_writable()) return;
  if ((at(kCr3) & kRegulatorSelect) != 0) mask &= ~kBackupRetention;
  assign(backup_, value, mask & writable(kBdcr1));
}

void Pwr::store_seccfgr(std::uint32_t value, std::uint32_t mask, const Access& access) {
  if (!access.secure) {
    if (hooks_.report_illegal_access) hooks_.report_illegal_access();
    return;
  }
  if (!access.privileged && test(at(kPrivcfgr), 0)) return;
  assign(at(kSeccfgr), value, mask & kSecurable);
}

void Pwr::store_privcfgr(std::uint32_t value, std::uint32_t mask, const Access& access) {
  if (access.privileged) assign(at(kPrivcfgr), value, mask & (access.secure ? 0x3 : 0x2));
}

bool Pwr::backup_writable() const { return test(at(kDbpr), 0); }

bool Pwr::has_secure_function() const { return at(kSeccfgr) != 0; }

std::optional<bool> Pwr::applied_pull(PinId pin) const {
  if (!test(at(kApcr), 0)) return std::nullopt;
  const std::uint32_t base = kPucra + 8 * pin.port;
  if (test(at(base + 4), pin.number)) return false;
  return test(at(base), pin.number) ? std::optional(true) : std::nullopt;
}

// --- wake-up pins
// -----------------------------------------------------------------------------------------------------

std::optional<PinId> Pwr::wakeup_pad(unsigned index) const {
  const PinId chosen = kWakeupPads[index][bits(at(kWucr3), 2 * index + 1, 2 * index)];
  return chosen == kNoPad ? std::nullopt : std::optional(chosen);
}

/// Sets the flags of enabled pins that are at their active level: enabling or clearing at such a moment does
/// not silence them.
void Pwr::latch_active_wakeups(std::uint32_t candidates) {
  for (unsigned index = 0; index < 8; ++index) {
    if (!test(candidates & at(kWucr1), index)) continue;
    const std::optional<PinId> selected = wakeup_pad(index);
    if (!selected || !hooks_.pin_level) continue;
    const bool active_high = !test(at(kWucr2), index);
    if (hooks_.pin_level(*selected) == active_high) at(kWusr) |= bit(index);
  }
  update_wakeups();
}

void Pwr::pin_changed(PinId pin, bool level) {
  const std::uint32_t enabled = at(kWucr1);
  if (enabled == 0) return;
  bool woken = false;
  for (unsigned index = 0; index < 8; ++index) {
    if (!test(enabled, index) || wakeup_pad(index) != pin) continue;
    if (level == test(at(kWucr2), index)) continue;  // not the active edge
    at(kWusr) |= bit(index);
    woken = true;
  }
  update_wakeups();
  if (woken) wake_from_standby();
}

std::uint32_t Pwr::internal_wakeups() const {
  std::uint32_t internal = 0;
  for (unsigned index = 5; index < 8; ++index) {
    if (bits(at(kWucr3), 2 * index + 1, 2 * index) == 3) internal |= bit(index);
  }
  return internal;
}

void Pwr::set_backup_event(bool rtc, bool level) {
  assign(events_, level ? ~0U : 0, rtc ? 1 : 2);
  update_wakeups();
  if (level && (at(kWusr) & internal_wakeups()) != 0) wake_from_standby();
}

/// The flag of an internal source stands as long as the source does (RM0456 10.10.18). The interrupt exists
/// for Stop 3 only (table 110).
void Pwr::update_wakeups() {
  assign(at(kWusr), events_ != 0 ? at(kWucr1) : 0, internal_wakeups());
  wakeup_line_.set((at(kWusr) & at(kWucr1)) != 0 && bits(at(kCr1), 2, 0) == 3);
}

// --- low-power modes
// ---------------------------------------------------------------------------------------------------

PowerMode Pwr::mode_wanted() const {
  const std::uint32_t selected = bits(at(kCr1), 2, 0);
  if (selected < 4) return static_cast<PowerMode>(static_cast<unsigned>(Stop0) + selected);
  return selected >= 6 && (backup_ & kBackupRetention) == 0 ? Shutdown : Standby;
}

PowerMode Pwr::enter(PowerMode mode) {
  const bool news = mode != std::exchange(mode_, mode);
  if (news && hooks_.mode_changed) hooks_.mode_changed(mode);
  return mode_;
}

PowerMode Pwr::core_asleep(bool deep) {
  if (mode_ > Sleep) return mode_;
  if (!deep) return enter(Sleep);
  const PowerMode wanted = mode_wanted();
  const unsigned allow_bit = wanted < Standby ? 12 : wanted == Standby ? 13 : 14;
  if (hooks_.option_register && !test(hooks_.option_register(), allow_bit)) {
    hooks_.request_reset(ResetCause::LowPower);
    return mode_;
  }
  if (hooks_.held_up && hooks_.held_up()) return enter(Sleep);
  at(kSr) |= wanted < Standby ? kStopFlag : wanted == Standby ? kStandbyFlag : 0;
  // The way out of every Stop mode leads into range 4, with the booster off (RM0456 10.7.6, 10.10.4).
  at(kVosr) = 0;
  lose_memories(wanted);
  enter(wanted);
  if (wanted >= Standby && (at(kWusr) & at(kWucr1)) != 0) wake_from_standby();
  return mode_;
}

void Pwr::lose_memories(PowerMode mode) const {
  if (!hooks_.lose_memory) return;
  const auto lose = [&](const Supply& supply) { hooks_.lose_memory(supply.physical, supply.size); };
  for (const Supply& supply : kSupplies) {
    const bool concerned = supply.from <= mode && mode <= supply.to;
    if (concerned && test(at(supply.offset), supply.bit) == supply.lost_when) lose(supply);
  }
  if (mode < Standby) return;
  for (const Supply& supply : kLostInStandby) lose(supply);
  const bool kept =
      mode == Standby && ((backup_ & kBackupRetention) != 0 || (at(kCr1) & kSram2Retention) != 0);
  if (!kept) hooks_.lose_memory(kPhysicalBackup, kBackupSramSize);
  if (mode == Shutdown) hooks_.lose_memory(kPhysicalSram + kSram2Offset, kPage);
}

void Pwr::core_awake() {
  if (mode_ >= Standby) return wake_from_standby();  // nothing is left that could run
  enter(Run);
}

void Pwr::wake_from_standby() {
  if (mode_ < Standby) return;
  hooks_.request_reset(mode_ == Shutdown ? ResetCause::PowerOn : ResetCause::Standby);
}

}  // namespace microvisor::board

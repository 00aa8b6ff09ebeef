#include "board/peripherals/rtc.hpp"

#include <algorithm>
#include <utility>

#include "board/bus/event_archive.hpp"

namespace microvisor::board {
namespace {

enum Offset : std::uint32_t {
  kTr = 0x00,
  kDr = 0x04,
  kSsr = 0x08,
  kIcsr = 0x0C,
  kPrer = 0x10,
  kWutr = 0x14,
  kCr = 0x18,
  kPrivcfgr = 0x1C,
  kSeccfgr = 0x20,
  kWpr = 0x24,
  kCalr = 0x28,
  kShiftr = 0x2C,
  kTstr = 0x30,
  kTsdr = 0x34,
  kTsssr = 0x38,
  kAlrmar = 0x40,
  kAlrmassr = 0x44,
  kAlrmbr = 0x48,
  kAlrmbssr = 0x4C,
  kSr = 0x50,
  kMisr = 0x54,
  kSmisr = 0x58,
  kScr = 0x5C,
  kAlrabinr = 0x70,
  kAlrbbinr = 0x74,
};

// ICSR
constexpr std::uint32_t kWutwf = bit(2), kInits = bit(4), kRsf = bit(5), kInitf = bit(6), kInit = bit(7);
// CR
constexpr unsigned kBypshad = 5, kFmt = 6, kAlarmEnable = 8, kWute = 10, kAlarmInterrupt = 12, kWutie = 14;
constexpr std::uint32_t kAdd1h = bit(16), kSub1h = bit(17);
// SR
constexpr std::uint32_t kWutf = bit(2), kTsFlags = field(5, 3);
// SECCFGR
constexpr unsigned kWutSecure = 2, kTsSecure = 3, kCalSecure = 13, kInitSecure = 14, kAllSecure = 15;
constexpr std::uint32_t kSecurable = 0xE00F;

constexpr unsigned kLine = 2;
constexpr unsigned kSecureLine = 3;

/// Bits of CR by the function they belong to.
constexpr std::uint32_t kCrAlarmA = bit(8) | bit(12) | bit(27), kCrAlarmB = bit(9) | bit(13) | bit(28),
                        kCrWakeup = field(2, 0) | bit(10) | bit(14),
                        kCrTimestamp = bit(3) | bit(11) | bit(15) | field(26, 24),
                        kCrCalibration = bit(4) | field(23, 16), kCrInit = bit(5) | bit(6);

}  // namespace

Rtc::Rtc(Scheduler& scheduler, Clocks& clocks, InterruptSink& interrupts, RtcState& state, Hooks hooks)
    : scheduler_(scheduler),
      clocks_(clocks),
      line_{&interrupts, kLine},
      secure_line_{&interrupts, kSecureLine},
      state_(state),
      hooks_(std::move(hooks)),
      wakeup_(scheduler,
              [this] {
                catch_up_wakeup();
                arm();
                update();
              }),
      alarm_a_(scheduler, [this] { alarm_due(0); }),
      alarm_b_(scheduler, [this] { alarm_due(1); }) {
  // Switched on again: the edges counted so far belong to the time before.
  const auto before = static_cast<std::int64_t>(timebase().edges(state_.last_seen));
  state_.base_edge -= before;
  state_.wakeup_edge -= before;
  state_.epoch = scheduler_.now();
  state_.last_seen = scheduler_.now();
  change_clock();
  clocks_.on_change([this] { change_clock(); });
}

// --- time
// --------------------------------------------------------------------------------------------------------------

std::int64_t Rtc::edge() const { return static_cast<std::int64_t>(timebase().edges(scheduler_.now())); }

void Rtc::change_clock() {
  const std::uint32_t hertz = clocks_.kernel_clock(kBase);
  if (hertz == state_.hertz) return;
  const std::int64_t now = edge();
  state_.base_edge -= now;
  state_.wakeup_edge -= now;
  state_.epoch = scheduler_.now();
  state_.hertz = hertz;
  arm();
}

Rtc::Position Rtc::position() const {
  const std::int64_t ticks =
      initialising() ? 0 : std::max<std::int64_t>(0, edge() - state_.base_edge) / edges_per_tick();
  return {(state_.seconds + ticks / ticks_per_second()) % kSecondsPerCentury,
          static_cast<std::uint32_t>(ticks_per_second() - 1 - ticks % ticks_per_second())};
}

CalendarTime Rtc::calendar() const {
  if (initialising()) return programmed_;
  const std::int64_t seconds = position().seconds;
  return to_registers(seconds, weekday_at(seconds, state_.seconds, state_.weekday), test(state_.cr, kFmt));
}

/// The calendar shows `seconds` at `at_edge` and goes on from there.
void Rtc::anchor(std::int64_t seconds, std::int64_t at_edge) {
  seconds = ((seconds % kSecondsPerCentury) + kSecondsPerCentury) % kSecondsPerCentury;
  state_.weekday = weekday_at(seconds, state_.seconds, state_.weekday);
  state_.seconds = seconds;
  state_.base_edge = at_edge;
  alarm_after_ = {-1, -1};
}

// --- state
// -------------------------------------------------------------------------------------------------------------

void Rtc::reset(Reset) {
  unlock_step_ = 0;
  shadow_locked_ = false;
  synchronised_at_ = scheduler_.now() + 2 * period_of(std::max<std::uint64_t>(state_.hertz, 1));
  arm();
  update();
}

void Rtc::reset_backup_domain() {
  const RtcState before = state_;
  state_ = RtcState{};
  state_.hertz = before.hertz;
  state_.epoch = scheduler_.now();
  state_.last_seen = scheduler_.now();
  arm();
  update();
}

void Rtc::serialise(Archive& archive) {
  archive(state_, unlock_step_, shadow_locked_, shadow_, programmed_, synchronised_at_, alarm_after_);
  serialise_event(archive, wakeup_);
  serialise_event(archive, alarm_a_);
  serialise_event(archive, alarm_b_);
  if (archive.loading()) update();
}

// --- security
// ----------------------------------------------------------------------------------------------------------

std::uint32_t Rtc::secure_flags() const {
  const std::uint32_t seccfgr = state_.seccfgr;
  if (test(seccfgr, kAllSecure)) return ~0U;
  std::uint32_t flags = seccfgr & 7;  // ALRA, ALRB and WUT stand at the same places
  if (test(seccfgr, kTsSecure)) flags |= kTsFlags;
  return flags;
}

/// Bits of the register at `offset` that are closed to non-secure code. Time and date can always be read.
std::uint32_t Rtc::hidden(std::uint32_t offset, bool writing) const {
  const std::uint32_t seccfgr = state_.seccfgr;
  const bool all = test(seccfgr, kAllSecure);
  const auto whole = [&](unsigned function) { return all || test(seccfgr, function) ? ~0U : 0; };
  switch (offset) {
    case kTr:
    case kDr:
    case kSsr:
    case kPrer: return writing ? whole(kInitSecure) : 0;
    case kIcsr: return writing ? whole(kInitSecure) & ~kRsf : 0;
    case kCalr:
    case kShiftr: return whole(kCalSecure);
    case kWutr: return whole(kWutSecure);
    case kAlrmar:
    case kAlrmassr:
    case kAlrabinr: return whole(0);
    case kAlrmbr:
    case kAlrmbssr:
    case kAlrbbinr: return whole(1);
    case kTstr:
    case kTsdr:
    case kTsssr: return whole(kTsSecure);
    case kSr:
    case kScr: return secure_flags();
    case kSmisr: return ~0U;
    case kWpr: return all ? ~0U : 0;
    case kCr:
      return (whole(0) & kCrAlarmA) | (whole(1) & kCrAlarmB) | (whole(kWutSecure) & kCrWakeup) |
             (whole(kTsSecure) & kCrTimestamp) | (whole(kCalSecure) & kCrCalibration) |
             (whole(kInitSecure) & kCrInit) | (all ? ~0U : 0);
    case kSeccfgr: return writing ? ~0U : 0;
    default: return 0;
  }
}

// --- registers
// ---------------------------------------------------------------------------------------------------------

std::uint32_t Rtc::status() const {
  std::uint32_t icsr = state_.icsr & (kInit | field(12, 8));
  if (initialising() && state_.hertz != 0) icsr |= kInitf;
  if (!test(state_.cr, kWute)) icsr |= kWutwf;
  if (bits(calendar().dr, 23, 16) != 0) icsr |= kInits;
  if (state_.hertz != 0 && !initialising() && scheduler_.now() >= synchronised_at_) icsr |= kRsf;
  return icsr;
}

std::uint32_t Rtc::peek(std::uint32_t offset) const {
  offset &= ~3U;
  // The wake-up flag may be due without an event having stood for it.
  const bool woken =
      test(state_.cr, kWute) && state_.hertz != 0 && edge() - state_.wakeup_edge >= wakeup_period();
  const std::uint32_t sr = state_.sr | (woken ? kWutf : 0);
  const std::uint32_t enables = bits(state_.cr, 13, 12) | (test(state_.cr, kWutie) ? kWutf : 0);
  switch (offset) {
    case kTr: return shadow_locked_ ? shadow_.tr : calendar().tr;
    case kDr: return shadow_locked_ ? shadow_.dr : calendar().dr;
    case kSsr: return position().subseconds;
    case kIcsr: return status();
    case kPrer: return state_.prer;
    case kWutr: return state_.wutr;
    case kCr: return state_.cr;
    case kPrivcfgr: return state_.privcfgr;
    case kSeccfgr: return state_.seccfgr;
    case kCalr: return state_.calr;
    case kTstr: return state_.tstr;
    case kTsdr: return state_.tsdr;
    case kTsssr: return state_.tsssr;
    case kAlrmar: return state_.alarm[0];
    case kAlrmbr: return state_.alarm[1];
    case kAlrmassr: return state_.alarm_subsecond[0];
    case kAlrmbssr: return state_.alarm_subsecond[1];
    case kAlrabinr: return state_.alarm_subsecond[0] & 0x7FFF;
    case kAlrbbinr: return state_.alarm_subsecond[1] & 0x7FFF;
    case kSr: return sr;
    case kMisr: return sr & enables & ~secure_flags();
    case kSmisr: return sr & enables & secure_flags();
    default: return 0;
  }
}

std::uint32_t Rtc::load(std::uint32_t offset, std::uint32_t, const Access& access) {
  state_.last_seen = scheduler_.now();
  catch_up_wakeup();
  const std::uint32_t closed = access.secure ? 0 : hidden(offset, false);
  if (closed == ~0U && hooks_.report_illegal_access) hooks_.report_illegal_access();
  const std::uint32_t value = peek(offset) & ~closed;
  // Reading SSR or TR holds TR and DR until DR has been read (RM0456 63.3.10).
  if ((offset == kSsr || offset == kTr) && !test(state_.cr, kBypshad) && !shadow_locked_ && !initialising()) {
    shadow_ = calendar();
    shadow_locked_ = true;
  }
  if (offset == kDr) shadow_locked_ = false;
  return value;
}

void Rtc::store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) {
  state_.last_seen = scheduler_.now();
  catch_up_wakeup();
  if (!access.secure) {
    const std::uint32_t closed = hidden(offset, true);
    if (closed == ~0U && hooks_.report_illegal_access) hooks_.report_illegal_access();
    lanes &= ~closed;
    value &= lanes;
    if (lanes == 0) return;
  }
  if (hooks_.writable && !hooks_.writable()) return;
  const bool unlocked = unlock_step_ == 2;
  switch (offset) {
    case kWpr: unlock_step_ = value == 0xCA ? 1 : value == 0x53 && unlock_step_ == 1 ? 2 : 0; return;
    case kScr: state_.sr &= ~(value & lanes); break;
    case kSeccfgr: assign(state_.seccfgr, value, lanes & kSecurable); break;
    case kPrivcfgr:
      if (access.privileged) assign(state_.privcfgr, value, lanes & kSecurable);
      break;
    case kIcsr: store_icsr(value, unlocked ? lanes : lanes & kRsf); break;
    default: break;
  }
  if (unlocked) store_protected(offset, value, lanes);
  arm();
  update();
}

/// Registers that WPR protects.
void Rtc::store_protected(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes) {
  switch (offset) {
    case kTr:
    case kDr:
    case kPrer: store_calendar(offset, value, lanes); break;
    case kWutr:
      if (!test(state_.cr, kWute)) assign(state_.wutr, value, lanes);
      break;
    case kCr: store_cr(value, lanes); break;
    case kCalr: assign(state_.calr, value, lanes & 0xF1FF); break;
    case kShiftr: store_shift(value); break;
    case kAlrmar: assign(state_.alarm[0], value, lanes); break;
    case kAlrmbr: assign(state_.alarm[1], value, lanes); break;
    case kAlrmassr: assign(state_.alarm_subsecond[0], value, lanes & 0xBF00'7FFF); break;
    case kAlrmbssr: assign(state_.alarm_subsecond[1], value, lanes & 0xBF00'7FFF); break;
    case kAlrabinr: assign(state_.alarm_subsecond[0], value, lanes & 0x7FFF); break;
    case kAlrbbinr: assign(state_.alarm_subsecond[1], value, lanes & 0x7FFF); break;
    default: break;
  }
}

void Rtc::store_icsr(std::uint32_t value, std::uint32_t lanes) {
  if ((lanes & kRsf) != 0 && (value & kRsf) == 0) {
    synchronised_at_ = scheduler_.now() + 2 * period_of(std::max<std::uint64_t>(state_.hertz, 1));
  }
  if ((lanes & kInit) == 0) return;
  const bool before = initialising();
  const bool after = (value & kInit) != 0;
  if (!before && after) {
    programmed_ = calendar();
    anchor(position().seconds, edge());
  }
  assign(state_.icsr, value, lanes & (kInit | field(12, 8)));
  if (before && !after) {
    anchor(from_registers(programmed_), edge());
    state_.weekday = std::max(1U, bits(programmed_.dr, 15, 13));
    shadow_locked_ = false;
    synchronised_at_ = scheduler_.now();
  }
}

void Rtc::store_calendar(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes) {
  if (!initialising() || state_.hertz == 0) return;
  if (offset == kTr) assign(programmed_.tr, value, lanes & 0x007F'7F7F);
  if (offset == kDr) assign(programmed_.dr, value, lanes & 0x00FF'FF3F);
  if (offset == kPrer) assign(state_.prer, value, lanes & 0x007F'7FFF);
}

void Rtc::store_cr(std::uint32_t value, std::uint32_t lanes) {
  const bool was_running = test(state_.cr, kWute);
  if ((value & kAdd1h) != 0) anchor(state_.seconds + 3600, state_.base_edge);
  if ((value & kSub1h) != 0) anchor(state_.seconds - 3600, state_.base_edge);
  assign(state_.cr, value, lanes & ~(kAdd1h | kSub1h));
  if (!was_running && test(state_.cr, kWute)) state_.wakeup_edge = edge();
  for (unsigned index = 0; index < 2; ++index) {
    if (!test(state_.cr, kAlarmEnable + index)) alarm_after_[index] = -1;
  }
}

void Rtc::store_shift(std::uint32_t value) {
  const std::int64_t delay = std::int64_t{bits(value, 14, 0)} * edges_per_tick();
  anchor(state_.seconds + (test(value, 31) ? 1 : 0), state_.base_edge + delay);
}

// --- wake-up timer and alarms
// -------------------------------------------------------------------------------------------

/// RTCCLK edges of one wake-up period.
std::int64_t Rtc::wakeup_period() const {
  const std::uint32_t selection = bits(state_.cr, 2, 0);
  std::int64_t count = std::int64_t{bits(state_.wutr, 15, 0)} + 1;
  if (selection < 4) return count * (16 >> selection);
  if (selection >= 6) count += 0x1'0000;
  return count * edges_per_tick() * ticks_per_second();
}

void Rtc::catch_up_wakeup() {
  if (!test(state_.cr, kWute) || state_.hertz == 0) return;
  const std::int64_t periods = (edge() - state_.wakeup_edge) / wakeup_period();
  if (periods < 1) return;
  state_.wakeup_edge += periods * wakeup_period();
  state_.sr |= kWutf;
}

/// RTCCLK edge of the next match of an alarm; -1 if there is none.
std::int64_t Rtc::alarm_edge(unsigned index) const {
  const std::uint32_t fields = state_.alarm_subsecond[index];
  const unsigned compared = std::min(bits(fields, 29, 24), 15U);
  const std::int64_t per_second = ticks_per_second();
  const std::int64_t now = std::max<std::int64_t>(0, edge() - state_.base_edge) / edges_per_tick();
  const std::int64_t earliest = std::max(now + (alarm_after_[index] < 0 ? 1 : 0), alarm_after_[index] + 1);
  std::int64_t from = earliest / per_second;
  for (int attempt = 0; attempt < 3; ++attempt) {
    const std::int64_t seconds = state_.seconds + from;
    const auto match =
        next_alarm(state_.alarm[index], seconds, weekday_at(seconds, state_.seconds, state_.weekday));
    if (!match) return -1;
    // Inside the second SSR counts down; the first value whose compared bits agree is the match.
    const std::int64_t second_start = (*match - state_.seconds) * per_second;
    const std::int64_t step = std::int64_t{1} << compared;
    const std::int64_t wanted = compared == 0 ? per_second - 1 : (fields & 0x7FFF) & (step - 1);
    const std::int64_t top = per_second - 1 - std::max<std::int64_t>(0, earliest - second_start);
    const std::int64_t value = compared == 0  ? (top == per_second - 1 ? top : -1)
                               : top < wanted ? -1
                                              : top - (top - wanted) % step;
    if (value >= 0) return state_.base_edge + (second_start + per_second - 1 - value) * edges_per_tick();
    from = *match - state_.seconds + 1;
  }
  return -1;
}

void Rtc::alarm_due(unsigned index) {
  state_.last_seen = scheduler_.now();
  alarm_after_[index] = (edge() - state_.base_edge) / edges_per_tick();
  state_.sr |= bit(index);
  arm();
  update();
}

void Rtc::arm() {
  const auto place = [&](Scheduler::Event& event, std::int64_t at_edge) {
    const Time due = at_edge < 0 ? kNever : timebase().moment_of(static_cast<std::uint64_t>(at_edge));
    if (due == kNever) {
      event.cancel();
    } else {
      event.at(due);
    }
  };
  const bool runs = state_.hertz != 0 && !initialising();
  const bool wakeup_wanted = runs && test(state_.cr, kWute) && (state_.sr & kWutf) == 0;
  place(wakeup_, wakeup_wanted ? state_.wakeup_edge + wakeup_period() : -1);
  place(alarm_a_, runs && test(state_.cr, kAlarmEnable) ? alarm_edge(0) : -1);
  place(alarm_b_, runs && test(state_.cr, kAlarmEnable + 1) ? alarm_edge(1) : -1);
}

void Rtc::update() {
  line_.set(peek(kMisr) != 0);
  const bool event = (peek(kMisr) | peek(kSmisr)) != 0;
  if (event != std::exchange(event_, event) && hooks_.event) hooks_.event(event);
  secure_line_.set(peek(kSmisr) != 0);
  if (hooks_.flags_changed) hooks_.flags_changed(state_.sr & field(2, 0));
}

}  // namespace microvisor::board

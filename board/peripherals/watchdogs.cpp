#include "board/peripherals/watchdogs.hpp"

#include <algorithm>
#include <utility>

#include "board/bus/event_archive.hpp"

namespace microvisor::board {
namespace {

// IWDG registers and keys
enum Iwdg : std::uint32_t { kKr = 0x00, kPr = 0x04, kRlr = 0x08, kIwdgSr = 0x0C, kWinr = 0x10, kEwcr = 0x14 };
constexpr std::uint32_t kKeyStart = 0xCCCC, kKeyReload = 0xAAAA, kKeyUnlock = 0x5555;
constexpr std::uint64_t kLsiHertz = 32'000;
constexpr unsigned kIwdgLine = 27;
constexpr unsigned kSoftwareStart = 16;  // FLASH_OPTR.IWDG_SW

// WWDG registers
enum Wwdg : std::uint32_t { kCr = 0x00, kCfr = 0x04, kSr = 0x08 };
constexpr unsigned kWwdgLine = 0;

}  // namespace

// --- IWDG
// -------------------------------------------------------------------------------------------------------------

IndependentWatchdog::IndependentWatchdog(Scheduler& scheduler, InterruptSink& interrupts, Hooks hooks)
    : scheduler_(scheduler),
      line_{&interrupts, kIwdgLine},
      hooks_(std::move(hooks)),
      expiry_(scheduler, [this] { hooks_.request_reset(); }),
      warning_(scheduler, [this] { warn(); }) {}

void IndependentWatchdog::reset(Reset kind) {
  unlocked_ = false;
  if (kind == Reset::Standby) return;  // on its own supply and clock it has seen nothing
  running_ = warned_ = false;
  frozen_since_.reset();
  prescaler_ = early_ = 0;
  reload_ = window_ = 0xFFF;
  expiry_.cancel();
  warning_.cancel();
  line_.set(false);
  if (hooks_.option_register && !test(hooks_.option_register(), kSoftwareStart)) start();
}

void IndependentWatchdog::serialise(Archive& archive) {
  archive(running_, unlocked_, warned_, prescaler_, reload_, window_, early_, refreshed_, frozen_since_);
  serialise_event(archive, expiry_);
  serialise_event(archive, warning_);
}

Time IndependentWatchdog::tick() const {
  return (std::uint64_t{4} << std::min(prescaler_, 8U)) * kTicksPerSecond / kLsiHertz;
}

std::uint32_t IndependentWatchdog::counter() const {
  if (!running_) return reload_;
  const Time gone = (frozen_since_.value_or(scheduler_.now()) - refreshed_) / tick();
  return gone > reload_ ? 0 : reload_ - static_cast<std::uint32_t>(gone);
}

void IndependentWatchdog::start() {
  running_ = true;
  if (hooks_.started) hooks_.started();
  reload();
}

/// A refresh by software: outside the window it is as bad as none.
void IndependentWatchdog::refresh() {
  if (running_ && counter() > window_) return hooks_.request_reset();
  if (running_) reload();
}

void IndependentWatchdog::reload() {
  refreshed_ = scheduler_.now();
  arm();
}

/// The option bytes may make it stand still in Stop modes and in Standby; Shutdown has no LSI for it (RM0456
/// 61.4.4, table 100).
void IndependentWatchdog::set_power_mode(PowerMode mode) {
  const std::uint32_t options = hooks_.option_register ? hooks_.option_register() : ~0U;
  const bool frozen = mode == PowerMode::Shutdown || (mode == PowerMode::Standby && !test(options, 18)) ||
                      (mode >= PowerMode::Stop0 && mode <= PowerMode::Stop3 && !test(options, 17));
  if (!running_ || frozen == frozen_since_.has_value()) return;
  if (frozen) {
    frozen_since_ = scheduler_.now();
    expiry_.cancel();
    warning_.cancel();
  } else {
    refreshed_ += scheduler_.now() - *frozen_since_;
    frozen_since_.reset();
    arm();
  }
}

void IndependentWatchdog::arm() {
  expiry_.at(refreshed_ + (Time{reload_} + 1) * tick());
  const std::uint32_t threshold = bits(early_, 11, 0);
  if (test(early_, 15) && threshold != 0 && threshold - 1 <= reload_) {
    warning_.at(refreshed_ + (Time{reload_} - (threshold - 1)) * tick());
  } else {
    warning_.cancel();
  }
}

void IndependentWatchdog::warn() {
  warned_ = true;
  line_.set(test(early_, 15));
}

std::uint32_t IndependentWatchdog::peek(std::uint32_t offset) const {
  switch (offset & ~3U) {
    case kPr: return prescaler_;
    case kRlr: return reload_;
    case kIwdgSr: return warned_ ? bit(14) : 0;  // updates are over at once
    case kWinr: return window_;
    case kEwcr: return early_;
    default: return 0;
  }
}

std::uint32_t IndependentWatchdog::load(std::uint32_t offset, std::uint32_t, const Access&) {
  return peek(offset);
}

void IndependentWatchdog::store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes,
                                const Access&) {
  if (offset == kKr) {
    const std::uint32_t key = value & 0xFFFF;
    unlocked_ = key == kKeyUnlock;
    if (key == kKeyStart && !running_) start();
    if (key == kKeyReload) refresh();
    return;
  }
  if (!unlocked_) return;
  switch (offset) {
    case kPr: assign(prescaler_, value, lanes & 0xF); break;
    case kRlr: assign(reload_, value, lanes & 0xFFF); break;
    case kWinr: assign(window_, value, lanes & 0xFFF); break;
    case kEwcr:
      if (test(value & lanes, 14)) {
        warned_ = false;
        line_.set(false);
      }
      assign(early_, value, lanes & (field(11, 0) | bit(15)));
      break;
    default: return;
  }
  if (running_) reload();
}

// --- WWDG
// -------------------------------------------------------------------------------------------------------------

WindowWatchdog::WindowWatchdog(Scheduler& scheduler, Clocks& clocks, InterruptSink& interrupts,
                               std::function<void()> request_reset)
    : scheduler_(scheduler),
      clocks_(clocks),
      line_{&interrupts, kWwdgLine},
      request_reset_(std::move(request_reset)),
      expiry_(scheduler, [this] { request_reset_(); }),
      warning_(scheduler, [this] {
        sr_ |= 1;
        update();
      }) {
  clocks_.on_change([this] {
    if (active() && clocks_.kernel_clock(kBase) != clock_.hertz) restart(counter());
  });
}

void WindowWatchdog::reset(Reset) {
  cr_ = cfr_ = 0x7F;
  sr_ = 0;
  expiry_.cancel();
  warning_.cancel();
  update();
}

void WindowWatchdog::serialise(Archive& archive) {
  archive(cr_, cfr_, sr_, start_, clock_);
  serialise_event(archive, expiry_);
  serialise_event(archive, warning_);
  if (archive.loading()) update();
}

std::uint32_t WindowWatchdog::counter() const {
  if (!active()) return cr_ & 0x7F;
  return (start_ - static_cast<std::uint32_t>(clock_.edges(scheduler_.now()) / divider())) & 0x7F;
}

std::uint64_t WindowWatchdog::divider() const { return std::uint64_t{4096} << bits(cfr_, 13, 11); }

void WindowWatchdog::restart(std::uint32_t counter) {
  start_ = counter;
  clock_.epoch = scheduler_.now();
  clock_.hertz = clocks_.kernel_clock(kBase);
  const auto arm = [&](Scheduler::Event& event, std::uint32_t value) {
    const Time moment = counter >= value ? clock_.moment_of((counter - value) * divider()) : kNever;
    if (moment == kNever) {
      event.cancel();
    } else {
      event.at(moment);
    }
  };
  arm(expiry_, 0x3F);
  arm(warning_, 0x40);
}

std::uint32_t WindowWatchdog::peek(std::uint32_t offset) const {
  switch (offset & ~3U) {
    case kCr: return (cr_ & bit(7)) | counter();
    case kCfr: return cfr_;
    case kSr: return sr_;
    default: return 0;
  }
}

std::uint32_t WindowWatchdog::load(std::uint32_t offset, std::uint32_t, const Access&) {
  return peek(offset);
}

void WindowWatchdog::store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access&) {
  switch (offset) {
    case kCr: {
      const bool too_early = active() && counter() > bits(cfr_, 6, 0);
      assign(cr_, value | (cr_ & bit(7)), lanes & 0xFF);  // WDGA is set-only
      if (!active()) break;
      if (too_early || !test(cr_, 6)) {
        request_reset_();
      } else {
        restart(cr_ & 0x7F);
      }
      break;
    }
    case kCfr: {
      const std::uint32_t present = counter();
      assign(cfr_, value | (cfr_ & bit(9)), lanes & (field(6, 0) | bit(9) | field(13, 11)));
      if (active()) restart(present);
      break;
    }
    case kSr: sr_ &= value | ~lanes; break;
    default: break;
  }
  update();
}

void WindowWatchdog::update() { line_.set(test(cfr_, 9) && (sr_ & 1) != 0); }

}  // namespace microvisor::board

#include "board/peripherals/lptim.hpp"

#include <algorithm>

#include "board/bus/event_archive.hpp"

namespace microvisor::board {
namespace {

enum Offset : std::uint32_t {
  kIsr = 0x00,
  kIcr = 0x04,
  kDier = 0x08,
  kCfgr = 0x0C,
  kCr = 0x10,
  kCcr1 = 0x14,
  kArr = 0x18,
  kCnt = 0x1C,
  kCfgr2 = 0x24,
  kRcr = 0x28,
  kCcmr1 = 0x2C,
  kCcr2 = 0x34,
};

// ISR
constexpr std::uint32_t kCc1 = bit(0), kArrm = bit(1), kCmp1Ok = bit(3), kArrOk = bit(4), kUpdate = bit(7),
                        kRepOk = bit(8), kCc2 = bit(9), kCmp2Ok = bit(19), kDierOk = bit(24);
// CR
constexpr unsigned kSingle = 1, kContinuous = 2, kCountReset = 3, kResetAfterRead = 4;
// DIER
constexpr unsigned kUpdateDma = 23;
// CFGR
constexpr unsigned kExternal = 0, kPreload = 22;

/// Compare channels of the counter: CCR1, CCR2, and one that watches ARR for ARRM.
constexpr unsigned kReloadChannel = 2;

constexpr LowPowerTimer::Shape kTimers[] = {
    {"LPTIM1", 0x4600'4400, 67, DmaLine::Lptim1Ue, {DmaTrigger::Lptim1Ch1, DmaTrigger::Lptim1Ch2}},
    {"LPTIM2", 0x4000'9400, 68, DmaLine::Lptim2Ue, {DmaTrigger::Lptim2Ch1, DmaTrigger::Lptim2Ch2}},
    {"LPTIM3", 0x4600'4800, 98, DmaLine::Lptim3Ue, {DmaTrigger::Lptim3Ch1, std::nullopt}},
    {"LPTIM4", 0x4600'4C00, 110, std::nullopt, {DmaTrigger::Lptim4Out, std::nullopt}},
};

}  // namespace

std::span<const LowPowerTimer::Shape> LowPowerTimer::timers() { return kTimers; }

LowPowerTimer::LowPowerTimer(const Shape& shape, Scheduler& scheduler, Clocks& clocks,
                             InterruptSink& interrupts)
    : shape_(shape),
      scheduler_(scheduler),
      clocks_(clocks),
      line_{&interrupts, shape.interrupt},
      event_(scheduler, [this] {
        sync();
        arm();
        update();
      }) {
  reset(Reset::PowerOn);
  change_clock();
  clocks_.on_change([this] { change_clock(); });
}

void LowPowerTimer::change_clock() {
  const std::uint32_t hertz = clocks_.kernel_clock(shape_.base);
  if (hertz == clock_.hertz) return;
  sync();
  counter_.rebase(edge());
  clock_ = {hertz, scheduler_.now()};
  arm();
  update();
}

void LowPowerTimer::reset(Reset) {
  isr_ = dier_ = cfgr_ = cr_ = cfgr2_ = ccmr1_ = 0;
  counter_ = TimerCounter(16);
  counter_.preload.reload = counter_.shadow.reload = 1;
  counter_.preload.compare[kReloadChannel] = counter_.shadow.compare[kReloadChannel] = 1;
  counter_.rebase(-edge());
  arm();
  update();
}

void LowPowerTimer::serialise(Archive& archive) {
  archive(isr_, dier_, cfgr_, cr_, cfgr2_, ccmr1_, counter_, clock_);
  serialise_event(archive, event_);
  if (archive.loading()) update();
}

std::uint32_t LowPowerTimer::flags_of(const TimerCounter::Events& events) {
  return ((events.matches & 1) != 0 ? kCc1 : 0) | ((events.matches & 2) != 0 ? kCc2 : 0) |
         (test(events.matches, kReloadChannel) ? kArrm : 0) | (events.updates > 0 ? kUpdate : 0);
}

void LowPowerTimer::sync() {
  const TimerCounter::Events events = counter_.advance(edge());
  isr_ |= flags_of(events);
  if (events.stopped) cr_ &= ~bit(kSingle);
  publish(events);
}

/// An output is high from its compare match to the end of the period (RM0456 58.4.12, CCxP = 0).
void LowPowerTimer::publish(const TimerCounter::Events& events) {
  if (events.updates > 0 && test(dier_, kUpdateDma) && hooks_.request_dma) hooks_.request_dma();
  for (unsigned channel = 0; channel < 2 && hooks_.output; ++channel) {
    if (!output_enabled(channel)) continue;
    if (test(events.matches, channel)) hooks_.output(channel, true);
    if (test(events.matches, kReloadChannel)) hooks_.output(channel, false);
  }
}

std::uint32_t LowPowerTimer::peek(std::uint32_t offset) const {
  TimerCounter counter = counter_;
  const TimerCounter::Events events = counter.advance(edge());
  switch (offset & ~3U) {
    case kIsr: return isr_ | flags_of(events);
    case kDier: return dier_;
    case kCfgr: return cfgr_;
    case kCr: return events.stopped ? cr_ & ~bit(kSingle) : cr_;
    case kCcr1: return counter_.preload.compare[0];
    case kCcr2: return counter_.preload.compare[1];
    case kArr: return counter_.preload.reload;
    case kCnt: return counter.count(edge());
    case kCfgr2: return cfgr2_;
    case kRcr: return counter_.preload.repetition;
    case kCcmr1: return ccmr1_;
    default: return 0;
  }
}

std::uint32_t LowPowerTimer::load(std::uint32_t offset, std::uint32_t, const Access&) {
  sync();
  const std::uint32_t value = peek(offset);
  if (offset == kCnt && test(cr_, kResetAfterRead)) {
    counter_.set_count(edge(), 0);
    arm();
  }
  return value;
}

void LowPowerTimer::store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access&) {
  sync();
  switch (offset) {
    case kIcr: isr_ &= ~(value & lanes); break;
    case kCfgr:
      if (!enabled()) assign(cfgr_, value, lanes);
      break;
    case kCfgr2:
      if (!enabled()) assign(cfgr2_, value, lanes);
      break;
    case kCr: store_control(value, lanes); break;
    default:
      if (enabled()) store_enabled(offset, value, lanes);
  }
  arm();
  update();
}

/// Registers that take writes only while the timer is enabled, and acknowledge them.
void LowPowerTimer::store_enabled(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes) {
  switch (offset) {
    case kDier:
      assign(dier_, value, lanes);
      isr_ |= kDierOk;
      break;
    case kCcr1: store_compare(0, value, kCmp1Ok); break;
    case kCcr2: store_compare(1, value, kCmp2Ok); break;
    case kArr:
      counter_.preload.reload = value & 0xFFFF;
      if (!test(cfgr_, kPreload) || !counter_.running()) counter_.set_reload_now(edge(), value & 0xFFFF);
      store_compare(kReloadChannel, value, kArrOk);
      break;
    case kRcr:
      counter_.preload.repetition = value & 0xFF;
      isr_ |= kRepOk;
      break;
    case kCcmr1: assign(ccmr1_, value, lanes); break;
    default: break;
  }
}

void LowPowerTimer::store_compare(unsigned channel, std::uint32_t value, std::uint32_t flag) {
  counter_.preload.compare[channel] = value & 0xFFFF;
  if (!test(cfgr_, kPreload) || !counter_.running()) counter_.shadow.compare[channel] = value & 0xFFFF;
  isr_ |= flag;
}

void LowPowerTimer::store_control(std::uint32_t value, std::uint32_t lanes) {
  const bool was_enabled = enabled();
  assign(cr_, value, lanes & (bit(0) | bit(kResetAfterRead)));
  if (!enabled()) {
    cr_ = 0;
    if (was_enabled) {
      counter_.stop(edge());
      counter_.restart(edge());
    }
    return;
  }
  if (test(value, kCountReset)) counter_.set_count(edge(), 0);
  const bool starts = test(value, kSingle) || test(value, kContinuous);
  if (!was_enabled || !starts || test(cfgr_, kExternal)) return;
  cr_ |= value & (bit(kSingle) | bit(kContinuous));
  counter_.one_pulse = !test(value, kContinuous);
  if (counter_.running()) return;
  counter_.shadow.prescaler = counter_.preload.prescaler = (1U << bits(cfgr_, 11, 9)) - 1;
  counter_.restart(edge());
  counter_.start(edge());
}

void LowPowerTimer::arm() {
  // What others hear of has to happen at its time, whether the flag is news or not.
  std::uint32_t published = hooks_.request_dma && test(dier_, kUpdateDma) ? kUpdate : 0;
  if (hooks_.output && output_enabled(0)) published |= kCc1 | kArrm;
  if (hooks_.output && output_enabled(1)) published |= kCc2 | kArrm;
  std::int64_t next = -1;
  const auto consider = [&](std::uint32_t flag, std::int64_t candidate) {
    if ((((dier_ & ~isr_) | published) & flag) == 0 || candidate < 0) return;
    next = next < 0 ? candidate : std::min(next, candidate);
  };
  consider(kCc1, counter_.match_edge(0));
  consider(kCc2, counter_.match_edge(1));
  consider(kArrm, counter_.match_edge(kReloadChannel));
  consider(kUpdate, counter_.update_edge());
  const Time due = next < 0 ? kNever : clock_.moment_of(static_cast<std::uint64_t>(next));
  if (due == kNever) {
    event_.cancel();
  } else {
    event_.at(due);
  }
}

void LowPowerTimer::update() { line_.set((isr_ & dier_ & 0x0008'33FF) != 0); }

}  // namespace microvisor::board

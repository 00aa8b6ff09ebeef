#include "board/peripherals/timer.hpp"

#include <algorithm>

#include "board/bus/event_archive.hpp"
#include "board/peripherals/timer_registers.hpp"

namespace microvisor::board {

using namespace timer_registers;

namespace {

constexpr std::uint32_t kCompareFlags = field(4, 1) | field(17, 16);

constexpr Timer::Shape kTimers[] = {
    // name, base, bits, channels, up/down, advanced, update, compare, break, trigger line
    {"TIM1", 0x4001'2C00, 16, 4, true, true, 42, 44, 41, 43},
    {"TIM2", 0x4000'0000, 32, 4, true, false, 45, 45, 45, 45, DmaTrigger::Tim2Trgo},
    {"TIM3", 0x4000'0400, 32, 4, true, false, 46, 46, 46, 46},
    {"TIM4", 0x4000'0800, 32, 4, true, false, 47, 47, 47, 47},
    {"TIM5", 0x4000'0C00, 32, 4, true, false, 48, 48, 48, 48},
    {"TIM6", 0x4000'1000, 16, 0, false, false, 49, 49, 49, 49},
    {"TIM7", 0x4000'1400, 16, 0, false, false, 50, 50, 50, 50},
    {"TIM8", 0x4001'3400, 16, 4, true, true, 52, 54, 51, 53},
    {"TIM15", 0x4001'4000, 16, 2, false, true, 69, 69, 69, 69, DmaTrigger::Tim15Trgo},
    {"TIM16", 0x4001'4400, 16, 1, false, true, 70, 70, 70, 70},
    {"TIM17", 0x4001'4800, 16, 1, false, true, 71, 71, 71, 71},
};

}  // namespace

std::span<const Timer::Shape> Timer::timers() { return kTimers; }

Timer::Timer(const Shape& shape, Scheduler& scheduler, Clocks& clocks, InterruptSink& interrupts)
    : shape_(shape),
      scheduler_(scheduler),
      clocks_(clocks),
      interrupts_(interrupts),
      counter_(shape.width),
      event_(scheduler, [this] {
        sync();
        settle();
      }) {
  change_clock();
  clocks_.on_change([this] { change_clock(); });
}

// --- time
// -------------------------------------------------------------------------------------------------------------

std::int64_t Timer::edge() const {
  return outside_clock_ ? outside_edges_ : static_cast<std::int64_t>(clock_.edges(scheduler_.now()));
}

void Timer::change_clock() {
  const std::uint32_t hertz = clocks_.kernel_clock(shape_.base);
  if (hertz == clock_.hertz) return;
  if (!outside_clock_) {
    sync();
    counter_.rebase(edge());
  }
  clock_.epoch = clock_.last_edge(scheduler_.now());
  if (clock_.hertz == 0) clock_.epoch = scheduler_.now();
  clock_.hertz = hertz;
  settle();
}

/// The counter goes on from where it stands; the state has been brought up to now.
void Timer::clock_from_outside(bool outside) {
  if (outside == outside_clock_) return;
  counter_.rebase(edge());
  outside_clock_ = outside;
  outside_edges_ = 0;
  clock_.epoch = scheduler_.now();
}

void Timer::sync() { apply(counter_.advance(edge())); }

void Timer::apply(const TimerCounter::Events& events) {
  if (events.updates > 0) {
    at(kSr) |= kUif;
    if (shape_.advanced && test(at(kBdtr), kAoe)) at(kBdtr) |= bit(kMoe);
    if (master_mode() == kMasterUpdate) send_pulses(events.updates);
  }
  if (events.stopped) at(kCr1) &= ~bit(kCen);
  if (bits(at(kCr1), 6, 5) != 0) assign(at(kCr1), counter_.down ? ~0U : 0, bit(kDir));
  std::uint32_t outputs = 0;
  for (unsigned channel = 0; channel < TimerCounter::kChannels; ++channel) {
    if (!test(events.matches, channel) || !is_output(channel)) continue;
    outputs |= bit(channel);
    at(kSr) |= compare_flag(channel);
    if (channel == 0 && master_mode() == kMasterCompare) send_pulses(1);
    switch (mode_of(channel)) {
      case 1: reference_ |= bit(channel); break;
      case 2: reference_ &= ~bit(channel); break;
      case 3: reference_ ^= bit(channel); break;
      default: break;
    }
  }
  request(events.updates > 0, outputs);
}

/// The event for the next thing that can be seen from outside.
void Timer::arm() {
  std::int64_t next = -1;
  const auto consider = [&](std::int64_t candidate) {
    if (candidate >= 0 && (next < 0 || candidate < next)) next = candidate;
  };
  const std::uint32_t wanted = (at(kDier) & ~at(kSr)) | requests_enabled();
  if ((wanted & kUif) != 0 || counter_.one_pulse) consider(counter_.update_edge());
  for (unsigned channel = 0; channel < TimerCounter::kChannels; ++channel) {
    if ((wanted & compare_flag(channel)) != 0 && is_output(channel)) consider(counter_.match_edge(channel));
    if (listener_ && channel < shape_.channels && output_enabled(channel)) consider(output_edge(channel));
  }
  const bool pulses_wanted = trigger_listener_ && master_mode() < kMasterReference1;
  if (!followers_.empty() || pulses_wanted) consider(trigger_edge());
  // Nobody knows when the next edge of an outside clock comes; it settles the timer when it does.
  const Time due = next < 0 || outside_clock_ ? kNever : clock_.moment_of(static_cast<std::uint64_t>(next));
  if (due == kNever) {
    event_.cancel();
  } else if (!event_.armed() || event_.due() != due) {
    event_.at(due);
  }
}

void Timer::settle() {
  update_lines();
  publish();
  send_trigger_level();
  arm();
}

// --- state
// ----------------------------------------------------------------------------------------------------------

void Timer::reset(Reset) {
  words_.fill(0);
  if (shape_.advanced) at(kAf1) = at(kAf1 + 4) = 1;
  dma_control_ = burst_index_ = 0;
  reference_ = 0;
  counter_ = TimerCounter(shape_.width);
  clock_.epoch = scheduler_.now();
  outside_clock_ = false;
  outside_edges_ = 0;
  inputs_.forget_disabled(0);
  follow_trigger_source();
  settle();
}

void Timer::serialise(Archive& archive) {
  archive(words_, dma_control_, burst_index_, counter_, clock_, reference_, published_, inputs_,
          outside_clock_, outside_edges_, trigger_level_);
  serialise_event(archive, event_);
  if (!archive.loading()) return;
  follow_trigger_source();
  update_lines();
  for (unsigned channel = 0; listener_ && channel < shape_.channels; ++channel)
    listener_(channel, published_[channel]);
}

std::uint32_t Timer::peek(std::uint32_t offset) const {
  offset &= ~3U;
  if (offset == kDcr) return dma_control_;
  if (offset == kDmar) return peek(burst_register());
  if (offset >= kPlainEnd) return 0;
  // A copy is brought up to date; the timer itself stays as it is.
  TimerCounter counter = counter_;
  const std::int64_t now = edge();
  const TimerCounter::Events events = counter.advance(now);
  std::uint32_t flags = at(kSr) | (events.updates > 0 ? kUif : 0);
  for (unsigned channel = 0; channel < TimerCounter::kChannels; ++channel) {
    if (test(events.matches, channel) && is_output(channel)) flags |= compare_flag(channel);
  }
  switch (offset) {
    case kCr1: return events.stopped ? at(kCr1) & ~bit(kCen) : at(kCr1);
    case kSr: return flags;
    case kEgr: return 0;
    case kCnt:
      if (!test(at(kCr1), kUifRemap)) return counter.count(now);
      return (counter.count(now) & ~bit(31)) | ((flags & kUif) != 0 ? bit(31) : 0);
    case kPsc: return counter_.preload.prescaler;
    case kArr: return counter_.preload.reload;
    case kRcr: return counter_.preload.repetition;
    case kCcr5: return counter_.preload.compare[4];
    case kCcr6: return counter_.preload.compare[5];
    default:
      if (offset >= kCcr1 && offset <= kCcr4) return counter_.preload.compare[(offset - kCcr1) / 4];
      return at(offset);
  }
}

std::uint32_t Timer::load(std::uint32_t offset, std::uint32_t, const Access&) {
  if (offset == kCnt && !test(at(kCr1), kUifRemap)) {
    if (const auto count = counter_.count_in_span(edge())) return *count;
  }
  sync();
  if (offset == kDmar) {
    const std::uint32_t target = burst_register();
    burst_index_ = burst_index_ == bits(dma_control_, 12, 8) ? 0 : burst_index_ + 1;
    return load(target, ~0U, {});
  }
  const std::uint32_t value = peek(offset);
  if (offset >= kCcr1 && offset <= kCcr4) {
    const unsigned channel = (offset - kCcr1) / 4;
    if (!is_output(channel)) at(kSr) &= ~compare_flag(channel);  // reading a capture takes it
  }
  update_lines();
  return value;
}

void Timer::store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) {
  if (offset == kDmar) {
    const std::uint32_t target = burst_register();
    burst_index_ = burst_index_ == bits(dma_control_, 12, 8) ? 0 : burst_index_ + 1;
    return store(target, value, lanes, access);
  }
  sync();
  switch (offset) {
    case kCr1: store_control(value, lanes); break;
    case kSr: at(kSr) &= value | ~lanes; break;  // rc_w0
    case kEgr: store_event_generation(value); break;
    case kCnt: counter_.set_count(edge(), value); break;
    case kPsc: assign(counter_.preload.prescaler, value, lanes & 0xFFFF); break;
    case kArr:
      assign(counter_.preload.reload, value, lanes & (shape_.width == 32 ? ~0U : 0xFFFFU));
      if (!test(at(kCr1), kArpe)) counter_.set_reload_now(edge(), counter_.preload.reload);
      break;
    case kRcr:
      if (shape_.advanced) assign(counter_.preload.repetition, value, lanes & 0xFFFF);
      break;
    case kBdtr: store_break(value, lanes); break;
    case kCcr5: store_compare(4, value, lanes); break;
    case kCcr6: store_compare(5, value, lanes); break;
    case kDcr:
      assign(dma_control_, value, lanes & 0xF'1F1F);
      burst_index_ = 0;
      break;
    default:
      if (offset >= kCcr1 && offset <= kCcr4) {
        store_compare((offset - kCcr1) / 4, value, lanes);
      } else if (offset < kPlainEnd) {
        assign(at(offset), value, lanes);
      }
  }
  if (offset == kSmcr || offset == kCcmr1 || offset == kCcmr2) follow_trigger_source();
  if (offset == kSmcr) follow_enable();
  if (offset == kCcer) inputs_.forget_disabled(at(kCcer));
  settle();
}

void Timer::store_control(std::uint32_t value, std::uint32_t lanes) {
  const std::uint32_t before = at(kCr1);
  assign(at(kCr1), value, lanes);
  std::uint32_t& cr1 = at(kCr1);
  counter_.updates_disabled = test(cr1, kUdis);
  counter_.one_pulse = test(cr1, kOpm);
  if (shape_.up_down) {
    const bool centred = bits(cr1, 6, 5) != 0;
    if (centred && bits(before, 6, 5) != 0) assign(cr1, before, bit(kDir));  // read-only while centre-aligned
    counter_.set_direction(edge(), test(cr1, kDir), centred);
  }
  if (test(before, kArpe) && !test(cr1, kArpe)) counter_.set_reload_now(edge(), counter_.preload.reload);
  follow_enable();
}

/// CEN lets the counter run, in gated modes while the trigger is active; the slave mode names its clock.
void Timer::follow_enable() {
  const unsigned mode = slave_mode();
  const bool external_clock = has_slave_controller() && test(at(kSmcr), kEce);
  clock_from_outside(external_clock || mode == kSlaveClock || (mode >= 1 && mode <= kSlaveLastEncoder));
  const bool gated = mode == kSlaveGated || mode == kSlaveGatedReset;
  const bool open = mode <= kSlaveGatedReset && (!gated || inputs_.trigger_level(input_registers()));
  if (test(at(kCr1), kCen) && open) {
    counter_.start(edge());
  } else {
    counter_.stop(edge());
  }
}

void Timer::store_event_generation(std::uint32_t value) {
  if (test(value, 0)) generate_update();
  for (unsigned channel = 0; channel < std::min(4U, shape_.channels); ++channel) {
    if (!test(value, 1 + channel)) continue;
    if (is_output(channel)) {
      at(kSr) |= compare_flag(channel);
      request(false, bit(channel));
    } else {
      capture(channel);
    }
  }
  if (test(value, 6)) note_trigger();  // TG
  if (!shape_.advanced) return;
  at(kSr) |= value & (bit(5) | kBif | kB2if);
  if (test(value, 5)) request_dma(TimerRequest::Commutation);
  if ((value & (kBif | kB2if)) != 0) at(kBdtr) &= ~bit(kMoe);
}

/// By EGR.UG or a trigger in reset mode.
void Timer::generate_update() {
  if (counter_.updates_disabled) {
    counter_.set_count(edge(), counter_.down ? counter_.shadow.reload : 0);
  } else {
    counter_.restart(edge());
    if (!test(at(kCr1), kUrs)) at(kSr) |= kUif;
    request(true, 0);
    if (master_mode() == kMasterUpdate) send_pulses(1);
  }
  if (master_mode() == kMasterReset) send_pulses(1);
}

void Timer::store_compare(unsigned channel, std::uint32_t value, std::uint32_t lanes) {
  if (!is_output(channel)) return;
  std::uint32_t& target = counter_.preload.compare[channel];
  assign(target, value, lanes & (shape_.width == 32 ? ~0U : 0xF'FFFFU));
  if (!preloaded(channel)) counter_.shadow.compare[channel] = target;
}

void Timer::store_break(std::uint32_t value, std::uint32_t lanes) {
  if (!shape_.advanced) return;
  const std::uint32_t lock = bits(at(kBdtr), 9, 8);
  if (lock != 0) lanes &= ~(field(9, 8) | field(7, 0) | field(14, 12));  // LOCK is write-once until reset
  assign(at(kBdtr), value, lanes);
}

// --- DMA
// -----------------------------------------------------------------------------------------------------

void Timer::request(bool update, std::uint32_t matches) {
  if (update) request_dma(TimerRequest::Update);
  const bool at_update = test(at(kCr2), 3);  // CCDS
  for (unsigned channel = 0; channel < 4; ++channel) {
    if (at_update ? update : test(matches, channel)) {
      request_dma(static_cast<TimerRequest>(static_cast<unsigned>(TimerRequest::Channel1) + channel));
    }
  }
}

/// The request enables stand in DIER in the order of TimerRequest; DCR.DBSS counts the same way from 1 and
/// names the request that asks for a whole burst (RM0456 54.6.28).
void Timer::request_dma(TimerRequest request) {
  const auto index = static_cast<unsigned>(request);
  if (!dma_listener_ || !test(at(kDier), 8 + index)) return;
  const bool burst = bits(dma_control_, 19, 16) == index + 1;
  dma_listener_(request, burst ? bits(dma_control_, 12, 8) + 1 : 1);
}

/// DMAR stands for the registers from DCR.DBA on, one after the other.
std::uint32_t Timer::burst_register() const {
  return 4 * (bits(dma_control_, 4, 0) + burst_index_) % kPlainEnd;
}

/// Flags that would ask for a transfer, at their place in SR.
std::uint32_t Timer::requests_enabled() const {
  std::uint32_t flags = dma_listener_ ? at(kDier) >> 8 & field(4, 0) : 0;
  if (test(at(kCr2), 3) && (flags & field(4, 1)) != 0) flags = kUif;
  return flags;
}

void Timer::update_lines() {
  const std::uint32_t pending = at(kSr) & at(kDier);
  const bool update = (pending & kUif) != 0;
  const bool compare = (pending & kCompareFlags) != 0;
  const bool broken = test(at(kDier), 7) && (at(kSr) & (kBif | kB2if | kSbif)) != 0;
  const bool trigger = (pending & (bit(5) | bit(6))) != 0;
  if (shape_.update_line == shape_.compare_line) {
    interrupts_.set_line(shape_.update_line, update || compare || broken || trigger);
    return;
  }
  interrupts_.set_line(shape_.update_line, update);
  interrupts_.set_line(shape_.compare_line, compare);
  interrupts_.set_line(shape_.break_line, broken);
  interrupts_.set_line(shape_.trigger_line, trigger);
}

// --- outputs
// -----------------------------------------------------------------------------------------------------------

namespace {
constexpr std::uint32_t mode_register(unsigned channel) {
  return channel < 2 ? kCcmr1 : channel < 4 ? kCcmr2 : kCcmr3;
}
constexpr unsigned half(unsigned channel) { return (channel & 1) * 8; }
}  // namespace

bool Timer::is_output(unsigned channel) const {
  if (channel >= (shape_.up_down && shape_.advanced ? 6 : shape_.channels)) return false;
  return channel >= 4 || bits(at(mode_register(channel)), half(channel) + 1, half(channel)) == 0;
}

unsigned Timer::mode_of(unsigned channel) const {
  const std::uint32_t word = at(mode_register(channel));
  return bits(word, half(channel) + 6, half(channel) + 4) | (test(word, half(channel) + 16) ? 8U : 0U);
}

bool Timer::preloaded(unsigned channel) const { return test(at(mode_register(channel)), half(channel) + 3); }

bool Timer::output_enabled(unsigned channel) const {
  if (!is_output(channel) || !test(at(kCcer), 4 * channel)) return false;
  return !shape_.advanced || test(at(kBdtr), kMoe);
}

bool Timer::pwm_active(unsigned channel, std::uint32_t count) const {
  const std::uint32_t compare = counter_.shadow.compare[channel];
  const bool below = counter_.down && !counter_.centre_aligned ? count <= compare : count < compare;
  return below != (mode_of(channel) == 7);
}

/// When a connected output changes next: an edge of a slow signal, or the take-over of a new duty cycle.
std::int64_t Timer::output_edge(unsigned channel) const {
  const unsigned mode = mode_of(channel);
  if (mode >= 1 && mode <= 3) return counter_.match_edge(channel);
  if (mode != 6 && mode != 7) return -1;
  if (output_of(channel).hertz == 0) return reference_edge(channel);
  return counter_.shadows_pending() ? counter_.update_edge() : -1;
}

/// When OCxREF may change next.
std::int64_t Timer::reference_edge(unsigned channel) const {
  const unsigned mode = mode_of(channel);
  if (mode == 0 || mode == 4 || mode == 5 || mode > 7) return -1;
  const std::int64_t match = counter_.match_edge(channel);
  if (mode <= 3) return match;
  return match < 0 ? counter_.overflow_edge() : std::min(match, counter_.overflow_edge());
}

bool Timer::reference_level(unsigned channel) const {
  const unsigned mode = mode_of(channel);
  if (mode == 6 || mode == 7) return pwm_active(channel, counter_.count(edge()));
  return mode == 5 || (mode < 4 && test(reference_, channel));
}

TimerOutput Timer::output_of(unsigned channel) const {
  TimerOutput output;
  if (!output_enabled(channel)) return output;
  output.driven = true;
  const unsigned mode = mode_of(channel);
  const bool inverted = test(at(kCcer), 4 * channel + 1);
  if (mode != 6 && mode != 7) {
    output.level = reference_level(channel) != inverted;
    return output;
  }
  const std::uint64_t period = counter_.period();
  const std::uint64_t hertz =
      clock_.hertz / ((std::uint64_t{counter_.shadow.prescaler} + 1) * std::max<std::uint64_t>(period, 1));
  std::uint64_t high = counter_.shadow.compare[channel];
  if (counter_.centre_aligned) high *= 2;
  if (counter_.down && !counter_.centre_aligned) ++high;
  high = std::min(high, period);
  if (mode == 7) high = period - high;
  if (inverted) high = period - high;
  const bool periodic = counter_.running() && !counter_.one_pulse && !outside_clock_;
  if (!periodic || high == 0 || high == period || hertz <= kFastestEdges) {
    output.level = reference_level(channel) != inverted;
    return output;
  }
  output.hertz = static_cast<std::uint32_t>(hertz);
  output.duty_permille = static_cast<std::uint32_t>((high * 1000 + period / 2) / period);
  return output;
}

void Timer::publish() {
  if (!listener_) return;
  for (unsigned channel = 0; channel < shape_.channels; ++channel) {
    const TimerOutput output = output_of(channel);
    if (output == published_[channel]) continue;
    published_[channel] = output;
    listener_(channel, output);
  }
}

}  // namespace microvisor::board

#include "board/peripherals/timer_counter.hpp"

#include <algorithm>

namespace microvisor::board {

// --- positions
// ----------------------------------------------------------------------------------------------------

std::int64_t TimerCounter::full_span() const {
  return std::int64_t{shadow.reload} + (centre_aligned ? 0 : 1);
}

std::int64_t TimerCounter::span_end() const {
  // A counter above a lowered ARR runs on to its natural end.
  if (!down && base_position_ > shadow.reload) return std::int64_t{mask_} + 1;
  return full_span();
}

std::int64_t TimerCounter::position(std::int64_t edge) const {
  if (!running_ || blocked()) return base_position_;
  const std::int64_t gone = edge - base_edge_;
  return base_position_ + (shadow.prescaler == 0 ? gone : gone / step());
}

std::int64_t TimerCounter::position_of(std::uint32_t value) const {
  return down ? std::int64_t{shadow.reload} - value : std::int64_t{value};
}

std::uint32_t TimerCounter::value_at(std::int64_t position) const {
  return static_cast<std::uint32_t>(down ? std::int64_t{shadow.reload} - position : position) & mask_;
}

std::uint32_t TimerCounter::count(std::int64_t edge) const { return value_at(position(edge)); }

std::uint64_t TimerCounter::period() const {
  return centre_aligned ? 2 * std::uint64_t{shadow.reload} : std::uint64_t{shadow.reload} + 1;
}

bool TimerCounter::shadows_pending() const {
  return shadow.prescaler != preload.prescaler || shadow.reload != preload.reload ||
         shadow.repetition != preload.repetition || shadow.compare != preload.compare;
}

// --- control
// ---------------------------------------------------------------------------------------------------------

void TimerCounter::pin(std::int64_t edge) {
  if (!running_ || blocked()) {
    base_edge_ = edge;
    return;
  }
  const std::int64_t now = position(edge);
  base_edge_ += (now - base_position_) * step();
  base_position_ = now;
}

void TimerCounter::start(std::int64_t edge) {
  if (running_) return;
  running_ = true;
  base_edge_ = edge - phase_;
  swept_ = base_position_;
}

void TimerCounter::stop(std::int64_t edge) {
  if (!running_) return;
  pin(edge);
  phase_ = edge - base_edge_;
  running_ = false;
}

void TimerCounter::restart(std::int64_t edge) {
  load_shadows();
  repetitions_left_ = shadow.repetition;
  if (centre_aligned) down = false;
  base_edge_ = edge;
  phase_ = 0;
  base_position_ = 0;
  swept_ = 0;
}

void TimerCounter::set_count(std::int64_t edge, std::uint32_t value) {
  pin(edge);
  base_position_ = position_of(value & mask_);
  swept_ = base_position_;
}

void TimerCounter::set_reload_now(std::int64_t edge, std::uint32_t value) {
  const std::uint32_t present = count(edge);
  pin(edge);
  shadow.reload = value & mask_;
  base_position_ = position_of(present);
  swept_ = base_position_;
  if (blocked()) base_edge_ = edge;
}

void TimerCounter::set_direction(std::int64_t edge, bool downwards, bool centred) {
  if (downwards == down && centred == centre_aligned) return;
  const std::uint32_t present = count(edge);
  pin(edge);
  down = downwards;
  centre_aligned = centred;
  base_position_ = position_of(present);
  swept_ = base_position_;
}

// --- progress
// -------------------------------------------------------------------------------------------------------

std::uint32_t TimerCounter::matches_between(std::int64_t after, std::int64_t upto) const {
  std::uint32_t found = 0;
  for (unsigned channel = 0; channel < kChannels; ++channel) {
    const std::int64_t where = position_of(shadow.compare[channel]);
    if (where > after && where <= upto) found |= 1U << channel;
  }
  return found;
}

/// One overflow or underflow: repetition counter, update event, end of a one-pulse run.
void TimerCounter::overflow(Events& events) {
  if (centre_aligned) down = !down;
  if (repetitions_left_ > 0) {
    --repetitions_left_;
    return;
  }
  repetitions_left_ = preload.repetition;
  if (!updates_disabled) {
    load_shadows();
    ++events.updates;
    if (one_pulse) {
      running_ = false;
      phase_ = 0;
      events.stopped = true;
    }
  }
}

/// Several whole spans at once; nothing changes on the way but the repetition counter and the direction.
void TimerCounter::skip_spans(std::int64_t spans, Events& events) {
  base_edge_ += spans * full_span() * step();
  if (centre_aligned && (spans & 1) != 0) down = !down;
  const auto cycle = std::int64_t{shadow.repetition} + 1;
  if (spans > repetitions_left_) {
    const std::int64_t after_first = spans - repetitions_left_ - 1;
    if (!updates_disabled) events.updates += 1 + after_first / cycle;
    repetitions_left_ = static_cast<std::uint32_t>(cycle - 1 - after_first % cycle);
  } else {
    repetitions_left_ -= static_cast<std::uint32_t>(spans);
  }
}

TimerCounter::Events TimerCounter::advance(std::int64_t edge) {
  Events events;
  while (running_ && !blocked() && position(edge) >= span_end()) {
    const std::int64_t end = span_end();
    events.matches |= matches_between(swept_, end - 1);
    base_edge_ += (end - base_position_) * step();
    base_position_ = 0;
    swept_ = -1;
    overflow(events);
    if (!running_ || blocked()) break;
    const bool steady = !one_pulse && (updates_disabled || !shadows_pending());
    const std::int64_t whole = (edge - base_edge_) / step() / full_span();
    if (steady && whole > 2) {
      const std::int64_t skipped = (whole - 1) & ~std::int64_t{1};
      events.matches |= matches_between(-1, full_span() - 1);
      skip_spans(skipped, events);
    }
  }
  const std::int64_t now = position(edge);
  if (running_ && now > swept_) {
    events.matches |= matches_between(swept_, now);
    swept_ = now;
  }
  if (!running_ && swept_ < 0) swept_ = 0;
  return events;
}

// --- what comes next
// ------------------------------------------------------------------------------------------------

std::int64_t TimerCounter::overflow_edge() const {
  if (!running_ || blocked()) return -1;
  return base_edge_ + (span_end() - base_position_) * step();
}

std::int64_t TimerCounter::update_edge() const {
  if (updates_disabled) return -1;
  const std::int64_t first = overflow_edge();
  return first < 0 ? first : first + std::int64_t{repetitions_left_} * full_span() * step();
}

std::int64_t TimerCounter::match_edge(unsigned channel) const {
  if (!running_ || blocked()) return -1;
  const std::int64_t where = position_of(shadow.compare[channel]);
  if (where > swept_ && where < span_end()) return base_edge_ + (where - base_position_) * step();
  // Not in this span. The next one is as long, unless the update between them changes something.
  if (centre_aligned || one_pulse || shadows_pending()) return overflow_edge();
  return where >= 0 && where < full_span() ? overflow_edge() + where * step() : -1;
}

}  // namespace microvisor::board

// The counter of a timer as arithmetic over the edges of its kernel clock.
//
// Nothing here happens by itself. advance(edge) works out, in closed form, everything that has happened up to
// that edge: overflows, update events, shadow registers taken over, compare matches. A timer left alone for
// an hour costs one division. A *span* is one sweep between two overflows: 0..ARR counting up, ARR..0
// counting down, 0..ARR-1 or ARR..1 for one half of a centre-aligned period (RM0456 chapters 54-57).
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "board/bus/archive.hpp"

namespace microvisor::board {

class TimerCounter {
 public:
  static constexpr unsigned kChannels = 6;
  struct Settings {
    std::uint32_t prescaler = 0;   ///< PSC
    std::uint32_t reload = 0;      ///< ARR
    std::uint32_t repetition = 0;  ///< RCR
    std::array<std::uint32_t, kChannels> compare{};
  };
  /// What advance() and update() have found.
  struct Events {
    std::int64_t updates = 0;
    bool stopped = false;       ///< one-pulse mode has ended the run
    std::uint32_t matches = 0;  ///< bit n: channel n + 1
  };

  /// `width` is 16 or 32.
  explicit TimerCounter(unsigned width) : mask_(width == 32 ? 0xFFFF'FFFFU : 0xFFFFU) {
    preload.reload = shadow.reload = mask_;
  }

  // Control, changed only after advance().
  Settings preload;
  Settings shadow;
  bool one_pulse = false;
  bool updates_disabled = false;
  bool centre_aligned = false;
  bool down = false;  ///< direction; toggled by the counter itself when centre-aligned

  [[nodiscard]] bool running() const { return running_; }
  void start(std::int64_t edge);
  void stop(std::int64_t edge);
  /// Brings the state to `edge` (never less than in an earlier call).
  Events advance(std::int64_t edge);
  /// Update event by software: counter and prescaler start over, all shadow registers follow.
  void restart(std::int64_t edge);
  /// The clock has changed: from now on edges are counted from `edge`, which becomes 0.
  void rebase(std::int64_t edge) { base_edge_ -= edge; }

  /// CNT at `edge`, to which the state has been advanced.
  [[nodiscard]] std::uint32_t count(std::int64_t edge) const;
  void set_count(std::int64_t edge, std::uint32_t value);
  /// Takes over a reload or compare value at once (no preload).
  void set_reload_now(std::int64_t edge, std::uint32_t value);
  void set_direction(std::int64_t edge, bool downwards, bool centred);

  /// Edge of the next overflow; of the next update event; of the next match of a channel (or of the overflow
  /// before it, if more cannot be said yet). -1 if it never comes.
  [[nodiscard]] std::int64_t overflow_edge() const;
  [[nodiscard]] std::int64_t update_edge() const;
  [[nodiscard]] std::int64_t match_edge(unsigned channel) const;
  /// Counts in a whole period: of the PWM, not of a span.
  [[nodiscard]] std::uint64_t period() const;
  [[nodiscard]] bool shadows_pending() const;
  /// count() if the counter has not overflowed since the last advance(), so that nothing else has happened.
  [[nodiscard]] std::optional<std::uint32_t> count_in_span(std::int64_t edge) const {
    const std::int64_t now = position(edge);
    return now < span_end() ? std::optional(value_at(now)) : std::nullopt;
  }

  void serialise(Archive& archive) {
    archive(preload, shadow, one_pulse, updates_disabled, centre_aligned, down, running_, base_edge_,
            base_position_, swept_, phase_, repetitions_left_);
  }

 private:
  [[nodiscard]] std::int64_t step() const { return std::int64_t{shadow.prescaler} + 1; }
  /// Position at which the present span ends.
  [[nodiscard]] std::int64_t span_end() const;
  [[nodiscard]] std::int64_t full_span() const;
  [[nodiscard]] std::int64_t position(std::int64_t edge) const;
  [[nodiscard]] std::int64_t position_of(std::uint32_t value) const;
  [[nodiscard]] std::uint32_t value_at(std::int64_t position) const;
  [[nodiscard]] std::uint32_t matches_between(std::int64_t after, std::int64_t upto) const;
  void overflow(Events& events);
  void skip_spans(std::int64_t spans, Events& events);
  void load_shadows() { shadow = preload; }
  [[nodiscard]] bool blocked() const { return full_span() <= (centre_aligned ? 0 : 1); }
  /// Makes `edge` the base without moving the counter.
  void pin(std::int64_t edge);

  std::uint32_t mask_;
  bool running_ = false;
  std::int64_t base_edge_ = 0;  ///< edge at which the counter stood at base_position_, prescaler at 0
  std::int64_t base_position_ = 0;
  std::int64_t swept_ = 0;  ///< matches up to this position are reported
  std::int64_t phase_ = 0;  ///< of the prescaler, while stopped
  std::uint32_t repetitions_left_ = 0;
};

}  // namespace microvisor::board

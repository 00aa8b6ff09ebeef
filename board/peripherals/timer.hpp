// TIM1-8 and TIM15-17: one register model, shaped by what each family has.
//
// The counting is TimerCounter; here are the registers, the flags and interrupt lines, and the outputs. The
// block arms one event for the next moment at which something becomes visible from outside: a flag whose
// interrupt is enabled, or an edge or a new duty cycle on a connected output. A tick that nobody listens to
// costs nothing.
//
// Signals from outside come through TimerInputs; a timer whose trigger output another one has selected tells
// it of each edge. An external clock replaces the kernel clock as the counter's source of edges.
//
// Not modelled: input filters, index and the newer encoder modes, retriggerable one-pulse, dithering,
// complementary outputs and break inputs.
//
// Lives on the board's thread, owned by the board.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "board/bus/clocks.hpp"
#include "board/bus/scheduler.hpp"
#include "board/peripherals/dma_lines.hpp"
#include "board/peripherals/register_block.hpp"
#include "board/peripherals/timebase.hpp"
#include "board/peripherals/timer_counter.hpp"
#include "board/peripherals/timer_inputs.hpp"

namespace microvisor::board {

/// What a timer channel puts on its pin.
struct TimerOutput {
  bool driven = false;
  bool level = false;       ///< while not pulsing
  std::uint32_t hertz = 0;  ///< pulse-width modulated at this frequency; 0: a static level or slow edges
  std::uint32_t duty_permille = 0;
  friend bool operator==(const TimerOutput&, const TimerOutput&) = default;
};

class Timer final : public RegisterBlock {
 public:
  struct Shape {
    std::string_view name;
    std::uint32_t base;
    unsigned width;     ///< bits of the counter
    unsigned channels;  ///< with an output pin
    bool up_down;
    bool advanced;  ///< repetition counter and BDTR
    unsigned update_line;
    unsigned compare_line;
    unsigned break_line;
    unsigned trigger_line;
    std::optional<DmaTrigger> dma_trigger = std::nullopt;  ///< what TRGO is to the DMA controllers
  };
  static std::span<const Shape> timers();

  /// Above this frequency an output is reported as a duty cycle, below as edges.
  static constexpr std::uint32_t kFastestEdges = 100;

  using OutputListener = std::function<void(unsigned channel, const TimerOutput&)>;
  /// An event for which DIER has a DMA request enabled: so many transfers are wanted (bursts: DCR).
  using DmaListener = std::function<void(TimerRequest, unsigned count)>;

  Timer(const Shape& shape, Scheduler& scheduler, Clocks& clocks, InterruptSink& interrupts);

  [[nodiscard]] std::string_view name() const override { return shape_.name; }
  [[nodiscard]] std::uint32_t base() const { return shape_.base; }
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

  /// Told when the signal of a channel (from 0) changes.
  void on_output(OutputListener listener) { listener_ = std::move(listener); }
  void on_dma(DmaListener listener) { dma_listener_ = std::move(listener); }
  /// Told of each pulse of TRGO, as far as CR2.MMS selects reset, update or compare pulse.
  void on_trigger_output(std::function<void()> listener) { trigger_listener_ = std::move(listener); }

  static constexpr unsigned kExternalTrigger = 4;
  /// A pin's level: of a channel's input (from 0), or of ETR.
  void set_input(unsigned input, bool level);
  /// Who drives ITR0 to ITR8 of every timer (RM0456 table of the internal trigger connection).
  static constexpr std::array<std::uint32_t, 9> kTriggerBases = {0x4001'2C00, 0x4000'0000, 0x4000'0400,
                                                                 0x4000'0800, 0x4000'0C00, 0x4001'3400,
                                                                 0x4001'4000, 0x4001'4400, 0x4001'4800};
  /// The timers of those places; null for the timer itself. They must live as long.
  using TriggerSources = std::array<Timer*, 9>;
  void connect_triggers(const TriggerSources& sources) { trigger_sources_ = sources; }

 protected:
  std::uint32_t load(std::uint32_t offset, std::uint32_t lanes, const Access& access) override;
  void store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) override;

 private:
  [[nodiscard]] std::uint32_t& at(std::uint32_t offset) { return words_[offset / 4]; }
  [[nodiscard]] std::uint32_t at(std::uint32_t offset) const { return words_[offset / 4]; }
  [[nodiscard]] std::int64_t edge() const;
  void sync();
  void apply(const TimerCounter::Events& events);
  void change_clock();
  void store_control(std::uint32_t value, std::uint32_t lanes);
  void store_event_generation(std::uint32_t value);
  void store_compare(unsigned channel, std::uint32_t value, std::uint32_t lanes);
  void store_break(std::uint32_t value, std::uint32_t lanes);
  void follow_enable();
  /// DMA requests of what has just happened: an update, compare matches or captures (bit a channel).
  void request(bool update, std::uint32_t matches);
  void request_dma(TimerRequest request);
  [[nodiscard]] std::uint32_t burst_register() const;
  [[nodiscard]] std::uint32_t requests_enabled() const;
  void update_lines();
  void arm();
  /// Lines, outputs and the next event follow the state.
  void settle();

  // Inputs and triggers
  [[nodiscard]] bool has_slave_controller() const { return shape_.channels >= 2; }
  [[nodiscard]] unsigned slave_mode() const;
  [[nodiscard]] unsigned master_mode() const;
  [[nodiscard]] TimerInputs::Registers input_registers() const;
  void clock_from_outside(bool outside);
  void follow_trigger_source();
  void react(const TimerInputs::Reaction& reaction);
  void follow_trigger(const TimerInputs::Reaction& reaction);
  void note_trigger();
  void capture(unsigned channel);
  void count_outside(std::int64_t edges);
  void step_encoder(int steps);
  void generate_update();
  void take_trigger(bool level);
  void take_pulses(std::int64_t pulses);
  void send_pulses(std::int64_t pulses);
  void send_trigger_level();
  [[nodiscard]] bool current_trigger_level() const;
  [[nodiscard]] std::int64_t trigger_edge() const;

  [[nodiscard]] unsigned mode_of(unsigned channel) const;
  [[nodiscard]] bool preloaded(unsigned channel) const;
  [[nodiscard]] bool is_output(unsigned channel) const;
  [[nodiscard]] bool output_enabled(unsigned channel) const;
  [[nodiscard]] std::int64_t output_edge(unsigned channel) const;
  [[nodiscard]] std::int64_t reference_edge(unsigned channel) const;
  [[nodiscard]] bool reference_level(unsigned channel) const;
  [[nodiscard]] bool pwm_active(unsigned channel, std::uint32_t count) const;
  [[nodiscard]] TimerOutput output_of(unsigned channel) const;
  void publish();

  const Shape shape_;
  Scheduler& scheduler_;
  Clocks& clocks_;
  InterruptSink& interrupts_;
  OutputListener listener_;
  DmaListener dma_listener_;
  std::function<void()> trigger_listener_;

  std::array<std::uint32_t, 28> words_{};  ///< registers at 0x00-0x6C that simply keep their value
  std::uint32_t dma_control_ = 0;          ///< DCR
  std::uint32_t burst_index_ = 0;          ///< next transfer of the burst behind DMAR
  TimerCounter counter_;
  Timebase clock_;
  std::uint32_t reference_ = 0;  ///< OCxREF of the match modes, bit per channel
  std::array<TimerOutput, 4> published_{};

  TimerInputs inputs_;
  bool outside_clock_ = false;      ///< the counter's edges come from outside
  std::int64_t outside_edges_ = 0;  ///< so far
  bool reacting_ = false;           ///< to a trigger: a ring of timers stops here
  bool trigger_level_ = false;      ///< of the trigger output, where it is a level
  TriggerSources trigger_sources_{};
  Timer* trigger_source_ = nullptr;
  std::vector<Timer*> followers_;  ///< timers that have selected our trigger output
  Scheduler::Event event_;
};

}  // namespace microvisor::board

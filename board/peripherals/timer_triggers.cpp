// A timer's dealings with the outside: pins that capture or count, and other timers
// (RM0456 54.3.26, 55.3.19).
//
// A trigger output is a level (enable, OCxREF) or a series of pulses (update, compare); a follower is told at
// the moment of the edge. A ring of timers that trigger each other stops at the one that is reacting already.
#include "board/peripherals/timer.hpp"
#include "board/peripherals/timer_registers.hpp"

namespace microvisor::board {

using namespace timer_registers;

unsigned Timer::slave_mode() const {
  const std::uint32_t smcr = at(kSmcr);
  return has_slave_controller() ? bits(smcr, 2, 0) | (test(smcr, 16) ? 8U : 0U) : 0;
}

/// A timer with one channel has no choice: its OC1 is what the others see (RM0456 57.3).
unsigned Timer::master_mode() const {
  return shape_.channels == 1 ? kMasterReference1 : bits(at(kCr2), 6, 4);
}

TimerInputs::Registers Timer::input_registers() const {
  return {at(kCr2), at(kSmcr), at(kCcmr1), at(kCcmr2), at(kCcer)};
}

void Timer::set_input(unsigned input, bool level) {
  sync();
  const TimerInputs::Registers registers = input_registers();
  react(input == kExternalTrigger ? inputs_.set_external(level, registers)
                                  : inputs_.set_pin(input, level, registers));
}

void Timer::react(const TimerInputs::Reaction& reaction) {
  if (reacting_) return;
  reacting_ = true;
  for (unsigned channel = 0; channel < TimerInputs::kChannels; ++channel) {
    if (test(reaction.captures, channel)) capture(channel);
  }
  if (has_slave_controller()) {
    if (reaction.clock_edge) count_outside(1);
    if (reaction.steps != 0) step_encoder(reaction.steps);
    follow_trigger(reaction);
  }
  reacting_ = false;
  settle();
}

/// What the slave mode makes of the trigger (RM0456 SMCR.SMS).
void Timer::follow_trigger(const TimerInputs::Reaction& reaction) {
  const unsigned mode = slave_mode();
  if (mode <= kSlaveLastEncoder || mode > kSlaveGatedReset) return;
  if (mode == kSlaveGated || mode == kSlaveGatedReset) {
    if (!reaction.trigger_changed) return;
    note_trigger();
    if (mode == kSlaveGatedReset && !inputs_.trigger_level(input_registers())) generate_update();
    return follow_enable();
  }
  if (!reaction.trigger_edge) return;
  note_trigger();
  if (mode == kSlaveClock) return count_outside(1);
  if (mode == kSlaveReset || mode == kSlaveResetTrigger) generate_update();
  if (mode == kSlaveTrigger || mode == kSlaveResetTrigger) at(kCr1) |= bit(kCen);
  follow_enable();
}

void Timer::note_trigger() {
  at(kSr) |= kTif;
  request_dma(TimerRequest::Trigger);
}

void Timer::capture(unsigned channel) {
  if ((at(kSr) & compare_flag(channel)) != 0) at(kSr) |= bit(9 + channel);
  counter_.preload.compare[channel] = counter_.shadow.compare[channel] = counter_.count(edge());
  at(kSr) |= compare_flag(channel);
  request(false, bit(channel));
  if (channel == 0 && master_mode() == kMasterCompare) send_pulses(1);
}

void Timer::count_outside(std::int64_t edges) {
  outside_edges_ += edges;
  sync();
}

void Timer::step_encoder(int steps) {
  counter_.set_direction(edge(), steps < 0, false);
  assign(at(kCr1), steps < 0 ? ~0U : 0, bit(kDir));
  count_outside(1);
}

void Timer::follow_trigger_source() {
  const bool by_capture = ((at(kCcmr1) & 0x0003) == 0x0003) || ((at(kCcmr1) & 0x0300) == 0x0300) ||
                          ((at(kCcmr2) & 0x0003) == 0x0003) || ((at(kCcmr2) & 0x0300) == 0x0300);
  const int source = TimerInputs::internal_source(at(kSmcr));
  const bool used = has_slave_controller() && (slave_mode() != 0 || by_capture) && source >= 0 &&
                    source < static_cast<int>(trigger_sources_.size());
  Timer* wanted = used ? trigger_sources_[static_cast<std::size_t>(source)] : nullptr;
  if (wanted == trigger_source_) return;
  if (trigger_source_ != nullptr) std::erase(trigger_source_->followers_, this);
  trigger_source_ = wanted;
  if (wanted == nullptr) return;
  wanted->sync();
  wanted->trigger_level_ = wanted->current_trigger_level();
  static_cast<void>(inputs_.set_internal(wanted->trigger_level_, input_registers()));
  wanted->followers_.push_back(this);
  wanted->arm();
}

void Timer::take_trigger(bool level) {
  sync();
  react(inputs_.set_internal(level, input_registers()));
}

/// All but the last pulse matter only to a counter that counts them.
void Timer::take_pulses(std::int64_t pulses) {
  if (reacting_) return;
  sync();
  if (slave_mode() == kSlaveClock) count_outside(pulses - 1);
  react(inputs_.set_internal(true, input_registers()));
  react(inputs_.set_internal(false, input_registers()));
}

void Timer::send_pulses(std::int64_t pulses) {
  if (trigger_listener_) trigger_listener_();
  for (Timer* follower : followers_) follower->take_pulses(pulses);
}

bool Timer::current_trigger_level() const {
  const unsigned mode = master_mode();
  if (mode == kMasterEnable) return counter_.running();
  return mode >= kMasterReference1 && reference_level(mode - kMasterReference1);
}

void Timer::send_trigger_level() {
  if (followers_.empty()) return;
  const bool level = current_trigger_level();
  if (level == trigger_level_) return;
  trigger_level_ = level;
  for (Timer* follower : followers_) follower->take_trigger(level);
}

/// When the trigger output has something to say next.
std::int64_t Timer::trigger_edge() const {
  const unsigned mode = master_mode();
  if (mode == kMasterUpdate) return counter_.update_edge();
  if (mode == kMasterCompare) return is_output(0) ? counter_.match_edge(0) : -1;
  return mode >= kMasterReference1 ? reference_edge(mode - kMasterReference1) : -1;
}

}  // namespace microvisor::board

#include "board/peripherals/timer_inputs.hpp"

#include "board/peripherals/register_block.hpp"

namespace microvisor::board {
namespace {

enum class Edge : std::uint8_t { Rising, Falling, Both };

/// CCxP and CCxNP of an input: 00 rising, 01 falling, 11 both.
Edge polarity(std::uint32_t ccer, unsigned channel) {
  const bool p = test(ccer, 4 * channel + 1), np = test(ccer, 4 * channel + 3);
  return p && np ? Edge::Both : p ? Edge::Falling : Edge::Rising;
}

bool is_edge(bool before, bool after, Edge wanted) {
  return before != after && (wanted == Edge::Both || after == (wanted == Edge::Rising));
}

/// TI1 is the exclusive or of three pins if CR2.TI1S says so.
template <typename Signals>
bool input_of(const Signals& signals, unsigned channel, std::uint32_t cr2) {
  const auto& pins = signals.pins;
  return channel == 0 && test(cr2, 7) ? pins[0] != (pins[1] != pins[2]) : pins[channel];
}

unsigned trigger_selection(std::uint32_t smcr) { return bits(smcr, 6, 4) | bits(smcr, 21, 20) << 3; }
unsigned slave_mode(std::uint32_t smcr) { return bits(smcr, 2, 0) | (test(smcr, 16) ? 8U : 0U); }

constexpr unsigned kTi1Edge = 4, kTi1 = 5, kTi2 = 6, kEtr = 7;

/// Counts `edges` and is true at each 2^`power`-th.
bool divided(std::uint8_t& edges, unsigned power) {
  edges = static_cast<std::uint8_t>((edges + 1) & ((1U << power) - 1));
  return edges == 0;
}

}  // namespace

int TimerInputs::internal_source(std::uint32_t smcr) {
  const unsigned selection = trigger_selection(smcr);
  if (selection < kTi1Edge) return static_cast<int>(selection);
  return selection > kEtr ? static_cast<int>(selection) - 4 : -1;
}

TimerInputs::Reaction TimerInputs::set_pin(unsigned channel, bool level, const Registers& registers) {
  Signals next = now_;
  next.pins[channel] = level;
  return change(next, registers);
}

TimerInputs::Reaction TimerInputs::set_external(bool level, const Registers& registers) {
  Signals next = now_;
  next.external = level != test(registers.smcr, 15);  // ETP
  return change(next, registers);
}

TimerInputs::Reaction TimerInputs::set_internal(bool level, const Registers& registers) {
  Signals next = now_;
  next.internal = level;
  return change(next, registers);
}

bool TimerInputs::trigger_level(const Registers& r) const {
  const auto pin = [&](unsigned channel) {
    return input_of(now_, channel, r.cr2) != (polarity(r.ccer, channel) == Edge::Falling);
  };
  switch (trigger_selection(r.smcr)) {
    case kTi1Edge: return false;
    case kTi1: return pin(0);
    case kTi2: return pin(1);
    case kEtr: return now_.external;
    default: return now_.internal;
  }
}

void TimerInputs::forget_disabled(std::uint32_t ccer) {
  for (unsigned channel = 0; channel < kChannels; ++channel) {
    if (!test(ccer, 4 * channel)) captured_[channel] = 0;
  }
}

bool TimerInputs::captures(unsigned channel, const Signals& next, const Registers& r) {
  const std::uint32_t mode = (channel < 2 ? r.ccmr1 : r.ccmr2) >> (8 * (channel & 1));
  if (bits(mode, 1, 0) == 0 || !test(r.ccer, 4 * channel)) return false;
  bool edge = false;
  if (bits(mode, 1, 0) == 3) {  // TRC: another timer, or each edge of TI1
    edge = trigger_selection(r.smcr) == kTi1Edge ? input_of(now_, 0, r.cr2) != input_of(next, 0, r.cr2)
                                                 : is_edge(now_.internal, next.internal, Edge::Rising);
  } else {
    const unsigned source = bits(mode, 1, 0) == 1 ? channel : channel ^ 1;
    edge = is_edge(input_of(now_, source, r.cr2), input_of(next, source, r.cr2), polarity(r.ccer, channel));
  }
  return edge && divided(captured_[channel], bits(mode, 3, 2));
}

TimerInputs::Reaction TimerInputs::change(const Signals& next, const Registers& r) {
  Reaction reaction;
  for (unsigned channel = 0; channel < kChannels; ++channel) {
    if (captures(channel, next, r)) reaction.captures |= bit(channel);
  }
  const auto pin_edge = [&](unsigned channel, Edge wanted) {
    return is_edge(input_of(now_, channel, r.cr2), input_of(next, channel, r.cr2), wanted);
  };
  const bool external_edge =
      is_edge(now_.external, next.external, Edge::Rising) && divided(external_edges_, bits(r.smcr, 13, 12));
  switch (trigger_selection(r.smcr)) {
    case kTi1Edge: reaction.trigger_edge = pin_edge(0, Edge::Both); break;
    case kTi1: reaction.trigger_edge = pin_edge(0, polarity(r.ccer, 0)); break;
    case kTi2: reaction.trigger_edge = pin_edge(1, polarity(r.ccer, 1)); break;
    case kEtr: reaction.trigger_edge = external_edge; break;
    default: reaction.trigger_edge = is_edge(now_.internal, next.internal, Edge::Rising);
  }
  reaction.clock_edge = external_edge && test(r.smcr, 14);  // ECE

  const unsigned mode = slave_mode(r.smcr);
  const bool first = input_of(next, 0, r.cr2) != test(r.ccer, 1);
  const bool second = input_of(next, 1, r.cr2) != test(r.ccer, 5);
  if ((mode == 1 || mode == 3) && pin_edge(0, Edge::Both)) reaction.steps = first != second ? 1 : -1;
  if ((mode == 2 || mode == 3) && pin_edge(1, Edge::Both)) reaction.steps = first == second ? 1 : -1;

  const bool before = trigger_level(r);
  now_ = next;
  reaction.trigger_changed = trigger_level(r) != before;
  return reaction;
}

}  // namespace microvisor::board

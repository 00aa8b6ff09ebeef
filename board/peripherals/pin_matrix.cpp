#include "board/peripherals/pin_matrix.hpp"

#include <utility>

namespace microvisor::board {
namespace {

constexpr std::uint32_t kTim1 = 0x4001'2C00, kTim2 = 0x4000'0000, kTim3 = 0x4000'0400, kTim4 = 0x4000'0800,
                        kTim5 = 0x4000'0C00, kTim8 = 0x4001'3400, kTim15 = 0x4001'4000, kTim16 = 0x4001'4400,
                        kTim17 = 0x4001'4800;

/// Where a timer channel can come out, or a signal go in (STM32U585 data sheet, alternate function table).
struct Route {
  std::uint32_t timer;
  std::uint8_t channel;  ///< from 0, or kEtr
  char port;
  std::uint8_t number;
  std::uint8_t function;
};
constexpr std::uint8_t kEtr = Timer::kExternalTrigger;
constexpr Route kRoutes[] = {
    {kTim1, 0, 'A', 8, 1},    {kTim1, 1, 'A', 9, 1},     {kTim1, 2, 'A', 10, 1},   {kTim1, 3, 'A', 11, 1},
    {kTim1, 0, 'E', 9, 1},    {kTim1, 1, 'E', 11, 1},    {kTim1, 2, 'E', 13, 1},   {kTim1, 3, 'E', 14, 1},
    {kTim2, 0, 'A', 0, 1},    {kTim2, 0, 'A', 5, 1},     {kTim2, 0, 'A', 15, 1},   {kTim2, 1, 'A', 1, 1},
    {kTim2, 1, 'B', 3, 1},    {kTim2, 2, 'A', 2, 1},     {kTim2, 2, 'B', 10, 1},   {kTim2, 3, 'A', 3, 1},
    {kTim2, 3, 'B', 11, 1},   {kTim3, 0, 'A', 6, 2},     {kTim3, 0, 'B', 4, 2},    {kTim3, 0, 'C', 6, 2},
    {kTim3, 0, 'E', 3, 2},    {kTim3, 1, 'A', 7, 2},     {kTim3, 1, 'B', 5, 2},    {kTim3, 1, 'C', 7, 2},
    {kTim3, 1, 'E', 4, 2},    {kTim3, 2, 'B', 0, 2},     {kTim3, 2, 'C', 8, 2},    {kTim3, 2, 'E', 5, 2},
    {kTim3, 3, 'B', 1, 2},    {kTim3, 3, 'C', 9, 2},     {kTim3, 3, 'E', 6, 2},    {kTim4, 0, 'B', 6, 2},
    {kTim4, 0, 'D', 12, 2},   {kTim4, 1, 'B', 7, 2},     {kTim4, 1, 'D', 13, 2},   {kTim4, 2, 'B', 8, 2},
    {kTim4, 2, 'D', 14, 2},   {kTim4, 3, 'B', 9, 2},     {kTim4, 3, 'D', 15, 2},   {kTim5, 0, 'A', 0, 2},
    {kTim5, 0, 'F', 6, 2},    {kTim5, 1, 'A', 1, 2},     {kTim5, 1, 'F', 7, 2},    {kTim5, 2, 'A', 2, 2},
    {kTim5, 2, 'F', 8, 2},    {kTim5, 3, 'A', 3, 2},     {kTim5, 3, 'F', 9, 2},    {kTim8, 0, 'C', 6, 3},
    {kTim8, 1, 'C', 7, 3},    {kTim8, 2, 'C', 8, 3},     {kTim8, 3, 'C', 9, 3},    {kTim15, 0, 'A', 2, 14},
    {kTim15, 0, 'B', 14, 14}, {kTim15, 0, 'F', 9, 14},   {kTim15, 0, 'G', 10, 14}, {kTim15, 1, 'A', 3, 14},
    {kTim15, 1, 'B', 15, 14}, {kTim15, 1, 'F', 10, 14},  {kTim15, 1, 'G', 11, 14}, {kTim16, 0, 'A', 6, 14},
    {kTim16, 0, 'B', 8, 14},  {kTim16, 0, 'E', 0, 14},   {kTim17, 0, 'A', 7, 14},  {kTim17, 0, 'B', 9, 14},
    {kTim17, 0, 'E', 1, 14},  {kTim1, kEtr, 'A', 12, 1}, {kTim1, kEtr, 'E', 7, 1}, {kTim2, kEtr, 'A', 0, 14},
    {kTim2, kEtr, 'A', 5, 2}, {kTim2, kEtr, 'A', 15, 2}, {kTim3, kEtr, 'D', 2, 2}, {kTim3, kEtr, 'E', 2, 2},
    {kTim4, kEtr, 'E', 0, 2}, {kTim5, kEtr, 'F', 6, 1},  {kTim8, kEtr, 'A', 0, 3},
};

constexpr PinId pin_of(const Route& route) {
  return {static_cast<std::uint8_t>(route.port - 'A'), route.number};
}

}  // namespace

void PinMatrix::drive(PinId pin, std::optional<bool> level) {
  pad(pin).outside = !level ? Outside::Free : *level ? Outside::High : Outside::Low;
  refresh(pin);
}

bool PinMatrix::level(PinId pin) const {
  return (levels_[pin.port % kPorts] >> pin.number % kPinsPerPort & 1) != 0;
}

void PinMatrix::configure(PinId pin, const PadConfig& config) {
  if (pad(pin).config == config) return;
  pad(pin).config = config;
  refresh(pin);
  lead_into_timers(pin, pad(pin));
}

void PinMatrix::set_timer_output(std::uint32_t timer_base, unsigned channel, const TimerOutput& output) {
  timer_outputs_[timer_base | channel] = output;
  for (const Route& route : kRoutes) {
    if (route.timer == timer_base && route.channel == channel) refresh(pin_of(route));
  }
}

void PinMatrix::set_isolated(bool isolated) {
  if (std::exchange(isolated_, isolated) == isolated) return;
  for (std::uint8_t port = 0; port < kPorts; ++port) {
    for (std::uint8_t number = 0; number < kPinsPerPort; ++number) refresh({port, number});
  }
}

TimerOutput PinMatrix::signal_at(PinId pin, unsigned function) const {
  for (const Route& route : kRoutes) {
    if (route.function != function || pin_of(route) != pin) continue;
    const auto found = timer_outputs_.find(route.timer | route.channel);
    if (found != timer_outputs_.end()) return found->second;
  }
  return {};
}

std::optional<bool> PinMatrix::driven(PinId, const Pad& state, const TimerOutput& signal) const {
  std::optional<bool> wanted;
  if (isolated_) return wanted;
  if (state.config.mode == PadConfig::Mode::Output) wanted = state.config.output;
  if (state.config.mode == PadConfig::Mode::Alternate && signal.driven) {
    wanted = signal.hertz != 0 ? signal.duty_permille >= 500 : signal.level;
  }
  if (state.config.open_drain && wanted == true) return std::nullopt;
  return wanted;
}

void PinMatrix::report_duty(PinId pin, Pad& state, const TimerOutput& signal) {
  const bool pulsing = state.config.mode == PadConfig::Mode::Alternate && signal.hertz != 0;
  const std::uint32_t hertz = pulsing ? signal.hertz : 0;
  const std::uint32_t permille = pulsing ? signal.duty_permille : 0;
  if (hertz == state.hertz && permille == state.permille) return;
  state.hertz = hertz;
  state.permille = permille;
  if (pulsing && duty_listener_) duty_listener_(pin, hertz, permille);
}

void PinMatrix::refresh(PinId pin) {
  Pad& state = pad(pin);
  const TimerOutput signal =
      state.config.mode == PadConfig::Mode::Alternate ? signal_at(pin, state.config.function) : TimerOutput{};
  const std::optional<bool> own = driven(pin, state, signal);
  const bool before = level(pin);
  const bool pulled_up = isolated_ ? applied_pull_ && applied_pull_(pin).value_or(false)
                                   : state.config.pull == PadConfig::Pull::Up;
  const bool now = state.outside != Outside::Free ? state.outside == Outside::High : own.value_or(pulled_up);
  if (now != before) levels_[pin.port % kPorts] ^= 1U << pin.number % kPinsPerPort;
  report_duty(pin, state, signal);
  // An open drain that has let go counts as high, although it is the resistor that makes it so.
  const bool released = !isolated_ && state.config.open_drain &&
                        state.config.mode == PadConfig::Mode::Output && state.config.output;
  const bool chip_level = own.value_or(released);
  if (chip_level != state.chip_level) {
    state.chip_level = chip_level;
    if (signal.hertz == 0 && output_listener_) output_listener_(pin, chip_level);
  }
  if (now == before) return;
  lead_into_timers(pin, state);
  for (const LevelListener& listener : level_listeners_) listener(pin, now);
}

void PinMatrix::lead_into_timers(PinId pin, const Pad& state) const {
  if (!timer_input_listener_ || state.config.mode != PadConfig::Mode::Alternate) return;
  for (const Route& route : kRoutes) {
    if (route.function == state.config.function && pin_of(route) == pin)
      timer_input_listener_(route.timer, route.channel, level(pin));
  }
}

void PinMatrix::serialise_port(Archive& archive, unsigned port) {
  archive(isolated_, levels_[port]);
  archive(pads_[port]);
}

}  // namespace microvisor::board

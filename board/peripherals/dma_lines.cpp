#include "board/peripherals/dma_lines.hpp"

#include <algorithm>
#include <iterator>

namespace microvisor::board {
namespace {

static_assert(static_cast<unsigned>(DmaLine::Usart1Rx) == 24);
static_assert(static_cast<unsigned>(DmaLine::Tim1Ch1) == 42);
static_assert(static_cast<unsigned>(DmaLine::Tim5Trg) == 77);
static_assert(static_cast<unsigned>(DmaLine::HashIn) == 89);
static_assert(static_cast<unsigned>(DmaLine::SaesIn) == 103);
static_assert(kDmaLines == 114);

using enum DmaLine;
constexpr DmaLine kLowPowerLines[] = {Lpuart1Rx, Lpuart1Tx, Spi3Rx,    Spi3Tx,    I2c3Rx,      I2c3Tx,
                                      I2c3Evc,   Adc4,      Dac1Ch1,   Dac1Ch2,   Adf1Filter0, Lptim1Ic1,
                                      Lptim1Ic2, Lptim1Ue,  Lptim3Ic1, Lptim3Ic2, Lptim3Ue};

using enum DmaTrigger;
constexpr DmaTrigger channel(unsigned number) { return numbered(Gpdma0Complete, number); }
constexpr DmaTrigger low_power_channel(unsigned number) { return numbered(Lpdma0Complete, number); }
constexpr DmaTrigger kLowPowerTriggers[] = {numbered(Exti0, 0),
                                            numbered(Exti0, 1),
                                            numbered(Exti0, 2),
                                            numbered(Exti0, 3),
                                            numbered(Exti0, 4),
                                            Tamp1,
                                            Tamp2,
                                            Tamp3,
                                            Lptim1Ch1,
                                            Lptim1Ch2,
                                            Lptim3Ch1,
                                            Lptim4Out,
                                            Comp1,
                                            Comp2,
                                            RtcAlarmA,
                                            RtcAlarmB,
                                            RtcWakeup,
                                            Adc4Watchdog1,
                                            low_power_channel(0),
                                            low_power_channel(1),
                                            low_power_channel(2),
                                            low_power_channel(3),
                                            channel(0),
                                            channel(1),
                                            channel(4),
                                            channel(5),
                                            channel(6),
                                            channel(7),
                                            channel(12),
                                            channel(13),
                                            Tim2Trgo,
                                            Tim15Trgo};
static_assert(std::size(kLowPowerTriggers) == 32);

/// Lines of the timers: first channel, number of channels, then what follows without a gap.
struct TimerLines {
  std::uint32_t base;
  DmaLine first;
  unsigned channels;
  bool trigger;
  bool commutation;
};
constexpr TimerLines kTimerLines[] = {
    {0x4001'2C00, Tim1Ch1, 4, true, true},    {0x4000'0000, Tim2Ch1, 4, false, false},
    {0x4000'0400, Tim3Ch1, 4, true, false},   {0x4000'0800, Tim4Ch1, 4, false, false},
    {0x4000'0C00, Tim5Ch1, 4, true, false},   {0x4000'1000, Tim6Up, 0, false, false},
    {0x4000'1400, Tim7Up, 0, false, false},   {0x4001'3400, Tim8Ch1, 4, true, true},
    {0x4001'4000, Tim15Ch1, 1, true, true},   {0x4001'4400, Tim16Ch1, 1, false, false},
    {0x4001'4800, Tim17Ch1, 1, false, false},
};

constexpr DmaLine plus(DmaLine line, unsigned steps) {
  return static_cast<DmaLine>(static_cast<unsigned>(line) + steps);
}

}  // namespace

std::optional<DmaLine> timer_line(std::uint32_t timer_base, TimerRequest request) {
  const auto* lines = std::ranges::find(kTimerLines, timer_base, &TimerLines::base);
  if (lines == std::end(kTimerLines)) return std::nullopt;
  const DmaLine update = plus(lines->first, lines->channels);
  switch (request) {
    case TimerRequest::Update: return update;
    case TimerRequest::Trigger: return lines->trigger ? std::optional(plus(update, 1)) : std::nullopt;
    case TimerRequest::Commutation: return lines->commutation ? std::optional(plus(update, 2)) : std::nullopt;
    default: break;
  }
  const unsigned channel = static_cast<unsigned>(request) - static_cast<unsigned>(TimerRequest::Channel1);
  return channel < lines->channels ? std::optional(plus(lines->first, channel)) : std::nullopt;
}

std::optional<DmaLine> gpdma_line(unsigned number) {
  return number < kDmaLines ? std::optional(static_cast<DmaLine>(number)) : std::nullopt;
}

std::optional<DmaLine> lpdma_line(unsigned number) {
  return number < std::size(kLowPowerLines) ? std::optional(kLowPowerLines[number]) : std::nullopt;
}

std::optional<DmaTrigger> gpdma_trigger(unsigned number) {
  const auto trigger = static_cast<DmaTrigger>(number);
  const bool wired = number <= static_cast<unsigned>(Adc1Watchdog1);
  return wired ? std::optional(trigger) : std::nullopt;
}

std::optional<DmaTrigger> lpdma_trigger(unsigned number) {
  return number < std::size(kLowPowerTriggers) ? std::optional(kLowPowerTriggers[number]) : std::nullopt;
}

}  // namespace microvisor::board

#include "board/peripherals/dma_lines.hpp"

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

}  // namespace

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

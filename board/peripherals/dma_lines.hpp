// What is wired to the DMA controllers: request lines and triggers, as data.
//
// The enumerators are the numbers that GPDMA1 knows its lines by (RM0456 tables 137 and 139: CxTR2.REQSEL and
// CxTR2.TRIGSEL). LPDMA1 sees a few of them under numbers of its own (tables 149 and 151).
#pragma once

#include <cstdint>
#include <optional>

namespace microvisor::board {

enum class DmaLine : std::uint8_t {
  Adc1,
  Adc4,
  Dac1Ch1,
  Dac1Ch2,
  Tim6Up,
  Tim7Up,
  Spi1Rx,
  Spi1Tx,
  Spi2Rx,
  Spi2Tx,
  Spi3Rx,
  Spi3Tx,
  I2c1Rx,
  I2c1Tx,
  I2c1Evc,
  I2c2Rx,
  I2c2Tx,
  I2c2Evc,
  I2c3Rx,
  I2c3Tx,
  I2c3Evc,
  I2c4Rx,
  I2c4Tx,
  I2c4Evc,
  Usart1Rx,
  Usart1Tx,
  Usart2Rx,
  Usart2Tx,
  Usart3Rx,
  Usart3Tx,
  Uart4Rx,
  Uart4Tx,
  Uart5Rx,
  Uart5Tx,
  Lpuart1Rx,
  Lpuart1Tx,
  Sai1A,
  Sai1B,
  Sai2A,
  Sai2B,
  Octospi1,
  Octospi2,
  Tim1Ch1,
  Tim1Ch2,
  Tim1Ch3,
  Tim1Ch4,
  Tim1Up,
  Tim1Trg,
  Tim1Com,
  Tim8Ch1,
  Tim8Ch2,
  Tim8Ch3,
  Tim8Ch4,
  Tim8Up,
  Tim8Trg,
  Tim8Com,
  Tim2Ch1,
  Tim2Ch2,
  Tim2Ch3,
  Tim2Ch4,
  Tim2Up,
  Tim3Ch1,
  Tim3Ch2,
  Tim3Ch3,
  Tim3Ch4,
  Tim3Up,
  Tim3Trg,
  Tim4Ch1,
  Tim4Ch2,
  Tim4Ch3,
  Tim4Ch4,
  Tim4Up,
  Tim5Ch1,
  Tim5Ch2,
  Tim5Ch3,
  Tim5Ch4,
  Tim5Up,
  Tim5Trg,
  Tim15Ch1,
  Tim15Up,
  Tim15Trg,
  Tim15Com,
  Tim16Ch1,
  Tim16Up,
  Tim17Ch1,
  Tim17Up,
  Dcmi,
  AesIn,
  AesOut,
  HashIn,
  Ucpd1Tx,
  Ucpd1Rx,
  Mdf1Filter0,
  Mdf1Filter1,
  Mdf1Filter2,
  Mdf1Filter3,
  Mdf1Filter4,
  Mdf1Filter5,
  Adf1Filter0,
  FmacRead,
  FmacWrite,
  CordicRead,
  CordicWrite,
  SaesIn,
  SaesOut,
  Lptim1Ic1,
  Lptim1Ic2,
  Lptim1Ue,
  Lptim2Ic1,
  Lptim2Ic2,
  Lptim2Ue,
  Lptim3Ic1,
  Lptim3Ic2,
  Lptim3Ue,
};
inline constexpr unsigned kDmaLines = static_cast<unsigned>(DmaLine::Lptim3Ue) + 1;

enum class DmaTrigger : std::uint8_t {
  Exti0 = 0,  // to Exti7 = 7
  Exti7 = 7,
  Tamp1 = 8,
  Tamp2,
  Tamp3,
  Lptim1Ch1,
  Lptim1Ch2,
  Lptim2Ch1,
  Lptim2Ch2,
  Lptim4Out,
  Comp1,
  Comp2,
  RtcAlarmA,
  RtcAlarmB,
  RtcWakeup,
  Gpdma0Complete = 22,  // to channel 15 = 37
  Lpdma0Complete = 38,  // to channel 3 = 41
  Tim2Trgo = 42,
  Tim15Trgo,
  Adc4Watchdog1 = 57,
  Adc1Watchdog1,
  Lptim3Ch1 = 63,  ///< wired to LPDMA1 only; the number is free on GPDMA1
};
inline constexpr unsigned kDmaTriggers = 64;

/// What a timer asks a transfer for (TIMx_DIER bits 8 to 14).
enum class TimerRequest : std::uint8_t {
  Update,
  Channel1,
  Channel2,
  Channel3,
  Channel4,
  Commutation,
  Trigger
};

/// The trigger of a numbered source, `first` being number 0: EXTI lines, channels.
constexpr DmaTrigger numbered(DmaTrigger first, unsigned number) {
  return static_cast<DmaTrigger>(static_cast<unsigned>(first) + number);
}

/// What a controller finds at a value of REQSEL or TRIGSEL; nothing where no wire ends.
std::optional<DmaLine> gpdma_line(unsigned number);
std::optional<DmaLine> lpdma_line(unsigned number);
std::optional<DmaTrigger> gpdma_trigger(unsigned number);
std::optional<DmaTrigger> lpdma_trigger(unsigned number);
/// The line that a request of the timer at this non-secure base address ends at; nothing if it has none.
std::optional<DmaLine> timer_line(std::uint32_t timer_base, TimerRequest request);

}  // namespace microvisor::board

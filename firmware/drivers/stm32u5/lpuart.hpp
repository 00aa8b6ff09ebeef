// LPUART1 (RM0456 section 67), a UART with FIFOs of 8 bytes and RTS/CTS, and USART1 and USART2 (section 66),
// whose registers are the same as far as they are used here. Only the divider counts otherwise.
#pragma once

#include <cstddef>
#include <cstdint>

namespace microvisor::firmware::stm32u5 {

struct Lpuart {
  volatile std::uint32_t cr1;  // 0x00
  volatile std::uint32_t cr2;
  volatile std::uint32_t cr3;
  volatile std::uint32_t brr;
  std::uint32_t reserved0[2];
  volatile std::uint32_t rqr;  // 0x18
  volatile std::uint32_t isr;
  volatile std::uint32_t icr;  // 0x20
  volatile std::uint32_t rdr;
  volatile std::uint32_t tdr;
  volatile std::uint32_t presc;  // 0x2C
  volatile std::uint32_t autocr;

  static constexpr std::uint32_t kBase = 0x5600'2400;  // secure alias

  // CR1
  static constexpr std::uint32_t kEnable = 1;
  static constexpr std::uint32_t kReceiver = 1u << 2;
  static constexpr std::uint32_t kTransmitter = 1u << 3;
  static constexpr std::uint32_t kIdleInterrupt = 1u << 4;
  static constexpr std::uint32_t kFifo = 1u << 29;
  static constexpr std::uint32_t kTxEmptyInterrupt = 1u << 30;  // TXFEIE
  // CR3
  static constexpr std::uint32_t kErrorInterrupt = 1;
  static constexpr std::uint32_t kRts = 1u << 8;
  static constexpr std::uint32_t kCts = 1u << 9;
  static constexpr std::uint32_t kRxThresholdHalf = 2u << 25;  // RXFTCFG: 4 of 8
  static constexpr std::uint32_t kRxThresholdInterrupt = 1u << 28;
  // ISR, and ICR for those it clears
  static constexpr std::uint32_t kErrors = 0xF;  // PE, FE, NE, ORE
  static constexpr std::uint32_t kIdle = 1u << 4;
  static constexpr std::uint32_t kRxNotEmpty = 1u << 5;
  static constexpr std::uint32_t kSent = 1u << 6;  // TC: nothing is on its way any more
  static constexpr std::uint32_t kTxNotFull = 1u << 7;
};
static_assert(offsetof(Lpuart, isr) == 0x1C && offsetof(Lpuart, presc) == 0x2C);

/// By its non-secure alias: the block is the application's.
inline Lpuart& usart2() { return *reinterpret_cast<Lpuart*>(0x4000'4400); }
inline Lpuart& usart1() { return *reinterpret_cast<Lpuart*>(0x5001'3800); }  // secure alias
inline Lpuart& lpuart1() { return *reinterpret_cast<Lpuart*>(Lpuart::kBase); }

/// BRR for 8 data bits at `baud` from a kernel clock of `hertz` (RM0456 section 67.4.7).
constexpr std::uint32_t lpuart_divider(std::uint64_t hertz, std::uint32_t baud) {
  return static_cast<std::uint32_t>((256 * hertz + baud / 2) / baud);
}

/// The same of a USART (RM0456 section 66.5.8).
constexpr std::uint32_t usart_divider(std::uint32_t hertz, std::uint32_t baud) {
  return (hertz + baud / 2) / baud;
}

}  // namespace microvisor::firmware::stm32u5

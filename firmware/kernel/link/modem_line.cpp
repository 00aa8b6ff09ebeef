// See modem_line.hpp.
#include "firmware/kernel/link/modem_line.hpp"

#include "firmware/drivers/stm32u5/lpuart.hpp"
#include "firmware/kernel/crash_report.hpp"
#include "firmware/kernel/worker.hpp"
#include "firmware/net/byte_ring.hpp"
#include "firmware/sections.hpp"

namespace microvisor::firmware::link {
namespace {

using stm32u5::Lpuart;
using stm32u5::lpuart1;

constexpr std::uint32_t kOn = Lpuart::kEnable | Lpuart::kReceiver | Lpuart::kTransmitter | Lpuart::kFifo;
constexpr std::uint32_t kLine =
    Lpuart::kRts | Lpuart::kCts | Lpuart::kRxThresholdHalf | Lpuart::kErrorInterrupt;
/// The worker is woken for room only when there is enough of it to be worth a slice.
constexpr std::size_t kRoomToWake = 512;

net::ByteRing<2048> received;
net::ByteRing<1024> to_send;

/// Bytes wait for the worker only here: the ring is full, and RTS holds the modem off.
bool listening = false;

[[gnu::always_inline]] inline void listen(bool on) {
  Lpuart& uart = lpuart1();
  listening = on;
  uart.cr3 = on ? kLine | Lpuart::kRxThresholdInterrupt : kLine & ~Lpuart::kErrorInterrupt;
  uart.cr1 = on ? uart.cr1 | Lpuart::kIdleInterrupt : uart.cr1 & ~Lpuart::kIdleInterrupt;
}

class DevicePlatform final : public net::Platform {
 public:
  std::uint64_t now() override { return kernel::clock_microseconds(); }
  void wait(std::uint64_t moment) override {
    static_cast<void>(kernel::worker_wait_event(moment));
    kernel::write_wanted_crash_report();
  }

  std::size_t serial_read(std::span<std::uint8_t> into) override {
    const std::size_t count = received.take(into);
    if (!listening && received.room() >= received.capacity() / 2) {
      const kernel::Atomic atomic;
      listen(true);
    }
    return count;
  }

  std::size_t serial_write(std::span<const std::uint8_t> bytes) override {
    const std::size_t count = to_send.put(bytes);
    if (count != 0) {
      const kernel::Atomic atomic;
      lpuart1().cr1 = lpuart1().cr1 | Lpuart::kTxEmptyInterrupt;
    }
    return count;
  }
};

}  // namespace

void modem_line_start(std::uint32_t kernel_clock) {
  Lpuart& uart = lpuart1();
  uart.cr1 = 0;
  uart.cr2 = 0;
  uart.presc = 0;
  uart.brr = stm32u5::lpuart_divider(kernel_clock, kModemBaud);
  uart.cr1 = Lpuart::kFifo;
  uart.cr3 = kLine;
  uart.cr1 = kOn;
  uart.icr = Lpuart::kErrors | Lpuart::kIdle;
  listen(true);
}

/// A byte with an error is taken like any other: framing checks (PPP's FCS, the AT dialogue) find out.
MV_RAM_CODE void modem_line_interrupt() {
  Lpuart& uart = lpuart1();
  const std::uint32_t status = uart.isr;
  uart.icr = status & (Lpuart::kErrors | Lpuart::kIdle);
  bool wake = false;
  while (listening && (uart.isr & Lpuart::kRxNotEmpty) != 0) {
    if (received.room() == 0) {
      listen(false);
      break;
    }
    static_cast<void>(received.put(static_cast<std::uint8_t>(uart.rdr)));
    wake = true;
  }
  if ((uart.cr1 & Lpuart::kTxEmptyInterrupt) != 0) {
    std::uint8_t byte = 0;
    while ((uart.isr & Lpuart::kTxNotFull) != 0 && to_send.take(byte)) uart.tdr = byte;
    if (to_send.used() == 0) uart.cr1 = uart.cr1 & ~Lpuart::kTxEmptyInterrupt;
    wake |= to_send.room() >= kRoomToWake;
  }
  if (wake) kernel::worker_wake();
}

net::Platform& device_platform() {
  static DevicePlatform platform;
  return platform;
}

}  // namespace microvisor::firmware::link

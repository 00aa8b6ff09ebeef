// See modem_line.hpp.
#include "firmware/kernel/link/modem_line.hpp"

#include <string_view>

#include "firmware/drivers/stm32u5/lpuart.hpp"
#include "firmware/kernel/crash_report.hpp"
#include "firmware/kernel/worker.hpp"
#include "firmware/net/byte_ring.hpp"
#include "firmware/sections.hpp"

namespace microvisor::firmware::link {
namespace {

using net::Bearer;
using net::Heard;
using stm32u5::Lpuart;
using stm32u5::lpuart1;
using stm32u5::usart1;

constexpr std::uint32_t kOn = Lpuart::kEnable | Lpuart::kReceiver | Lpuart::kTransmitter | Lpuart::kFifo;
constexpr std::uint32_t kLine =
    Lpuart::kRts | Lpuart::kCts | Lpuart::kRxThresholdHalf | Lpuart::kErrorInterrupt;
/// The worker is woken for room only when there is enough of it to be worth a slice.
constexpr std::size_t kRoomToWake = 512;

net::ByteRing<2048> received;
net::ByteRing<1024> to_send;

/// Whose the rings are.
Bearer selected = Bearer::Cellular;
/// Bytes wait for the worker only here: the ring is full, and RTS holds the module off.
bool listening = false;

[[gnu::always_inline]] inline Lpuart& line_of(Bearer bearer) {
  return bearer == Bearer::Wifi ? usart1() : lpuart1();
}

[[gnu::always_inline]] inline void listen(bool on) {
  Lpuart& uart = line_of(selected);
  listening = on;
  uart.cr3 = on ? kLine | Lpuart::kRxThresholdInterrupt : kLine & ~Lpuart::kErrorInterrupt;
  uart.cr1 = on ? uart.cr1 | Lpuart::kIdleInterrupt : uart.cr1 & ~Lpuart::kIdleInterrupt;
}

/// What comes without being asked for, byte by byte: nobody keeps it. A line that ends nowhere gives no text.
class Eavesdropper {
 public:
  Heard take(Lpuart& uart) {
    constexpr std::string_view kRing = "RING";
    Heard heard = Heard::Nothing;
    while ((uart.isr & Lpuart::kRxNotEmpty) != 0) {
      const char character = static_cast<char>(uart.rdr);
      matched_ = character == kRing[matched_] ? matched_ + 1 : character == kRing[0] ? 1 : 0;
      if (heard == Heard::Nothing && character >= ' ' && character <= '~') heard = Heard::Something;
      if (matched_ != kRing.size()) continue;
      matched_ = 0;
      heard = Heard::Ring;
    }
    uart.icr = Lpuart::kErrors | Lpuart::kIdle;
    return heard;
  }

 private:
  std::size_t matched_ = 0;
};

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
      line_of(selected).cr1 = line_of(selected).cr1 | Lpuart::kTxEmptyInterrupt;
    }
    return count;
  }

  /// The line that is left keeps what its FIFO holds, and RTS holds its module off when that is full.
  void select_line(Bearer bearer) override {
    if (bearer == selected) return;
    const kernel::Atomic atomic;
    listen(false);
    line_of(selected).cr1 = line_of(selected).cr1 & ~Lpuart::kTxEmptyInterrupt;
    received.clear();
    to_send.clear();
    selected = bearer;
    listen(true);
  }

  Heard other_line() override {
    return eavesdropper_.take(line_of(selected == Bearer::Wifi ? Bearer::Cellular : Bearer::Wifi));
  }

 private:
  Eavesdropper eavesdropper_;
};

}  // namespace

namespace {

void start_line(Lpuart& uart, std::uint32_t divider) {
  uart.cr1 = 0;
  uart.cr2 = 0;
  uart.presc = 0;
  uart.brr = divider;
  uart.cr1 = Lpuart::kFifo;
  uart.cr3 = kLine & ~Lpuart::kErrorInterrupt;
  uart.cr1 = kOn;
  uart.icr = Lpuart::kErrors | Lpuart::kIdle;
}

}  // namespace

void modem_lines_start(std::uint32_t kernel_clock) {
  start_line(lpuart1(), stm32u5::lpuart_divider(kernel_clock, kModemBaud));
  start_line(usart1(), stm32u5::usart_divider(kernel_clock, kModemBaud));
  listen(true);
}

/// A byte with an error is taken like any other: framing checks (PPP's FCS, the AT dialogue) find out.
MV_RAM_CODE void modem_line_interrupt() {
  Lpuart& uart = line_of(selected);
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

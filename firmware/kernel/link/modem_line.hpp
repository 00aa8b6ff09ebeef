// The modem's serial line on the device: LPUART1 with interrupts and two rings.
//
// The interrupt is urgent (0x30) and short: it moves bytes between FIFO and rings. When the receive ring is
// full, it leaves the bytes in the FIFO and stops listening; the hardware then takes RTS away and the modem
// waits. The worker reads and writes the rings.
#pragma once

#include <cstdint>

#include "firmware/net/platform.hpp"

namespace microvisor::firmware::link {

inline constexpr std::uint32_t kModemBaud = 921'600;

/// Resets and starts LPUART1. Its clock must be on and its pins must have been given to it; `kernel_clock` is
/// in hertz.
void modem_line_start(std::uint32_t kernel_clock);
/// The handler of interrupt 66. Runs from RAM.
void modem_line_interrupt();

/// The device's Platform: the kernel's clock and worker, and LPUART1.
[[nodiscard]] net::Platform& device_platform();

}  // namespace microvisor::firmware::link

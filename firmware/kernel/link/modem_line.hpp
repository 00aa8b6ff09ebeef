// The modules' serial lines on the device: LPUART1 to the modem, USART1 to the Wi-Fi module, with interrupts
// and one pair of rings, for one line is used at a time.
//
// The interrupt is urgent (0x30) and short: it moves bytes between FIFO and rings. When the receive ring is
// full, it leaves the bytes in the FIFO and stops listening; the hardware then takes RTS away and the module
// waits. So does the module on the line that is not selected. The worker reads and writes the rings.
#pragma once

#include <cstdint>

#include "firmware/net/platform.hpp"

namespace microvisor::firmware::link {

inline constexpr std::uint32_t kModemBaud = 921'600;

/// Resets and starts both. Their clocks must be on and their pins must have been given to them;
/// `kernel_clock` is in hertz, the same for both.
void modem_lines_start(std::uint32_t kernel_clock);
/// The handler of interrupts 61 and 66. Runs from RAM.
void modem_line_interrupt();

/// The device's Platform: the kernel's clock and worker, and the two lines.
[[nodiscard]] net::Platform& device_platform();

}  // namespace microvisor::firmware::link

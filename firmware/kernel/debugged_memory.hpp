// The application's memory as a debugger may see it: what the application itself could reach, and nothing
// else.
//
// Flash, RAM and the peripherals that are the application's, through their Non-secure addresses; registers of
// Microvisor's blocks as mvPeriphPeek32 shows them; of the core's own the Non-secure views of SysTick, NVIC,
// SCB and MPU. Debug units, DMA-able memories of Microvisor's and everything Secure are refused before any
// access is made: a debugger's access must not look like an attack of the application's. Worker only.
#pragma once

#include <cstdint>
#include <span>

#include "firmware/debugger/application.hpp"

namespace microvisor::firmware::kernel {

/// `width`: bytes of each access, 1, 2 or 4; 0: words where they fit. Nothing is read if part is refused.
[[nodiscard]] debugger::Access read_application(std::uint32_t address, std::span<std::uint8_t> to,
                                                std::uint8_t width);
/// Likewise. The flash is refused: the image stays as it was installed.
[[nodiscard]] debugger::Access write_application(std::uint32_t address, std::span<const std::uint8_t> from,
                                                 std::uint8_t width);
/// How many of `size` bytes from `address` on lie in one piece of the application's flash or RAM.
[[nodiscard]] std::uint32_t plain_memory_at(std::uint32_t address, std::uint32_t size);

}  // namespace microvisor::firmware::kernel

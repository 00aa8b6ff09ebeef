// What exceptions are called: the core's by the architecture, the interrupt lines by the chip.
#pragma once

#include <string_view>

namespace microvisor::board {

/// "SVCall", "TIM2". `number` as in IPSR.
std::string_view exception_name(unsigned number);

}  // namespace microvisor::board

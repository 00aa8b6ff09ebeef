// The system clock: from the 4 MHz of reset to 160 MHz.
#pragma once

#include <cstdint>

namespace microvisor::firmware::stm32u5 {

inline constexpr std::uint32_t kSystemClock = 160'000'000;  // HCLK and all PCLKs, Hz

/// Range 1 with booster, PLL1 from MSIS (4 MHz / 1 x 80 / 2), flash latency 4, instruction cache on. Safe to
/// call again, and after a Stop mode, which leaves MSIS and range 4. Runs from RAM.
void raise_clock();

}  // namespace microvisor::firmware::stm32u5

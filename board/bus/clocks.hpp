// The clock tree as other blocks see it. Implemented by RCC.
#pragma once

#include <cstdint>
#include <functional>

namespace microvisor::board {

class Clocks {
 public:
  virtual ~Clocks() = default;
  /// For kernel_clock(): the external reference of SysTick (RCC_CCIPR1.SYSTICKSEL).
  static constexpr std::uint32_t kSysTickReference = 0xE000'E010;

  /// Current frequencies in hertz.
  [[nodiscard]] virtual std::uint32_t hclk() const = 0;
  [[nodiscard]] virtual std::uint32_t pclk1() const = 0;
  [[nodiscard]] virtual std::uint32_t pclk2() const = 0;
  [[nodiscard]] virtual std::uint32_t pclk3() const = 0;
  /// Timer kernel clock: PCLK, doubled when the APB prescaler is not 1.
  [[nodiscard]] virtual std::uint32_t timer_clock_apb1() const = 0;
  [[nodiscard]] virtual std::uint32_t timer_clock_apb2() const = 0;
  /// Kernel clock selected in CCIPRx for the block at this non-secure base address (USARTs, LPUART1, I2C, RNG
  /// ...).
  [[nodiscard]] virtual std::uint32_t kernel_clock(std::uint32_t peripheral_base) const = 0;
  /// The enable bit of the block at this non-secure base address; true for blocks without one.
  [[nodiscard]] virtual bool enabled(std::uint32_t peripheral_base) const = 0;
  /// The AHB clock that the block at this non-secure base address gets now, in hertz; 0 while it is shut off.
  [[nodiscard]] virtual std::uint32_t bus_clock(std::uint32_t peripheral_base) const {
    return enabled(peripheral_base) ? hclk() : 0;
  }
  /// Called after any frequency or gate has changed, for as long as the board lives.
  virtual void on_change(std::function<void()> listener) = 0;
};

}  // namespace microvisor::board

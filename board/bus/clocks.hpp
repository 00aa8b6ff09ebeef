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
  /// The clock that the block at this non-secure base address counts with, 0 while it has none: as selected
  /// in CCIPRx (USARTs, LPUART1, I2C, RNG ...), or that of the timers, or PCLK1 for WWDG.
  [[nodiscard]] virtual std::uint32_t kernel_clock(std::uint32_t peripheral_base) const = 0;
  /// The block at this non-secure base address gets its bus clock in the present power mode, or can ask for
  /// it; true for blocks without an enable bit.
  [[nodiscard]] virtual bool enabled(std::uint32_t peripheral_base) const = 0;
  /// HCLK stands still (Stop modes): a block lives on what it asks for itself.
  [[nodiscard]] virtual bool stopped() const { return false; }
  /// The AHB clock that the block at this non-secure base address gets now, in hertz; 0 while it is shut off.
  /// In Stop modes it is there for a block that may ask for it.
  [[nodiscard]] virtual std::uint32_t bus_clock(std::uint32_t peripheral_base) const {
    return enabled(peripheral_base) ? hclk() : 0;
  }
  /// Called after any frequency or gate has changed, for as long as the board lives.
  virtual void on_change(std::function<void()> listener) = 0;
};

}  // namespace microvisor::board

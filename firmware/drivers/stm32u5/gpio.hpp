// GPIO: pins of ports A to I (RM0456 section 13). A pin whose SECCFGR bit is set is invisible to the
// Non-secure world.
#pragma once

#include <cstddef>
#include <cstdint>

namespace microvisor::firmware::stm32u5 {

struct Gpio {
  volatile std::uint32_t moder;  // 0x00
  volatile std::uint32_t otyper;
  volatile std::uint32_t ospeedr;
  volatile std::uint32_t pupdr;
  volatile std::uint32_t idr;  // 0x10
  volatile std::uint32_t odr;
  volatile std::uint32_t bsrr;
  volatile std::uint32_t lckr;
  volatile std::uint32_t afr[2];  // 0x20
  volatile std::uint32_t brr;
  volatile std::uint32_t hslvr;
  volatile std::uint32_t seccfgr;  // 0x30

  static constexpr std::uint32_t kBase = 0x5202'0000;
  static constexpr std::uint32_t kStep = 0x400;
  static constexpr unsigned kPorts = 9;
};
static_assert(offsetof(Gpio, seccfgr) == 0x30);

/// `port` is 'A' to 'I'.
inline Gpio& gpio(char port) {
  return *reinterpret_cast<Gpio*>(Gpio::kBase + Gpio::kStep * static_cast<std::uint32_t>(port - 'A'));
}

enum class PinMode : std::uint8_t { Input = 0, Output = 1, Alternate = 2, Analog = 3 };
enum class PinPull : std::uint8_t { None = 0, Up = 1, Down = 2 };

/// Sets up one pin: push-pull, high speed. The alternate function is set before the mode, so that the pin
/// does not show another block's output in between.
inline void configure_pin(char port, unsigned pin, PinMode mode, unsigned alternate = 0,
                          PinPull pull = PinPull::None) {
  Gpio& g = gpio(port);
  const unsigned shift = 4 * (pin % 8);
  g.afr[pin / 8] = (g.afr[pin / 8] & ~(0xFu << shift)) | (alternate << shift);
  g.otyper = g.otyper & ~(1u << pin);
  g.ospeedr = (g.ospeedr & ~(3u << (2 * pin))) | (2u << (2 * pin));
  g.pupdr = (g.pupdr & ~(3u << (2 * pin))) | (static_cast<std::uint32_t>(pull) << (2 * pin));
  g.moder = (g.moder & ~(3u << (2 * pin))) | (static_cast<std::uint32_t>(mode) << (2 * pin));
}

}  // namespace microvisor::firmware::stm32u5

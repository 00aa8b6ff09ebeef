// What the network code needs from where it runs: a clock, a place to wait, and the modem's serial line.
//
// On the device the kernel's worker and LPUART1 stand behind it, in host tests a modelled line. All functions
// are called by one thread of execution, the worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace microvisor::firmware::net {

class Platform {
 public:
  /// Microseconds since start.
  [[nodiscard]] virtual std::uint64_t now() = 0;
  /// Lets others run until `moment`, or until the serial line has something to read or room to write, or
  /// until somebody asks for attention.
  virtual void wait(std::uint64_t moment) = 0;
  /// Takes received bytes; 0 if there are none.
  [[nodiscard]] virtual std::size_t serial_read(std::span<std::uint8_t> into) = 0;
  /// Gives bytes to the transmitter; returns how many it had room for.
  [[nodiscard]] virtual std::size_t serial_write(std::span<const std::uint8_t> bytes) = 0;

 protected:
  ~Platform() = default;
};

inline constexpr std::uint64_t kMilliseconds = 1000;  // of Platform::now()
inline constexpr std::uint64_t kSeconds = 1000 * kMilliseconds;

}  // namespace microvisor::firmware::net

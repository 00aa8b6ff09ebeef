// What the network code needs from where it runs: a clock, a place to wait, and the modules' serial lines, of
// which it uses one at a time.
//
// On the device the kernel's worker, LPUART1 and USART1 stand behind it, in host tests modelled lines. All
// functions are called by one thread of execution, the worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace microvisor::firmware::net {

/// What carries the device's packets, each a module on a serial line of its own.
enum class Bearer : std::uint8_t { Cellular, Wifi };

enum class Heard : std::uint8_t {
  Nothing,
  Something,  ///< there is a module
  Ring,       ///< somebody wants to be called (V.250 section 6.3.4)
};

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
  /// Whose line the two functions above are about from now on, at first Cellular's. What was in the buffers
  /// is lost; the other module is held off by flow control. A platform with one line has nothing to do.
  virtual void select_line(Bearer) {}
  /// What has come on the line that is not selected since the last call.
  [[nodiscard]] virtual Heard other_line() { return Heard::Nothing; }

 protected:
  ~Platform() = default;
};

inline constexpr std::uint64_t kMilliseconds = 1000;  // of Platform::now()
inline constexpr std::uint64_t kSeconds = 1000 * kMilliseconds;

}  // namespace microvisor::firmware::net

// The edge of the chip: what is soldered to its pins talks to the model through these interfaces.
//
// Everything here is called on the board's thread and takes effect at the current virtual time. Somebody on
// another thread hands work over with Board::post().
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "board/bus/time.hpp"

namespace microvisor::board {

/// What is connected to a UART of the chip: a modem, a terminal.
class SerialDevice {
 public:
  virtual ~SerialDevice() = default;
  /// The chip has sent a byte; called at the end of its stop bit.
  virtual void byte_from_chip(std::uint8_t byte) = 0;
  /// The chip's RTS output: true when it is ready to receive. Without RTS flow control it is always true.
  virtual void chip_ready_changed(bool ready) = 0;
};

/// The chip's side of a serial line, implemented by USARTx and LPUART1.
class SerialPort {
 public:
  virtual ~SerialPort() = default;
  /// The device at the other end; nullptr disconnects. The device must outlive the connection.
  virtual void connect(SerialDevice* device) = 0;
  /// A byte has arrived at RX. The sender keeps the pace: one byte each frame_time(). Lost (overrun) if the
  /// receiver is full.
  virtual void byte_to_chip(std::uint8_t byte) = 0;
  /// The chip's CTS input: true when the device is ready to receive. True until told otherwise.
  virtual void set_device_ready(bool ready) = 0;
  /// The chip's RTS output, as chip_ready_changed() reports it.
  [[nodiscard]] virtual bool chip_ready() const = 0;
  /// Duration of one frame (start, data, parity, stop) at the present settings; 0 while the port is disabled.
  [[nodiscard]] virtual Time frame_time() const = 0;
};

struct PinId {
  std::uint8_t port = 0;    ///< 0 = A ... 8 = I
  std::uint8_t number = 0;  ///< 0 to 15
  friend constexpr bool operator==(PinId, PinId) = default;
};

/// The pads, implemented by the GPIO ports.
class Pins {
 public:
  virtual ~Pins() = default;
  /// Drives a pin from outside; nullopt lets go of it.
  virtual void drive(PinId pin, std::optional<bool> level) = 0;
  /// The level on the pad now (outside driver, chip output, pull resistor; floating reads low).
  [[nodiscard]] virtual bool level(PinId pin) const = 0;
  /// Told of each change of a level that the chip itself drives. One listener; an empty function removes it.
  virtual void on_output_change(std::function<void(PinId, bool)> listener) = 0;
  /// Told when a pin that carries pulse-width modulation faster than edges are reported (100 Hz) changes its
  /// frequency or duty cycle (in permille). One listener; an empty function removes it.
  virtual void on_duty_change(
      std::function<void(PinId, std::uint32_t hertz, std::uint32_t permille)> listener) = 0;
};

}  // namespace microvisor::board

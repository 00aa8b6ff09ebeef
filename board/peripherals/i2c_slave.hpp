// What hangs on an I2C bus: sensors, displays, EEPROMs.
#pragma once

#include <cstdint>

#include "board/bus/archive.hpp"

namespace microvisor::board {

/// A target on an I2C bus, at one 7-bit address. Called on the board's thread.
class I2cSlave {
 public:
  virtual ~I2cSlave() = default;
  /// START (or repeated START) with this target's address. False: the address is not acknowledged.
  virtual bool start(bool read) = 0;
  /// A byte from the controller. False: not acknowledged.
  virtual bool write(std::uint8_t byte) = 0;
  /// The next byte for the controller.
  virtual std::uint8_t read() = 0;
  virtual void stop() = 0;
  /// Everything it keeps between two calls, settings of the board's user included.
  virtual void serialise(Archive& archive) = 0;
};

/// A bus with its targets. Implemented by I2C1 to I2C4.
class I2cBus {
 public:
  virtual ~I2cBus() = default;
  /// Puts a target on the bus; nullptr takes it off. The target must outlive its place on the bus.
  virtual void attach(std::uint8_t address, I2cSlave* slave) = 0;
};

}  // namespace microvisor::board

// Devices that a person can put on I2C1 of a virtual board, by name: `--i2c 0x18=mcp9808`.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "board/peripherals/i2c_slave.hpp"

namespace microvisor::cli {

struct I2cTarget {
  std::uint8_t address = 0;  ///< 7 bits, 0x08 to 0x77 (the others are reserved by the I2C specification)
  std::string device;
};

/// "ADDRESS=DEVICE". Throws Failure if the address is out of range or nothing has that name.
I2cTarget parse_i2c_target(const std::string& text);

/// The device of that name, in its power-on state.
std::unique_ptr<board::I2cSlave> make_i2c_device(const std::string& device);

}  // namespace microvisor::cli

// MCP9808: a temperature sensor on I2C (Microchip data sheet DS25095), as far as drivers use it.
//
// Register pointer, 16-bit registers, most significant byte first; ambient temperature with the alert bits
// computed from the limits. The temperature is what the user of the board sets.
#pragma once

#include <array>
#include <cstdint>

#include "board/peripherals/i2c_slave.hpp"

namespace microvisor::board {

class Mcp9808 final : public I2cSlave {
 public:
  explicit Mcp9808(double celsius = 21.5) { set_temperature(celsius); }

  /// -40 to 125 degrees Celsius, in steps of 1/16.
  void set_temperature(double celsius);

  bool start(bool read) override;
  bool write(std::uint8_t byte) override;
  std::uint8_t read() override;
  void stop() override {}
  void serialise(Archive& archive) override {
    archive(sixteenths_, pointer_, byte_, written_, configuration_, limits_, resolution_);
  }

 private:
  [[nodiscard]] std::uint16_t value(std::uint8_t pointer) const;
  [[nodiscard]] std::uint16_t ambient() const;

  int sixteenths_ = 0;
  std::uint8_t pointer_ = 0;
  unsigned byte_ = 0;  ///< position in the transfer
  std::uint16_t written_ = 0;
  std::uint16_t configuration_ = 0;
  std::array<std::uint16_t, 3> limits_{};  ///< upper, lower, critical
  std::uint8_t resolution_ = 3;
};

}  // namespace microvisor::board

// CRC: the checksum unit, with programmable polynomial, widths of 7 to 32 bits and bit reversal (RM0456
// chapter 20).
//
// The width of a write to DR is the number of message bits. Lives on the board's thread, owned by the board.
#pragma once

#include "board/peripherals/register_block.hpp"

namespace microvisor::board {

class Crc final : public RegisterBlock {
 public:
  static constexpr std::uint32_t kBase = 0x4002'3000;

  [[nodiscard]] std::string_view name() const override { return "CRC"; }
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override { archive(data_, independent_, control_, initial_, polynomial_); }

 protected:
  std::uint32_t load(std::uint32_t offset, std::uint32_t lanes, const Access& access) override;
  void store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) override;

 private:
  [[nodiscard]] unsigned order() const;
  void feed(std::uint32_t value, unsigned width);

  std::uint32_t data_ = 0xFFFF'FFFF, independent_ = 0, control_ = 0, initial_ = 0xFFFF'FFFF,
                polynomial_ = 0x04C1'1DB7;
};

}  // namespace microvisor::board

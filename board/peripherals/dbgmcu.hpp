// DBGMCU (RM0456 chapter 75): identity of the chip, debug and freeze bits. No debug port is attached to the
// model, so the freeze bits are storage.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "board/bus/peripheral.hpp"

namespace microvisor::board {

class Dbgmcu final : public Peripheral {
 public:
  [[nodiscard]] std::string_view name() const override { return "DBGMCU"; }
  Outcome read(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t& value) override;
  Outcome write(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t value) override;
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

 private:
  /// CR and the freeze registers, 0x04 to 0x28.
  std::array<std::uint32_t, 11> words_{};
};

}  // namespace microvisor::board

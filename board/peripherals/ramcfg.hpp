// RAMCFG: erase, ECC control and write protection of the SRAMs (RM0456 chapter 6).
//
// An erase is real: the memory is zero afterwards, whoever owned it. That is why the block is securable, and
// why Microvisor keeps it. ECC errors do not occur in the model; their registers are storage.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string_view>

#include "board/bus/peripheral.hpp"

namespace microvisor::board {

/// SRAM1 to SRAM4 and BKPSRAM, in register order.
enum class Ram : std::uint8_t { Sram1, Sram2, Sram3, Sram4, Backup };

class Ramcfg final : public Peripheral {
 public:
  struct Hooks {
    std::function<void(Ram)> erase;                  ///< clear the whole memory
    std::function<void()> permissions_changed;       ///< write protection of SRAM2 has grown
    std::function<std::uint32_t()> option_register;  ///< FLASH_OPTR: ECC of SRAM2, SRAM3, BKPSRAM
  };
  explicit Ramcfg(Hooks hooks);

  [[nodiscard]] std::string_view name() const override { return "RAMCFG"; }
  Outcome read(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t& value) override;
  Outcome write(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t value) override;
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

  /// True if the 1 KiB page of SRAM2 that holds this byte is write-protected.
  [[nodiscard]] bool sram2_write_protected(std::uint32_t offset) const {
    return (protected_pages_[offset / 0x8000] >> (offset / 0x400 % 32) & 1) != 0;
  }
  [[nodiscard]] bool sram2_any_write_protected() const {
    return (protected_pages_[0] | protected_pages_[1]) != 0;
  }

 private:
  struct Unit {
    std::uint32_t control = 0;
    std::uint32_t interrupts = 0;
    std::uint8_t erase_keys = 0;  ///< how many of the two have been given
    std::uint8_t ecc_keys = 0;
  };
  void write_control(unsigned index, std::uint32_t value);

  Hooks hooks_;
  std::array<Unit, 5> units_{};
  std::array<std::uint32_t, 2> protected_pages_{};  ///< SRAM2, RAMCFG_M2WPR1/2
};

}  // namespace microvisor::board

// GPIOA to GPIOI: one register model; the pads themselves are the PinMatrix's.
//
// Each pin belongs to one world (SECCFGR). Fields of a secure pin read zero for non-secure code and ignore
// its writes, in every register, BSRR and IDR included; there is neither a fault nor an illegal-access event
// (RM0456 13.3.18).
//
// Lives on the board's thread, owned by the board.
#pragma once

#include <array>

#include "board/peripherals/pin_matrix.hpp"
#include "board/peripherals/register_block.hpp"

namespace microvisor::board {

class Gpio final : public RegisterBlock {
 public:
  static constexpr std::uint32_t kFirstBase = 0x4202'0000;
  static constexpr std::uint32_t base_of(unsigned port) { return kFirstBase + port * 0x400; }

  /// `port`: 0 = A ... 8 = I.
  Gpio(unsigned port, PinMatrix& pins);

  [[nodiscard]] std::string_view name() const override { return {name_.data(), name_.size()}; }
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

  [[nodiscard]] bool has_secure_pin() const { return secure_pins() != 0; }
  [[nodiscard]] std::uint32_t secure_pins() const { return peek(0x30); }

 protected:
  std::uint32_t load(std::uint32_t offset, std::uint32_t lanes, const Access& access) override;
  void store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) override;

 private:
  [[nodiscard]] std::uint32_t& at(std::uint32_t offset) { return words_[offset / 4]; }
  [[nodiscard]] std::uint32_t at(std::uint32_t offset) const { return words_[offset / 4]; }
  /// The bits of the register at `offset` that belong to the pins in `pins`.
  [[nodiscard]] static std::uint32_t fields_of(std::uint32_t offset, std::uint32_t pins);
  [[nodiscard]] std::uint32_t input() const;
  void store_lock(std::uint32_t value);
  void apply();

  unsigned port_;
  std::array<char, 5> name_;
  PinMatrix& pins_;
  std::array<std::uint32_t, 13> words_{};
  std::uint32_t lock_mask_ = 0;  ///< LCKR pins while the key sequence is under way
  unsigned lock_step_ = 0;
};

/// LPGPIO1: the sixteen low-power pins, whose pads belong to other ports. Outputs read back what was written.
class LowPowerGpio final : public RegisterBlock {
 public:
  static constexpr std::uint32_t kBase = 0x4602'0000;

  [[nodiscard]] std::string_view name() const override { return "LPGPIO1"; }
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override { archive(moder_, odr_); }

 protected:
  std::uint32_t load(std::uint32_t offset, std::uint32_t lanes, const Access& access) override;
  void store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) override;

 private:
  std::uint32_t moder_ = 0;
  std::uint32_t odr_ = 0;
};

}  // namespace microvisor::board

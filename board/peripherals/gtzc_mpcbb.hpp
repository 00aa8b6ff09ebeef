// MPCBB: who may touch which 512-byte block of an SRAM (RM0456 sections 5.4.4 and 5.10).
//
// 32 blocks make a super-block (16 KiB) with one SECCFGR and one PRIVCFGR word, and one lock bit that freezes
// both until reset. After reset every block is secure and privileged.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "board/bus/illegal_access.hpp"
#include "board/bus/peripheral.hpp"

namespace microvisor::board {

class Mpcbb final : public Peripheral {
 public:
  static constexpr std::uint32_t kBlock = 512;
  static constexpr std::uint32_t kSuperBlock = 32 * kBlock;

  struct Hooks {
    std::function<void()> changed;
    std::function<void()> report;  ///< illegal access to the registers
  };
  /// `index` 0 to 3 for SRAM1 to SRAM4, `super_blocks` its size in units of 16 KiB (at most 32).
  Mpcbb(unsigned index, unsigned super_blocks, Hooks hooks);

  [[nodiscard]] std::string_view name() const override { return name_; }
  Outcome read(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t& value) override;
  Outcome write(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t value) override;
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

  /// Judges an access to byte `offset` of the SRAM.
  [[nodiscard]] Violation check(std::uint32_t offset, const Access& access) const;
  /// The longest stretch around `offset` with the same attributes: [first, end).
  struct Stretch {
    std::uint32_t first;
    std::uint32_t end;
  };
  [[nodiscard]] Stretch alike(std::uint32_t offset) const;

 private:
  [[nodiscard]] unsigned attributes(std::uint32_t block) const {
    return (secure_[block / 32] >> (block % 32) & 1) | (privileged_[block / 32] >> (block % 32) & 1) << 1;
  }
  void write_word(std::uint32_t offset, const Access& access, std::uint32_t value);

  std::string name_;
  unsigned super_blocks_;
  Hooks hooks_;
  std::uint32_t control_ = 0;
  std::uint32_t locks_ = 0;
  std::array<std::uint32_t, 32> secure_{};
  std::array<std::uint32_t, 32> privileged_{};
};

}  // namespace microvisor::board

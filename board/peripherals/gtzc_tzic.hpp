// TZIC: the flags of illegal accesses, and GTZC interrupt 8 (RM0456 sections 5.5 and 5.8).
//
// Flags latch whatever the enable register says; the enable register masks the interrupt only. (One sentence
// of the manual can be read otherwise: firmware clears all flags before it enables any.) The block is always
// secure and privileged; a non-secure access to it is itself an event.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string_view>

#include "board/bus/peripheral.hpp"

namespace microvisor::board {

class Tzic final : public Peripheral {
 public:
  /// `instance` is 1 or 2. `update_line` is called when pending() may have changed.
  Tzic(unsigned instance, std::function<void()> update_line);

  [[nodiscard]] std::string_view name() const override {
    return instance_ == 1 ? "GTZC1_TZIC" : "GTZC2_TZIC";
  }
  Outcome read(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t& value) override;
  Outcome write(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t value) override;
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

  /// Latches flag `bit` of register `reg` (from 1).
  void latch(unsigned reg, unsigned bit);
  [[nodiscard]] bool pending() const;

 private:
  /// True if the access may go on; reports it if it crosses worlds.
  bool admitted(const Access& access);

  unsigned instance_;
  std::function<void()> update_line_;
  std::array<std::uint32_t, 4> enable_{};
  std::array<std::uint32_t, 4> status_{};
};

}  // namespace microvisor::board

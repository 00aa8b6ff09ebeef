// TZSC: which peripherals are secure and privileged, and the watermark regions of external memory and BKPSRAM
// (RM0456 sections 5.4 and 5.6).
//
// SECCFGRx and PRIVCFGRx can be read by everybody. The lock in CR freezes them until reset.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string_view>

#include "board/bus/chip_map.hpp"
#include "board/bus/illegal_access.hpp"
#include "board/bus/peripheral.hpp"

namespace microvisor::board {

/// Memories behind an MPCWM, in the order of the registers.
enum class WatermarkMemory : std::uint8_t { Octospi1, FmcBank1, FmcBank3, BackupSram, Octospi2 };

class Tzsc final : public Peripheral {
 public:
  struct Hooks {
    std::function<void()> changed;  ///< an attribute is no longer what it was
    std::function<void()> report;   ///< illegal access to this block
  };
  /// `instance` is 1 or 2; only the first has watermark regions.
  Tzsc(unsigned instance, Hooks hooks);

  [[nodiscard]] std::string_view name() const override {
    return instance_ == 1 ? "GTZC1_TZSC" : "GTZC2_TZSC";
  }
  Outcome read(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t& value) override;
  Outcome write(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t value) override;
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

  [[nodiscard]] bool secure(GtzcBit bit) const { return (secure_[bit.reg - 1] >> bit.bit & 1) != 0; }
  [[nodiscard]] bool privileged(GtzcBit bit) const { return (privileged_[bit.reg - 1] >> bit.bit & 1) != 0; }
  /// Judges an access at `offset` into a watermark memory.
  [[nodiscard]] Violation check_region(WatermarkMemory memory, std::uint32_t offset,
                                       const Access& access) const;

 private:
  struct Region {
    std::uint32_t config = 0;  ///< SREN 0, SRLOCK 1, SEC 8, PRIV 9
    std::uint32_t range = 0;   ///< START 10:0, LENGTH 27:16
  };
  [[nodiscard]] bool writable(std::uint32_t offset, const Access& access) const;
  void write_attributes(std::uint32_t offset, const Access& access, std::uint32_t value);
  void write_region(std::uint32_t offset, std::uint32_t value);

  unsigned instance_;
  Hooks hooks_;
  bool locked_ = false;
  std::array<std::uint32_t, 3> secure_{};
  std::array<std::uint32_t, 3> privileged_{};
  std::array<std::array<Region, 2>, 5> regions_{};
};

}  // namespace microvisor::board

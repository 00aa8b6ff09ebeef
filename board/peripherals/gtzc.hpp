// The security controller (GTZC, RM0456 chapter 5) as a whole: two TZSC, two TZIC, four MPCBB.
//
// The register blocks are separate Peripherals (gtzc_tzsc.hpp, gtzc_tzic.hpp, gtzc_mpcbb.hpp); this object
// owns them and answers what the bus and other blocks ask. Owned by the Board, lives on its thread.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "board/bus/chip_map.hpp"
#include "board/bus/security.hpp"
#include "board/peripherals/gtzc_mpcbb.hpp"
#include "board/peripherals/gtzc_tzic.hpp"
#include "board/peripherals/gtzc_tzsc.hpp"

namespace microvisor::board {

class Gtzc final : public Protection {
 public:
  explicit Gtzc(InterruptSink& interrupts);

  [[nodiscard]] bool secure(std::uint32_t peripheral_base) const override;
  [[nodiscard]] bool privileged(std::uint32_t peripheral_base) const override;
  void report_illegal_access(std::uint32_t peripheral_base) override;
  void on_change(std::function<void()> listener) override;

  /// The same by position; false for a bit that does not exist.
  [[nodiscard]] bool secure(GtzcBit bit) const {
    return bit.exists() && tzsc_[bit.instance - 1]->secure(bit);
  }
  [[nodiscard]] bool privileged(GtzcBit bit) const {
    return bit.exists() && tzsc_[bit.instance - 1]->privileged(bit);
  }
  /// Latches a flag by its position; nothing if it does not exist.
  void report(GtzcBit flag);
  /// The controller of SRAM1 to SRAM4 (index 0 to 3).
  [[nodiscard]] const Mpcbb& sram(unsigned index) const { return *mpcbb_[index]; }
  /// Judges an access to a memory behind a watermark controller, and how far the answer reaches.
  [[nodiscard]] Violation check_region(WatermarkMemory memory, std::uint32_t offset,
                                       const Access& access) const {
    return tzsc_[0]->check_region(memory, offset, access);
  }

  struct Placed {
    std::uint32_t base;
    Peripheral* block;
  };
  /// The register blocks, for the bus.
  [[nodiscard]] std::vector<Placed> blocks();

 private:
  void changed() const;

  std::array<std::unique_ptr<Tzic>, 2> tzic_;
  std::array<std::unique_ptr<Tzsc>, 2> tzsc_;
  std::array<std::unique_ptr<Mpcbb>, 4> mpcbb_;
  std::vector<std::function<void()>> listeners_;
};

}  // namespace microvisor::board

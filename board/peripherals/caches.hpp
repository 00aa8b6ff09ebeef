// ICACHE and DCACHE1 (RM0456 chapters 8 and 9): registers only. There is no cache in the model, so every
// maintenance operation is finished when the store that starts it retires. ICACHE's address remapping is
// real.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "board/bus/peripheral.hpp"

namespace microvisor::board {

class Icache final : public Peripheral {
 public:
  /// `mapping_changed` is called when remap() may answer differently.
  Icache(InterruptLine line, std::function<void()> mapping_changed);

  [[nodiscard]] std::string_view name() const override { return "ICACHE"; }
  Outcome read(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t& value) override;
  Outcome write(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t value) override;
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

  /// Where a C-bus address (below 0x2000'0000) leads if a remap region covers it.
  [[nodiscard]] std::optional<std::uint32_t> remap(std::uint32_t address) const;
  [[nodiscard]] bool remaps() const { return remaps_; }

 private:
  void update();

  InterruptLine line_;
  std::function<void()> mapping_changed_;
  std::uint32_t control_ = 0;
  std::uint32_t status_ = 0;
  std::uint32_t enable_ = 0;
  std::array<std::uint32_t, 4> regions_{};
  bool remaps_ = false;
};

class Dcache final : public Peripheral {
 public:
  explicit Dcache(InterruptLine line);

  [[nodiscard]] std::string_view name() const override { return "DCACHE1"; }
  Outcome read(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t& value) override;
  Outcome write(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t value) override;
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

 private:
  void write_control(std::uint32_t value);
  void update() const;

  InterruptLine line_;
  std::uint32_t control_ = 0;
  std::uint32_t status_ = 0;
  std::uint32_t enable_ = 0;
  std::uint32_t command_start_ = 0;
  std::uint32_t command_end_ = 0;
};

}  // namespace microvisor::board

// EXTI: edges of pads and of a few internal signals become pending bits and interrupts 11 to 26.
//
// An edge is latched whenever its trigger is selected, whatever IMR says; the interrupt is a level, (RPR |
// FPR) & IMR. With its bit in EMR an edge is an event for WFE besides. Each line belongs to one world and one
// privilege (RM0456 chapter 23). Lines 16 to 22 take signals that other blocks set: PVD, comparators and
// supply monitors.
//
// Lives on the board's thread, owned by the board.
#pragma once

#include <array>
#include <functional>

#include "board/bus/edge.hpp"
#include "board/peripherals/register_block.hpp"

namespace microvisor::board {

class Exti final : public RegisterBlock {
 public:
  static constexpr std::uint32_t kBase = 0x4602'2000;
  static constexpr unsigned kLines = 23;

  struct Hooks {
    std::function<void()> report_illegal_access;
    /// The pad selected for a line (0 to 15) has this level now: what DMA and ADC take as a trigger, whatever
    /// the masks say (RM0456 23.3).
    std::function<void(unsigned line, bool level)> selected;
  };

  Exti(InterruptSink& interrupts, Hooks hooks);

  [[nodiscard]] std::string_view name() const override { return "EXTI"; }
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

  /// A pad has changed its level; it matters if its port is selected for the line of its number.
  void pin_changed(PinId pin, bool level);
  /// An internal signal (lines 16 to 22).
  void set_signal(unsigned line, bool level);

 protected:
  std::uint32_t load(std::uint32_t offset, std::uint32_t lanes, const Access& access) override;
  void store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) override;

 private:
  [[nodiscard]] std::uint32_t& at(std::uint32_t offset) { return words_[offset / 4]; }
  [[nodiscard]] std::uint32_t at(std::uint32_t offset) const { return words_[offset / 4]; }
  /// The lines this master may see and change.
  [[nodiscard]] std::uint32_t open_lines(const Access& access) const;
  [[nodiscard]] static std::uint32_t fields_of(std::uint32_t offset, std::uint32_t lines);
  void edge(unsigned line, bool rising);
  void update();

  InterruptSink& interrupts_;
  Hooks hooks_;
  std::array<std::uint32_t, 0x88 / 4> words_{};
  std::uint32_t signals_ = 0;
};

}  // namespace microvisor::board

// CRS: trimming of HSI48 against a synchronisation signal (RM0456 chapter 12).
//
// The oscillator of the virtual board has no error, so every synchronisation finds it in tune: with LSE as
// the source and the counter enabled, SYNCOKF and ESYNCF rise once a period, and the trimming value stays.
//
// Lives on the board's thread, owned by the board.
#pragma once

#include <functional>

#include "board/bus/scheduler.hpp"
#include "board/peripherals/register_block.hpp"

namespace microvisor::board {

class Crs final : public RegisterBlock {
 public:
  static constexpr std::uint32_t kBase = 0x4000'6000;

  /// `lse_runs`: the crystal is there and ready.
  Crs(Scheduler& scheduler, InterruptSink& interrupts, std::function<bool()> lse_runs);

  [[nodiscard]] std::string_view name() const override { return "CRS"; }
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

 protected:
  std::uint32_t load(std::uint32_t offset, std::uint32_t lanes, const Access& access) override;
  void store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) override;

 private:
  [[nodiscard]] Time period() const;
  void sync();
  void arm();
  void update();

  Scheduler& scheduler_;
  InterruptLine line_;
  std::function<bool()> lse_runs_;
  std::uint32_t cr_ = 0, cfgr_ = 0, isr_ = 0;
  Time synchronised_ = 0;  ///< last synchronisation taken into account
  Scheduler::Event event_;
};

}  // namespace microvisor::board

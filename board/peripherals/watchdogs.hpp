// IWDG and WWDG: the two counters that reset the chip when software does not feed them, or feeds them too
// early.
//
// Both are computed from the moment of the last refresh; one event stands at the moment of the reset, one at
// the early warning (RM0456 chapters 61 and 62).
//
// Live on the board's thread, owned by the board.
#pragma once

#include <functional>

#include "board/bus/clocks.hpp"
#include "board/bus/scheduler.hpp"
#include "board/peripherals/register_block.hpp"
#include "board/peripherals/registry.hpp"
#include "board/peripherals/timebase.hpp"

namespace microvisor::board {

class IndependentWatchdog final : public RegisterBlock {
 public:
  static constexpr std::uint32_t kBase = 0x4000'3000;
  struct Hooks {
    std::function<void()> request_reset;
    std::function<void()> started;  ///< LSI has to run from now on
    /// FLASH_OPTR: IWDG_SW 16 (0: runs from reset on), IWDG_STOP 17 and IWDG_STDBY 18 (0: stands still in
    /// these modes).
    std::function<std::uint32_t()> option_register;
  };

  IndependentWatchdog(Scheduler& scheduler, InterruptSink& interrupts, Hooks hooks);
  void set_power_mode(PowerMode mode);

  [[nodiscard]] std::string_view name() const override { return "IWDG"; }
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

 protected:
  std::uint32_t load(std::uint32_t offset, std::uint32_t lanes, const Access& access) override;
  void store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) override;

 private:
  [[nodiscard]] Time tick() const;
  [[nodiscard]] std::uint32_t counter() const;
  void start();
  void refresh();
  void reload();
  void arm();
  void warn();

  Scheduler& scheduler_;
  InterruptLine line_;
  Hooks hooks_;
  bool running_ = false;
  bool unlocked_ = false;
  bool warned_ = false;
  std::uint32_t prescaler_ = 0, reload_ = 0xFFF, window_ = 0xFFF, early_ = 0;
  Time refreshed_ = 0;
  std::optional<Time> frozen_since_;
  Scheduler::Event expiry_;
  Scheduler::Event warning_;
};

class WindowWatchdog final : public RegisterBlock {
 public:
  static constexpr std::uint32_t kBase = 0x4000'2C00;

  WindowWatchdog(Scheduler& scheduler, Clocks& clocks, InterruptSink& interrupts,
                 std::function<void()> request_reset);

  [[nodiscard]] std::string_view name() const override { return "WWDG"; }
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

 protected:
  std::uint32_t load(std::uint32_t offset, std::uint32_t lanes, const Access& access) override;
  void store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) override;

 private:
  [[nodiscard]] bool active() const { return test(cr_, 7); }
  [[nodiscard]] std::uint32_t counter() const;
  [[nodiscard]] std::uint64_t divider() const;  ///< edges of PCLK1 a count
  /// Counting goes on from the present value at the present speed.
  void restart(std::uint32_t counter);
  void update();

  Scheduler& scheduler_;
  Clocks& clocks_;
  InterruptLine line_;
  std::function<void()> request_reset_;
  std::uint32_t cr_ = 0x7F, cfr_ = 0x7F, sr_ = 0;
  std::uint32_t start_ = 0x7F;  ///< counter at the epoch of clock_
  Timebase clock_;              ///< PCLK1
  Scheduler::Event expiry_;
  Scheduler::Event warning_;
};

}  // namespace microvisor::board

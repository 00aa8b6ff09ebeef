// RTC: calendar, two alarms and the wake-up timer, in the backup domain.
//
// Nothing ticks: the calendar is worked out from RTCCLK edges since it was set, and events stand only at the
// next alarm and the next wake-up. The state lies in the backup domain's storage; when a board is switched on
// again, its calendar goes on from the last moment at which the block was used. Each function belongs to one
// world (SECCFGR) and raises the interrupt of that world (RM0456 chapter 63). Not modelled: time stamps,
// binary mode, smooth calibration (storage).
//
// Lives on the board's thread, owned by the board.
#pragma once

#include <array>
#include <functional>

#include "board/bus/clocks.hpp"
#include "board/bus/scheduler.hpp"
#include "board/peripherals/backup_domain.hpp"
#include "board/peripherals/calendar.hpp"
#include "board/peripherals/register_block.hpp"
#include "board/peripherals/timebase.hpp"

namespace microvisor::board {

class Rtc final : public RegisterBlock {
 public:
  static constexpr std::uint32_t kBase = 0x4600'7800;
  struct Hooks {
    std::function<bool()> writable;  ///< PWR_DBPR.DBP
    /// An enabled event stands, secure or not: it can wake from Standby and Shutdown.
    std::function<void(bool level)> event;
    std::function<void()> report_illegal_access;
    /// ALRAF, ALRBF and WUTF (SR 0 to 2), which are triggers for others.
    std::function<void(std::uint32_t flags)> flags_changed;
  };

  Rtc(Scheduler& scheduler, Clocks& clocks, InterruptSink& interrupts, RtcState& state, Hooks hooks);

  [[nodiscard]] std::string_view name() const override { return "RTC"; }
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

  /// RCC_BDCR.BDRST.
  void reset_backup_domain();

 protected:
  std::uint32_t load(std::uint32_t offset, std::uint32_t lanes, const Access& access) override;
  void store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) override;

 private:
  struct Position {
    std::int64_t seconds = 0;
    std::uint32_t subseconds = 0;  ///< SSR
  };

  [[nodiscard]] Timebase timebase() const { return {state_.hertz, state_.epoch}; }
  [[nodiscard]] std::int64_t edge() const;
  [[nodiscard]] std::int64_t ticks_per_second() const { return std::int64_t{bits(state_.prer, 14, 0)} + 1; }
  [[nodiscard]] std::int64_t edges_per_tick() const { return std::int64_t{bits(state_.prer, 22, 16)} + 1; }
  [[nodiscard]] bool initialising() const { return test(state_.icsr, 7); }
  [[nodiscard]] Position position() const;
  [[nodiscard]] CalendarTime calendar() const;
  [[nodiscard]] std::uint32_t status() const;
  [[nodiscard]] std::uint32_t secure_flags() const;
  [[nodiscard]] std::uint32_t hidden(std::uint32_t offset, bool writing) const;

  void change_clock();
  void anchor(std::int64_t seconds, std::int64_t at_edge);
  void store_protected(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes);
  void store_icsr(std::uint32_t value, std::uint32_t lanes);
  void store_cr(std::uint32_t value, std::uint32_t lanes);
  void store_calendar(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes);
  void store_shift(std::uint32_t value);
  [[nodiscard]] std::int64_t wakeup_period() const;
  [[nodiscard]] std::int64_t alarm_edge(unsigned index) const;
  void catch_up_wakeup();
  void alarm_due(unsigned index);
  void arm();
  void update();

  Scheduler& scheduler_;
  Clocks& clocks_;
  InterruptLine line_;
  InterruptLine secure_line_;
  RtcState& state_;
  Hooks hooks_;

  bool event_ = false;
  unsigned unlock_step_ = 0;  ///< 2: write protection is off
  bool shadow_locked_ = false;
  CalendarTime shadow_;
  CalendarTime programmed_;                          ///< TR and DR while initialising
  Time synchronised_at_ = 0;                         ///< RSF rises
  std::array<std::int64_t, 2> alarm_after_{-1, -1};  ///< sub-second tick of the last match of each alarm
  Scheduler::Event wakeup_;
  Scheduler::Event alarm_a_;
  Scheduler::Event alarm_b_;
};

}  // namespace microvisor::board

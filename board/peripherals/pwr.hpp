// PWR: voltage range, supply monitors, access to the backup domain, wake-up pins and low-power modes.
//
// Regulators answer at once: the vendor's driver polls VOSRDY, ACTVOSRDY and REGS in bare loops of about 200
// turns. In Stop modes the bus clocks stand still (RCC knows which kernel clocks go on); Standby and Shutdown
// are a Stop that can only be left through a reset (RM0456 chapter 10).
//
// Lives on the board's thread, owned by the board.
#pragma once

#include <array>
#include <functional>
#include <optional>

#include "board/bus/edge.hpp"
#include "board/peripherals/register_block.hpp"
#include "board/peripherals/registry.hpp"

namespace microvisor::board {

class Pwr final : public RegisterBlock, public PowerModes {
 public:
  static constexpr std::uint32_t kBase = 0x4602'0800;

  struct Hooks {
    std::function<void()> enter_stop;  ///< RCC stops and selects oscillators
    std::function<void()> leave_stop;
    std::function<void(ResetCause)> request_reset;
    std::function<bool()> system_clock_secure;  ///< RCC_SECCFGR.SYSCLKSEC also guards VOSR
    std::function<bool(PinId)> pin_level;
    std::function<std::uint32_t()>
        option_register;  ///< FLASH_OPTR: nRST_STOP 12, nRST_STDBY 13, nRST_SHDW 14
    std::function<void()> report_illegal_access;
  };

  Pwr(InterruptSink& interrupts, Hooks hooks);

  [[nodiscard]] std::string_view name() const override { return "PWR"; }
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

  void core_asleep(bool deep) override;
  void core_awake() override;

  /// DBPR.DBP: RTC, TAMP and RCC_BDCR may be written.
  [[nodiscard]] bool backup_writable() const;
  /// Some function of the block belongs to the secure world.
  [[nodiscard]] bool has_secure_function() const;
  /// A pad has changed its level: a wake-up pin may be behind it.
  void pin_changed(PinId pin, bool level);
  /// RTC or TAMP asks for wake-up from Standby or Shutdown.
  void wake_from_backup_domain();

 protected:
  std::uint32_t load(std::uint32_t offset, std::uint32_t lanes, const Access& access) override;
  void store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) override;

 private:
  enum class Depth : std::uint8_t { Run, Stop, Standby, Shutdown };

  [[nodiscard]] std::uint32_t visible(std::uint32_t offset, const Access& access) const;
  [[nodiscard]] std::uint32_t secure_bits(std::uint32_t offset) const;
  void store_seccfgr(std::uint32_t value, std::uint32_t mask, const Access& access);
  void store_privcfgr(std::uint32_t value, std::uint32_t mask, const Access& access);
  /// The pad selected for wake-up pin `index` (0-7); nothing for the internal sources.
  [[nodiscard]] std::optional<PinId> wakeup_pad(unsigned index) const;
  void latch_active_wakeups(std::uint32_t candidates);
  void update_wakeup_line();
  [[nodiscard]] Depth depth_wanted() const;
  void wake_from_standby();

  InterruptLine wakeup_line_;
  Hooks hooks_;
  std::array<std::uint32_t, 38> words_{};
  Depth depth_ = Depth::Run;
};

}  // namespace microvisor::board

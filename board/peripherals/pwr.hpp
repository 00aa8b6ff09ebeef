// PWR: voltage range, supply monitors, access to the backup domain, wake-up pins and low-power modes.
//
// Regulators answer at once: the vendor's driver polls VOSRDY, ACTVOSRDY and REGS in bare loops of about 200
// turns. In Stop modes the bus clocks stand still (RCC knows which kernel clocks go on); Standby and Shutdown
// are a Stop that can only be left through a reset. What loses its supply on the way loses its contents at
// entry (RM0456 chapter 10).
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
    /// The chip is in another mode now: clocks, pads and watchdog follow.
    std::function<void(PowerMode)> mode_changed;
    /// Somebody asks for a bus clock, or the flash is being written: a Stop mode has to wait.
    std::function<bool()> held_up;
    std::function<void(std::uint32_t physical, std::uint32_t size)> lose_memory;
    std::function<void(ResetCause)> request_reset;
    std::function<bool()> system_clock_secure;                ///< RCC_SECCFGR.SYSCLKSEC also guards VOSR
    std::function<bool()> power_delivery_secure;              ///< UCPD1 guards UCPDR
    std::function<std::uint32_t(unsigned port)> secure_pins;  ///< GPIOx_SECCFGR guards PUCRx and PDCRx
    std::function<bool(PinId)> pin_level;
    std::function<std::uint32_t()>
        option_register;  ///< FLASH_OPTR: nRST_STOP 12, nRST_STDBY 13, nRST_SHDW 14
    std::function<void()> report_illegal_access;
  };

  /// `backup` is the part that the backup domain keeps (BDCR1).
  Pwr(InterruptSink& interrupts, std::uint32_t& backup, Hooks hooks);

  [[nodiscard]] std::string_view name() const override { return "PWR"; }
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

  PowerMode core_asleep(bool deep) override;
  void core_awake() override;
  [[nodiscard]] PowerMode mode() const { return mode_; }
  /// RCC_BDCR.BDRST.
  void reset_backup_domain() { backup_ = 0; }

  /// DBPR.DBP: RTC, TAMP and RCC_BDCR may be written.
  [[nodiscard]] bool backup_writable() const;
  /// Some function of the block belongs to the secure world.
  [[nodiscard]] bool has_secure_function() const;
  /// A pad has changed its level: a wake-up pin may be behind it.
  void pin_changed(PinId pin, bool level);
  /// RTC or TAMP has an enabled event (level): the internal source of WKUP6 to WKUP8.
  void set_backup_event(bool rtc, bool level);
  /// What APCR applies to a pad while the ports are off: pull-up, pull-down or nothing.
  [[nodiscard]] std::optional<bool> applied_pull(PinId pin) const;

 protected:
  std::uint32_t load(std::uint32_t offset, std::uint32_t lanes, const Access& access) override;
  void store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) override;

 private:
  [[nodiscard]] std::uint32_t at(std::uint32_t offset) const { return words_[offset / 4]; }
  [[nodiscard]] std::uint32_t& at(std::uint32_t offset) { return words_[offset / 4]; }
  [[nodiscard]] std::uint32_t visible(std::uint32_t offset, const Access& access) const;
  [[nodiscard]] std::uint32_t secure_bits(std::uint32_t offset) const;
  void store_backup(std::uint32_t value, std::uint32_t mask);
  void store_seccfgr(std::uint32_t value, std::uint32_t mask, const Access& access);
  void store_privcfgr(std::uint32_t value, std::uint32_t mask, const Access& access);
  /// The pad selected for wake-up pin `index` (0-7); nothing for the internal sources.
  [[nodiscard]] std::optional<PinId> wakeup_pad(unsigned index) const;
  void latch_active_wakeups(std::uint32_t candidates);
  /// The wake-up pins that stand for RTC and TAMP.
  [[nodiscard]] std::uint32_t internal_wakeups() const;
  void update_wakeups();
  [[nodiscard]] PowerMode mode_wanted() const;
  PowerMode enter(PowerMode mode);
  void lose_memories(PowerMode mode) const;
  void wake_from_standby();

  InterruptLine wakeup_line_;
  Hooks hooks_;
  std::uint32_t& backup_;
  std::array<std::uint32_t, 38> words_{};
  PowerMode mode_ = PowerMode::Run;
  unsigned events_ = 0;  ///< of RTC (bit 0) and TAMP (bit 1)
};

}  // namespace microvisor::board

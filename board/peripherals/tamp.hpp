// TAMP: backup registers in protection zones, the monotonic counter, and tamper events.
//
// The state lies in the backup domain's storage. A tamper event erases the backup registers, SRAM2 and
// BKPSRAM, and holds the backup registers at zero until its flag is cleared (RM0456 chapter 64). Tamper pins
// are not wired; internal events are raised by their sources.
//
// Lives on the board's thread, owned by the board.
#pragma once

#include <functional>

#include "board/peripherals/backup_domain.hpp"
#include "board/peripherals/register_block.hpp"

namespace microvisor::board {

class Tamp final : public RegisterBlock {
 public:
  static constexpr std::uint32_t kBase = 0x4600'7C00;
  struct Hooks {
    std::function<bool()> writable;  ///< PWR_DBPR.DBP
    std::function<void()> erase_memories;
    std::function<void(bool level)> event;  ///< as of RTC
    std::function<void()> report_illegal_access;
    /// Secure software reads one of the first eight backup registers; SAES listens for its boot hardware key.
    std::function<void(unsigned index, std::uint32_t value)> boot_key_read = {};
  };

  Tamp(InterruptSink& interrupts, TampState& state, Hooks hooks);

  [[nodiscard]] std::string_view name() const override { return "TAMP"; }
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  /// A system reset leaves the block alone; so does power-on, thanks to VBAT.
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

  /// RCC_BDCR.BDRST.
  void reset_backup_domain();
  /// Internal tamper event `number` (1 to 13), if it is enabled in CR1.
  void internal_event(unsigned number);
  /// A regression of the read-out protection.
  void erase_backup_registers() { state_.backup.fill(0); }

 protected:
  std::uint32_t load(std::uint32_t offset, std::uint32_t lanes, const Access& access) override;
  void store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) override;

 private:
  [[nodiscard]] std::uint32_t* plain(std::uint32_t offset);
  [[nodiscard]] bool readable(std::uint32_t offset, const Access& access) const;
  [[nodiscard]] bool changeable(std::uint32_t offset, const Access& access) const;
  [[nodiscard]] bool blocked() const;
  void erase();
  void store_seccfgr(std::uint32_t value, std::uint32_t lanes);
  void update();

  InterruptLine line_;
  TampState& state_;
  Hooks hooks_;
  bool event_ = false;
};

}  // namespace microvisor::board

// SYSCFG: the locks of the core's secure set-up, and assorted switches (RM0456 chapter 15).
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "board/bus/peripheral.hpp"

namespace microvisor::board {

/// What SYSCFG_CNSLCKR and CSLCKR tell the core; set-only until reset.
struct CoreLocks {
  bool nonsecure_vtor = false;
  bool nonsecure_mpu = false;
  bool secure_vtor_aircr = false;
  bool secure_mpu = false;
  bool sau = false;
};

class Syscfg final : public Peripheral {
 public:
  struct Hooks {
    std::function<void(const CoreLocks&)> locks_changed;
    std::function<void()> report;  ///< illegal access
  };
  explicit Syscfg(Hooks hooks);

  [[nodiscard]] std::string_view name() const override { return "SYSCFG"; }
  Outcome read(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t& value) override;
  Outcome write(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t value) override;
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

  /// RSSCMDR: not zero sends the next boot to the root security services.
  [[nodiscard]] bool boots_security_services() const { return command_ != 0; }

 private:
  /// Bits of the register at `offset` that this access may see and change; reports a breach.
  std::uint32_t open_bits(std::uint32_t offset, const Access& access, bool writing);
  void write_word(std::uint32_t offset, std::uint32_t value, std::uint32_t open);
  void publish_locks() const;

  Hooks hooks_;
  std::uint32_t security_ = 0;
  std::uint32_t config1_ = 0;
  std::uint32_t fpu_interrupts_ = 0;
  std::uint32_t nonsecure_locks_ = 0;
  std::uint32_t secure_locks_ = 0;
  std::uint32_t config2_ = 0;
  std::uint32_t erase_status_ = 0;
  std::uint32_t compensation_ = 0;
  std::uint32_t compensation_code_ = 0;
  std::uint32_t command_ = 0;
  std::uint32_t usb_power_delivery_ = 0;
};

}  // namespace microvisor::board

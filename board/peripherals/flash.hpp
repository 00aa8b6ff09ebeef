// The embedded flash interface (FLASH, RM0456 chapter 7): two controllers over one array.
//
// The non-secure controller (NSCR, NSSR) works on non-secure pages, the secure one (SECCR, SECSR) on secure
// pages; only one operation runs at a time over both banks. The bank that is being written stalls its
// readers, the other goes on. Cells change at the end of an operation; what happens before the end is a cut
// (see FlashCells).
//
// Split: flash.cpp registers and keys, flash_memory.cpp what the bus sees of the array, flash_operations.cpp
// programming and erasing, flash_options.cpp option bytes. Owned by the Board, lives on its thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "board/bus/bus.hpp"
#include "board/bus/peripheral.hpp"
#include "board/bus/scheduler.hpp"
#include "board/memory/flash_cells.hpp"
#include "board/peripherals/flash_key.hpp"
#include "board/peripherals/flash_protection.hpp"

namespace microvisor::board {

/// Durations of operations (data sheet DS13086 tables 88 and 89, typical values; option programming is an
/// estimate).
struct FlashTiming {
  /// Erasing takes longer from this many cycles on.
  static constexpr std::uint32_t kWorn = 10'000;
  Time row = 118 * kTicksPerMicrosecond;
  Time burst_row = 48 * kTicksPerMicrosecond;
  Time page_erase = 1'500 * kTicksPerMicrosecond;
  Time worn_page_erase = 1'700 * kTicksPerMicrosecond;
  Time bank_erase = 195'000 * kTicksPerMicrosecond;
  Time options = 3'000 * kTicksPerMicrosecond;
};

class Flash final : public Peripheral {
 public:
  struct Ports {
    Scheduler& scheduler;
    InterruptSink& interrupts;
    /// Latches TZIC: the register block, or (second) the array.
    std::function<void()> report_registers;
    std::function<void()> report_array;
    std::function<void()> permissions_changed;
    /// Cells have new contents.
    std::function<void(std::uint32_t cell, std::uint32_t size)> cells_changed;
    /// OBL_LAUNCH: system reset with new options.
    std::function<void()> launch_options;
    /// RDP regression: SRAMs, backup registers and the RAM of PKA are erased along with the array.
    std::function<void()> wipe_memories;
  };

  Flash(FlashCells& cells, Ports ports);

  // Peripheral: the register block.
  [[nodiscard]] std::string_view name() const override { return "FLASH"; }
  Outcome read(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t& value) override;
  Outcome write(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t value) override;
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

  // The array as the bus sees it; `offset` counts from 0x0800'0000 or 0x0C00'0000.
  Outcome read_array(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t& value);
  Outcome write_array(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t value);
  /// Longest stretch around `offset` with one answer for `access`, whole rows readable, bank idle. `base` is
  /// an offset.
  [[nodiscard]] std::optional<DirectSpan> direct(std::uint32_t offset, const Access& access);
  /// OTP area; offset from 0x0BFA'0000, below 512.
  Outcome read_otp(std::uint32_t offset, unsigned size, std::uint32_t& value);
  Outcome write_otp(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t value);
  /// Meaningful after Outcome::Stall.
  [[nodiscard]] Time stalled_until() const { return busy_until_; }
  /// Cell behind a bus offset: SWAP_BANK exchanges the halves.
  [[nodiscard]] std::uint32_t cell_of(std::uint32_t offset) const;

  [[nodiscard]] const OptionBytes& active_options() const { return active_; }
  [[nodiscard]] FlashCells& cells() { return cells_; }
  FlashTiming timing;

 private:
  /// One of the two controllers: index is Access::secure.
  struct Controller {
    std::uint32_t control = 0;
    std::uint32_t status = 0;
  };
  /// Words collected for the next row or burst.
  struct WriteBuffer {
    std::uint32_t cell = 0;   ///< of the first word
    std::uint32_t count = 0;  ///< bytes so far; 0: empty
    std::uint32_t size = 0;   ///< bytes wanted
    bool secure = false;
    std::array<std::uint8_t, kFlashBurstSize> data{};
  };

  // flash.cpp
  void reset_registers();
  [[nodiscard]] std::uint32_t status_of(bool secure) const;
  [[nodiscard]] bool readable(std::uint32_t offset, const Access& access) const;
  /// False: the write is dropped (reported if it crosses worlds).
  [[nodiscard]] bool writable(std::uint32_t offset, const Access& access);
  Outcome write_register(std::uint32_t offset, const Access& access, std::uint32_t value);
  Outcome write_key(FlashKey& key, bool allowed, Controller& controller, std::uint32_t lock_bit,
                    std::uint32_t value);
  Outcome write_power_down_key(unsigned bank, std::uint32_t value);
  void write_access_control(std::uint32_t value);
  Outcome write_control(const Access& access, bool secure, std::uint32_t value);
  void write_block_bits(std::uint32_t offset, const Access& access, std::uint32_t value);
  void update_protection();
  void update_interrupts();

  // flash_memory.cpp
  [[nodiscard]] bool busy_bank(std::uint32_t cell) const;
  std::uint32_t read_cells(std::uint32_t cell, unsigned size);
  void note_ecc_error(std::uint32_t cell, EccResult error);

  // flash_operations.cpp
  [[nodiscard]] bool busy() const { return cells_.in_progress().operation != FlashOperation::None; }
  void fail(bool secure, std::uint32_t flag);
  Outcome take_word(std::uint32_t cell, unsigned size, bool secure, std::uint32_t value);
  void start_programming();
  void start_erase(const Access& access, bool secure);
  void start_page_erase(const Access& access, bool secure, std::uint32_t control);
  void start_bank_erase(const Access& access, bool secure, std::uint32_t control);
  [[nodiscard]] bool may_erase(unsigned page, const Access& access, bool secure);
  void start(const FlashJob& job, bool secure, Time duration);
  void finish();

  // flash_options.cpp
  [[nodiscard]] std::uint32_t option_register(std::uint32_t offset) const;
  void write_option_register(std::uint32_t offset, std::uint32_t value);
  void start_options();
  [[nodiscard]] bool acceptable(const OptionBytes& next) const;
  void erase_now(const FlashJob& job);
  void erase_outside_watermarks();
  void load_options();

  FlashCells& cells_;
  Ports ports_;
  Scheduler::Event finished_;
  Time busy_until_ = 0;
  bool operation_secure_ = false;  ///< which controller started the operation

  std::uint32_t access_control_ = 0;
  std::array<Controller, 2> controllers_{};
  std::uint32_t ecc_ = 0;
  std::uint32_t interrupted_ = 0;          ///< OPSR
  std::uint32_t hide_closed_ = 0;          ///< SECHDPCR
  std::uint32_t privilege_ = 0;            ///< PRIVCFGR
  std::uint32_t powered_down_ = 0;         ///< a bit a bank
  std::uint32_t power_down_unlocked_ = 0;  ///< a bit a bank: PDREQx may be set
  FlashProtection::PageBits secure_blocks_{};
  FlashProtection::PageBits privileged_blocks_{};
  FlashProtection protection_;
  WriteBuffer buffer_;
  OptionBytes active_;  ///< loaded at the last reset
  OptionBytes shadow_;  ///< as the registers show them
  FlashKey nonsecure_key_{0x4567'0123, 0xCDEF'89AB};
  FlashKey secure_key_{0x4567'0123, 0xCDEF'89AB};
  FlashKey option_key_{0x0819'2A3B, 0x4C5D'6E7F};
  std::array<FlashKey, 2> power_down_keys_{FlashKey{0x0415'2637, 0xFAFB'FCFD},
                                           FlashKey{0x4051'6273, 0xAFBF'CFDF}};
};

}  // namespace microvisor::board

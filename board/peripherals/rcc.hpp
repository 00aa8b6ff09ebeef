// RCC: oscillators, PLLs, the system clock, the gates and selectors of all blocks, and the memory of reset
// causes.
//
// Ready flags follow their ON bits at once, as far as the board has the oscillator: every driver polls them
// with a limit in ticks, and a PLL that locks sooner than on silicon is not observable otherwise. SWS follows
// SW as soon as the source is ready. All frequencies are computed from the registers and from nothing else,
// so that what software reads back always describes the clock it runs on.
//
// Lives on the board's thread, owned by the board.
#pragma once

#include <array>
#include <functional>
#include <unordered_map>
#include <vector>

#include "board/bus/chip_map.hpp"
#include "board/bus/clocks.hpp"
#include "board/bus/scheduler.hpp"
#include "board/peripherals/rcc_tables.hpp"
#include "board/peripherals/register_block.hpp"
#include "board/peripherals/registry.hpp"

namespace microvisor::board {

class Rcc final : public RegisterBlock, public Clocks {
 public:
  static constexpr std::uint32_t kBase = 0x4602'0C00;

  /// What is soldered to the chip.
  struct Board {
    std::uint32_t lse_hertz = 32'768;  ///< 0: no crystal
    std::uint32_t hse_hertz = 16'000'000;
  };
  struct Hooks {
    /// RST bit of the block at this base has been set.
    std::function<void(std::uint32_t base)> reset_block;
    /// BDCR.BDRST has been set: RTC and TAMP start over.
    std::function<void()> reset_backup_domain;
    /// PWR_DBPR.DBP.
    std::function<bool()> backup_writable;
    /// The block at this base belongs to the secure world, at least in part.
    std::function<bool(std::uint32_t base)> secure_block;
    /// A non-secure write to SECCFGR.
    std::function<void()> report_illegal_access;
    /// Some block's clock enable bit is no longer what it was. Nothing else decides for the core, which runs
    /// in Run mode only.
    std::function<void()> gates_changed = {};
  };

  /// `bdcr` is the register in the backup domain's storage.
  Rcc(Scheduler& scheduler, InterruptSink& interrupts, std::uint32_t& bdcr, Board board, Hooks hooks);

  [[nodiscard]] std::string_view name() const override { return "RCC"; }
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

  [[nodiscard]] std::uint32_t hclk() const override { return hclk_; }
  [[nodiscard]] std::uint32_t pclk1() const override { return pclk_[0]; }
  [[nodiscard]] std::uint32_t pclk2() const override { return pclk_[1]; }
  [[nodiscard]] std::uint32_t pclk3() const override { return pclk_[2]; }
  [[nodiscard]] std::uint32_t kernel_clock(std::uint32_t peripheral_base) const override;
  [[nodiscard]] bool enabled(std::uint32_t peripheral_base) const override;
  [[nodiscard]] bool stopped() const override { return mode_ >= PowerMode::Stop0; }
  void on_change(std::function<void()> listener) override { listeners_.push_back(std::move(listener)); }

  /// SECCFGR.SYSCLKSEC, which other blocks look at too.
  [[nodiscard]] bool system_clock_secure() const { return test(at(rcc::kSeccfgr), 5); }
  /// Sets the flag of `cause` in CSR (and PINRSTF); called before the blocks are reset.
  void note_reset(ResetCause cause);
  /// IWDG keeps LSI running (RM0456 11.4.7).
  void force_lsi(bool on);
  /// Which clocks go on in a power mode, and what becomes of the oscillators in Stop modes (RM0456 11.4.17,
  /// 11.4.24).
  void set_power_mode(PowerMode mode);

 protected:
  std::uint32_t load(std::uint32_t offset, std::uint32_t lanes, const Access& access) override;
  void store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) override;

 private:
  [[nodiscard]] std::uint32_t& at(std::uint32_t offset) { return words_[offset / 4]; }
  [[nodiscard]] std::uint32_t at(std::uint32_t offset) const { return words_[offset / 4]; }
  /// Bits of `offset` that only secure code may see or change now.
  [[nodiscard]] std::uint32_t secure_bits(std::uint32_t offset) const;
  [[nodiscard]] std::uint32_t visible(std::uint32_t offset, const Access& access) const;
  void store_cr(std::uint32_t value, std::uint32_t mask);
  void store_pll_config(std::uint32_t offset, std::uint32_t value, std::uint32_t mask);
  void store_reset(std::uint32_t offset, std::uint32_t value, std::uint32_t mask);
  void store_enable(std::uint32_t offset, std::uint32_t value, std::uint32_t mask);
  void store_bdcr(std::uint32_t value, std::uint32_t mask);
  void store_csr(std::uint32_t value, std::uint32_t mask);
  void store_seccfgr(std::uint32_t value, std::uint32_t mask, const Access& access);
  void store_privcfgr(std::uint32_t value, std::uint32_t mask, const Access& access);

  /// Brings ready flags, SWS and all frequencies in line with the registers.
  void settle();
  void settle_ready_flags();
  void set_ready(std::uint32_t offset, unsigned ready_bit, bool ready, unsigned flag);
  void settle_frequencies();
  void update_interrupts();
  [[nodiscard]] std::uint32_t oscillators_in_use() const;
  [[nodiscard]] std::uint32_t msis_hertz() const;
  [[nodiscard]] std::uint32_t msik_hertz() const;
  [[nodiscard]] std::uint32_t sysclk() const;
  [[nodiscard]] std::uint32_t timer_clock(unsigned apb) const;
  /// Output of PLL `index` (0-2) through divider `output` ('P', 'Q', 'R'); 0 if off.
  [[nodiscard]] std::uint32_t pll_hertz(unsigned index, char output) const;
  [[nodiscard]] std::uint32_t source_hertz(rcc::Source source) const;
  /// What a source gives in a Stop mode: the low-speed oscillators, and HSI16 or MSIK to who asks for them.
  [[nodiscard]] std::uint32_t source_in_stop(rcc::Source source, std::uint32_t base) const;
  /// Some block that is enabled has no clock in Sleep mode.
  [[nodiscard]] bool sleep_shuts_a_gate() const;
  /// The oscillators at entry to a Stop mode.
  void stop_oscillators();

  Scheduler& scheduler_;
  InterruptLine line_;
  InterruptLine secure_line_;
  std::uint32_t& bdcr_;
  Board board_;
  Hooks hooks_;
  std::vector<std::function<void()>> listeners_;
  std::unordered_map<std::uint32_t, const ChipBlock*> gate_of_;
  std::unordered_map<std::uint32_t, const rcc::Selector*> selector_of_;
  std::unordered_map<std::uint32_t, const rcc::Autonomous*> autonomous_;

  std::array<std::uint32_t, rcc::kEnd / 4> words_{};
  bool lsi_forced_ = false;
  PowerMode mode_ = PowerMode::Run;
  std::uint32_t sysclk_ = 0;
  std::uint32_t hclk_ = 4'000'000;
  std::array<std::uint32_t, 3> pclk_{4'000'000, 4'000'000, 4'000'000};
};

}  // namespace microvisor::board

// RNG: random words behind the conditioning protocol of NIST SP 800-90B (RM0456 chapter 48).
//
// The noise is a ChaCha20 key stream over the board's seed, so a board with a given seed always draws the
// same words and no two boards with different seeds do. Conditioning resets finish at once (drivers poll
// CONDRST three times); blocks of four words come at the pace of the RNG clock.
//
// Lives on the board's thread, owned by the board.
#pragma once

#include <array>

#include "board/bus/clocks.hpp"
#include "board/bus/scheduler.hpp"
#include "board/peripherals/register_block.hpp"

namespace microvisor::board {

class Rng final : public RegisterBlock {
 public:
  static constexpr std::uint32_t kBase = 0x420C'0800;

  Rng(Scheduler& scheduler, Clocks& clocks, InterruptSink& interrupts, std::uint64_t seed,
      std::uint64_t& position);

  [[nodiscard]] std::string_view name() const override { return "RNG"; }
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

  /// Random numbers come, for software and for the blocks that fetch their own (SAES, PKA).
  [[nodiscard]] bool alive() const;
  /// Makes the noise source fail until the next conditioning reset.
  void inject_seed_error();

 protected:
  std::uint32_t load(std::uint32_t offset, std::uint32_t lanes, const Access& access) override;
  void store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) override;

 private:
  [[nodiscard]] bool clocked() const { return clocks_.kernel_clock(kBase) != 0; }
  [[nodiscard]] std::uint32_t status() const;
  [[nodiscard]] std::uint32_t noise();
  void store_control(std::uint32_t value, std::uint32_t lanes);
  void schedule();
  void block_ready();
  void check_clock();
  void update();

  Clocks& clocks_;
  InterruptLine line_;
  std::array<std::uint32_t, 2> seed_;

  std::uint32_t cr_ = 0, sr_ = 0, htcr_ = 0, nscr_ = 0;
  std::array<std::uint32_t, 4> words_{};
  unsigned ready_ = 0;
  std::array<std::uint32_t, 16> stream_{};
  unsigned used_ = 16;
  std::uint64_t& position_;  ///< next block of the key stream
  Scheduler::Event event_;
};

}  // namespace microvisor::board

// PKA: public-key arithmetic on operands in a RAM of its own (RM0456 chapter 53).
//
// Software fills the RAM, starts an operation and reads the result out of the RAM. The operation is computed
// by the host in the moment at which it ends in virtual time; until then the RAM cannot be accessed. After a
// reset the RAM is erased, and the block needs random numbers before it is ready.
//
// Lives on the board's thread, owned by the board.
#pragma once

#include <functional>

#include "board/bus/clocks.hpp"
#include "board/bus/scheduler.hpp"
#include "board/peripherals/pka_operations.hpp"
#include "board/peripherals/register_block.hpp"

namespace microvisor::board {

/// Accessed in whole words only (RM0456 53.2).
/// Accessed in whole words only (RM0456 53.2).
class Pka final : public WordRegisterBlock {
 public:
  static constexpr std::uint32_t kBase = 0x420C'2000;

  struct Hooks {
    /// The RNG has a clock and gives numbers.
    std::function<bool()> random_alive;
    /// A protected operation has failed: internal tamper event 9.
    std::function<void()> fault;
  };

  Pka(Scheduler& scheduler, Clocks& clocks, InterruptSink& interrupts, Hooks hooks);

  [[nodiscard]] std::string_view name() const override { return "PKA"; }
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;
  /// A tamper event erases the RAM and what runs (RM0456 64.3.8).
  void erase();

 protected:
  std::uint32_t load(std::uint32_t offset, std::uint32_t lanes, const Access& access) override;
  void store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) override;

 private:
  [[nodiscard]] bool busy() const { return operation_done_.armed(); }
  [[nodiscard]] std::uint32_t status() const;
  void store_control(std::uint32_t value, std::uint32_t lanes);
  void start();
  void finish();
  /// Starts or stops getting ready, as EN and the clocks are now.
  void get_ready();
  void update();

  Scheduler& scheduler_;
  Clocks& clocks_;
  InterruptLine line_;
  Hooks hooks_;
  std::uint32_t cr_ = 0, flags_ = 0;
  bool ready_ = false;  ///< INITOK
  PkaRam ram_;
  Scheduler::Event operation_done_;
  Scheduler::Event ready_event_;
};

}  // namespace microvisor::board

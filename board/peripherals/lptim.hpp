// LPTIM1 to LPTIM4: counters on low-power clocks that go on in Stop modes.
//
// The counting is TimerCounter's. Writes of ARR, CCRx, RCR and DIER are acknowledged at once, because drivers
// poll the acknowledgement in bare loops (RM0456 chapter 58). Not modelled: external clock and triggers,
// encoder, capture; outputs exist as triggers of DMA, not as pins.
//
// Lives on the board's thread, owned by the board.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "board/bus/clocks.hpp"
#include "board/bus/scheduler.hpp"
#include "board/peripherals/dma_lines.hpp"
#include "board/peripherals/register_block.hpp"
#include "board/peripherals/timebase.hpp"
#include "board/peripherals/timer_counter.hpp"

namespace microvisor::board {

class LowPowerTimer final : public RegisterBlock {
 public:
  struct Shape {
    std::string_view name;
    std::uint32_t base;
    unsigned interrupt;
    std::optional<DmaLine> dma_update;                 ///< UE request
    std::array<std::optional<DmaTrigger>, 2> outputs;  ///< of its channels
  };
  static std::span<const Shape> timers();

  LowPowerTimer(const Shape& shape, Scheduler& scheduler, Clocks& clocks, InterruptSink& interrupts);

  [[nodiscard]] std::string_view name() const override { return shape_.name; }
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

  struct Hooks {
    std::function<void()> request_dma;  ///< an update event, with DIER.UEDE set
    std::function<void(unsigned channel, bool level)> output;
  };
  void connect(Hooks hooks) { hooks_ = std::move(hooks); }

 protected:
  std::uint32_t load(std::uint32_t offset, std::uint32_t lanes, const Access& access) override;
  void store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) override;

 private:
  [[nodiscard]] bool enabled() const { return test(cr_, 0); }
  [[nodiscard]] std::int64_t edge() const {
    return static_cast<std::int64_t>(clock_.edges(scheduler_.now()));
  }
  [[nodiscard]] static std::uint32_t flags_of(const TimerCounter::Events& events);
  void change_clock();
  void sync();
  void publish(const TimerCounter::Events& events);
  [[nodiscard]] bool output_enabled(unsigned channel) const { return test(ccmr1_, channel == 0 ? 1 : 17); }
  void store_enabled(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes);
  void store_control(std::uint32_t value, std::uint32_t lanes);
  void store_compare(unsigned channel, std::uint32_t value, std::uint32_t flag);
  void arm();
  void update();

  const Shape shape_;
  Scheduler& scheduler_;
  Clocks& clocks_;
  InterruptLine line_;
  Hooks hooks_;
  std::uint32_t isr_ = 0, dier_ = 0, cfgr_ = 0, cr_ = 0, cfgr2_ = 0, ccmr1_ = 0;
  TimerCounter counter_{16};
  Timebase clock_;
  Scheduler::Event event_;
};

}  // namespace microvisor::board

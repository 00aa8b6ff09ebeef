// GPDMA1 and LPDMA1: bus masters that move data between memories and peripherals without the core.
//
// The channels (dma_channel.hpp) do the work; the controller decides who may access it and who is next. One
// burst or one link is on the bus at a time. It takes the cycles that an AHB without wait states takes: an
// address phase, then a data phase a beat, first at the source and then at the destination. Its effects come
// at the end of that time. Priority 3 goes first; below it the three weighted queues of RM0456 17.4.11 take
// turns. Transactions carry the security and privilege of their channel (17.4.14, 17.4.15) and pass the same
// checkers as the core's.
//
// Lives on the board's thread, owned by the board.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "board/bus/bus.hpp"
#include "board/bus/clocks.hpp"
#include "board/bus/scheduler.hpp"
#include "board/peripherals/dma_channel.hpp"
#include "board/peripherals/dma_signals.hpp"
#include "board/peripherals/register_block.hpp"

namespace microvisor::board {

class Dma final : public RegisterBlock, private DmaSignals::Listener {
 public:
  struct Shape {
    std::string_view name;
    std::uint32_t base;
    Master master;
    unsigned channels;
    unsigned linear_channels;                ///< those from here on have two-dimensional addressing
    std::array<std::uint8_t, 2> interrupts;  ///< of channels 0 to 7 and from 8 on, each the first of a row
    DmaTrigger complete;                     ///< trigger of channel 0's completion
    std::optional<DmaLine> (*line)(unsigned);
    std::optional<DmaTrigger> (*trigger)(unsigned);
  };
  static const Shape kGpdma1;
  static const Shape kLpdma1;

  /// `report_illegal_access` latches the controller's flag in TZIC.
  Dma(const Shape& shape, Scheduler& scheduler, Clocks& clocks, Bus& bus, InterruptSink& interrupts,
      DmaSignals& signals, std::function<void()> report_illegal_access);

  [[nodiscard]] std::string_view name() const override { return shape_.name; }
  [[nodiscard]] std::uint32_t base() const { return shape_.base; }
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

  /// Some channel is secure: RCC guards the controller's clock bits.
  [[nodiscard]] bool has_secure_channel() const { return secure_ != 0; }
  /// Something is to be done now, as soon as there is a clock.
  [[nodiscard]] bool has_work() const;

 protected:
  std::uint32_t load(std::uint32_t offset, std::uint32_t lanes, const Access& access) override;
  void store(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access) override;

 private:
  void request_raised(DmaLine line) override;
  void request_pulsed(DmaLine line, unsigned count) override;
  void trigger_edge(DmaTrigger trigger, bool rising) override;

  [[nodiscard]] std::uint32_t all() const { return (1U << shape_.channels) - 1; }
  /// Channels that a master with these attributes may see and change.
  [[nodiscard]] std::uint32_t open_channels(const Access& access) const;
  [[nodiscard]] bool channel_open(unsigned number, const Access& access) const;
  [[nodiscard]] std::uint32_t masked_interrupts() const;
  void store_global(std::uint32_t offset, std::uint32_t value, std::uint32_t lanes, const Access& access);

  [[nodiscard]] bool selects(const DmaChannel& channel, DmaLine line) const;
  [[nodiscard]] DmaChannel::Work work_of(const DmaChannel& channel) const;
  /// The next channel to have the bus; nothing if none has work.
  [[nodiscard]] std::optional<unsigned> arbitrate();
  /// Puts the next piece of work on the bus.
  void consider();
  void perform();
  void update_lines();

  const Shape& shape_;
  Clocks& clocks_;
  Bus& bus_;
  InterruptSink& interrupts_;
  DmaSignals& signals_;
  std::function<void()> report_illegal_access_;
  std::vector<DmaChannel> channels_;
  std::uint32_t secure_ = 0, privileged_ = 0, locked_ = 0;
  unsigned granted_ = 0;            ///< the channel that has the bus
  std::array<unsigned, 4> last_{};  ///< last channel granted in each queue
  unsigned last_queue_ = 0;
  bool performing_ = false;
  Scheduler::Event done_;
};

}  // namespace microvisor::board

// The wires between the blocks and the two DMA controllers: request lines, triggers, and the sign that a
// transfer has ended.
//
// A wire has no memory. What a controller is not listening to when it happens is lost: a pulse towards a
// channel that is not enabled, an edge of a trigger that nobody has selected (RM0456 17.4.12). Levels are
// simply there for whoever looks.
//
// Owned by the chip, lives on the board's thread.
#pragma once

#include <array>
#include <bitset>
#include <functional>
#include <vector>

#include "board/bus/dma_request.hpp"
#include "board/peripherals/dma_lines.hpp"

namespace microvisor::board {

class DmaSignals {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void request_raised(DmaLine line) = 0;
    virtual void request_pulsed(DmaLine line, unsigned count) = 0;
    virtual void trigger_edge(DmaTrigger trigger, bool rising) = 0;
  };
  /// The listener has to stay alive.
  void attach(Listener* listener) { listeners_.push_back(listener); }

  /// Connects a block's request to the line; the block has to stay alive.
  void connect(DmaLine line, DmaRequest& request);
  /// Asks for `count` bursts.
  void pulse(DmaLine line, unsigned count = 1);
  [[nodiscard]] bool requested(DmaLine line) const;

  /// The level of a trigger.
  void set_trigger(DmaTrigger trigger, bool level);
  /// A trigger that rises and falls at once.
  void strobe(DmaTrigger trigger);

  /// Has `listener` called when a channel that serves `line` has moved its last data.
  void on_transfer_end(DmaLine line, std::function<void()> listener);
  void transfer_ended(DmaLine line);

 private:
  std::vector<Listener*> listeners_;
  std::array<const DmaRequest*, kDmaLines> requests_{};
  std::array<std::function<void()>, kDmaLines> ends_;
  std::bitset<kDmaTriggers> triggers_;
};

}  // namespace microvisor::board

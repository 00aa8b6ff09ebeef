#include "board/peripherals/dma_signals.hpp"

#include <utility>

namespace microvisor::board {
namespace {

constexpr std::size_t index(DmaLine line) { return static_cast<std::size_t>(line); }

}  // namespace

void DmaSignals::connect(DmaLine line, DmaRequest& request) {
  requests_[index(line)] = &request;
  request.connected = [this, line](bool level) {
    if (!level) return;
    for (Listener* listener : listeners_) listener->request_raised(line);
  };
}

void DmaSignals::pulse(DmaLine line, unsigned count) {
  for (Listener* listener : listeners_) listener->request_pulsed(line, count);
}

bool DmaSignals::requested(DmaLine line) const {
  const DmaRequest* request = requests_[index(line)];
  return request != nullptr && request->level();
}

void DmaSignals::set_trigger(DmaTrigger trigger, bool level) {
  const auto number = static_cast<std::size_t>(trigger);
  if (triggers_[number] == level) return;
  triggers_[number] = level;
  for (Listener* listener : listeners_) listener->trigger_edge(trigger, level);
}

void DmaSignals::strobe(DmaTrigger trigger) {
  for (Listener* listener : listeners_) listener->trigger_edge(trigger, true);
  for (Listener* listener : listeners_) listener->trigger_edge(trigger, false);
}

void DmaSignals::on_transfer_end(DmaLine line, std::function<void()> listener) {
  ends_[index(line)] = std::move(listener);
}

void DmaSignals::transfer_ended(DmaLine line) {
  if (ends_[index(line)]) ends_[index(line)]();
}

}  // namespace microvisor::board

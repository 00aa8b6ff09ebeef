#include "board/replay/inlet.hpp"

#include <algorithm>
#include <utility>

namespace microvisor::board {
namespace {

/// Behind all other events of its moment. It takes no number of the scheduler's, which counts them as part of
/// the board's state: a replay arms at other moments than the recording did.
constexpr std::uint64_t kLast = ~std::uint64_t{0};

}  // namespace

void Inlet::arm() {
  const Input* input = next();
  if (input != nullptr) event_.restore(input->due, kLast);
}

void Inlet::come() {
  for (const Input* input = next(); input != nullptr && input->due <= now(); input = next()) {
    bring(*input);
    take();
  }
  arm();
}

void Inlet::bring(const Input& input) {
  switch (input.kind) {
    case Input::Kind::Packet:
      if (receiver_) receiver_(input.bytes);
      break;
    case Input::Kind::ResetPin:
      if (pull_) pull_();
      break;
  }
}

LiveInlet::LiveInlet(Scheduler& scheduler, Network& network) : Inlet(scheduler), network_(network) {
  network_.on_receive([this](std::span<const std::uint8_t> packet) { arrive(Input::Kind::Packet, packet); });
}

LiveInlet::~LiveInlet() { network_.on_receive({}); }

/// Strictly later than now, so that it makes no difference whether it has come before or after what the board
/// does at this moment.
void LiveInlet::arrive(Input::Kind kind, std::span<const std::uint8_t> bytes) {
  coming_.push_back({.due = now() + 1, .kind = kind, .bytes = {bytes.begin(), bytes.end()}});
  if (coming_.size() == 1) arm();
}

void LiveInlet::take() {
  if (listener_) listener_(coming_.front());
  coming_.pop_front();
}

bool LiveInlet::poll(std::chrono::microseconds timeout) {
  if (look_listener_ && timeout.count() == 0) look_listener_();
  return network_.poll(timeout);
}

ReplayedInlet::ReplayedInlet(Scheduler& scheduler, std::span<const Input> inputs, Time since)
    : Inlet(scheduler) {
  const auto first = std::ranges::upper_bound(inputs, since, {}, &Input::due);
  rest_ = inputs.subspan(static_cast<std::size_t>(first - inputs.begin()));
  arm();
}

}  // namespace microvisor::board

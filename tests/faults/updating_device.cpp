#include "tests/faults/updating_device.hpp"

#include <stdexcept>
#include <utility>

namespace microvisor::tests {
namespace {

constexpr std::uint32_t kLpuart1 = 0x4600'2400;
/// Board time in which any update has to come to its end, back-off after lost connections included.
constexpr board::Time kPatience = 900 * board::kTicksPerSecond;
constexpr board::Time kSlice = board::kTicksPerSecond / 100;

}  // namespace

UpdatingDevice::UpdatingDevice(UpdateKind& kind, board::BoardMemories memories) : kind_(kind) {
  auto created = board::Board::create(std::move(memories));
  if (!created) throw std::runtime_error(created.error().message);
  board_ = std::move(*created);
  board::JoinedOptions options;
  options.names = {{kGatewayName, board::kGatewayAddress}};
  network_ = std::make_unique<board::JoinedNetwork>(
      board_->scheduler(),
      [&kind](board::JoinedConnection& connection, std::uint32_t, std::uint16_t) {
        return kind.gateway().join(connection);
      },
      options);
  board_->set_host(network_.get());
  modem_ = std::make_unique<board::AtModem>(board_->scheduler(), *network_);
  modem_->attach(*board_->serial(kLpuart1));
  board_->core().on_first_nonsecure = [this] { application_starts(); };
  kind_.begin_life(*board_);
}

void UpdatingDevice::application_starts() {
  if (problem_.empty()) problem_ = kind_.application_starts(memories());
  board_->stop();  // whoever waits for this looks at once
}

std::string UpdatingDevice::run_until(const std::function<bool()>& reached) {
  while (problem_.empty()) {
    kind_.look(memories());
    if (reached()) break;
    const board::Time now = board_->scheduler().now();
    if (now > kPatience) {
      return "nothing after " + std::to_string(kPatience / board::kTicksPerSecond) +
             " s of board time, phase " + journal_of(memories()).phase;
    }
    switch (board_->run({.until = now + kSlice})) {
      case board::RunEnd::Limit:
      case board::RunEnd::Stopped: break;
      case board::RunEnd::PowerCut: return problem_;
      default: return "the device has stopped, phase " + journal_of(memories()).phase;
    }
  }
  return problem_;
}

std::string UpdatingDevice::run_until_shown() {
  return run_until([this] { return kind_.shown().has_value(); });
}

std::string UpdatingDevice::run_until_complete(Version version) {
  return run_until([this, version] { return kind_.complete(version, memories()); });
}

board::BoardMemories UpdatingDevice::switch_off() { return board_->take_memories(); }

board::BoardMemories UpdatingDevice::abandon() {
  board::BoardMemories memories = board_->take_memories();
  memories.supply().observe({});
  (void)board_.release();
  (void)network_.release();
  (void)modem_.release();
  return memories;
}

}  // namespace microvisor::tests

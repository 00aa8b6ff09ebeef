// See modelled_line.hpp.
#include "tests/link/modelled_line.hpp"

#include <algorithm>
#include <utility>

#include "board/modem/slirp_network.hpp"

namespace microvisor::test {

using board::kTicksPerMicrosecond;
using board::Time;

ModelledLine::ModelledLine(const MakeNetwork& make_network, board::ModemSettings settings)
    : sent_(scheduler_, [this] { pump(); }) {
  if (make_network) {
    network_ = make_network(scheduler_);
  } else {
    network_ = std::make_unique<board::SlirpNetwork>(scheduler_);
  }
  modem_ = std::make_unique<board::AtModem>(scheduler_, *network_, std::move(settings));
  modem_->attach(*this);
}

ModelledLine::~ModelledLine() = default;

namespace {

/// Virtual time between looks at the host's sockets while events follow each other closely.
constexpr Time kPollEvery = 200 * kTicksPerMicrosecond;
/// How far virtual time may run ahead of the host's before it is worth a wait.
constexpr Time kTolerance = 1000 * kTicksPerMicrosecond;

}  // namespace

/// Where virtual time may be now at most, while an answer is awaited.
Time ModelledLine::allowed() const {
  const auto passed = std::chrono::steady_clock::now() - host_anchor_;
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(passed).count();
  return virtual_anchor_ + static_cast<Time>(micros) * kTicksPerMicrosecond;
}

void ModelledLine::wait(std::uint64_t moment) {
  using namespace std::chrono_literals;
  const Time end =
      moment > board::kNever / kTicksPerMicrosecond ? board::kNever : moment * kTicksPerMicrosecond;
  for (;;) {
    if (scheduler_.now() >= next_poll_) {
      next_poll_ = scheduler_.now() + kPollEvery;
      if (meanwhile) meanwhile();
      if (attention && attention()) return;
      network_->poll(0us);
    }
    scheduler_.dispatch();
    if (std::exchange(woken_, false) || scheduler_.now() >= end) return;
    const Time next = std::min(end, scheduler_.next_due());
    const bool awaiting = network_->awaiting();
    if (awaiting && !was_awaiting_) {
      host_anchor_ = std::chrono::steady_clock::now();
      virtual_anchor_ = scheduler_.now();
    }
    was_awaiting_ = awaiting;
    if (!awaiting || next <= allowed() + kTolerance) {
      scheduler_.skip_to(std::max(next, scheduler_.now()));
      continue;
    }
    network_->poll(std::chrono::microseconds((next - allowed()) / kTicksPerMicrosecond + 1));
    const Time reached = std::min(next, allowed());
    if (reached > scheduler_.now()) scheduler_.skip_to(reached);
  }
}

std::size_t ModelledLine::serial_read(std::span<std::uint8_t> into) {
  const std::size_t count = std::min(into.size(), received_.size());
  std::copy_n(received_.begin(), count, into.begin());
  received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(count));
  if (!announced_ready_ && received_.size() <= kReceiveRing / 2) {
    announced_ready_ = true;
    device_->chip_ready_changed(true);
  }
  return count;
}

std::size_t ModelledLine::serial_write(std::span<const std::uint8_t> bytes) {
  const std::size_t count = std::min(bytes.size(), kSendRing - to_send_.size());
  to_send_.insert(to_send_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
  if (count != 0 && !sent_.armed()) sent_.after(frame_time());
  return count;
}

void ModelledLine::chip_reset() {
  received_.clear();
  to_send_.clear();
}

void ModelledLine::byte_to_chip(std::uint8_t byte) {
  if (damage_to_chip && !damage_to_chip(byte)) return;
  received_.push_back(byte);
  woken_ = true;
  announced_ready_ = received_.size() < kReceiveRing;
}

bool ModelledLine::chip_ready() const { return announced_ready_; }

void ModelledLine::set_device_ready(bool ready) {
  device_ready_ = ready;
  if (ready && !to_send_.empty() && !sent_.armed()) sent_.after(frame_time());
}

/// The end of a byte: the device has it, and the next one begins.
void ModelledLine::pump() {
  if (to_send_.empty() || !device_ready_) return;
  std::uint8_t byte = to_send_.front();
  to_send_.pop_front();
  if (!to_send_.empty()) sent_.after(frame_time());
  if (to_send_.size() == kSendRing / 2) woken_ = true;
  if (!damage_from_chip || damage_from_chip(byte)) device_->byte_from_chip(byte);
}

}  // namespace microvisor::test

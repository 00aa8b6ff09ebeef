// See modelled_line.hpp.
#include "tests/link/modelled_line.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "board/modem/slirp_network.hpp"

namespace microvisor::test {

using board::kTicksPerMicrosecond;
using board::Time;

namespace {

std::unique_ptr<board::Network> network_of(const ModelledLine::MakeNetwork& make,
                                           board::Scheduler& scheduler) {
  if (make) return make(scheduler);
  return std::make_unique<board::SlirpNetwork>(scheduler);
}

}  // namespace

ModelledLine::ModelledLine(const MakeNetwork& make_network, board::ModemSettings settings)
    : network_(network_of(make_network, scheduler_)), junction_(*network_) {
  wifi_wire_.select(false);
  modem_ =
      std::make_unique<board::AtModem>(scheduler_, junction_.port(board::kBoardAddress), std::move(settings));
  modem_->attach(modem_wire_);
}

void ModelledLine::fit_wifi(board::WifiSettings settings) {
  wifi_ = std::make_unique<board::WifiModule>(scheduler_, junction_.port(board::kWifiAddress),
                                              std::move(settings));
  wifi_->attach(wifi_wire_);
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

std::size_t ModelledLine::serial_read(std::span<std::uint8_t> into) { return wire().read(into); }

std::size_t ModelledLine::serial_write(std::span<const std::uint8_t> bytes) { return wire().write(bytes); }

void ModelledLine::select_line(firmware::net::Bearer bearer) {
  if (bearer == selected_) return;
  wire().select(false);
  selected_ = bearer;
  wire().select(true);
}

firmware::net::Heard ModelledLine::other_line() {
  using firmware::net::Heard;
  Wire& other = &wire() == &modem_wire_ ? wifi_wire_ : modem_wire_;
  std::array<std::uint8_t, kFifo> bytes{};
  const std::size_t count = other.read(bytes);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), count);
  if (text.find("RING") != std::string_view::npos) return Heard::Ring;
  return count == 0 ? Heard::Nothing : Heard::Something;
}

void ModelledLine::chip_reset() {
  modem_wire_.clear();
  wifi_wire_.clear();
  select_line(firmware::net::Bearer::Cellular);
}

void ModelledLine::Wire::clear() {
  received_.clear();
  to_send_.clear();
}

std::size_t ModelledLine::Wire::read(std::span<std::uint8_t> into) {
  const std::size_t count = std::min(into.size(), received_.size());
  std::copy_n(received_.begin(), count, into.begin());
  received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(count));
  announce();
  return count;
}

/// Ready until the ring is full, and again when half of it is free; unselected, as long as the FIFO has room.
void ModelledLine::Wire::announce() {
  const bool full = received_.size() >= (selected_ ? kReceiveRing : kFifo);
  const bool empty = received_.size() <= (selected_ ? kReceiveRing / 2 : 0);
  const bool ready = announced_ready_ ? !full : empty;
  if (ready == announced_ready_) return;
  announced_ready_ = ready;
  if (device_ != nullptr) device_->chip_ready_changed(ready);
}

std::size_t ModelledLine::Wire::write(std::span<const std::uint8_t> bytes) {
  const std::size_t count = std::min(bytes.size(), kSendRing - to_send_.size());
  to_send_.insert(to_send_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
  if (count != 0 && !sent_.armed()) sent_.after(frame_time());
  return count;
}

/// What is in the rings is lost, and what is in the FIFO is not.
void ModelledLine::Wire::select(bool selected) {
  selected_ = selected;
  to_send_.clear();
  if (received_.size() > kFifo) received_.erase(received_.begin() + kFifo, received_.end());
  announce();
}

void ModelledLine::Wire::byte_to_chip(std::uint8_t byte) {
  if (lines_.damage_to_chip && !lines_.damage_to_chip(byte)) return;
  received_.push_back(byte);
  lines_.woken_ = true;
  announce();
}

void ModelledLine::Wire::set_device_ready(bool ready) {
  device_ready_ = ready;
  if (ready && !to_send_.empty() && !sent_.armed()) sent_.after(frame_time());
}

/// The end of a byte: the device has it, and the next one begins.
void ModelledLine::Wire::pump() {
  if (to_send_.empty() || !device_ready_) return;
  std::uint8_t byte = to_send_.front();
  to_send_.pop_front();
  if (!to_send_.empty()) sent_.after(frame_time());
  if (to_send_.size() == kSendRing / 2) lines_.woken_ = true;
  if (!lines_.damage_from_chip || lines_.damage_from_chip(byte)) device_->byte_from_chip(byte);
}

}  // namespace microvisor::test

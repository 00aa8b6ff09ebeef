// What a module has around it in its tests: the chip's UART, the network, and time that passes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "board/bus/edge.hpp"
#include "board/bus/scheduler.hpp"
#include "board/modem/network.hpp"

namespace microvisor::board {

/// The chip's UART: keeps what arrives.
class FakePort final : public SerialPort {
 public:
  void connect(SerialDevice* device) override { device_ = device; }
  void byte_to_chip(std::uint8_t byte) override {
    received.push_back(byte);
    if (stop_after != 0 && received.size() == stop_after) set_ready(false);
  }
  void set_device_ready(bool ready) override { device_ready = ready; }
  [[nodiscard]] bool chip_ready() const override { return ready_; }
  [[nodiscard]] Time frame_time() const override { return kTicksPerMicrosecond * 10; }
  [[nodiscard]] std::string text() const { return {received.begin(), received.end()}; }
  std::string take_text() {
    std::string taken = text();
    received.clear();
    return taken;
  }
  void set_ready(bool ready) {
    ready_ = ready;
    if (device_ != nullptr) device_->chip_ready_changed(ready);
  }

  std::vector<std::uint8_t> received;
  std::size_t stop_after = 0;
  bool device_ready = true;

 private:
  SerialDevice* device_ = nullptr;
  bool ready_ = true;
};

class FakeNetwork final : public Network {
 public:
  void send(std::span<const std::uint8_t> packet) override {
    sent.emplace_back(packet.begin(), packet.end());
  }
  void on_receive(Receiver receiver) override { receiver_ = std::move(receiver); }
  bool poll(std::chrono::microseconds) override { return false; }
  [[nodiscard]] bool awaiting() const override { return false; }
  void wake() override {}
  void deliver(std::span<const std::uint8_t> packet) { receiver_(packet); }

  std::vector<std::vector<std::uint8_t>> sent;

 private:
  Receiver receiver_;
};

inline void run_for(Scheduler& scheduler, Time duration) {
  const Time end = scheduler.now() + duration;
  while (scheduler.next_due() <= end) {
    scheduler.skip_to(scheduler.next_due());
    scheduler.dispatch();
  }
  scheduler.skip_to(end);
}

}  // namespace microvisor::board

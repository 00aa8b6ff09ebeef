// The firmware's network code on a PC: a byte pipe in the place of LPUART1, with the board's modem model and
// the host's network behind it, all on one virtual clock.
//
// Time passes only in wait(), by skipping to the next event; while an answer from the host is awaited, no
// faster than the host's clock. Single-threaded.
#pragma once

#include <deque>
#include <functional>

#include "board/modem/at_modem.hpp"
#include "board/modem/network.hpp"
#include "firmware/net/platform.hpp"

namespace microvisor::test {

class ModelledLine final : public firmware::net::Platform, private board::SerialPort {
 public:
  using MakeNetwork = std::function<std::unique_ptr<board::Network>(board::Scheduler&)>;
  explicit ModelledLine(const MakeNetwork& make_network = {}, board::ModemSettings settings = {});
  ~ModelledLine() override;

  // Platform
  std::uint64_t now() override { return scheduler_.microseconds(); }
  void wait(std::uint64_t moment) override;
  std::size_t serial_read(std::span<std::uint8_t> into) override;
  std::size_t serial_write(std::span<const std::uint8_t> bytes) override;

  /// The chip is reset: what is in its rings is lost, the modem knows nothing of it.
  void chip_reset();
  /// Every byte in this direction goes through here; false drops it.
  std::function<bool(std::uint8_t&)> damage_to_chip;
  std::function<bool(std::uint8_t&)> damage_from_chip;
  /// Called once in each round of wait().
  std::function<void()> meanwhile;
  /// Asked in each round of wait(); true ends it, as a wake-up from the kernel does.
  std::function<bool()> attention;

  [[nodiscard]] board::AtModem& modem() { return *modem_; }
  [[nodiscard]] board::Scheduler& scheduler() { return scheduler_; }
  [[nodiscard]] board::Network& network() { return *network_; }

 private:
  // SerialPort
  void connect(board::SerialDevice* device) override { device_ = device; }
  void byte_to_chip(std::uint8_t byte) override;
  void set_device_ready(bool ready) override;
  [[nodiscard]] bool chip_ready() const override;
  [[nodiscard]] board::Time frame_time() const override { return 10 * board::kTicksPerSecond / 921'600; }

  void pump();
  [[nodiscard]] board::Time allowed() const;

  static constexpr std::size_t kReceiveRing = 4096;
  static constexpr std::size_t kSendRing = 1024;

  board::Scheduler scheduler_;
  std::unique_ptr<board::Network> network_;
  board::SerialDevice* device_ = nullptr;
  bool device_ready_ = false;
  bool announced_ready_ = true;
  std::deque<std::uint8_t> received_;
  std::deque<std::uint8_t> to_send_;
  board::Scheduler::Event sent_;
  std::chrono::steady_clock::time_point host_anchor_;
  board::Time virtual_anchor_ = 0;
  board::Time next_poll_ = 0;
  bool was_awaiting_ = false;
  bool woken_ = false;  // bytes have arrived, or room has come, since wait() returned
  std::unique_ptr<board::AtModem> modem_;
};

}  // namespace microvisor::test

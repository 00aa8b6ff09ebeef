// The firmware's network code on a PC: byte pipes in the place of LPUART1 and USART1, with the board's models
// of the modules and the host's network behind them, all on one virtual clock.
//
// Time passes only in wait(), by skipping to the next event; while an answer from the host is awaited, no
// faster than the host's clock. Single-threaded.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string_view>

#include "board/modem/at_modem.hpp"
#include "board/modem/junction.hpp"
#include "board/modem/network.hpp"
#include "board/modem/wifi_module.hpp"
#include "firmware/net/platform.hpp"

namespace microvisor::test {

class ModelledLine final : public firmware::net::Platform {
 public:
  using MakeNetwork = std::function<std::unique_ptr<board::Network>(board::Scheduler&)>;
  explicit ModelledLine(const MakeNetwork& make_network = {}, board::ModemSettings settings = {});
  ~ModelledLine();

  /// There is a Wi-Fi module, too. Once, before the first wait().
  void fit_wifi(board::WifiSettings settings);

  // Platform
  std::uint64_t now() override { return scheduler_.microseconds(); }
  void wait(std::uint64_t moment) override;
  std::size_t serial_read(std::span<std::uint8_t> into) override;
  std::size_t serial_write(std::span<const std::uint8_t> bytes) override;
  void select_line(firmware::net::Bearer bearer) override;
  firmware::net::Heard other_line() override;

  /// Bytes on the modem's line that are not the modem's.
  void say_on_the_modems_line(std::string_view text) {
    for (const char character : text) modem_wire_.byte_to_chip(static_cast<std::uint8_t>(character));
  }

  /// The chip is reset: what is in its rings is lost, the modules know nothing of it.
  void chip_reset();
  /// Every byte in this direction goes through here; false drops it.
  std::function<bool(std::uint8_t&)> damage_to_chip;
  std::function<bool(std::uint8_t&)> damage_from_chip;
  /// Called once in each round of wait().
  std::function<void()> meanwhile;
  /// Asked in each round of wait(); true ends it, as a wake-up from the kernel does.
  std::function<bool()> attention;

  [[nodiscard]] board::AtModem& modem() { return *modem_; }
  [[nodiscard]] board::WifiModule& wifi() { return *wifi_; }
  [[nodiscard]] board::Scheduler& scheduler() { return scheduler_; }
  [[nodiscard]] board::Network& network() { return *network_; }
  [[nodiscard]] firmware::net::Bearer selected() const { return selected_; }

 private:
  /// One of the chip's UARTs. Those that are not selected hold their device off, as the kernel has it.
  class Wire final : public board::SerialPort {
   public:
    explicit Wire(ModelledLine& lines) : lines_(lines), sent_(lines.scheduler_, [this] { pump(); }) {}

    void connect(board::SerialDevice* device) override { device_ = device; }
    void byte_to_chip(std::uint8_t byte) override;
    void set_device_ready(bool ready) override;
    [[nodiscard]] bool chip_ready() const override { return announced_ready_; }
    [[nodiscard]] board::Time frame_time() const override { return 10 * board::kTicksPerSecond / 921'600; }

    std::size_t read(std::span<std::uint8_t> into);
    std::size_t write(std::span<const std::uint8_t> bytes);
    void select(bool selected);
    void clear();

   private:
    void pump();
    void announce();

    ModelledLine& lines_;
    board::SerialDevice* device_ = nullptr;
    bool device_ready_ = false;
    bool announced_ready_ = true;
    bool selected_ = true;
    std::deque<std::uint8_t> received_;
    std::deque<std::uint8_t> to_send_;
    board::Scheduler::Event sent_;
  };

  [[nodiscard]] board::Time allowed() const;
  [[nodiscard]] Wire& wire() { return selected_ == firmware::net::Bearer::Wifi ? wifi_wire_ : modem_wire_; }

  static constexpr std::size_t kReceiveRing = 4096;
  static constexpr std::size_t kSendRing = 1024;
  static constexpr std::size_t kFifo = 8;

  board::Scheduler scheduler_;
  std::unique_ptr<board::Network> network_;
  board::Junction junction_;
  Wire modem_wire_{*this};
  Wire wifi_wire_{*this};
  firmware::net::Bearer selected_ = firmware::net::Bearer::Cellular;
  std::chrono::steady_clock::time_point host_anchor_;
  board::Time virtual_anchor_ = 0;
  board::Time next_poll_ = 0;
  bool was_awaiting_ = false;
  bool woken_ = false;  // bytes have arrived, or room has come, since wait() returned
  std::unique_ptr<board::AtModem> modem_;
  std::unique_ptr<board::WifiModule> wifi_;
};

}  // namespace microvisor::test

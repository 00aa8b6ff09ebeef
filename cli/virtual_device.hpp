// A provisioned board with a modem on the host's network, or without one on a line to the host, and what a
// person sees of it: serial lines, pins, boot.
//
// Runs on the thread that calls run(). stop() may be called from any thread. The listeners are called on the
// board's thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "board/board.hpp"
#include "board/fault/fault.hpp"
#include "board/modem/at_modem.hpp"
#include "board/modem/junction.hpp"
#include "board/modem/pseudo_terminal.hpp"
#include "board/modem/radio_link.hpp"
#include "board/modem/slirp_network.hpp"
#include "board/modem/wifi_module.hpp"
#include "board/replay/inlet.hpp"
#include "board/replay/recorder.hpp"
#include "board/snapshot/snapshot.hpp"
#include "cli/i2c_targets.hpp"
#include "firmware/layout.hpp"

namespace microvisor::cli {

/// "PA5" and so on. Throws Failure for anything else.
board::PinId parse_pin(const std::string& name);
std::string pin_name(board::PinId pin);

struct VirtualDeviceOptions {
  bool fast = false;               ///< no real-time pacing
  bool serial = false;             ///< on_line_of_uart2 is wanted
  std::vector<board::PinId> pins;  ///< of which on_pin is wanted
  std::vector<I2cTarget> i2c;      ///< on I2C1
  std::vector<board::Fault> faults;
  board::ModemSettings modem;
  std::optional<board::WifiSettings> wifi;           ///< none: there is no Wi-Fi module
  std::optional<board::RadioConditions> radio;       ///< of the modem's air; none: as if there were no air
  std::optional<board::RadioConditions> wifi_radio;  ///< likewise
  bool direct = false;  ///< a pseudo-terminal in the modem's place, not together with a snapshot
  /// Where to go on instead of at power-on, if not null. The board then lives in memory and leaves the
  /// memories it is given as they are.
  std::shared_ptr<const board::Snapshot> snapshot;
};

/// What a board does at one moment, for people.
struct DeviceStatus {
  enum class Core : std::uint8_t { Running, Asleep, DeepSleep, Halted, LockedUp };
  Core core = Core::Running;
  bool secure = true;
  std::uint64_t instructions = 0;
  double virtual_seconds = 0;
  std::uint64_t resets = 0;
  std::string modem;  ///< the network as the modem sees it
  std::uint64_t packets_sent = 0, packets_received = 0;
};

class VirtualDevice {
 public:
  VirtualDevice(board::BoardMemories memories, const VirtualDeviceOptions& options);
  ~VirtualDevice();
  VirtualDevice(const VirtualDevice&) = delete;
  VirtualDevice& operator=(const VirtualDevice&) = delete;

  /// What a line of USART2 (without its line end) and a pin's change are reported to.
  std::function<void(const std::string&)> on_serial_line;
  std::function<void(const std::string&, const std::string&)> on_pin;
  /// The application's first instruction after a reset.
  std::function<void()> on_application_start;
  std::function<void(const std::string&)> on_report;

  /// Runs until stop(), or until `seconds` of virtual time after the application's first start (or, if
  /// `from_power_on`, after power-on or the moment of the snapshot). Throws Failure if the device stops for
  /// good, with the reason, and ExitStatus after a power cut that was asked for.
  void run(std::optional<double> seconds, bool from_power_on);
  /// Records from now on, until end_recording() or the end of this object. Throws Failure.
  void record(const std::string& file);
  /// When run() has come back, in whatever way. Throws Failure if the recording is not whole.
  void end_recording();
  void stop() { board_->stop(); }
  /// Pulls the reset pin. From any thread.
  void reset() {
    board_->post([this] { inlet_ ? inlet_->pull_reset_pin() : board_->reset_pin(); });
  }
  /// Has `task` called on the board's thread. From any thread.
  void post(std::function<void()> task) { board_->post(std::move(task)); }

  // On the board's thread, or while it does not run.
  [[nodiscard]] board::Board& board() { return *board_; }
  [[nodiscard]] DeviceStatus status() const;
  /// Not with `direct`.
  [[nodiscard]] board::AtModem& modem() { return *modem_; }
  /// The modem's air, if the options have conditions for it.
  [[nodiscard]] board::RadioLink* radio() { return options_.radio ? radios_.front().get() : nullptr; }
  /// The pseudo-terminal in the modem's place; with `direct` only.
  [[nodiscard]] const std::string& line() const { return line_->path(); }

  /// Virtual time since power-on, as it was when the board last looked outside (every few thousand
  /// instructions). From any thread.
  [[nodiscard]] std::uint64_t microseconds() const;
  /// Instructions from the last reset to the application's first one; 0 before that.
  [[nodiscard]] std::uint64_t instructions_to_application() const { return instructions_to_application_; }
  [[nodiscard]] board::BoardStatistics statistics() const { return board_->statistics(); }

 private:
  class SerialTap;
  class Outside;

  void switch_on(board::BoardMemories memories, const board::BoardOptions& options);
  void resume(const board::Snapshot& snapshot, const board::BoardOptions& options);
  void connect(board::Board& board);
  void connect_modules(board::Board& board);
  [[nodiscard]] board::Network& add_air(board::Board& board);
  [[nodiscard]] std::string network_state() const;
  void set_host(board::Board& board, board::HostEvents& events);
  void attach_i2c(board::Board& board);
  void watch_pins();
  void watch_start();
  [[nodiscard]] std::array<std::uint8_t, firmware::kBootStatusSize> boot_status() const;
  void require_boot() const;
  [[nodiscard]] board::Time end_of_slice(std::optional<double> seconds, bool from_power_on) const;
  [[noreturn]] void stopped_for_good(const char* how) const;

  VirtualDeviceOptions options_;
  std::optional<board::BoardMemories> unused_;  ///< stays locked while a snapshot runs in its place
  std::unique_ptr<SerialTap> serial_;
  std::vector<std::unique_ptr<board::I2cSlave>> i2c_devices_;
  std::unique_ptr<board::Board> board_;
  std::unique_ptr<board::SlirpNetwork> network_;
  std::unique_ptr<board::Junction> airs_;  ///< from the network to the radios
  std::vector<std::unique_ptr<board::RadioLink>> radios_;
  board::Airs outside_air_;
  std::unique_ptr<board::LiveInlet> inlet_;
  std::unique_ptr<board::Junction> modules_;     ///< from the inlet to the modules
  std::unique_ptr<board::PseudoTerminal> line_;  ///< in the place of network and modem
  std::unique_ptr<Outside> outside_;
  std::unique_ptr<board::AtModem> modem_;
  std::unique_ptr<board::WifiModule> wifi_;
  std::unique_ptr<board::Recorder> recorder_;
  board::RunEnd ended_ = board::RunEnd::Limit;
  board::Time begun_ = 0;  ///< power-on, or the moment of the snapshot
  std::uint64_t reset_at_ = 0;
  std::uint64_t instructions_to_application_ = 0;
  std::optional<board::Time> application_started_;
};

/// "30s", "500ms", "2m", "1h", or plain seconds. Throws Failure.
double parse_duration(const std::string& text);

}  // namespace microvisor::cli

// What of the chip's outside a person sees is tapped here: serial lines, pins, start and boot status.
#include "cli/virtual_device.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cstdlib>

#include "board/replay/replay.hpp"
#include "cli/failure.hpp"
#include "cli/faults.hpp"
#include "firmware/image/image.hpp"
#include "firmware/layout.hpp"

namespace microvisor::cli {
namespace {

constexpr std::uint32_t kUsart2 = 0x4000'4400;
constexpr std::uint32_t kLpuart1 = 0x4600'2400;
constexpr std::uint32_t kUsart1 = 0x4001'3800;
constexpr std::uint32_t kI2c1 = 0x4000'5400;

board::Time ticks(double seconds) {
  return static_cast<board::Time>(seconds * static_cast<double>(board::kTicksPerSecond));
}

}  // namespace

board::PinId parse_pin(const std::string& name) {
  unsigned number = 16;
  const bool port = name.size() >= 3 && name[0] == 'P' && name[1] >= 'A' && name[1] <= 'I';
  if (port) std::from_chars(name.data() + 2, name.data() + name.size(), number);
  if (!port || number > 15 ||
      pin_name({static_cast<std::uint8_t>(name[1] - 'A'), static_cast<std::uint8_t>(number)}) != name) {
    throw Failure("no such pin: " + name + " (for example PA5)");
  }
  return {static_cast<std::uint8_t>(name[1] - 'A'), static_cast<std::uint8_t>(number)};
}

std::string pin_name(board::PinId pin) {
  return fmt::format("P{}{}", static_cast<char>('A' + pin.port), pin.number);
}

double parse_duration(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  const std::string unit = end;
  const double scale = unit == "ms"                  ? 0.001
                       : unit == "s" || unit.empty() ? 1
                       : unit == "m"                 ? 60
                       : unit == "h"                 ? 3600
                                                     : 0;
  if (end == text.c_str() || scale == 0 || !(value > 0) || value * scale > 1e8) {
    throw Failure("not a duration: " + text + " (for example 30s, 500ms, 2m)");
  }
  return value * scale;
}

/// Joins what comes out of a UART to lines. A line ends at LF; the CR before it belongs to the end.
class VirtualDevice::SerialTap final : public board::SerialDevice {
 public:
  explicit SerialTap(VirtualDevice& device) : device_(device) {}
  ~SerialTap() override { flush(); }

  void byte_from_chip(std::uint8_t byte) override {
    if (byte != '\n') {
      line_ += static_cast<char>(byte);
      return;
    }
    if (line_.ends_with('\r')) line_.pop_back();
    emit();
  }
  void chip_ready_changed(bool) override {}
  /// Shows what has no line end yet.
  void flush() {
    if (!line_.empty()) emit();
  }

 private:
  void emit() {
    if (device_.on_serial_line) device_.on_serial_line(line_);
    line_.clear();
  }

  VirtualDevice& device_;
  std::string line_;
};

/// Network or line as the board's source of outside events; notes the board's time whenever the board looks.
class VirtualDevice::Outside final : public board::HostEvents {
 public:
  Outside(board::HostEvents& events, const board::Scheduler& scheduler)
      : events_(events), scheduler_(scheduler) {}
  bool poll(std::chrono::microseconds timeout) override {
    microseconds_.store(scheduler_.microseconds(), std::memory_order_relaxed);
    return events_.poll(timeout);
  }
  [[nodiscard]] bool awaiting() const override { return events_.awaiting(); }
  void wake() override { events_.wake(); }
  [[nodiscard]] std::uint64_t microseconds() const { return microseconds_.load(std::memory_order_relaxed); }

 private:
  board::HostEvents& events_;
  const board::Scheduler& scheduler_;
  std::atomic<std::uint64_t> microseconds_{0};
};

std::uint64_t VirtualDevice::microseconds() const { return outside_->microseconds(); }

VirtualDevice::VirtualDevice(board::BoardMemories memories, const VirtualDeviceOptions& options)
    : options_(options) {
  board::BoardOptions board_options;
  board_options.real_time = !options.fast;
  board_options.report = [this](std::string_view line) {
    if (on_report) on_report(std::string(line));
  };
  if (options.snapshot) {
    unused_ = std::move(memories);
    resume(*options.snapshot, board_options);
  } else {
    switch_on(std::move(memories), board_options);
  }
  begun_ = board_->scheduler().now();
  if (board_->core().nonsecure_seen) application_started_ = begun_;
  watch_pins();
  watch_start();
  for (const board::Fault& fault : options.faults) board_->inject(fault);
}

VirtualDevice::~VirtualDevice() {
  if (serial_) board_->serial(kUsart2)->connect(nullptr);
  board_->serial(kLpuart1)->connect(nullptr);
}

void VirtualDevice::switch_on(board::BoardMemories memories, const board::BoardOptions& options) {
  auto board = board::Board::create(std::move(memories), options);
  if (!board) throw Failure(board.error().message);
  board_ = std::move(*board);
  connect(*board_);
}

/// The network of the host knows nothing of the connections that the snapshot's device has: it sees the loss
/// of carrier that it would see in the field, and dials again.
void VirtualDevice::resume(const board::Snapshot& snapshot, const board::BoardOptions& options) {
  auto board = board::Board::resume(snapshot, options, [this](board::Board& made) { connect(made); });
  if (!board) throw Failure(board.error().message);
  board_ = std::move(*board);
  if (!snapshot.contents().parts.contains(board::kModemPart)) modem_->power_cycle();
  modem_->drop_call();
  if (!wifi_) return;
  if (!snapshot.contents().parts.contains(board::kWifiPart)) wifi_->power_cycle();
  wifi_->drop_call();
}

/// What stands around the chip, each a part of its snapshots.
void VirtualDevice::connect(board::Board& board) {
  if (options_.direct) {
    line_ = std::make_unique<board::PseudoTerminal>(board.scheduler(), *board.serial(kLpuart1));
    set_host(board, *line_);
  } else {
    connect_modules(board);
  }
  if (options_.serial) {
    serial_ = std::make_unique<SerialTap>(*this);
    board.serial(kUsart2)->connect(serial_.get());
  }
  attach_i2c(board);
}

/// Where nothing is held up there is no air, and a packet goes as it is.
board::Network& VirtualDevice::add_air(board::Board& board) {
  const std::pair<std::uint32_t, const std::optional<board::RadioConditions>*> airs[] = {
      {board::kBoardAddress, &options_.radio}, {board::kWifiAddress, &options_.wifi_radio}};
  if (!options_.radio && !options_.wifi_radio) return *network_;
  airs_ = std::make_unique<board::Junction>(*network_);
  for (const auto& [address, conditions] : airs) {
    board::Network& port = airs_->port(address);
    if (*conditions) {
      radios_.push_back(std::make_unique<board::RadioLink>(board.scheduler(), port, **conditions));
      outside_air_.add(address, *radios_.back());
    } else {
      outside_air_.add(address, port);
    }
  }
  return outside_air_;
}

void VirtualDevice::connect_modules(board::Board& board) {
  network_ = std::make_unique<board::SlirpNetwork>(board.scheduler());
  inlet_ = std::make_unique<board::LiveInlet>(board.scheduler(), add_air(board));
  inlet_->on_reset_pin([&board] { board.reset_pin(); });
  set_host(board, *inlet_);
  modules_ = std::make_unique<board::Junction>(*inlet_);
  modem_ = std::make_unique<board::AtModem>(board.scheduler(), modules_->port(board::kBoardAddress),
                                            options_.modem);
  modem_->attach(*board.serial(kLpuart1));
  board.include(board::kModemPart, [this](board::Archive& archive) { modem_->serialise(archive); });
  const bool resumed = options_.snapshot && options_.snapshot->contents().parts.contains(board::kWifiPart);
  if (!options_.wifi && !resumed) return;
  wifi_ = std::make_unique<board::WifiModule>(board.scheduler(), modules_->port(board::kWifiAddress),
                                              options_.wifi.value_or(board::WifiSettings{}));
  wifi_->attach(*board.serial(kUsart1));
  board.include(board::kWifiPart, [this](board::Archive& archive) { wifi_->serialise(archive); });
}

void VirtualDevice::set_host(board::Board& board, board::HostEvents& events) {
  outside_ = std::make_unique<Outside>(events, board.scheduler());
  board.set_host(outside_.get());
}

void VirtualDevice::attach_i2c(board::Board& board) {
  for (const I2cTarget& target : options_.i2c) {
    i2c_devices_.push_back(make_i2c_device(target.device));
    board::I2cSlave* device = i2c_devices_.back().get();
    board.i2c(kI2c1)->attach(target.address, device);
    board.include(fmt::format("i2c1:{:02x}", target.address),
                  [device](board::Archive& archive) { device->serialise(archive); });
  }
}

void VirtualDevice::record(const std::string& file) {
  auto recorder = board::Recorder::begin(file, *board_, *inlet_);
  if (!recorder) throw Failure(recorder.error().message);
  recorder_ = std::move(*recorder);
}

void VirtualDevice::end_recording() {
  if (!recorder_) return;
  const auto ended = std::exchange(recorder_, nullptr)->end(ended_);
  if (!ended) throw Failure(ended.error().message);
}

DeviceStatus VirtualDevice::status() const {
  const board::CoreState& state = board_->core().state;
  const board::BoardStatistics statistics = board_->statistics();
  return {.core = board_->halted()       ? DeviceStatus::Core::Halted
                  : state.locked_up      ? DeviceStatus::Core::LockedUp
                  : !state.asleep        ? DeviceStatus::Core::Running
                  : board_->deep_sleep() ? DeviceStatus::Core::DeepSleep
                                         : DeviceStatus::Core::Asleep,
          .secure = state.world == board::kSecure,
          .instructions = statistics.instructions,
          .virtual_seconds = statistics.virtual_seconds,
          .resets = board_->resets(),
          .modem = modem_ ? network_state() : line_->path(),
          .packets_sent = (modem_ ? modem_->packets_sent() : 0) + (wifi_ ? wifi_->packets_sent() : 0),
          .packets_received =
              (modem_ ? modem_->packets_received() : 0) + (wifi_ ? wifi_->packets_received() : 0)};
}

/// Of the module that is in a call, or of both.
std::string VirtualDevice::network_state() const {
  std::string modem(modem_->state_text());
  if (!wifi_) return modem;
  const std::string wifi = "Wi-Fi " + std::string(wifi_->state_text());
  return wifi_->in_call() ? wifi : modem_->in_call() ? modem : wifi + ", modem " + modem;
}

void VirtualDevice::watch_pins() {
  if (options_.pins.empty()) return;
  const auto report = [this](board::PinId pin, const std::string& state) {
    const bool wanted = std::find(options_.pins.begin(), options_.pins.end(), pin) != options_.pins.end();
    if (wanted && on_pin) on_pin(pin_name(pin), state);
  };
  board_->pins().on_output_change([report](board::PinId pin, bool level) { report(pin, level ? "1" : "0"); });
  board_->pins().on_duty_change([report](board::PinId pin, std::uint32_t hertz, std::uint32_t permille) {
    report(pin, fmt::format("{}.{}% at {} Hz", permille / 10, permille % 10, hertz));
  });
}

void VirtualDevice::watch_start() {
  board_->on_reset([this](board::ResetCause) { reset_at_ = board_->statistics().instructions; });
  board_->core().on_first_nonsecure = [this] {
    instructions_to_application_ = board_->statistics().instructions - reset_at_;
    if (!application_started_) {
      application_started_ = board_->scheduler().now();
      board_->scheduler().interrupt_core();
    }
    if (on_application_start) on_application_start();
  };
}

std::array<std::uint8_t, firmware::kBootStatusSize> VirtualDevice::boot_status() const {
  std::array<std::uint8_t, firmware::kBootStatusSize> words{};
  for (std::uint32_t offset = 0; offset < words.size(); ++offset) {
    std::uint32_t value = 0;
    if (board_->bus().peek(firmware::kBootStatus + offset, 1, value))
      words[offset] = static_cast<std::uint8_t>(value);
  }
  return words;
}

/// A boot stage that stops for good has nobody to tell but these words.
void VirtualDevice::require_boot() const {
  const auto words = boot_status();
  if (firmware::image::boot_stopped(words)) {
    throw Failure("the device refuses to boot: " + firmware::image::describe_boot_status(words));
  }
}

void VirtualDevice::stopped_for_good(const char* how) const {
  require_boot();
  const std::string status = firmware::image::describe_boot_status(boot_status());
  throw Failure(status.empty() ? fmt::format("the device {}", how)
                               : fmt::format("the device {} ({})", how, status));
}

/// Until the application has started, the run is looked at every 10 ms of the board: has it started, has the
/// boot stopped?
board::Time VirtualDevice::end_of_slice(std::optional<double> seconds, bool from_power_on) const {
  const board::Time limit = !seconds               ? board::kNever
                            : from_power_on        ? begun_ + ticks(*seconds)
                            : application_started_ ? *application_started_ + ticks(*seconds)
                                                   : board::kNever;
  return application_started_ ? limit : std::min(limit, board_->scheduler().now() + ticks(0.01));
}

void VirtualDevice::run(std::optional<double> seconds, bool from_power_on) {
  for (;;) {
    board::RunLimits limits;
    limits.until = end_of_slice(seconds, from_power_on);
    ended_ = board_->run(limits);
    switch (ended_) {
      case board::RunEnd::Stopped:
      case board::RunEnd::Exited: return note_faults(*board_);
      case board::RunEnd::LockedUp: stopped_for_good("is locked up");
      case board::RunEnd::Idle: stopped_for_good("has stopped for good");
      case board::RunEnd::PowerCut: note_faults(*board_); end_by_power_cut(*board_);
      case board::RunEnd::Limit: break;
    }
    require_boot();
    const bool counting = seconds && (from_power_on || application_started_);
    const board::Time start = from_power_on ? begun_ : application_started_.value_or(0);
    if (counting && board_->scheduler().now() >= start + ticks(*seconds)) break;
  }
  if (serial_) serial_->flush();
  note_faults(*board_);
}

}  // namespace microvisor::cli

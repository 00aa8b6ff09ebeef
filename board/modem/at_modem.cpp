// The module's life, its line and its data mode; at_commands.cpp has what it answers to commands. See
// at_modem.hpp.
#include "board/modem/at_modem.hpp"

#include <utility>

#include "board/bus/event_archive.hpp"
#include "board/modem/at_commands.hpp"

namespace microvisor::board {
namespace {

/// Pace while the chip's port is switched off: a module sends at its own rate, heard or not.
constexpr Time kOwnFrameTime = 10 * kTicksPerSecond / 921'600;
/// What the module holds for the chip before it drops packets, as a module's buffer does.
constexpr std::size_t kDownlinkBuffer = 64 * 1024;

}  // namespace

AtModem::AtModem(Scheduler& scheduler, Network& network, ModemSettings settings)
    : scheduler_(scheduler),
      network_(network),
      settings_(std::move(settings)),
      ppp_(scheduler,
           {.to_line = [this](ppp::View bytes) { to_chip(bytes); },
            .to_network =
                [this](ppp::View packet) {
                  ++packets_sent_;
                  network_.send(packet);
                },
            .ended = [this] { call_ended(); }},
           kBoardAddress, kPeerAddress, kNameServerAddress),
      byte_event_(scheduler, [this] { pump(); }),
      boot_event_(scheduler, [this] { boot_done(); }),
      sim_event_(scheduler, [this] { sim_done(); }),
      registration_event_(scheduler, [this] { registration_done(); }),
      command_event_(scheduler, [this] { command_due(); }),
      escape_event_(scheduler, [this] { escape_due(); }) {
  network_.on_receive([this](std::span<const std::uint8_t> packet) { packet_for_board(packet); });
}

AtModem::~AtModem() {
  network_.on_receive({});
  if (port_ != nullptr) port_->connect(nullptr);
}

void AtModem::attach(SerialPort& port) {
  port_ = &port;
  port_->connect(this);
  power_cycle();
}

std::string_view AtModem::state_text() const {
  if (mode_ == Mode::Off) return "off";
  if (!registered_) return "searching";
  if (!in_call()) return "registered";
  return ppp_.network_up() ? "online" : "dialling";
}

void AtModem::power_cycle() {
  ppp_.stop();
  to_chip_.clear();
  reader_.reset();
  at_ = {};
  mode_ = Mode::Off;
  sim_ready_ = registered_ = false;
  command_event_.cancel();
  escape_event_.cancel();
  if (port_ != nullptr) port_->set_device_ready(false);
  boot_event_.after(settings_.boot);
  sim_event_.after(settings_.sim_ready);
  registration_event_.after(settings_.registered);
}

void AtModem::boot_done() {
  mode_ = Mode::Command;
  if (port_ != nullptr) port_->set_device_ready(true);
  to_chip("\r\nRDY\r\n");
}

void AtModem::sim_done() {
  sim_ready_ = settings_.sim_present;
  if (sim_ready_ && mode_ == Mode::Command) to_chip("\r\n+CPIN: READY\r\n");
}

void AtModem::registration_done() {
  registered_ = sim_ready_ && at_.functionality == 1;
  if (!registered_ || mode_ != Mode::Command) return;
  report_registration("+CREG", at_.creg);
  report_registration("+CGREG", at_.cgreg);
  report_registration("+CEREG", at_.cereg);
}

void AtModem::report_registration(std::string_view name, unsigned mode) {
  if (mode == 0) return;
  to_chip("\r\n" + std::string(name) + ": " + (registered_ ? "1" : "2") + "\r\n");
}

void AtModem::serialise(Archive& archive) {
  archive(to_chip_, ppp_, reader_, at_, pending_line_, mode_, sim_ready_, registered_, last_byte_, pluses_,
          packets_sent_, packets_received_);
  for (Scheduler::Event* event :
       {&byte_event_, &boot_event_, &sim_event_, &registration_event_, &command_event_, &escape_event_}) {
    serialise_event(archive, *event);
  }
}

// --- line
// -----------------------------------------------------------------------------------------------------------

void AtModem::to_chip(std::span<const std::uint8_t> bytes) {
  to_chip_.insert(to_chip_.end(), bytes.begin(), bytes.end());
  if (!byte_event_.armed()) pump();
}

void AtModem::to_chip(std::string_view text) {
  to_chip(std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

/// One byte, then the next a frame time later; a byte under way when RTS falls still arrives.
void AtModem::pump() {
  if (to_chip_.empty() || port_ == nullptr || !port_->chip_ready()) return;
  const std::uint8_t byte = to_chip_.front();
  to_chip_.pop_front();
  port_->byte_to_chip(byte);
  const Time frame = port_->frame_time();
  byte_event_.after(frame != 0 ? frame : kOwnFrameTime);
}

void AtModem::chip_ready_changed(bool ready) {
  if (ready && !byte_event_.armed()) byte_event_.after(kOwnFrameTime);
}

void AtModem::byte_from_chip(std::uint8_t byte) {
  if (mode_ == Mode::Off) return;
  if (mode_ == Mode::Data) return data_byte(byte);
  if (command_event_.armed())
    return;  // a line is being worked on; what comes now is lost (V.250 section 5.6)
  if (at_.echo) to_chip(std::span(&byte, 1));
  if (auto line = reader_.push(static_cast<char>(byte))) {
    pending_line_ = std::move(*line);
    command_event_.after(settings_.response);
  }
}

// --- data mode
// ------------------------------------------------------------------------------------------------------

/// The escape sequence goes to PPP as well; it is no frame and does no harm there.
void AtModem::data_byte(std::uint8_t byte) {
  const Time now = scheduler_.now();
  const bool silence_before = now - last_byte_ >= settings_.escape_guard;
  last_byte_ = now;
  escape_event_.cancel();
  if (byte != '+') {
    pluses_ = 0;
  } else if (pluses_ != 0 || silence_before) {
    ++pluses_;
    if (pluses_ == 3) escape_event_.after(settings_.escape_guard);
  }
  ppp_.byte_from_line(byte);
}

void AtModem::escape_due() {
  pluses_ = 0;
  mode_ = Mode::Escaped;
  reader_.reset();
  to_chip(at::format_result({}, at_));
}

void AtModem::start_call() {
  mode_ = Mode::Data;
  pluses_ = 0;
  last_byte_ = scheduler_.now();
  ppp_.start();
}

void AtModem::drop_call() {
  if (mode_ == Mode::Data) ppp_.terminate();
  if (mode_ == Mode::Escaped) leave_call();
}

/// PPP has been terminated by either side.
void AtModem::call_ended() {
  if (in_call()) leave_call();
}

void AtModem::leave_call() {
  ppp_.stop();
  escape_event_.cancel();
  reader_.reset();
  mode_ = Mode::Command;
  to_chip(at::format_result({.code = at::Result::Code::NoCarrier}, at_));
}

void AtModem::packet_for_board(std::span<const std::uint8_t> packet) {
  if (!in_call() || to_chip_.size() > kDownlinkBuffer) return;
  ++packets_received_;
  if (mode_ == Mode::Data) ppp_.packet_from_network(packet);
}

// --- command mode
// ---------------------------------------------------------------------------------------------------

void AtModem::command_due() {
  const std::string line = std::move(pending_line_);
  AtCommands commands(*this);
  finish(commands.execute(line));
}

void AtModem::finish(at::Result result) {
  to_chip(at::format_result(result, at_));
  if (result.code == at::Result::Code::Connect) {
    if (mode_ == Mode::Escaped) {
      mode_ = Mode::Data;  // ATO: the call goes on
    } else {
      start_call();
    }
  }
}

}  // namespace microvisor::board

// See serial_module.hpp.
#include "board/modem/serial_module.hpp"

#include <utility>

#include "board/bus/event_archive.hpp"

namespace microvisor::board {
namespace {

/// Pace while the chip's port is switched off: a module sends at its own rate, heard or not.
constexpr Time kOwnFrameTime = 10 * kTicksPerSecond / 921'600;
/// What the module holds for the chip before it drops packets, as a module's buffer does.
constexpr std::size_t kDownlinkBuffer = 64 * 1024;

}  // namespace

SerialModule::SerialModule(Scheduler& scheduler, Network& network, std::uint32_t address, Times times,
                           at::LineReader reader)
    : scheduler_(scheduler),
      network_(network),
      times_(times),
      ppp_(scheduler,
           {.to_line = [this](ppp::View bytes) { to_chip(bytes); },
            .to_network =
                [this](ppp::View packet) {
                  ++packets_sent_;
                  network_.send(packet);
                },
            .ended = [this] { call_ended(); }},
           address, kPeerAddress, kNameServerAddress),
      reader_(std::move(reader)),
      byte_event_(scheduler, [this] { pump(); }),
      command_event_(scheduler, [this] { command_due(); }),
      escape_event_(scheduler, [this] { escape_due(); }) {
  network_.on_receive([this](std::span<const std::uint8_t> packet) { packet_for_board(packet); });
}

SerialModule::~SerialModule() {
  network_.on_receive({});
  if (port_ != nullptr) port_->connect(nullptr);
}

void SerialModule::attach(SerialPort& port) {
  port_ = &port;
  port_->connect(this);
  power_cycle();
}

std::string_view SerialModule::state_text() const {
  if (mode_ == Mode::Off) return "off";
  if (!in_call()) return idle_text();
  return ppp_.network_up() ? "online" : "dialling";
}

void SerialModule::power_cycle() {
  ppp_.stop();
  to_chip_.clear();
  reader_.reset();
  at_ = {};
  mode_ = Mode::Off;
  command_event_.cancel();
  escape_event_.cancel();
  if (port_ != nullptr) port_->set_device_ready(false);
}

void SerialModule::start(std::string_view greeting) {
  mode_ = Mode::Command;
  if (port_ != nullptr) port_->set_device_ready(true);
  information(greeting);
}

void SerialModule::serialise(Archive& archive) {
  archive(to_chip_, ppp_, reader_, at_, pending_line_, mode_, last_byte_, pluses_, packets_sent_,
          packets_received_);
  for (Scheduler::Event* event : {&byte_event_, &command_event_, &escape_event_})
    serialise_event(archive, *event);
}

void SerialModule::information(std::string_view text) {
  to_chip(at_.verbose ? "\r\n" + std::string(text) + "\r\n" : std::string(text) + "\r\n");
}

// --- line
// -----------------------------------------------------------------------------------------------------------

void SerialModule::to_chip(std::span<const std::uint8_t> bytes) {
  to_chip_.insert(to_chip_.end(), bytes.begin(), bytes.end());
  if (!byte_event_.armed()) pump();
}

void SerialModule::to_chip(std::string_view text) {
  to_chip(std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

/// One byte, then the next a frame time later; a byte under way when RTS falls still arrives.
void SerialModule::pump() {
  if (to_chip_.empty() || port_ == nullptr || !port_->chip_ready()) return;
  const std::uint8_t byte = to_chip_.front();
  to_chip_.pop_front();
  port_->byte_to_chip(byte);
  const Time frame = port_->frame_time();
  byte_event_.after(frame != 0 ? frame : kOwnFrameTime);
}

void SerialModule::chip_ready_changed(bool ready) {
  if (ready && !byte_event_.armed()) byte_event_.after(kOwnFrameTime);
}

void SerialModule::byte_from_chip(std::uint8_t byte) {
  if (mode_ == Mode::Off) return;
  if (mode_ == Mode::Data) return data_byte(byte);
  if (command_event_.armed())
    return;  // a line is being worked on; what comes now is lost (V.250 section 5.6)
  if (at_.echo) to_chip(std::span(&byte, 1));
  if (auto line = reader_.push(static_cast<char>(byte))) {
    pending_line_ = std::move(*line);
    command_event_.after(times_.response);
  }
}

// --- data mode
// ------------------------------------------------------------------------------------------------------

/// The escape sequence goes to PPP as well; it is no frame and does no harm there.
void SerialModule::data_byte(std::uint8_t byte) {
  const Time now = scheduler_.now();
  const bool silence_before = now - last_byte_ >= times_.escape_guard;
  last_byte_ = now;
  escape_event_.cancel();
  if (byte != '+') {
    pluses_ = 0;
  } else if (pluses_ != 0 || silence_before) {
    ++pluses_;
    if (pluses_ == 3) escape_event_.after(times_.escape_guard);
  }
  ppp_.byte_from_line(byte);
}

void SerialModule::escape_due() {
  pluses_ = 0;
  mode_ = Mode::Escaped;
  reader_.reset();
  to_chip(at::format_result({}, at_));
}

void SerialModule::start_call() {
  mode_ = Mode::Data;
  pluses_ = 0;
  last_byte_ = scheduler_.now();
  ppp_.start();
}

void SerialModule::drop_call() {
  if (mode_ == Mode::Data) ppp_.terminate();
  if (mode_ == Mode::Escaped) leave_call();
}

void SerialModule::lose_carrier() {
  if (in_call()) leave_call();
}

/// PPP has been terminated by either side.
void SerialModule::call_ended() {
  if (in_call()) leave_call();
}

void SerialModule::leave_call() {
  ppp_.stop();
  escape_event_.cancel();
  reader_.reset();
  mode_ = Mode::Command;
  to_chip(at::format_result({.code = at::Result::Code::NoCarrier}, at_));
}

void SerialModule::packet_for_board(std::span<const std::uint8_t> packet) {
  if (!in_call() || to_chip_.size() > kDownlinkBuffer) return;
  ++packets_received_;
  if (mode_ == Mode::Data) ppp_.packet_from_network(packet);
}

// --- command mode
// ---------------------------------------------------------------------------------------------------

void SerialModule::command_due() {
  const std::string line = std::move(pending_line_);
  finish(execute(line));
}

void SerialModule::finish(at::Result result) {
  to_chip(at::format_result(result, at_));
  if (result.code == at::Result::Code::Connect) {
    if (mode_ == Mode::Escaped) {
      mode_ = Mode::Data;  // ATO: the call goes on
    } else {
      start_call();
    }
  }
}

// --- calls
// ----------------------------------------------------------------------------------------------------------

/// *99# and *99***<cid># request the packet domain service (TS 27.007 section 10.2.1).
at::Result SerialModule::dial(const at::Command& command) {
  std::string_view number = command.argument;
  if (!number.empty() && (number.front() == 'T' || number.front() == 'P')) number.remove_prefix(1);
  if (!number.starts_with("*99") || !number.ends_with("#")) return {.code = at::Result::Code::NoCarrier};
  return connect();
}

at::Result SerialModule::connect() {
  if (mode_ == Mode::Escaped)
    return {.code = at::Result::Code::Equipment, .equipment_error = at::kErrorNotAllowed};
  return {.code = reachable() ? at::Result::Code::Connect : at::Result::Code::NoCarrier};
}

at::Result SerialModule::hang_up() {
  if (mode_ == Mode::Escaped) {
    ppp_.stop();
    mode_ = Mode::Command;
  }
  return {};
}

at::Result SerialModule::online() {
  return {.code = mode_ == Mode::Escaped ? at::Result::Code::Connect : at::Result::Code::NoCarrier};
}

}  // namespace microvisor::board

// See wifi_commands.hpp. Commands, their answers and states are those of the public ESP-AT documentation,
// chapters "Basic", "Wi-Fi" and "Ethernet AT Commands"; D, H and O are V.250's.
#include "board/modem/wifi_commands.hpp"

#include <cctype>

namespace microvisor::board {
namespace {

using Form = at::Command::Form;

constexpr at::Result kError{.code = at::Result::Code::Error};
constexpr const char* kHardwareAddress = "02:4d:56:00:00:01";
constexpr unsigned kChannel = 6;
constexpr unsigned kWpa2 = 3;  // <ecn> of +CWLAP

at::Command parse_one(std::string_view line) {
  at::Command command;
  if (line.empty()) return command;
  const std::size_t end = line.front() == '+' ? line.find_first_of("=?") : 1;
  for (const char character : line.substr(0, end))
    command.name += static_cast<char>(std::toupper(static_cast<unsigned char>(character)));
  const std::string_view tail = end < line.size() ? line.substr(end) : std::string_view{};
  if (command.name.front() != '+') {
    command.argument = tail;
  } else if (tail == "?") {
    command.form = Form::Read;
  } else if (tail == "=?") {
    command.form = Form::Test;
  } else if (!tail.empty()) {
    command.form = Form::Set;
    command.argument = tail.substr(1);
  }
  return command;
}

std::vector<std::string> escaped_arguments(std::string_view text) {
  return at::split_arguments(text, at::Escapes::Backslash);
}

}  // namespace

const WifiCommands::Entry WifiCommands::kTable[] = {
    {"", &WifiCommands::accept},
    {"E", &WifiCommands::echo},
    {"D", &WifiCommands::dial},
    {"H", &WifiCommands::hang_up},
    {"O", &WifiCommands::online},
    {"+RST", &WifiCommands::reset},
    {"+GMR", &WifiCommands::version},
    {"+SYSSTORE", &WifiCommands::accept},
    {"+CWMODE", &WifiCommands::mode},
    {"+CWRECONNCFG", &WifiCommands::accept},
    {"+CWJAP", &WifiCommands::join},
    {"+CWSTATE", &WifiCommands::state},
    {"+CWLAP", &WifiCommands::list},
    {"+CWQAP", &WifiCommands::leave},
    {"+CIPETH", &WifiCommands::ethernet},
    {"+MVFW", &WifiCommands::firmware},
    {"+MVFWD", &WifiCommands::firmware_piece},
    {"+MVFWE", &WifiCommands::firmware_end},
    {"+MVFWC", &WifiCommands::firmware_confirm},
    {"+MVFWR", &WifiCommands::firmware_return},
};

/// While it joins it takes nothing else.
at::Result WifiCommands::execute(const std::string& line) {
  if (module_.command_waits_) {
    information("busy p...");
    return {.code = at::Result::Code::None};
  }
  const at::Command command = parse_one(line);
  for (const Entry& entry : kTable) {
    if (entry.name == command.name) return (this->*entry.handler)(command);
  }
  return kError;
}

at::Result WifiCommands::accept(const at::Command&) { return {}; }

at::Result WifiCommands::echo(const at::Command& command) {
  const auto value = at::number(command.argument, 1);
  if (!value) return kError;
  module_.at_.echo = *value == 1;
  return {};
}

at::Result WifiCommands::reset(const at::Command&) { return restart(); }

/// Behind its answer.
at::Result WifiCommands::restart() {
  module_.restart_event_.after(WifiModule::kAnswerTime);
  return {};
}

at::Result WifiCommands::version(const at::Command&) {
  information("AT version:2.4.0.0\r\nVirtual Wi-Fi module with PPP\r\nBin version:" +
              std::to_string(module_.firmware_.version()));
  return {};
}

at::Result WifiCommands::mode(const at::Command& command) {
  if (command.form == Form::Read) {
    information("+CWMODE:" + std::to_string(module_.mode_setting_));
    return {};
  }
  const auto arguments = escaped_arguments(command.argument);
  const auto value = at::number(arguments[0], 3);
  if (!value) return kError;
  module_.mode_setting_ = *value;
  if ((*value & 1) == 0) module_.leave();
  return {};
}

at::Result WifiCommands::join(const at::Command& command) {
  if (command.form == Form::Read) {
    if (joined()) {
      information("+CWJAP:\"" + module_.ssid_ + "\",\"" + kHardwareAddress + "\"," +
                  std::to_string(kChannel) + "," + std::to_string(module_.settings_.signal) + ",0,1,3,0,1");
    } else {
      information("No AP");
    }
    return {};
  }
  const auto arguments = escaped_arguments(command.argument);
  const bool station = (module_.mode_setting_ & 1) != 0;
  if (command.form != Form::Set || !station || arguments[0].empty() || arguments[0].size() > 32)
    return kError;
  module_.join(arguments[0], arguments.size() > 1 ? arguments[1] : "");
  return {.code = at::Result::Code::None};
}

at::Result WifiCommands::state(const at::Command&) {
  information("+CWSTATE:" + std::to_string(static_cast<unsigned>(module_.station_)) + ",\"" + module_.ssid_ +
              "\"");
  return {};
}

at::Result WifiCommands::list(const at::Command& command) {
  const WifiSettings& air = module_.settings_;
  const bool asked = command.form != Form::Set || escaped_arguments(command.argument)[0] == air.ssid;
  if (asked && module_.present_ && !air.ssid.empty()) {
    information("+CWLAP:(" + std::to_string(air.password.empty() ? 0 : kWpa2) + ",\"" + air.ssid + "\"," +
                std::to_string(air.signal) + ",\"" + kHardwareAddress + "\"," + std::to_string(kChannel) +
                ")");
  }
  return {};
}

at::Result WifiCommands::leave(const at::Command&) {
  module_.leave();
  return {};
}

at::Result WifiCommands::ethernet(const at::Command& command) {
  if (command.form != Form::Read) return kError;
  const bool cable = module_.settings_.cable;
  information(std::string("+CIPETH:ip:") + (cable ? "192.168.105.24" : "0.0.0.0"));
  information(std::string("+CIPETH:gateway:") + (cable ? "192.168.105.1" : "0.0.0.0"));
  information(std::string("+CIPETH:netmask:") + (cable ? "255.255.255.0" : "0.0.0.0"));
  return {};
}

// --- docs/module-firmware.md, "The module's contract"

at::Result WifiCommands::firmware(const at::Command& command) {
  if (command.form == Form::Set) return module_.firmware_.begin(command.argument) ? at::Result{} : kError;
  if (command.form != Form::Read) return kError;
  information(module_.firmware_.state_text());
  return {};
}

at::Result WifiCommands::firmware_piece(const at::Command& command) {
  if (module_.firmware_.begin_piece(command.argument) == 0) return kError;
  module_.piece_event_.after(WifiModule::kPieceTime);
  return {};
}

at::Result WifiCommands::firmware_end(const at::Command&) {
  if (!module_.firmware_.end()) return kError;
  if (!module_.firmware_.abrupt()) return restart();
  module_.restart_event_.after(0);
  return {.code = at::Result::Code::None};
}

at::Result WifiCommands::firmware_confirm(const at::Command&) {
  if (!module_.firmware_.confirm()) return kError;
  module_.trial_event_.cancel();
  return {};
}

at::Result WifiCommands::firmware_return(const at::Command&) {
  return module_.firmware_.go_back() ? restart() : kError;
}

}  // namespace microvisor::board

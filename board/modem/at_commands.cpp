// See at_commands.hpp. Basic commands are V.250's, those with a plus TS 27.007's; the section stands with
// each.
#include "board/modem/at_commands.hpp"

#include <string>

namespace microvisor::board {
namespace {

constexpr at::Result kOk{};
constexpr at::Result kError{.code = at::Result::Code::Error};

constexpr at::Result equipment(unsigned error) {
  return {.code = at::Result::Code::Equipment, .equipment_error = error};
}

}  // namespace

const AtCommands::Entry AtCommands::kTable[] = {
    {"E", &AtCommands::echo},
    {"Q", &AtCommands::quiet},
    {"V", &AtCommands::verbose},
    {"X", &AtCommands::accept},
    {"Z", &AtCommands::defaults},
    {"&F", &AtCommands::defaults},
    {"&W", &AtCommands::accept},
    {"&C", &AtCommands::accept},
    {"&D", &AtCommands::accept},
    {"&K", &AtCommands::accept},
    {"S0", &AtCommands::accept},
    {"D", &AtCommands::dial},
    {"H", &AtCommands::hang_up},
    {"O", &AtCommands::online},
    {"I", &AtCommands::product},
    {"+CMEE", &AtCommands::error_reports},
    {"+CGMI", &AtCommands::manufacturer},
    {"+CGMM", &AtCommands::model},
    {"+CGMR", &AtCommands::revision},
    {"+CGSN", &AtCommands::imei},
    {"+GSN", &AtCommands::imei},
    {"+CIMI", &AtCommands::imsi},
    {"+CCID", &AtCommands::iccid},
    {"+CPIN", &AtCommands::pin},
    {"+CREG", &AtCommands::creg},
    {"+CGREG", &AtCommands::cgreg},
    {"+CEREG", &AtCommands::cereg},
    {"+CSQ", &AtCommands::signal_quality},
    {"+COPS", &AtCommands::operator_name},
    {"+CFUN", &AtCommands::functionality},
    {"+CGDCONT", &AtCommands::define_context},
    {"+CGATT", &AtCommands::attach},
    {"+CGACT", &AtCommands::activate},
    {"+CGPADDR", &AtCommands::address},
    {"+CGDATA", &AtCommands::enter_data},
    {"+IFC", &AtCommands::flow_control},
    {"+IPR", &AtCommands::accept},
    {"+ICF", &AtCommands::accept},
};

at::Result AtCommands::execute(std::string_view line) {
  const auto commands = at::parse(line);
  if (!commands) return kError;
  for (const at::Command& command : *commands) {
    const at::Result result = run(command);
    if (result.code != at::Result::Code::Ok) return result;
  }
  return kOk;
}

at::Result AtCommands::run(const at::Command& command) {
  for (const Entry& entry : kTable) {
    if (entry.name == command.name) return (this->*entry.handler)(command);
  }
  return kError;
}

void AtCommands::information(std::string_view text) { modem_.information(text); }

/// Settings that are taken and change nothing here: the line has no rate, no carrier signal and no profile of
/// its own.
at::Result AtCommands::accept(const at::Command& command) {
  if (command.form == at::Command::Form::Read) information(command.name + ": 0");
  return kOk;
}

at::Result AtCommands::set_flag(const at::Command& command, bool& flag) {
  if (command.argument.empty()) {
    flag = false;
    return kOk;
  }
  const auto value = at::number(command.argument, 1);
  if (!value) return kError;
  flag = *value == 1;
  return kOk;
}

at::Result AtCommands::echo(const at::Command& command) { return set_flag(command, modem_.at_.echo); }
at::Result AtCommands::quiet(const at::Command& command) { return set_flag(command, modem_.at_.quiet); }
at::Result AtCommands::verbose(const at::Command& command) { return set_flag(command, modem_.at_.verbose); }

at::Result AtCommands::defaults(const at::Command&) {
  modem_.at_ = {};
  return kOk;
}

// --- calls
// ----------------------------------------------------------------------------------------------------------

at::Result AtCommands::dial(const at::Command& command) { return modem_.dial(command); }

/// +CGDATA="PPP"[,<cid>] (TS 27.007 section 10.1.12).
at::Result AtCommands::enter_data(const at::Command& command) {
  if (command.form == at::Command::Form::Test) {
    information("+CGDATA: (\"PPP\")");
    return kOk;
  }
  if (at::split_arguments(command.argument)[0] != "PPP") return equipment(at::kErrorNotSupported);
  return modem_.connect();
}

at::Result AtCommands::hang_up(const at::Command&) { return modem_.hang_up(); }
at::Result AtCommands::online(const at::Command&) { return modem_.online(); }

// --- who the module is
// ------------------------------------------------------------------------------------------------

at::Result AtCommands::product(const at::Command&) {
  information("Microvisor\r\nVirtual cellular module\r\nRevision: 1");
  return kOk;
}

at::Result AtCommands::identity(const at::Command& command, std::string_view text) {
  if (command.form == at::Command::Form::Test) return kOk;
  if (command.form == at::Command::Form::Set) return kError;
  information(text);
  return kOk;
}

at::Result AtCommands::manufacturer(const at::Command& command) { return identity(command, "Microvisor"); }
at::Result AtCommands::model(const at::Command& command) {
  return identity(command, "Virtual cellular module");
}
at::Result AtCommands::revision(const at::Command& command) { return identity(command, "1"); }
at::Result AtCommands::imei(const at::Command& command) { return identity(command, modem_.settings_.imei); }

bool AtCommands::sim_missing(at::Result& result) const {
  if (modem_.sim_ready_) return false;
  switch (modem_.settings_.sim) {
    case Sim::Ready: result = equipment(at::kErrorSimBusy); break;
    case Sim::Missing: result = equipment(at::kErrorSimNotInserted); break;
    case Sim::Locked: result = equipment(at::kErrorPinRequired); break;
  }
  return true;
}

at::Result AtCommands::imsi(const at::Command& command) {
  at::Result result;
  return sim_missing(result) ? result : identity(command, modem_.settings_.imsi);
}

at::Result AtCommands::iccid(const at::Command& command) {
  at::Result result;
  return sim_missing(result) ? result : identity(command, "+CCID: " + modem_.settings_.iccid);
}

/// +CPIN? (TS 27.007 section 8.3). Nobody knows the PIN of one that asks for it.
at::Result AtCommands::pin(const at::Command& command) {
  if (modem_.settings_.sim == Sim::Locked && command.form == at::Command::Form::Set)
    return equipment(at::kErrorIncorrectPassword);
  if (modem_.settings_.sim == Sim::Locked && command.form == at::Command::Form::Read) {
    information("+CPIN: SIM PIN");
    return kOk;
  }
  at::Result result;
  if (sim_missing(result)) return result;
  if (command.form == at::Command::Form::Set) return equipment(at::kErrorNotAllowed);
  if (command.form == at::Command::Form::Read) information("+CPIN: READY");
  return kOk;
}

// --- the network
// -------------------------------------------------------------------------------------------------------

/// +CREG (7.2), +CGREG (10.1.20), +CEREG (10.1.22).
at::Result AtCommands::registration(const at::Command& command, unsigned& mode) {
  switch (command.form) {
    case at::Command::Form::Test: information(command.name + ": (0,1)"); return kOk;
    case at::Command::Form::Read:
      information(command.name + ": " + std::to_string(mode) + "," + modem_.registration_state());
      return kOk;
    case at::Command::Form::Set: {
      const auto value = at::number(command.argument, 1);
      if (!value) return equipment(at::kErrorBadParameter);
      mode = *value;
      return kOk;
    }
    default: return kError;
  }
}

at::Result AtCommands::creg(const at::Command& command) { return registration(command, modem_.at_.creg); }
at::Result AtCommands::cgreg(const at::Command& command) { return registration(command, modem_.at_.cgreg); }
at::Result AtCommands::cereg(const at::Command& command) { return registration(command, modem_.at_.cereg); }

/// +CSQ (8.5): 99 is not known.
at::Result AtCommands::signal_quality(const at::Command& command) {
  if (command.form == at::Command::Form::Test) {
    information("+CSQ: (0-31,99),(0-7,99)");
    return kOk;
  }
  information("+CSQ: " + std::to_string(modem_.registered_ ? modem_.settings_.signal_quality : 99) + ",99");
  return kOk;
}

/// +COPS (7.3): automatic selection is all there is.
at::Result AtCommands::operator_name(const at::Command& command) {
  if (command.form == at::Command::Form::Read) {
    information(modem_.registered_ ? "+COPS: 0,0,\"Microvisor\",7" : "+COPS: 0");
    return kOk;
  }
  const auto mode = at::number(at::split_arguments(command.argument)[0], 4);
  return mode && (*mode == 0 || *mode == 3) ? kOk : equipment(at::kErrorNotSupported);
}

/// +CFUN (8.2): 0 minimum, 1 full, 4 no radio; "1,1" resets the module.
at::Result AtCommands::functionality(const at::Command& command) {
  if (command.form == at::Command::Form::Read) {
    information("+CFUN: " + std::to_string(modem_.at_.functionality));
    return kOk;
  }
  const auto arguments = at::split_arguments(command.argument);
  const auto value = at::number(arguments[0], 4);
  if (!value || (*value > 1 && *value != 4)) return equipment(at::kErrorBadParameter);
  if (arguments.size() > 1 && arguments[1] == "1") {
    modem_.power_cycle();
    modem_.to_chip(at::format_result(kOk, modem_.at_));
    return {.code = at::Result::Code::None};
  }
  modem_.at_.functionality = *value;
  if (*value == 1) {
    if (!modem_.registered_)
      modem_.registration_event_.after(modem_.settings_.registered - modem_.settings_.boot);
  } else {
    modem_.registered_ = false;
    modem_.registration_event_.cancel();
  }
  return kOk;
}

/// +CGDCONT (10.1.1): context 1, type IP.
at::Result AtCommands::define_context(const at::Command& command) {
  if (command.form == at::Command::Form::Read) {
    if (modem_.at_.context_defined) information("+CGDCONT: 1,\"IP\",\"" + modem_.at_.apn + "\",\"\",0,0");
    return kOk;
  }
  if (command.form == at::Command::Form::Test) {
    information("+CGDCONT: (1),\"IP\",,,(0),(0)");
    return kOk;
  }
  const auto arguments = at::split_arguments(command.argument);
  if (arguments[0] != "1") return equipment(at::kErrorBadParameter);
  if (arguments.size() > 1 && arguments[1] != "IP") return equipment(at::kErrorNotSupported);
  modem_.at_.context_defined = arguments.size() > 1;
  modem_.at_.apn = arguments.size() > 2 ? arguments[2] : "";
  return kOk;
}

/// +CGATT (10.1.9).
at::Result AtCommands::attach(const at::Command& command) {
  if (command.form == at::Command::Form::Read) {
    information(modem_.registered_ ? "+CGATT: 1" : "+CGATT: 0");
    return kOk;
  }
  return at::number(command.argument, 1) ? kOk : equipment(at::kErrorBadParameter);
}

/// +CGACT (10.1.10).
at::Result AtCommands::activate(const at::Command& command) {
  if (command.form == at::Command::Form::Read) {
    information(modem_.in_call() ? "+CGACT: 1,1" : "+CGACT: 1,0");
    return kOk;
  }
  const auto wanted = at::number(at::split_arguments(command.argument)[0], 1);
  if (!modem_.registered_) return equipment(at::kErrorNotAllowed);
  return wanted == 0 || modem_.has_context() ? kOk : equipment(at::kErrorNotSubscribed);
}

/// +CGPADDR (10.1.14).
at::Result AtCommands::address(const at::Command&) {
  information(modem_.registered_ ? "+CGPADDR: 1,\"10.0.2.15\"" : "+CGPADDR: 1");
  return kOk;
}

at::Result AtCommands::error_reports(const at::Command& command) {
  if (command.form == at::Command::Form::Read) {
    information("+CMEE: " + std::to_string(modem_.at_.error_reports));
    return kOk;
  }
  const auto value = at::number(command.argument, 2);
  if (!value) return kError;
  modem_.at_.error_reports = *value;
  return kOk;
}

/// +IFC (V.250 6.2.12): RTS and CTS are always on.
at::Result AtCommands::flow_control(const at::Command& command) {
  if (command.form == at::Command::Form::Read) information("+IFC: 2,2");
  if (command.form == at::Command::Form::Set && command.argument != "2,2")
    return equipment(at::kErrorNotSupported);
  return kOk;
}

}  // namespace microvisor::board

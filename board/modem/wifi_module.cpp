// The Wi-Fi module's life: joining, losing the access point and coming back to it by itself. See
// wifi_module.hpp.
#include "board/modem/wifi_module.hpp"

#include <utility>

#include "board/modem/wifi_commands.hpp"

namespace microvisor::board {
namespace {

constexpr Time kRejoin = kTicksPerSecond;  // <interval_second> of +CWRECONNCFG, as it is by default

}  // namespace

WifiModule::WifiModule(Scheduler& scheduler, Network& network, WifiSettings settings)
    : SerialModule(scheduler, network, kWifiAddress, {settings.response, settings.escape_guard},
                   at::LineReader(true)),
      settings_(std::move(settings)),
      away_(scheduler, settings_.away, [this](bool away) { set_access_point(!away); }),
      firmware_(settings_.firmware_version, settings_.firmware_fault),
      boot_event_(scheduler, [this] { boot_done(); }),
      join_event_(scheduler, [this] { join_step(); }),
      rejoin_event_(scheduler, [this] { rejoin_due(); }),
      piece_event_(scheduler, [this] { piece_due(); }),
      trial_event_(scheduler, [this] { trial_over(); }),
      restart_event_(scheduler, [this] { power_cycle(); }) {
  away_.begin();
}

/// It is told anew whom to join.
void WifiModule::power_cycle() {
  SerialModule::power_cycle();
  station_ = Station::Idle;
  ssid_.clear();
  password_.clear();
  command_waits_ = false;
  mode_setting_ = 1;
  join_event_.cancel();
  rejoin_event_.cancel();
  piece_event_.cancel();
  restart_event_.cancel();
  firmware_.started();
  if (!firmware_.on_trial()) trial_event_.cancel();
  if (firmware_.on_trial() && !trial_event_.armed()) trial_event_.after(settings_.trial);
  boot_event_.cancel();
  if (!firmware_.mute()) boot_event_.after(settings_.boot);
}

/// The boot loader's watch, which does not depend on the firmware.
void WifiModule::trial_over() {
  if (firmware_.go_back()) power_cycle();
}

/// What follows AT+MVFWD is no text.
void WifiModule::byte_from_chip(std::uint8_t byte) {
  if (mode_ == Mode::Command && firmware_.takes_bytes() && !answering()) return piece_byte(byte);
  SerialModule::byte_from_chip(byte);
}

void WifiModule::piece_byte(std::uint8_t byte) {
  const ModuleFirmware::Taken taken = firmware_.take(byte);
  if (taken == ModuleFirmware::Taken::More) return;
  piece_event_.cancel();
  if (taken == ModuleFirmware::Taken::Restart) return power_cycle();
  const bool stored = taken == ModuleFirmware::Taken::Stored;
  finish({.code = stored ? at::Result::Code::Ok : at::Result::Code::Error});
}

void WifiModule::piece_due() {
  firmware_.drop_piece();
  finish({.code = at::Result::Code::Error});
}

void WifiModule::boot_done() {
  start("ready");
  if (settings_.cable) say("+ETH_CONNECTED");
}

/// Unasked for; not between the frames of a call.
void WifiModule::say(std::string_view text) {
  if (mode_ == Mode::Command) information(text);
}

void WifiModule::join(std::string ssid, std::string password) {
  if (station_ == Station::Joined || station_ == Station::NoAddress) say("WIFI DISCONNECT");
  ssid_ = std::move(ssid);
  password_ = std::move(password);
  command_waits_ = true;
  station_ = Station::Joining;
  rejoin_event_.cancel();
  join_event_.after(settings_.scan);
}

WifiModule::JoinError WifiModule::judge() const {
  if (!firmware_.joins()) return JoinError::Failed;
  if (!present_ || settings_.ssid.empty() || ssid_ != settings_.ssid) return JoinError::NoAccessPoint;
  return password_ == settings_.password ? JoinError::None : JoinError::Password;
}

/// Scan, association, address: each takes its time.
void WifiModule::join_step() {
  if (station_ == Station::NoAddress) {
    return join_ended(settings_.has_address ? JoinError::None : JoinError::Timeout);
  }
  if (const JoinError error = judge(); error != JoinError::None) return join_ended(error);
  station_ = Station::NoAddress;
  say("WIFI CONNECTED");
  join_event_.after(settings_.has_address ? settings_.join : settings_.give_up);
}

/// What was joined once is come back to; what was not is left alone.
void WifiModule::join_ended(JoinError error) {
  const bool asked = std::exchange(command_waits_, false);
  station_ = error == JoinError::None ? Station::Joined : Station::Left;
  if (error == JoinError::None) {
    say("WIFI GOT IP");
  } else if (error != JoinError::NoAccessPoint) {
    say("WIFI DISCONNECT");
  }
  if (!asked && error != JoinError::None) rejoin_event_.after(kRejoin);
  if (!asked) return;
  if (error == JoinError::None) return finish({});
  information("+CWJAP:" + std::to_string(static_cast<unsigned>(error)));
  finish({.code = at::Result::Code::Error});
}

void WifiModule::set_access_point(bool present) {
  present_ = present;
  if (!present) lose_access_point();
}

void WifiModule::lose_access_point() {
  if (station_ == Station::NoAddress && command_waits_) {
    join_event_.cancel();
    return join_ended(JoinError::Failed);
  }
  if (station_ != Station::Joined) return;
  station_ = Station::Left;
  rejoin_event_.after(kRejoin);
  if (!reachable()) lose_carrier();
  say("WIFI DISCONNECT");
}

void WifiModule::leave() {
  if (station_ == Station::Joined) say("WIFI DISCONNECT");
  station_ = Station::Idle;
  ssid_.clear();
  password_.clear();
  join_event_.cancel();
  rejoin_event_.cancel();
}

void WifiModule::rejoin_due() {
  station_ = Station::Joining;
  join_event_.after(settings_.scan);
}

void WifiModule::set_cable(bool plugged) {
  settings_.cable = plugged;
  if (!reachable()) lose_carrier();
  say(plugged ? "+ETH_CONNECTED" : "+ETH_DISCONNECTED");
}

at::Result WifiModule::execute(const std::string& line) { return WifiCommands(*this).execute(line); }

std::string_view WifiModule::idle_text() const {
  if (settings_.cable) return "cable";
  if (station_ == Station::Joined) return "joined";
  return station_ == Station::Joining || station_ == Station::NoAddress ? "joining" : "not joined";
}

void WifiModule::serialise(Archive& archive) {
  SerialModule::serialise(archive);
  archive(settings_.ssid, settings_.password, settings_.signal, settings_.cable, settings_.has_address,
          settings_.boot, settings_.scan, settings_.join, settings_.give_up, settings_.trial, firmware_,
          away_, present_, station_, ssid_, password_, command_waits_, mode_setting_);
  for (Scheduler::Event* event :
       {&boot_event_, &join_event_, &rejoin_event_, &piece_event_, &trial_event_, &restart_event_})
    serialise_event(archive, *event);
}

}  // namespace microvisor::board

// The cellular module's life; at_commands.cpp has what it answers to commands. See at_modem.hpp.
#include "board/modem/at_modem.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include "board/bus/event_archive.hpp"
#include "board/modem/at_commands.hpp"

namespace microvisor::board {

AtModem::AtModem(Scheduler& scheduler, Network& network, ModemSettings settings)
    : SerialModule(scheduler, network, kBoardAddress, {settings.response, settings.escape_guard},
                   at::LineReader()),
      settings_(std::move(settings)),
      away_(scheduler, settings_.away, [this](bool away) { set_away(away); }),
      boot_event_(scheduler, [this] { boot_done(); }),
      sim_event_(scheduler, [this] { sim_done(); }),
      registration_event_(scheduler, [this] { registration_done(); }) {
  away_.begin();
}

void AtModem::power_cycle() {
  SerialModule::power_cycle();
  sim_ready_ = registered_ = searched_ = false;
  boot_event_.after(settings_.boot);
  sim_event_.after(settings_.sim_ready);
  registration_event_.after(settings_.registered);
}

void AtModem::boot_done() { start("RDY"); }

void AtModem::sim_done() {
  sim_ready_ = settings_.sim == Sim::Ready;
  if (mode_ != Mode::Command) return;
  if (sim_ready_) information("+CPIN: READY");
  if (settings_.sim == Sim::Locked) information("+CPIN: SIM PIN");
}

void AtModem::registration_done() {
  searched_ = true;
  registered_ = sim_ready_ && at_.functionality == 1 && covered();
  if (mode_ != Mode::Command) return;
  report_registration("+CREG", at_.creg);
  report_registration("+CGREG", at_.cgreg);
  report_registration("+CEREG", at_.cereg);
}

void AtModem::report_registration(std::string_view name, unsigned mode) {
  if (mode != 0) information(std::string(name) + ": " + registration_state());
}

/// 0 not searching, 1 at home, 2 searching, 3 denied, 5 roaming (TS 27.007 section 7.2).
char AtModem::registration_state() const {
  if (at_.functionality != 1 || settings_.sim != Sim::Ready) return '0';
  if (registered_) return coverage() == Coverage::Roaming ? '5' : '1';
  return searched_ && coverage() == Coverage::Denied ? '3' : '2';
}

/// Case is of no meaning in names (TS 23.003 section 9.1).
bool AtModem::has_context() const {
  const auto same = [](unsigned char one, unsigned char other) {
    return std::tolower(one) == std::tolower(other);
  };
  if (at_.apn.empty()) return settings_.subscription_has_apn;
  return settings_.apn.empty() || std::ranges::equal(at_.apn, settings_.apn, same);
}

void AtModem::set_coverage(Coverage coverage) {
  settings_.coverage = coverage;
  coverage_changed();
}

void AtModem::set_away(bool away) {
  is_away_ = away;
  coverage_changed();
}

void AtModem::coverage_changed() {
  if (covered()) return registration_event_.after(settings_.registered - settings_.boot);
  lose_carrier();
  registration_done();
}

at::Result AtModem::execute(const std::string& line) { return AtCommands(*this).execute(line); }

std::string_view AtModem::idle_text() const {
  if (registered_) return "registered";
  switch (settings_.sim) {
    case Sim::Missing: return "no SIM";
    case Sim::Locked: return "SIM locked";
    case Sim::Ready: break;
  }
  return registration_state() == '3' ? "denied" : "searching";
}

void AtModem::serialise(Archive& archive) {
  SerialModule::serialise(archive);
  archive(settings_.boot, settings_.sim_ready, settings_.registered, settings_.sim, settings_.coverage,
          settings_.apn, settings_.subscription_has_apn, settings_.signal_quality, settings_.imei,
          settings_.imsi, settings_.iccid, away_, is_away_, sim_ready_, registered_, searched_);
  for (Scheduler::Event* event : {&boot_event_, &sim_event_, &registration_event_})
    serialise_event(archive, *event);
}

}  // namespace microvisor::board

// See dialler.hpp.
#include "firmware/net/dialler.hpp"

namespace microvisor::firmware::net {
namespace {

constexpr std::uint64_t kBootTime = 12 * kSeconds;  // longest boot of a common module
constexpr std::uint64_t kSimTime = 20 * kSeconds;
constexpr std::uint64_t kNetworkTime = 90 * kSeconds;
constexpr std::uint64_t kDeniedTime = 20 * kSeconds;  // a module may try other networks meanwhile
constexpr std::uint64_t kCallTime = 30 * kSeconds;
constexpr std::uint64_t kPollTime = 250 * kMilliseconds;

/// <stat> of TS 27.007 section 7.2.
constexpr char kHome = '1';
constexpr char kDenied = '3';
constexpr char kUnknown = '4';
constexpr char kRoaming = '5';

/// <rssi> of TS 27.007 section 8.5: steps of 2 dBm from -113 on; what is beyond is not known.
constexpr std::uint32_t kHighestQuality = 31;

/// What the SIM says of itself (TS 27.007 section 8.3), or the equipment of it (section 9.2).
struct SimState {
  std::string_view text;
  DialResult result;
};
constexpr SimState kSimStates[] = {
    {"+CPIN: READY", DialResult::Connected},   {"+CPIN: ", DialResult::SimLocked},
    {"+CME ERROR: 10", DialResult::NoSim},     {"+CME ERROR: 11", DialResult::SimLocked},
    {"+CME ERROR: 12", DialResult::SimLocked}, {"+CME ERROR: 13", DialResult::NoSim},
};

}  // namespace

/// The context is defined before the network is looked for: one of LTE's may be attached to with it, and
/// refuse then.
DialResult Dialler::dial(std::string_view apn) {
  reception_ = {};
  if (!wake_modem()) return DialResult::NoModem;
  if (const DialResult result = wait_for_sim(); result != DialResult::Connected) return result;
  if (!define_context(apn)) return DialResult::Refused;
  if (const DialResult result = wait_for_network(); result != DialResult::Connected) return result;
  measure();
  return call();
}

bool Dialler::wake_modem() {
  if (!module_.wake(kBootTime)) return false;
  // RTS and CTS; some modules have them fixed and refuse
  static_cast<void>(module_.command("AT+IFC=2,2", AtDialogue::kCommandTime));
  return module_.command("AT+CMEE=1", AtDialogue::kCommandTime) == Answer::Ok;
}

DialResult Dialler::wait_for_sim() {
  const std::uint64_t deadline = module_.now() + kSimTime;
  while (module_.now() < deadline) {
    static_cast<void>(module_.command("AT+CPIN?", 5 * kSeconds));
    for (const SimState& state : kSimStates) {
      if (starts_with(module_.information(), state.text)) return state.result;
    }
    module_.pause(kPollTime / 2);  // busy: it is still being read
  }
  return DialResult::NoSim;
}

/// At home or roaming, in the packet domain of LTE or of 2G and 3G.
DialResult Dialler::wait_for_network() {
  const std::uint64_t start = module_.now();
  std::uint64_t wanted = start;  // when no network had refused yet
  while (module_.now() < start + kNetworkTime) {
    const char state = registration();
    reception_.roaming = state == kRoaming;
    if (state == kHome || state == kRoaming) return DialResult::Connected;
    if (state != kDenied) wanted = module_.now();
    if (module_.now() >= wanted + kDeniedTime) return DialResult::Denied;
    module_.pause(kPollTime);
  }
  return DialResult::NotRegistered;
}

/// The best of what the domains say: one that is registered, else a refusal.
char Dialler::registration() {
  constexpr std::string_view kQueries[] = {"AT+CEREG?", "AT+CGREG?", "AT+CREG?"};
  char best = kUnknown;
  for (const std::string_view query : kQueries) {
    if (module_.command(query, AtDialogue::kCommandTime) != Answer::Ok) continue;
    const std::string_view text = module_.information();
    const std::size_t comma = text.find(',');
    if (comma == std::string_view::npos || comma + 1 >= text.size()) continue;
    const char state = text[comma + 1];
    if (state == kHome || state == kRoaming) return state;
    if (state == kDenied) best = state;
  }
  return best;
}

bool Dialler::define_context(std::string_view apn) {
  module_.drain();
  module_.send("AT+CGDCONT=1,\"IP\",\"");
  module_.send(apn);
  return module_.command("\"", AtDialogue::kCommandTime) == Answer::Ok;
}

void Dialler::measure() {
  static_cast<void>(module_.command("AT+CSQ", AtDialogue::kCommandTime));
  std::string_view text = module_.information();
  if (!starts_with(text, "+CSQ:")) return;
  const std::uint32_t quality = take_number(text);
  if (quality <= kHighestQuality) reception_.dbm = static_cast<std::int16_t>(2 * quality - 113);
}

DialResult Dialler::call() {
  const Answer result = module_.command("ATD*99***1#", kCallTime);
  if (result == Answer::ConnectDebug) return DialResult::Debugger;
  if (result == Answer::ConnectWifi) return DialResult::Settings;
  return result == Answer::Connect ? DialResult::Connected : DialResult::Refused;
}

}  // namespace microvisor::firmware::net

// Words of the form NAME=VALUE, separated by commas, each once.
#include "cli/bearers.hpp"

#include <fmt/core.h>

#include <charconv>
#include <map>
#include <sstream>

#include "cli/access_point.hpp"
#include "cli/failure.hpp"
#include "cli/radio.hpp"

namespace microvisor::cli {

namespace {

constexpr const char* kModemHelp =
    "The modem's SIM and network: sim=missing or locked (by a PIN), network=roaming, denied or none, "
    "apn=NAME (the network takes whoever dials with this access point name, and nobody else but with "
    "own=accepted whoever names none), signal=-85 (dBm) or unknown, "
    "away=20s/60s (no network in the first 20 seconds of each minute but the first)";
constexpr const char* kWifiHelp =
    "A Wi-Fi module, and the access point within its reach: ssid=NAME, password=TEXT (none: it is open), "
    "signal=-60 (dBm), away=20s/60s (it is gone in the first 20 seconds of each minute but the first), "
    "firmware=bad, cut, abrupt, mute or no-join (what is wrong when its firmware is updated)";

[[noreturn]] void refuse(const std::string& option, const std::string& word) {
  throw Failure(fmt::format("not what {} takes: {}", option, word));
}

using Words = std::map<std::string, std::string>;

Words words_of(const std::string& option, const std::string& text) {
  Words result;
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ',');) {
    const auto equals = word.find('=');
    if (equals == std::string::npos ||
        !result.emplace(word.substr(0, equals), word.substr(equals + 1)).second)
      refuse(option, word);
  }
  return result;
}

/// One of `values` by its name.
template <typename Value>
Value choose(const std::string& option, const std::string& word, const std::map<std::string, Value>& values) {
  const auto found = values.find(word);
  if (found == values.end()) refuse(option, word);
  return found->second;
}

int parse_dbm(const std::string& option, const std::string& word, int lowest, int highest) {
  int dbm = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), dbm);
  if (error == std::errc() && end == word.data() + word.size() && dbm >= lowest && dbm <= highest) return dbm;
  throw Failure(fmt::format("the signal of {} is {} to {} dBm: {}", option, lowest, highest, word));
}

/// As AT+CSQ tells it: steps of 2 dBm (3GPP TS 27.007 section 8.5).
unsigned parse_quality(const std::string& word) {
  constexpr int kWeakest = -113, kStrongest = -51;
  constexpr unsigned kUnknown = 99;
  if (word == "unknown") return kUnknown;
  return static_cast<unsigned>(parse_dbm("--modem", word, kWeakest, kStrongest) - kWeakest) / 2;
}

}  // namespace

board::ModemSettings parse_modem(const std::string& text) {
  board::ModemSettings settings;
  const Words words = words_of("--modem", text);
  bool own = !words.contains("apn");
  for (const auto& [name, value] : words) {
    if (name == "sim") {
      settings.sim = choose<board::Sim>(
          "--modem", value,
          {{"ready", board::Sim::Ready}, {"missing", board::Sim::Missing}, {"locked", board::Sim::Locked}});
    } else if (name == "network") {
      settings.coverage = choose<board::Coverage>("--modem", value,
                                                  {{"home", board::Coverage::Home},
                                                   {"roaming", board::Coverage::Roaming},
                                                   {"denied", board::Coverage::Denied},
                                                   {"none", board::Coverage::None}});
    } else if (name == "apn") {
      require_access_point_name(value);
      settings.apn = value;
    } else if (name == "own") {
      const std::map<std::string, bool> answers{{"accepted", true}, {"refused", false}};
      own = choose<bool>("--modem", value, answers);
    } else if (name == "signal") {
      settings.signal_quality = parse_quality(value);
    } else if (name == "away") {
      settings.away = parse_absence(value);
    } else {
      refuse("--modem", name);
    }
  }
  settings.subscription_has_apn = own;
  return settings;
}

/// Lengths are those of IEEE 802.11.
board::WifiSettings parse_wifi(const std::string& text) {
  board::WifiSettings settings;
  for (const auto& [name, value] : words_of("--wifi", text)) {
    if (name == "ssid") {
      settings.ssid = value;
    } else if (name == "signal") {
      settings.signal = parse_dbm("--wifi", value, -120, -1);
    } else if (name == "password") {
      settings.password = value;
    } else if (name == "away") {
      settings.away = parse_absence(value);
    } else if (name == "firmware") {
      using board::FirmwareFault;
      settings.firmware_fault = choose<FirmwareFault>("--wifi", value,
                                                      {{"bad", FirmwareFault::Bad},
                                                       {"cut", FirmwareFault::Cut},
                                                       {"abrupt", FirmwareFault::Abrupt},
                                                       {"mute", FirmwareFault::Mute},
                                                       {"no-join", FirmwareFault::NoJoin}});
    } else {
      refuse("--wifi", name);
    }
  }
  if (settings.ssid.empty() || settings.ssid.size() > 32) throw Failure("an ssid has 1 to 32 bytes");
  const std::size_t length = settings.password.size();
  if (length != 0 && (length < 8 || length > 63)) throw Failure("a Wi-Fi password has 8 to 63 characters");
  return settings;
}

void add_bearer_options(CLI::App& command, BearerArguments& arguments) {
  command.add_option("--link", arguments.links, kRadioHelp)->allow_extra_args(false);
  command.add_option("--modem", arguments.modem, kModemHelp);
  command.add_option("--wifi", arguments.wifi, kWifiHelp);
  command.add_flag("--ethernet", arguments.ethernet,
                   "A cable is plugged into the Wi-Fi module, which there is, then, even without --wifi");
}

bool any(const BearerArguments& arguments) {
  return !arguments.links.empty() || !arguments.modem.empty() || !arguments.wifi.empty() ||
         arguments.ethernet;
}

/// `wifi:` or `cellular:` before the conditions of one of the two airs; else they are those of both.
void take_bearers(const BearerArguments& arguments, VirtualDeviceOptions& options) {
  if (!arguments.modem.empty()) options.modem = parse_modem(arguments.modem);
  if (!arguments.wifi.empty()) options.wifi = parse_wifi(arguments.wifi);
  if (arguments.ethernet && !options.wifi) options.wifi.emplace();
  if (options.wifi) options.wifi->cable = arguments.ethernet;
  for (const std::string& link : arguments.links) {
    const std::string cellular = "cellular:", wifi = "wifi:";
    const bool of_cellular = link.starts_with(cellular), of_wifi = link.starts_with(wifi);
    const auto conditions = parse_radio(link.substr(of_cellular ? cellular.size()
                                                    : of_wifi   ? wifi.size()
                                                                : 0));
    if (!of_wifi) options.radio = conditions;
    if (!of_cellular) options.wifi_radio = conditions;
  }
}

}  // namespace microvisor::cli

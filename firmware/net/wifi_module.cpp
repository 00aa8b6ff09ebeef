// See wifi_module.hpp. Commands and their answers are those of the public ESP-AT documentation, chapters
// "Wi-Fi AT Commands" and "Ethernet AT Commands".
#include "firmware/net/wifi_module.hpp"

namespace microvisor::firmware::net {
namespace {

constexpr std::uint64_t kJoinTime = 20 * kSeconds;  // a module gives up after 15 s
constexpr std::uint64_t kCallTime = 10 * kSeconds;

/// <error code> behind +CWJAP: 1 timeout, 2 wrong password, 3 no such access point, 4 connection failed.
DialResult refusal(std::string_view information) {
  if (information == "+CWJAP:2") return DialResult::WrongPassword;
  if (information == "+CWJAP:3") return DialResult::NoAccessPoint;
  return DialResult::NotJoined;
}

constexpr std::string_view kFirmware = "+MVFW:";
constexpr std::uint32_t kOnTrial = 2;

constexpr std::uint32_t kWeakest = 127;  // -dBm

/// Control characters cannot be said on this line.
bool can_be_said(std::string_view text) {
  for (const char character : text) {
    if (static_cast<unsigned char>(character) < 0x20) return false;
  }
  return true;
}

}  // namespace

DialResult WifiModule::dial(const WifiCredentials& credentials) {
  if (const DialResult result = join(credentials, kBootTime); result != DialResult::Connected) return result;
  measure();
  const Answer result = module_.command("ATD*99#", kCallTime);
  return result == Answer::Connect ? DialResult::Connected : DialResult::Refused;
}

DialResult WifiModule::join(const WifiCredentials& credentials, std::uint64_t boot_time) {
  const std::string_view name = credentials.name(), key = credentials.key();
  if (!can_be_said(name) || !can_be_said(key)) return DialResult::NotJoined;
  if (!wake(boot_time)) return DialResult::NoModem;
  reception_.cable = has_cable();
  if (reception_.cable || (credentials.known() && has_joined(name))) return DialResult::Connected;
  if (!credentials.known()) return DialResult::NoAccessPoint;
  if (module_.command("AT+CWMODE=1", AtDialogue::kCommandTime) != Answer::Ok) return DialResult::NotJoined;
  module_.send("AT+CWJAP=");
  send_quoted(name);
  module_.send(",");
  send_quoted(key);
  const Answer result = module_.command("", kJoinTime);
  return result == Answer::Ok ? DialResult::Connected : refusal(module_.information());
}

void WifiModule::leave() {
  if (wake(kAnswerTime)) static_cast<void>(module_.command("AT+CWQAP", AtDialogue::kCommandTime));
}

/// What the module is told from now on is not kept.
bool WifiModule::wake(std::uint64_t boot_time) {
  const bool awake =
      module_.wake(boot_time) && module_.command("AT+SYSSTORE=0", AtDialogue::kCommandTime) == Answer::Ok;
  if (awake) ask_firmware();
  return awake;
}

/// +MVFW:kind,version,state,offset
void WifiModule::ask_firmware() {
  firmware_ = {};
  if (module_.command("AT+MVFW?", AtDialogue::kCommandTime) != Answer::Ok) return;
  std::string_view text = module_.information();
  if (!starts_with(text, kFirmware)) return;
  text.remove_prefix(kFirmware.size());
  for (std::size_t at = 0; at + 1 < firmware_.kind.size() && !text.empty() && text.front() != ','; ++at) {
    firmware_.kind[at] = text.front();
    text.remove_prefix(1);
  }
  firmware_.version = take_number(text);
  firmware_.on_trial = take_number(text) == kOnTrial;
  firmware_.offset = take_number(text);
}

/// +CWJAP:"name","BSSID",channel,RSSI and more: in the name there may be anything, in the BSSID no quote.
void WifiModule::measure() {
  reception_.dbm = 0;
  if (reception_.cable || module_.command("AT+CWJAP?", AtDialogue::kCommandTime) != Answer::Ok) return;
  std::string_view text = module_.information();
  text.remove_prefix(text.rfind('"') + 1);
  static_cast<void>(take_number(text));
  if (!starts_with(text, ",-")) return;
  const std::uint32_t dbm = take_number(text);
  if (dbm <= kWeakest) reception_.dbm = static_cast<std::int16_t>(-static_cast<std::int32_t>(dbm));
}

/// A firmware without Ethernet does not know the command.
bool WifiModule::has_cable() {
  if (module_.command("AT+CIPETH?", AtDialogue::kCommandTime) != Answer::Ok) return false;
  constexpr std::string_view kNetmask = "+CIPETH:netmask:";  // the last of three lines
  const std::string_view text = module_.information();
  return starts_with(text, kNetmask) && text.find("255.") != std::string_view::npos;
}

/// +CWSTATE:2,"name": joined, with an address.
bool WifiModule::has_joined(std::string_view name) {
  if (module_.command("AT+CWSTATE?", AtDialogue::kCommandTime) != Answer::Ok) return false;
  constexpr std::string_view kJoined = "+CWSTATE:2,\"";
  std::string_view text = module_.information();
  if (!starts_with(text, kJoined)) return false;
  text.remove_prefix(kJoined.size());
  return text.size() == name.size() + 1 && starts_with(text, name) && text.back() == '"';
}

/// Commas, quotes and backslashes are escaped.
void WifiModule::send_quoted(std::string_view text) {
  module_.send("\"");
  for (const char& character : text) {
    if (character == ',' || character == '"' || character == '\\') module_.send("\\");
    module_.send({&character, 1});
  }
  module_.send("\"");
}

}  // namespace microvisor::firmware::net

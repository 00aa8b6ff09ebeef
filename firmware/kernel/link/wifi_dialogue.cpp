// See wifi_dialogue.hpp.
#include "firmware/kernel/link/wifi_dialogue.hpp"

#include <algorithm>

namespace microvisor::firmware::link {
namespace {

constexpr std::string_view kNothing = "-";
constexpr std::size_t kMinimumPassword = 8;
constexpr std::size_t kNone = ~std::size_t{0};

int digit_of(char character) {
  if (character >= '0' && character <= '9') return character - '0';
  if (character >= 'a' && character <= 'f') return character - 'a' + 10;
  return -1;
}

/// Pairs of digits, at most as many as there is room for. Returns how many; kNone: they are none.
std::size_t read(std::string_view digits, std::span<char> into) {
  if (digits == kNothing) return 0;
  if (digits.empty() || digits.size() % 2 != 0 || digits.size() / 2 > into.size()) return kNone;
  for (std::size_t at = 0; at < digits.size(); at += 2) {
    const int value = digit_of(digits[at]) << 4 | digit_of(digits[at + 1]);
    if (value < 0) return kNone;
    into[at / 2] = static_cast<char>(value);
  }
  return digits.size() / 2;
}

}  // namespace

bool WifiDialogue::run() {
  while (next_line() && obey({line_.data(), length_})) {
  }
  return understood_;
}

/// An overlong line loses its end, and is none that anybody understands.
bool WifiDialogue::next_line() {
  const std::uint64_t deadline = stack_.platform().now() + kPatience;
  length_ = 0;
  while (stack_.platform().now() < deadline && host_.network_wanted()) {
    std::uint8_t byte = 0;
    if (stack_.receive({&byte, 1}) == 0) {
      stack_.wait(deadline);
    } else if (byte == '\r' && length_ != 0) {
      return true;
    } else if (byte >= ' ' && length_ < line_.size()) {
      line_[length_++] = static_cast<char>(byte);
    }
  }
  return false;
}

/// Its first letter says what is wanted. False: it was that.
bool WifiDialogue::obey(std::string_view line) {
  bool done = true;
  switch (line.front()) {
    case 'B': return false;
    case 'G': tell(); break;
    case 'C': done = host_.set_wifi({}); break;
    case 'S':
      line.remove_prefix(std::min<std::size_t>(line.size(), 2));
      done = set(line);
      break;
    case 'A':
      line.remove_prefix(std::min<std::size_t>(line.size(), 2));
      done = access_point(line);
      break;
    default: done = false;
  }
  understood_ = understood_ || done;
  say(done ? "OK\r\n" : "ERROR\r\n");
  return true;
}

bool WifiDialogue::set(std::string_view arguments) {
  const std::size_t space = arguments.find(' ');
  if (space == std::string_view::npos) return false;
  net::WifiCredentials wifi;
  const std::size_t name = read(arguments.substr(0, space), wifi.ssid);
  arguments.remove_prefix(space + 1);
  const std::size_t password = read(arguments, wifi.password);
  if (name == 0 || name == kNone || password == kNone || (password != 0 && password < kMinimumPassword))
    return false;
  wifi.ssid_length = static_cast<std::uint8_t>(name);
  wifi.password_length = static_cast<std::uint8_t>(password);
  return host_.set_wifi(wifi);
}

/// The name, and whether there is a password.
void WifiDialogue::tell() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const net::WifiCredentials wifi = host_.wifi_credentials();
  for (const char character : wifi.name()) {
    const auto byte = static_cast<std::uint8_t>(character);
    const char pair[] = {kDigits[byte >> 4], kDigits[byte & 0xF]};
    say({pair, 2});
  }
  say(wifi.password_length != 0 ? " 1\r\n" : " 0\r\n");
}

/// Tells the name, or takes another.
bool WifiDialogue::access_point(std::string_view argument) {
  net::AccessPointName apn;
  if (argument.empty()) {
    apn = host_.access_point_name();
    say(apn.name());
    say("\r\n");
    return true;
  }
  if (argument != kNothing) {
    if (!protocol::is_access_point_name(argument)) return false;
    apn.length = static_cast<std::uint8_t>(argument.copy(apn.text.data(), apn.text.size()));
  }
  return host_.set_access_point_name(apn);
}

void WifiDialogue::say(std::string_view text) {
  static_cast<void>(stack_.transmit(reinterpret_cast<const std::uint8_t*>(text.data()),
                                    static_cast<std::uint32_t>(text.size())));
}

}  // namespace microvisor::firmware::link

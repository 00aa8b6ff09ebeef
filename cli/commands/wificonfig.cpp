// microvisor wificonfig: what a device joins a Wi-Fi network with, over the serial line of its modem.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>

#include "cli/commands/commands.hpp"
#include "cli/failure.hpp"
#include "cli/interrupt.hpp"
#include "cli/line_talk.hpp"
#include "cli/output.hpp"

namespace microvisor::cli {
namespace {

struct Arguments {
  std::string ssid, password, port;
};

std::string in_digits(const std::string& text) {
  constexpr const char* kDigits = "0123456789abcdef";
  if (text.empty()) return "-";
  std::string digits;
  for (const char character : text) {
    const auto byte = static_cast<std::uint8_t>(character);
    digits += kDigits[byte >> 4];
    digits += kDigits[byte & 0xF];
  }
  return digits;
}

std::string from_digits(const std::string& digits) {
  std::string text;
  for (std::size_t at = 0; at + 1 < digits.size(); at += 2)
    text += static_cast<char>(std::stoi(digits.substr(at, 2), nullptr, 16));
  return text;
}

/// Lengths are those of IEEE 802.11.
void set(const Arguments& arguments) {
  if (arguments.ssid.empty() || arguments.ssid.size() > 32) throw Failure("an SSID has 1 to 32 bytes");
  const std::size_t length = arguments.password.size();
  if (length != 0 && (length < 8 || length > 63)) throw Failure("a Wi-Fi password has 8 to 63 characters");
  LineTalk(arguments.port).ask("S " + in_digits(arguments.ssid) + " " + in_digits(arguments.password));
  print_line("the device joins " + arguments.ssid);
}

void get(const Arguments& arguments) {
  const std::string answer = LineTalk(arguments.port).ask("G");
  const auto space = answer.find(' ');
  if (space == std::string::npos) throw Failure("the device says something else: " + answer);
  if (space == 0) return print_line("the device has no Wi-Fi settings");
  const bool password = answer.substr(space + 1) == "1";
  print_line(from_digits(answer.substr(0, space)) +
             (password ? ", with a password" : ", without a password"));
}

void clear(const Arguments& arguments) {
  LineTalk(arguments.port).ask("C");
  print_line("the device joins no Wi-Fi network");
}

/// Serial ports as Linux names those with hardware behind them that can be unplugged.
void list_ports() {
  std::set<std::string> ports;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator("/dev", none)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("ttyUSB") || name.starts_with("ttyACM")) ports.insert(entry.path());
  }
  for (const std::string& port : ports) print_line(port);
}

void add(CLI::App& group, const char* name, const char* what, void (*run)(const Arguments&), bool sets) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = group.add_subcommand(name, what);
  if (sets) {
    command->add_option("SSID", arguments->ssid, "Name of the network")->required();
    command->add_option("PASSWORD", arguments->password, "Its password; \"\" if it is open")->required();
  }
  command->add_option("PORT", arguments->port, "Serial port in the place of the device's modem")->required();
  command->callback([arguments, run] {
    const InterruptGuard guard;
    run(*arguments);
  });
}

}  // namespace

void add_wificonfig(CLI::App& program) {
  CLI::App* group =
      program.add_subcommand("wificonfig", "What a device on the bench joins a Wi-Fi network with");
  group->require_subcommand(1);
  add(*group, "set", "Store a network's name and password on the device", set, true);
  add(*group, "get", "Show the name that the device has stored", get, false);
  add(*group, "clear", "Remove both from the device", clear, false);
  group->add_subcommand("ports", "List this machine's serial ports")->callback(list_ports);
}

}  // namespace microvisor::cli

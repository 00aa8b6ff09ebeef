// What a virtual board has to reach the network with: its modem, a Wi-Fi module, and the air of each.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "cli/virtual_device.hpp"

namespace microvisor::cli {

struct BearerArguments {
  std::vector<std::string> links = {};
  std::string modem = {}, wifi = {};
  bool ethernet = false;
};

/// --link, --modem, --wifi and --ethernet.
void add_bearer_options(CLI::App& command, BearerArguments& arguments);
/// Whether any of them was given.
[[nodiscard]] bool any(const BearerArguments& arguments);
/// Throws Failure.
void take_bearers(const BearerArguments& arguments, VirtualDeviceOptions& options);

/// sim=missing|locked, network=roaming|denied|none, apn=NAME, own=accepted|refused, signal=-85|unknown,
/// away=20s/60s. Throws Failure.
[[nodiscard]] board::ModemSettings parse_modem(const std::string& text);
/// ssid=NAME, password=TEXT, signal=-60, away=20s/60s, firmware=bad|cut|mute|no-join. Throws Failure.
[[nodiscard]] board::WifiSettings parse_wifi(const std::string& text);

}  // namespace microvisor::cli

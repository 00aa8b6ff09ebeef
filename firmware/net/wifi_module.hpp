// Gets a Wi-Fi module from whatever state it is in to a PPP connection: it joins an access point by the
// command set of ESP-AT, then packets go as PPP, as with a cellular module.
//
// The module is told the password each time and keeps nothing (AT+SYSSTORE=0). It is the module that prefers
// a cable: the device asks only whether there is an address on it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "firmware/net/at_dialogue.hpp"

namespace microvisor::firmware::net {

/// Of IEEE 802.11: an SSID of 1 to 32 bytes, no password or one of 8 to 63.
struct WifiCredentials {
  std::array<char, 32> ssid{};
  std::array<char, 63> password{};
  std::uint8_t ssid_length = 0;  ///< 0: there are none
  std::uint8_t password_length = 0;

  [[nodiscard]] bool known() const { return ssid_length != 0; }
  [[nodiscard]] std::string_view name() const { return {ssid.data(), ssid_length}; }
  [[nodiscard]] std::string_view key() const { return {password.data(), password_length}; }
};

/// What the module says of its firmware (docs/module-firmware.md).
struct ModuleState {
  std::array<char, 24> kind{};  ///< zero-terminated; empty: it cannot be updated
  std::uint32_t version = 0;
  bool on_trial = false;
  std::uint32_t offset = 0;  ///< bytes of an image that it has stored

  [[nodiscard]] std::string_view name() const { return kind.data(); }
};

class WifiModule {
 public:
  static constexpr std::uint64_t kBootTime = 4 * kSeconds;
  static constexpr std::uint64_t kAnswerTime = kSeconds;  ///< of one that has booted

  explicit WifiModule(Platform& platform) : module_(platform, "\r\n") {}

  /// Joins, unless that is so already, and stays in command mode. Connected: there is a network. Blocks, at
  /// most about half a minute; of that for a module that does not answer `boot_time`.
  [[nodiscard]] DialResult join(const WifiCredentials& credentials, std::uint64_t boot_time);
  /// join(), then to data mode.
  [[nodiscard]] DialResult dial(const WifiCredentials& credentials);
  /// Leaves the access point and does not come back to it.
  void leave();

  /// To command mode, and asks it for its firmware. False: no answer.
  [[nodiscard]] bool wake(std::uint64_t boot_time);
  /// As it was when the module was woken last.
  [[nodiscard]] const ModuleState& firmware() const { return firmware_; }
  /// As it was when it was dialled last.
  [[nodiscard]] const Reception& reception() const { return reception_; }
  [[nodiscard]] AtDialogue& dialogue() { return module_; }

 private:
  using Answer = AtDialogue::Answer;

  void ask_firmware();
  void measure();
  [[nodiscard]] bool has_cable();
  [[nodiscard]] bool has_joined(std::string_view name);
  void send_quoted(std::string_view text);

  AtDialogue module_;
  ModuleState firmware_;
  Reception reception_;
};

}  // namespace microvisor::firmware::net

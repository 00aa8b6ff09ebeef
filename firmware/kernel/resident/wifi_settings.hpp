// Wi-Fi settings: what an application may store for the device, and the form they have in the vault.
//
// The password is written and never read by anybody but the bearer that needs it, and only while it joins: in
// RAM there is otherwise only that there is one. Limits are those of IEEE 802.11 (SSID 1 to 32 bytes,
// passphrase 8 to 63 characters).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace microvisor::firmware::kernel {

struct WifiSettings {
  static constexpr std::uint32_t kMaximumSsid = 32;
  static constexpr std::uint32_t kMinimumPassword = 8;
  static constexpr std::uint32_t kMaximumPassword = 63;
  /// In the vault: length of the SSID, length of the password, the SSID, the password.
  static constexpr std::uint32_t kMaximumStored = 2 + kMaximumSsid + kMaximumPassword;

  std::array<std::uint8_t, kMaximumSsid> ssid{};
  std::uint8_t ssid_length = 0;  // 0: nothing is stored
  bool has_password = false;

  [[nodiscard]] static constexpr bool sound(std::span<const std::uint8_t> stored) {
    return stored.size() >= 2 && stored[0] <= kMaximumSsid && stored[1] <= kMaximumPassword &&
           stored.size() == 2u + stored[0] + stored[1];
  }
  /// What of the stored form is told; nothing if it is none.
  [[nodiscard]] static constexpr WifiSettings parse(std::span<const std::uint8_t> stored) {
    WifiSettings settings;
    if (!sound(stored)) return settings;
    settings.ssid_length = stored[0];
    settings.has_password = stored[1] != 0;
    std::copy_n(stored.begin() + 2, settings.ssid_length, settings.ssid.begin());
    return settings;
  }
};

}  // namespace microvisor::firmware::kernel

// Wi-Fi settings: kept in the vault for a bearer that can use them. They are the device's, not the
// application's: they outlive it.
#pragma once

#include "firmware/kernel/calls/storage.hpp"

namespace microvisor::firmware::kernel::calls {

template <>
struct FlashCallBody<Gate::SetWifiConfig> {
  static Status run(const abi::SetWifiConfigArguments& a) {
    abi::WifiConfig config;
    if (!take_from_application(a.params, config)) return Status::PARAMETERFAULT;
    if (config.version != 1) return Status::UNSUPPORTEDSTRUCTUREVERSION;
    const bool clear = config.config_mode == abi::WifiConfigMode::CLEARNOW;
    if (!clear) {
      const Status status = check(config);
      if (status != Status::OKAY) return status;
    }
    return work_by_pieces(
        Gate::SetWifiConfig, 0, 1,
        [&](StorageJob& job, std::uint32_t) {
          job.kind = clear ? StorageJob::Kind::WifiClear : StorageJob::Kind::WifiStore;
          job.length = 1;  // there is one piece
          if (!clear) write(config, job);
        },
        [](const StorageJob&, std::uint32_t) {});
  }

 private:
  static Status check(const abi::WifiConfig& config) {
    if (config.config_mode != abi::WifiConfigMode::APPLYNOW) return Status::PARAMETERFAULT;
    const auto &ssid = config.wifi_ssid, &password = config.wifi_password;
    if (ssid.length > WifiSettings::kMaximumSsid || password.length > WifiSettings::kMaximumPassword) {
      return Status::INPUTTOOLONG;
    }
    const bool too_short = password.length != 0 && password.length < WifiSettings::kMinimumPassword;
    if (ssid.length == 0 || too_short || !application_can_read(ssid.data, ssid.length) ||
        !application_can_read(password.data, password.length)) {
      return Status::PARAMETERFAULT;
    }
    return Status::OKAY;
  }

  static void write(const abi::WifiConfig& config, StorageJob& job) {
    const std::uint32_t ssid = config.wifi_ssid.length, password = config.wifi_password.length;
    job.data[0] = static_cast<std::uint8_t>(ssid);
    job.data[1] = static_cast<std::uint8_t>(password);
    copy_from_application(&job.data[2], config.wifi_ssid.data, ssid);
    copy_from_application(&job.data[2 + ssid], config.wifi_password.data, password);
  }
};
static_assert(WifiSettings::kMaximumStored <= StorageJob::kPiece);

template <>
struct FlashCallBody<Gate::GetWifiConfig> {
  static Status run(const abi::GetWifiConfigArguments& a) {
    abi::WifiConfigOut out;
    if (!take_from_application(a.params, out)) return Status::PARAMETERFAULT;
    if (out.version != 1) return Status::UNSUPPORTEDSTRUCTUREVERSION;
    const WifiSettings& wifi = services().wifi;
    const std::uint32_t length = wifi.ssid_length;
    if (!application_can_write(out.ssid.data, out.ssid.size) ||
        !application_can_write(out.ssid.length, sizeof length) ||
        !application_can_write(out.has_encryption, sizeof(std::uint8_t))) {
      return Status::PARAMETERFAULT;
    }
    if (out.ssid.size < length) return Status::INVALIDBUFFERSIZE;
    copy_to_application(out.ssid.data, wifi.ssid.data(), length);
    static_cast<void>(tell_checked(out.ssid.length, length));
    return tell_checked(out.has_encryption, std::uint8_t{wifi.has_password});
  }
};

}  // namespace microvisor::firmware::kernel::calls

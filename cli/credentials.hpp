// Which cloud a command talks to, and as whom.
//
// In this order: --profile NAME, the file named by MICROVISOR_CREDENTIALS, the last `microvisor login`. All
// three are files of the form that `cloud serve` writes: {"account_sid", "auth_token", "base_url",
// "gateway"}.
#pragma once

#include <filesystem>
#include <string>

namespace microvisor::cli {

struct Credentials {
  std::string account_sid;  ///< or an API key's SID
  std::string auth_token;   ///< or the API key's secret
  std::string base_url;     ///< without a trailing slash
  std::string gateway;      ///< HOST:PORT where devices connect
};

/// Throws Failure if the file cannot be read or lacks a field.
Credentials read_credentials(const std::filesystem::path& file);
/// `profile` empty: environment, then login. Throws Failure with what to do if there is nothing.
Credentials find_credentials(const std::string& profile);
/// Writes mode 0600. `profile` empty: the login that commands use by default.
void save_credentials(const Credentials& credentials, const std::string& profile);

}  // namespace microvisor::cli

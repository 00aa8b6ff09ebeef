// Logins are files below XDG_CONFIG_HOME or ~/.config, mode 0600, of the form that a cloud writes.
#include "cli/credentials.hpp"

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/failure.hpp"

namespace microvisor::cli {
namespace {

namespace fs = std::filesystem;

fs::path configuration_directory() {
  if (const char* base = std::getenv("XDG_CONFIG_HOME"); base != nullptr && *base != '\0') {
    return fs::path(base) / "microvisor";
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    return fs::path(home) / ".config" / "microvisor";
  }
  throw Failure("neither XDG_CONFIG_HOME nor HOME is set, so there is no place for logins");
}

fs::path profile_file(const std::string& profile) {
  if (profile.find('/') != std::string::npos) throw Failure("a profile name has no '/'");
  return configuration_directory() / ((profile.empty() ? "default" : profile) + ".json");
}

std::string field(const nlohmann::json& document, const char* name, const fs::path& file) {
  const auto it = document.find(name);
  if (it == document.end() || !it->is_string()) {
    throw Failure(file.string() + " has no \"" + name + "\"");
  }
  return it->get<std::string>();
}

}  // namespace

Credentials read_credentials(const fs::path& file) {
  std::ifstream stream(file);
  if (!stream) throw Failure("cannot read credentials from " + file.string());
  const auto document = nlohmann::json::parse(stream, nullptr, false);
  if (!document.is_object()) throw Failure(file.string() + " is not a credentials file (no JSON object)");
  Credentials found{field(document, "account_sid", file), field(document, "auth_token", file),
                    field(document, "base_url", file), document.value("gateway", "")};
  while (found.base_url.ends_with('/')) found.base_url.pop_back();
  return found;
}

Credentials find_credentials(const std::string& profile) {
  if (!profile.empty()) return read_credentials(profile_file(profile));
  if (const char* file = std::getenv("MICROVISOR_CREDENTIALS"); file != nullptr && *file != '\0') {
    return read_credentials(file);
  }
  const fs::path login = profile_file("");
  if (!fs::exists(login)) {
    throw Failure(
        "no credentials: set MICROVISOR_CREDENTIALS to a credentials.json, or run 'microvisor login'");
  }
  return read_credentials(login);
}

void save_credentials(const Credentials& credentials, const std::string& profile) {
  const fs::path file = profile_file(profile);
  fs::create_directories(file.parent_path());
  std::ofstream stream(file, std::ios::trunc);
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
  stream << nlohmann::json{{"account_sid", credentials.account_sid},
                           {"auth_token", credentials.auth_token},
                           {"base_url", credentials.base_url},
                           {"gateway", credentials.gateway}}
                .dump(2)
         << '\n';
  if (!stream.flush()) throw Failure("cannot write " + file.string());
}

}  // namespace microvisor::cli

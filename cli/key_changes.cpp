#include "cli/key_changes.hpp"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "cli/failure.hpp"
#include "cli/pkcs11_key.hpp"

namespace microvisor::cli {

void add_signing_key_option(CLI::App& command, std::string& key) {
  command.add_option("-k,--key", key,
                     "Sign the change with this key (PEM file or PKCS #11 URI) instead of the account's own "
                     "key in the cloud");
}

nlohmann::json publish_key_change(Client& client, protocol::KeyChange change, const std::string& key,
                                  std::uint64_t& latest) {
  const auto clock = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  latest = std::max(static_cast<std::uint64_t>(clock.count()), latest + 1);
  change.sequence = latest;
  const auto message = protocol::sign_key_change(change, *open_signing_key(key));
  return client.post_json("/api/key-changes", {{"new_keys", protocol::to_base64(message)}});
}

std::uint64_t key_id_argument(const std::string& text) {
  const auto id = protocol::key_id_from_text(text);
  if (!id) throw Failure(text + ": a key id is 16 hex digits");
  return *id;
}

}  // namespace microvisor::cli

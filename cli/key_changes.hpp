// Changes of keys that are signed on this machine.
#pragma once

#include <CLI/App.hpp>

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/client.hpp"
#include "protocol/bundle/key_change.hpp"

namespace microvisor::cli {

/// "-k,--key", of commands that change keys: empty, and the cloud signs with the account's own.
void add_signing_key_option(CLI::App& command, std::string& key);

/// Signs `change` with `key` (PEM file or PKCS #11 URI) and hands it to the cloud, which passes it on to the
/// devices. Its sequence is the time, or more than `latest`, that of the last change, which is brought up to
/// date. The cloud's answer.
nlohmann::json publish_key_change(Client& client, protocol::KeyChange change, const std::string& key,
                                  std::uint64_t& latest);

/// Throws Failure if it is none.
std::uint64_t key_id_argument(const std::string& text);

}  // namespace microvisor::cli

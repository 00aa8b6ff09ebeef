// Configs and secrets as the command line names them, and how they get to the cloud.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/client.hpp"

namespace microvisor::cli {

/// A value given as itself, as `@FILE`, or as `-` for the standard input. Of a file and of the standard input
/// one line end at the end does not count: editors and `echo` write it. Throws Failure.
std::string read_value(const std::string& argument);

/// `KEY=VALUE`, split at the first '='; the value as itself or as `@FILE`. Throws Failure.
struct KeyAndValue {
  std::string key, value;
};
KeyAndValue parse_key_and_value(const std::string& option, const std::string& argument);

/// Puts the value there, whether the key is new or not. `collection`: "/v1/Configs" and the like. Gives the
/// item.
nlohmann::json store_value(Client& client, const std::string& collection, const std::string& key,
                           const std::string& value);

}  // namespace microvisor::cli

// What a bundle says of itself, for people and for scripts.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "protocol/bundle/bundle.hpp"

namespace microvisor::cli {

/// Key ids are 16 hex digits, as in the REST interface.
std::string key_id_text(std::uint64_t id);

/// Hash, signer, policies and layers.
nlohmann::json describe_bundle(const protocol::Bundle& bundle);

}  // namespace microvisor::cli

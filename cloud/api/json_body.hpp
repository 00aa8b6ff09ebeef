// JSON in and out of the handlers.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "cloud/api/http.hpp"

namespace microvisor::cloud::api {

Response json_response(int status, const nlohmann::ordered_json& body);

/// The body as a JSON object whose members are all strings. Throws the 400.
Parameters read_json(const Request& request);
std::optional<std::string> member(const Parameters& members, std::string_view name);

/// Key ids are 16 hex digits.
std::string key_id_text(std::uint64_t id);

}  // namespace microvisor::cloud::api

#include "cloud/api/json_body.hpp"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace microvisor::cloud::api {

Response json_response(int status, const nlohmann::ordered_json& body) {
  Response response;
  response.status = status;
  response.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return response;
}

/// The body as a JSON object whose members are all strings.
Parameters read_json(const Request& request) {
  if (request.body.empty()) return {};
  const auto body = nlohmann::json::parse(request.body, nullptr, false);
  if (!body.is_object()) throw bad_request("The body has to be a JSON object");
  Parameters members;
  for (const auto& [name, value] : body.items()) {
    if (value.is_null()) continue;
    if (!value.is_string()) throw bad_request(name + " has to be a string");
    members[name] = value.get<std::string>();
  }
  return members;
}

std::optional<std::string> member(const Parameters& members, std::string_view name) {
  const auto found = members.find(name);
  return found == members.end() ? std::nullopt : std::optional(found->second);
}

std::string key_id_text(std::uint64_t id) {
  char text[20];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(id));
  return text;
}

}  // namespace microvisor::cloud::api

// Which hosts the account's devices may speak to through the cloud (cloud/API.md).
#include <nlohmann/json.hpp>

#include "cloud/api/api.hpp"
#include "cloud/api/json_body.hpp"

namespace microvisor::cloud::api {
namespace {

constexpr std::size_t kMostAllowedHosts = 1000;

/// As entries are stored. Throws the 400.
std::string entry_of(const std::string& text) {
  std::string entry = AllowedHosts::canonical(text);
  if (entry.empty()) throw bad_request("host has to be a name, or *. and a domain, with or without a port");
  return entry;
}

}  // namespace

Answer list_allowed_hosts(const Services& services, const Call& call) {
  nlohmann::ordered_json body;
  body["hosts"] = services.store.allowed_hosts(call.account.sid);
  return json_response(200, body);
}

Answer allow_host(const Services& services, const Call& call) {
  const auto host = member(read_json(call.request), "host");
  if (!host) throw bad_request("host is missing");
  const std::string entry = entry_of(*host);
  if (services.store.allowed_hosts(call.account.sid).size() >= kMostAllowedHosts)
    throw conflict("There are " + std::to_string(kMostAllowedHosts) + " hosts on the list already");
  services.store.allow_host(call.account.sid, entry);
  return json_response(201, {{"host", entry}});
}

Answer disallow_host(const Services& services, const Call& call) {
  const std::string entry = entry_of(call.arguments.at(0));
  if (!services.store.disallow_host(call.account.sid, entry))
    throw not_found(entry + " is not on the list of hosts");
  return no_content();
}

}  // namespace microvisor::cloud::api

// The endpoints that opaque channels of the account's devices may be opened to (cloud/API.md).
#include <algorithm>
#include <nlohmann/json.hpp>

#include "cloud/api/api.hpp"
#include "cloud/api/json_body.hpp"
#include "cloud/relay/endpoint_url.hpp"
#include "protocol/link/endpoint_name.hpp"

namespace microvisor::cloud::api {
namespace {

nlohmann::ordered_json view(const Endpoint& endpoint) {
  return {{"name", endpoint.name}, {"url", endpoint.url}};
}

void check_name(const std::string& name) {
  if (!protocol::is_endpoint_name(name))
    throw bad_request("name has to be 1 to 31 printable ASCII characters without spaces");
  if (name == protocol::kLogEndpoint) throw bad_request("log is always there, and is the device's log");
}

}  // namespace

Answer list_endpoints(const Services& services, const Call& call) {
  nlohmann::ordered_json body;
  body["endpoints"] = nlohmann::ordered_json::array();
  for (const Endpoint& endpoint : services.store.endpoints(call.account.sid))
    body["endpoints"].push_back(view(endpoint));
  return json_response(200, body);
}

Answer set_endpoint(const Services& services, const Call& call) {
  const Parameters members = read_json(call.request);
  const Endpoint endpoint{member(members, "name").value_or(""), member(members, "url").value_or("")};
  check_name(endpoint.name);
  if (!parse_endpoint_url(endpoint.url))
    throw bad_request("url has to be tcp://HOST:PORT, tls://HOST:PORT or wss://HOST[:PORT]/PATH");
  const auto known = services.store.endpoints(call.account.sid);
  const bool there = std::any_of(known.begin(), known.end(),
                                 [&](const Endpoint& other) { return other.name == endpoint.name; });
  if (!there && known.size() >= protocol::kMaximumEndpoints)
    throw conflict("An account has at most " + std::to_string(protocol::kMaximumEndpoints) + " endpoints");
  services.store.set_endpoint(call.account.sid, endpoint);
  services.bus.publish(EndpointsChanged{call.account.sid});
  return json_response(201, view(endpoint));
}

Answer remove_endpoint(const Services& services, const Call& call) {
  if (!services.store.remove_endpoint(call.account.sid, call.arguments.at(0)))
    throw not_found("There is no endpoint " + call.arguments.at(0));
  services.bus.publish(EndpointsChanged{call.account.sid});
  return no_content();
}

}  // namespace microvisor::cloud::api

// What devices have attested to, and which measurements the account trusts beside those of its releases
// (cloud/API.md).
#include <nlohmann/json.hpp>

#include "cloud/api/api.hpp"
#include "cloud/api/json_body.hpp"
#include "cloud/api/json_views.hpp"

namespace microvisor::cloud::api {
namespace {

constexpr std::size_t kMaxMeasurementName = 64;

protocol::Hash digest_of(const std::string& hex) {
  const auto bytes = protocol::from_hex(hex);
  const auto digest = bytes ? protocol::as_hash(protocol::as_text(*bytes)) : std::nullopt;
  if (!digest) throw bad_request("sha256 has to be 64 hex digits");
  return *digest;
}

}  // namespace

nlohmann::ordered_json attestation_of(const Services& services, const Device& device) {
  const AttestationRecord record = services.store.attestation(device.sid);
  protocol::AttestationStatement statement;
  const bool any = protocol::read_statement(record.statement, statement);
  const auto app =
      any ? services.store.app_with_manifest(device.account_sid, statement.application) : std::nullopt;
  return view_attestation(record, services.measurements.of(device.account_sid),
                          app ? std::optional(app->sid) : std::nullopt);
}

Answer list_measurements(const Services& services, const Call& call) {
  nlohmann::ordered_json body;
  body["measurements"] = nlohmann::ordered_json::array();
  for (const auto& [digest, name] : services.measurements.of(call.account.sid))
    body["measurements"].push_back({{"sha256", protocol::to_hex(digest)}, {"name", name}});
  return json_response(200, body);
}

Answer trust_measurement(const Services& services, const Call& call) {
  const Parameters members = read_json(call.request);
  const auto digest = member(members, "sha256");
  const std::string name = clean_text(member(members, "name").value_or(""));
  if (!digest) throw bad_request("sha256 is missing");
  if (name.empty() || name.size() > kMaxMeasurementName)
    throw bad_request("name has to be 1 to 64 bytes long");
  services.store.set_measurement(call.account.sid, {digest_of(*digest), name});
  return json_response(201, {{"sha256", *digest}, {"name", name}});
}

Answer distrust_measurement(const Services& services, const Call& call) {
  if (!services.store.remove_measurement(call.account.sid, digest_of(call.arguments.at(0))))
    throw not_found("There is no measurement " + call.arguments.at(0) + " that the operator has named");
  return no_content();
}

}  // namespace microvisor::cloud::api

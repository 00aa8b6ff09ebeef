// What v1 does not have: health, keys, provisioning, presence, log streams (cloud/API.md).
#include <nlohmann/json.hpp>

#include "cloud/accounts/sid.hpp"
#include "cloud/api/api.hpp"
#include "cloud/api/form.hpp"
#include "cloud/api/json_body.hpp"
#include "cloud/api/json_views.hpp"
#include "protocol/bundle/crypto.hpp"

namespace microvisor::cloud::api {
namespace {

using Json = nlohmann::ordered_json;

std::string owner_key_id(const std::string& public_pem) {
  const auto key = protocol::public_key_from_pem(public_pem);
  return key_id_text(key ? protocol::signer_id(*key) : 0);
}

std::string device_sid(const Parameters& members) {
  const auto sid = member(members, "sid");
  if (!sid) return make_sid(kDevicePrefix);
  if (!is_sid(kDevicePrefix, *sid)) throw bad_request("sid has to be UV and 32 hex digits");
  return lower_sid(*sid);
}

/// Adds the device, or gives one that the account has already a new certificate.
Device claim(const Services& services, const Call& call, const Parameters& members, const std::string& sid,
             const std::string& certificate) {
  const auto name = member(members, "unique_name");
  if (name) check_unique_name(*name, kDevicePrefix);
  Device device;
  auto known = services.store.device_by_sid(sid);
  if (known && known->account_sid != call.account.sid)
    throw conflict("Device " + sid + " belongs to another account");
  if (known) device = std::move(*known);
  device.sid = sid;
  device.account_sid = call.account.sid;
  if (name) device.unique_name = name;
  device.certificate_hash = certificate_fingerprint(certificate);
  device.updated = services.clock.now();
  if (device.sequence == 0) device.created = device.updated;
  const Insert done =
      device.sequence == 0 ? services.store.add_device(device) : services.store.update_device(device);
  if (done != Insert::Done)
    throw conflict("unique_name " + name.value_or("") + " is in use by another Device");
  services.bus.publish(DeviceCommand{sid, DeviceCommand::Kind::CertificateChanged});
  return device;
}

}  // namespace

Answer health(const Services&, const Call&) { return json_response(200, {{"status", "ok"}}); }

Answer explain(const Services&, const Call& call) {
  const auto code = static_cast<int>(parse_number("code", call.arguments.at(0), 0, 99999));
  const std::string text = explain_error(code);
  if (text.empty()) throw not_found("There is no error " + std::to_string(code));
  return json_response(200, {{"code", code}, {"explanation", text}});
}

Answer fetch_account(const Services&, const Call& call) {
  Json body;
  body["account_sid"] = call.account.sid;
  body["owner_key_id"] = owner_key_id(call.account.owner_public_key);
  body["owner_public_key"] = call.account.owner_public_key;
  return json_response(200, body);
}

/// Whoever runs the installation has its first account.
Answer create_account(const Services& services, const Call& call) {
  const auto first = services.store.first_account();
  if (!first || first->sid != call.account.sid)
    throw ApiError{403, 20403, "Only the installation's first account makes others"};
  const NewAccount made = Accounts::prepare();
  services.accounts.create(made);
  return json_response(201, {{"account_sid", made.sid}, {"auth_token", made.auth_token}});
}

Answer create_key(const Services& services, const Call& call) {
  const auto name = member(read_json(call.request), "name").value_or("");
  if (name.size() > 255) throw bad_request("name has to be at most 255 bytes long");
  const NewApiKey key = services.accounts.create_api_key(call.account.sid, name);
  return json_response(201, {{"sid", key.sid}, {"secret", key.secret}});
}

Answer provision_device(const Services& services, const Call& call) {
  const Parameters members = read_json(call.request);
  const auto public_key = member(members, "public_key");
  if (!public_key) throw bad_request("public_key is missing");
  const std::string sid = device_sid(members);
  const auto certificate = services.pki.issue_device_certificate(sid, *public_key);
  if (!certificate) throw bad_request(certificate.error());
  const Device device = claim(services, call, members, sid, *certificate);
  Json body;
  body["sid"] = sid;
  body["unique_name"] = device.unique_name ? Json(*device.unique_name) : Json(nullptr);
  body["account_sid"] = call.account.sid;
  body["certificate"] = *certificate;
  body["device_ca"] = services.pki.device_ca();
  body["gateway"] = services.gateway_address;
  body["gateway_name"] = kGatewayName;
  body["gateway_ca"] = services.pki.gateway_ca();
  body["owner_public_key"] = call.account.owner_public_key;
  body["owner_key_id"] = owner_key_id(call.account.owner_public_key);
  return json_response(201, body);
}

Answer device_state(const Services& services, const Call& call) {
  Device device = require_device(services, call);
  device.kernel.progress.bytes_sent = services.kernels.bytes_sent(device.sid);
  Json view = view_device_state(device, services.gateway.is_connected(device.sid),
                                services.deployments.progress(device));
  view["attestation"] = attestation_of(services, device);
  view["debug"] = debug_of(services, device);
  return json_response(200, view);
}

Answer change_device(const Services& services, const Call& call) {
  Device device = require_device(services, call);
  const auto updates = member(read_json(call.request), "updates");
  if (updates != kWholeUpdates && updates != kAutomaticUpdates)
    throw bad_request("updates has to be automatic or whole");
  device.encodings_allowed = updates == kAutomaticUpdates;
  services.store.update_device(device);
  return device_state(services, call);
}

Answer device_logs(const Services& services, const Call& call) {
  const Device device = require_device(services, call);
  const Parameters query = query_parameters(call.request.target);
  const auto since = query.find("Since");
  const std::uint64_t replay = since == query.end() ? 0 : parse_number("Since", since->second, 0, 1000);
  return LogStream{device.sid, replay};
}

Answer wait_for_deployment(const Services& services, const Call& call) {
  const Device device = require_device(services, call);
  const Parameters query = query_parameters(call.request.target);
  const auto timeout = query.find("Timeout");
  WaitForDeployment wait{call.account.sid, device.sid, call.request.base, 60};
  if (timeout != query.end()) {
    wait.timeout_seconds = static_cast<std::uint32_t>(parse_number("Timeout", timeout->second, 1, 600));
  }
  return wait;
}

}  // namespace microvisor::cloud::api

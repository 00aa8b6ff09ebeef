// What a production line needs of the cloud (cloud/API.md, docs/factory.md).
#include <nlohmann/json.hpp>

#include "cloud/api/api.hpp"
#include "cloud/api/form.hpp"
#include "cloud/api/json_body.hpp"
#include "protocol/factory/device_request.hpp"

namespace microvisor::cloud::api {
namespace {

using Json = nlohmann::ordered_json;

protocol::DeviceRequest request_of(const Parameters& members) {
  const auto encoded = member(members, "request");
  const auto bytes = encoded ? protocol::from_base64(*encoded) : std::nullopt;
  if (!bytes) throw bad_request("request has to be base64");
  auto request = protocol::read_device_request(*bytes);
  if (!request) throw bad_request(request.error().message);
  return std::move(*request);
}

/// Of a device that exists, only its certificate changes: the line may have lost the last one.
void add_or_renew(const Services& services, const Call& call, const std::string& sid,
                  const std::string& certificate) {
  Device device;
  if (auto known = services.store.device_by_sid(sid)) {
    if (known->account_sid != call.account.sid)
      throw conflict("Device " + sid + " belongs to another account");
    device = std::move(*known);
  }
  device.sid = sid;
  device.account_sid = call.account.sid;
  device.certificate_hash = certificate_fingerprint(certificate);
  device.updated = services.clock.now();
  if (device.sequence == 0) device.created = device.updated;
  (void)(device.sequence == 0 ? services.store.add_device(device) : services.store.update_device(device));
  services.bus.publish(DeviceCommand{sid, DeviceCommand::Kind::CertificateChanged});
}

}  // namespace

Answer fetch_factory(const Services& services, const Call& call) {
  const Signers::State state = services.signers.state(call.account);
  nlohmann::ordered_json body;
  body["gateway"] = services.gateway_address;
  body["gateway_name"] = kGatewayName;
  body["gateway_ca"] = services.pki.gateway_ca();
  body["device_ca"] = services.pki.device_ca();
  body["signers"] = nlohmann::ordered_json::array();
  for (const protocol::PublicKey& key : state.keys)
    body["signers"].push_back(protocol::public_key_to_pem(key));
  body["keys_sequence"] = state.sequence;
  return json_response(200, body);
}

Answer test_log(const Services& services, const Call& call) {
  const Device device = require_device(services, call);
  Json body;
  body["sid"] = device.sid;
  body["verdict"] = nullptr;
  body["records"] = Json::array();
  for (const TestRecord& record : services.store.test_records(device.sid)) {
    if (record.verdict) body["verdict"] = *record.verdict;
    if (!record.verdict)
      body["records"].push_back({{"timestamp", iso_microseconds(record.time)}, {"message", record.text}});
  }
  return json_response(200, body);
}

Answer make_device(const Services& services, const Call& call) {
  const Parameters members = read_json(call.request);
  const protocol::DeviceRequest request = request_of(members);
  const bool claimable = parse_boolean("claimable", member(members, "claimable").value_or("false"));
  const auto certificate =
      services.pki.issue_device_certificate(request.sid, protocol::public_key_to_pem(request.public_key));
  if (!certificate) throw bad_request(certificate.error());
  add_or_renew(services, call, request.sid, *certificate);
  Custody custody = services.store.custody(request.sid).value_or(Custody{});
  custody.device_sid = request.sid;
  if (custody.maker_sid.empty()) custody.maker_sid = call.account.sid;
  custody.claim = request.claim;
  custody.claimable = claimable;
  services.store.set_custody(custody);
  Json body;
  body["sid"] = request.sid;
  body["account_sid"] = call.account.sid;
  body["claimable"] = claimable;
  body["chip"] = request.chip;
  body["readout_protection"] = protocol::readout_protection(request);
  body["kernel_version_number"] = request.kernel_version;
  body["certificate"] = *certificate;
  return json_response(201, body);
}

}  // namespace microvisor::cloud::api

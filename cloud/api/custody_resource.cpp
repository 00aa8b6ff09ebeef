// Who has a device, and who gets it next: claims, transfers, decommissioning (cloud/API.md).
#include <nlohmann/json.hpp>

#include "cloud/accounts/sid.hpp"
#include "cloud/api/api.hpp"
#include "cloud/api/form.hpp"
#include "cloud/api/json_body.hpp"
#include "cloud/logs/log_record.hpp"

namespace microvisor::cloud::api {
namespace {

using Json = nlohmann::ordered_json;

const char* name_of(TransferState state) {
  switch (state) {
    case TransferState::Offered: return "offered";
    case TransferState::AwaitingSignature: return "awaiting_signature";
    case TransferState::Pending: return "pending";
    case TransferState::None: break;
  }
  return "none";
}

Json view_change(const protocol::KeyChange& change) {
  Json view;
  view["sequence"] = change.sequence;
  view["remove"] = Json::array();
  for (const std::uint64_t id : change.remove_signers) view["remove"].push_back(key_id_text(id));
  view["remove_layer_keys"] = Json::array();
  for (const std::uint64_t id : change.remove_layer_keys)
    view["remove_layer_keys"].push_back(key_id_text(id));
  view["add"] = Json::array();
  for (const protocol::PublicKey& key : change.add_signers)
    view["add"].push_back(protocol::public_key_to_pem(key));
  view["erase"] = change.erase;
  return view;
}

/// The owner's view.
Response transfer_response(const Services& services, const Call& call, const Device& device, int status) {
  const TransferState state = services.custodian.state(device);
  Json body;
  body["sid"] = device.sid;
  body["state"] = name_of(state);
  body["key_change"] = nullptr;
  if (state == TransferState::AwaitingSignature)
    body["key_change"] =
        view_change(services.custodian.needed_change(call.account, *services.store.custody(device.sid)));
  return json_response(status, body);
}

/// The receiver's view: nothing of devices that are not on their way to it.
Response claim_response(const Services& services, const Call& call, const std::string& sid, int status) {
  const auto device = services.store.device_by_sid(sid);
  const auto custody = services.store.custody(sid);
  const bool mine = device && device->account_sid == call.account.sid;
  const bool coming = device && custody && custody->receiver_sid == call.account.sid;
  if (!mine && !coming) throw not_found("There is no claim of device " + sid);
  return json_response(
      status, {{"sid", sid}, {"state", coming ? name_of(services.custodian.state(*device)) : "claimed"}});
}

[[noreturn]] void refuse(const protocol::Failure& failure) {
  using protocol::Refusal;
  const bool is_conflict = failure.refusal == Refusal::BadClaim || failure.refusal == Refusal::OldKeyChange;
  throw is_conflict ? conflict(failure.message) : bad_request(failure.message);
}

std::string claimed_sid(const std::string& text) {
  if (!is_sid(kDevicePrefix, text)) throw bad_request("sid has to be UV and 32 hex digits");
  return lower_sid(text);
}

}  // namespace

Answer claim_device(const Services& services, const Call& call) {
  const Parameters members = read_json(call.request);
  const std::string sid = claimed_sid(member(members, "sid").value_or(""));
  const auto code = member(members, "code");
  if (!code) throw bad_request("code is missing");
  if (const auto done = services.custodian.claim(call.account, sid, *code); !done) {
    if (done.error().refusal == protocol::Refusal::BadClaim) throw not_found(done.error().message);
    refuse(done.error());
  }
  return claim_response(services, call, sid, 202);
}

Answer claim_state(const Services& services, const Call& call) {
  return claim_response(services, call, claimed_sid(call.arguments.at(0)), 200);
}

Answer offer_transfer(const Services& services, const Call& call) {
  const Device device = require_device(services, call);
  const Parameters members = read_json(call.request);
  const bool erase = parse_boolean("erase", member(members, "erase").value_or("false"));
  const auto offer = services.custodian.offer(device, erase);
  if (!offer) throw conflict("Device " + device.sid + " is on its way to another account");
  return json_response(
      201, {{"sid", device.sid}, {"code", offer->code}, {"expires", iso_seconds(offer->expires)}});
}

Answer transfer_state(const Services& services, const Call& call) {
  return transfer_response(services, call, require_device(services, call), 200);
}

Answer withdraw_transfer(const Services& services, const Call& call) {
  if (!services.custodian.withdraw(require_device(services, call)))
    throw conflict("There is no offer that could be withdrawn");
  Response response;
  response.status = 204;
  response.content_type.clear();
  return response;
}

Answer sign_transfer(const Services& services, const Call& call) {
  const Device device = require_device(services, call);
  const auto encoded = member(read_json(call.request), "new_keys");
  const auto message = encoded ? protocol::from_base64(*encoded) : std::nullopt;
  if (!message) throw bad_request("new_keys has to be base64");
  if (const auto done = services.custodian.approve(call.account, device, *message); !done)
    refuse(done.error());
  return transfer_response(services, call, device, 200);
}

Answer decommission_device(const Services& services, const Call& call) {
  const Device device = require_device(services, call);
  if (const auto done = services.custodian.decommission(call.account, device); !done) refuse(done.error());
  return transfer_response(services, call, device, 202);
}

}  // namespace microvisor::cloud::api

// Keys to encrypted layers on their way to devices (cloud/API.md). They come here encrypted to one device
// each: the service can sign and send them, and has no use for them itself.
#include <nlohmann/json.hpp>

#include "cloud/api/api.hpp"
#include "cloud/api/json_body.hpp"

namespace microvisor::cloud::api {
namespace {

using Json = nlohmann::ordered_json;

/// Of the certificate that the device has now, not of one before.
Json view_decrypters(const Device& device) {
  const bool known =
      !device.certificate.empty() && certificate_fingerprint(device.certificate) == device.certificate_hash;
  Json view;
  view["sid"] = device.sid;
  view["unique_name"] = device.unique_name ? Json(*device.unique_name) : Json(nullptr);
  view["certificate"] = known ? Json(device.certificate) : Json(nullptr);
  view["layer_keys"] = Json::array();
  for (const std::uint64_t id : device.layer_keys) view["layer_keys"].push_back(key_id_text(id));
  return view;
}

void sign_and_send(const Services& services, const Call& call, protocol::KeyChange change) {
  const auto done = services.signers.change(call.account, std::move(change));
  if (!done) throw bad_request(done.error().message);
}

Response done() {
  Response response;
  response.status = 204;
  response.content_type.clear();
  return response;
}

std::uint64_t key_id_of(const std::string& text) {
  const auto id = protocol::key_id_from_text(text);
  if (!id) throw bad_request(text + ": a key id is 16 hex digits");
  return *id;
}

void remove(const Services& services, const Call& call, const std::string& device, const std::string& id) {
  protocol::KeyChange change;
  change.device_sid = device;
  change.remove_layer_keys = {key_id_of(id)};
  sign_and_send(services, call, std::move(change));
}

}  // namespace

Answer list_decrypters(const Services& services, const Call& call) {
  Json body;
  body["devices"] = Json::array();
  PageRequest request;
  request.limit = 1000;
  for (bool more = true; more; request.offset += request.limit) {
    const Page<Device> page = services.store.devices(call.account.sid, request);
    for (const Device& device : page.items) body["devices"].push_back(view_decrypters(device));
    more = page.has_older;
  }
  body["sequence"] = services.signers.state(call.account).sequence;
  return json_response(200, body);
}

Answer add_decrypter(const Services& services, const Call& call) {
  const Device device = require_device(services, call);
  const auto encoded = member(read_json(call.request), "wrapped_key");
  const auto bytes = encoded ? protocol::from_base64(*encoded) : std::nullopt;
  if (!bytes) throw bad_request("wrapped_key has to be base64");
  auto key = protocol::read_wrapped_key(*bytes);
  if (!key) throw bad_request("wrapped_key: " + key.error().message);
  protocol::KeyChange change;
  change.device_sid = device.sid;
  change.add_layer_keys.push_back(std::move(*key));
  sign_and_send(services, call, std::move(change));
  return json_response(
      201, {{"device_sid", device.sid}, {"sequence", services.signers.state(call.account).sequence}});
}

Answer remove_decrypter(const Services& services, const Call& call) {
  remove(services, call, "", call.arguments.at(0));
  return done();
}

Answer remove_decrypter_of_device(const Services& services, const Call& call) {
  remove(services, call, require_device(services, call).sid, call.arguments.at(1));
  return done();
}

}  // namespace microvisor::cloud::api

// Whose signatures an account's devices accept (cloud/API.md).
#include <nlohmann/json.hpp>

#include "cloud/api/api.hpp"
#include "cloud/api/json_body.hpp"

namespace microvisor::cloud::api {
namespace {

using Json = nlohmann::ordered_json;

Response signers_response(const Services& services, const Account& account, int status) {
  const Signers::State state = services.signers.state(account);
  Json body;
  body["signers"] = Json::array();
  for (const protocol::PublicKey& key : state.keys) {
    const std::string pem = protocol::public_key_to_pem(key);
    body["signers"].push_back({{"key_id", key_id_text(protocol::signer_id(key))},
                               {"public_key", pem},
                               {"held_by_cloud", pem == account.owner_public_key}});
  }
  body["sequence"] = state.sequence;
  return json_response(status, body);
}

Response answer(const Services& services, const Call& call, const protocol::Result<void>& done, int status) {
  if (done) return signers_response(services, call.account, status);
  const protocol::Failure& failure = done.error();
  const bool is_conflict = failure.refusal == protocol::Refusal::OldKeyChange ||
                           failure.refusal == protocol::Refusal::NoSignerLeft ||
                           failure.refusal == protocol::Refusal::TooManySigners;
  throw is_conflict ? conflict(failure.message) : bad_request(failure.message);
}

protocol::PublicKey known_signer(const Services& services, const Call& call) {
  for (const protocol::PublicKey& key : services.signers.state(call.account).keys) {
    if (key_id_text(protocol::signer_id(key)) == call.arguments.at(0)) return key;
  }
  throw not_found("There is no signer " + call.arguments.at(0));
}

}  // namespace

Answer list_signers(const Services& services, const Call& call) {
  return signers_response(services, call.account, 200);
}

Answer add_signer(const Services& services, const Call& call) {
  const auto pem = member(read_json(call.request), "public_key");
  if (!pem) throw bad_request("public_key is missing");
  const auto key = protocol::public_key_from_pem(*pem);
  if (!key) throw bad_request("public_key: " + key.error().message);
  return answer(services, call, services.signers.change(call.account, {0, "", {}, {*key}}), 201);
}

Answer remove_signer(const Services& services, const Call& call) {
  const std::uint64_t id = protocol::signer_id(known_signer(services, call));
  answer(services, call, services.signers.change(call.account, {0, "", {id}, {}}), 200);
  return no_content();
}

Answer publish_key_change(const Services& services, const Call& call) {
  const auto encoded = member(read_json(call.request), "new_keys");
  const auto message = encoded ? protocol::from_base64(*encoded) : std::nullopt;
  if (!message) throw bad_request("new_keys has to be base64");
  return answer(services, call, services.signers.publish(call.account, *message), 201);
}

}  // namespace microvisor::cloud::api

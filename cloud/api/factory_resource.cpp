// What a production line needs of the cloud (cloud/API.md, docs/factory.md).
#include <nlohmann/json.hpp>

#include "cloud/api/api.hpp"
#include "cloud/api/json_body.hpp"

namespace microvisor::cloud::api {

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

}  // namespace microvisor::cloud::api

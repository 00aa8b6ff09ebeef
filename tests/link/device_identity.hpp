// What a factory writes into a device that a TestGateway knows.
#pragma once

#include <algorithm>
#include <string>

#include "firmware/image/image.hpp"
#include "protocol/bundle/manifest.hpp"
#include "tests/link/test_gateway.hpp"

namespace microvisor::test {

/// A new key and certificate for `sid`; `host` is where the device finds the gateway, `owner` signs its
/// bundles.
inline firmware::image::Identity identity_for(TestGateway& gateway, const std::string& sid,
                                              const std::string& host, const protocol::SigningKey& owner) {
  const Key key = Key::generate();
  firmware::image::Identity identity;
  identity.device_sid = sid;
  const auto scalar = key.scalar();
  std::copy(scalar.begin(), scalar.end(), identity.device_private_key.begin());
  identity.device_certificate = gateway.device_authority().leaf(key, sid).der();
  identity.gateway_host = host;
  identity.gateway_port = gateway.port();
  identity.gateway_server_name = "gateway.microvisor.internal";
  identity.gateway_ca = gateway.gateway_authority().certificate.der();
  identity.manifest_signers = {owner.public_key()};
  return identity;
}

}  // namespace microvisor::test

// TLS towards a broker: what the device has given becomes a context, and what has failed a state of its
// request. Functions without state.
#pragma once

#include <optional>
#include <string>

#include "cloud/gateway/openssl.hpp"
#include "cloud/relay/mqtt_requests.hpp"

namespace microvisor::cloud::mqtt {

/// Empty: a certificate or the key is none, or they do not belong together. `otherwise` vouches for the
/// broker where the device names no authority.
OwnedSslContext client_context(const TlsParameters& parameters, X509_STORE* otherwise);
/// The broker is to be `host`: a name, or an address with or without brackets.
bool expect_host(SSL* ssl, std::string host);
/// What became of a handshake that failed with `error`, a code of OpenSSL's or 0.
RequestState failure_of(const SSL* ssl, unsigned long error);

}  // namespace microvisor::cloud::mqtt

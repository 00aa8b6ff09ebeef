// The public key of a device, from its certificate: what is encrypted to it, and what it proves itself by.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "protocol/bundle/crypto.hpp"

namespace microvisor::cli {

/// A certificate bears the SID of the device whose key it is. Throws Failure if it is another's, or none.
[[nodiscard]] protocol::PublicKey key_of_certificate(const std::string& sid, std::string_view pem);

/// Of an entry of `GET /api/decrypters`; `file`, if not empty, is the certificate (PEM) instead of what the
/// cloud says it is. Throws Failure.
[[nodiscard]] protocol::PublicKey device_key_of(const nlohmann::json& device, const std::string& file);

}  // namespace microvisor::cli

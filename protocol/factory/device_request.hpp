// A new device's request for a certificate, as it comes off the production line (docs/factory.md).
//
// Whoever brings it is not trusted: the SID is computed from the key, and all of it is signed with that key.
#pragma once

#include <array>
#include <string>

#include "protocol/bundle/crypto.hpp"

namespace microvisor::protocol {

struct DeviceRequest {
  PublicKey public_key{};
  std::string sid;  ///< follows from the key
  Hash claim{};     ///< claim_hash() of the device's claim code
  std::uint32_t kernel_version = 0;
  std::string chip;  ///< unique ID, 24 hex digits
  std::uint32_t optr = 0;
  std::uint32_t secbootadd0 = 0;
  std::uint32_t secwm2r1 = 0;
  std::uint32_t secwm2r2 = 0;
  std::uint32_t wrp2ar = 0;
};

/// Parses, and verifies the signature.
Result<DeviceRequest> read_device_request(ByteView bytes);

/// "0", "0.5", "1" or "2": the read-out protection that the device says it has.
std::string readout_protection(const DeviceRequest& request);

/// "UV" and 32 hex digits.
std::string sid_of_key(const PublicKey& key);

/// What is kept of a claim code, which is 16 letters and digits of base32. Blanks and hyphens in it, and
/// whether its letters are small, do not matter.
Hash claim_hash(std::string_view sid, std::string_view code);

}  // namespace microvisor::protocol

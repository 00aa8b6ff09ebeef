// The envelope all manifests share: signer, body, signature. Taken apart without copying, checked before the
// body is read.
#pragma once

#include <cstdint>
#include <span>

#include "firmware/crypto/crypto.hpp"
#include "firmware/manifest/manifest.hpp"

namespace microvisor::firmware::manifest {

struct Envelope {
  std::uint64_t signer_id = 0;
  std::span<const std::uint8_t> body;
  std::span<const std::uint8_t> signature;
};

/// Splits `bytes`. Malformed if it is not a protobuf message, if a known field has the wrong type or comes
/// twice.
[[nodiscard]] ManifestError split_envelope(std::span<const std::uint8_t> bytes, Envelope& envelope);

/// Both, for what the vendor alone may sign.
[[nodiscard]] ManifestError open_vendors(std::span<const std::uint8_t> bytes,
                                         const crypto::PublicKey& vendor_key, Envelope& envelope,
                                         crypto::Verdict& verdict);

/// Verifies the signature over the body with `key`. Unsigned if there is no signature of 64 bytes.
[[nodiscard]] ManifestError verify_envelope(const Envelope& envelope, const crypto::PublicKey& key,
                                            crypto::Verdict& verdict);

}  // namespace microvisor::firmware::manifest

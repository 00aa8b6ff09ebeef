// The envelope that manifests and changes of keys share (protocol/bundle.proto, OpaqueManifest): signer,
// body, signature. The body is signed and compared as the bytes it came in; it is never serialised again.
#pragma once

#include <cstdint>

#include "protocol/bundle/crypto.hpp"

namespace microvisor::protocol {

struct Envelope {
  std::uint64_t signer_id = 0;  ///< 0: unsigned
  Bytes signature;              ///< empty, or 64 bytes
  Bytes body;
  Bytes signed_bytes;  ///< prefix and body: what the signature covers
};

/// Takes an envelope apart. `what` is named in the refusal.
Result<Envelope> read_envelope(ByteView bytes, std::string_view what);

/// The envelope of a body, signed.
Bytes sign_envelope(ByteView body, const Signer& key);

/// True if it is signed by this key.
bool is_signed_by(const Envelope& envelope, const PublicKey& key);

}  // namespace microvisor::protocol

#include "protocol/bundle/envelope.hpp"

#include <algorithm>

#include "protocol/bundle.pb.h"

namespace microvisor::protocol {
namespace {

/// What precedes the body in the signed bytes; the terminating zero belongs to it.
constexpr std::string_view kPrefix("twlo-mv-manifest-v1\0", 20);

Bytes to_bytes(std::string_view text) {
  const ByteView view = as_bytes(text);
  return {view.begin(), view.end()};
}

Bytes signed_bytes_of(ByteView body) {
  Bytes bytes = to_bytes(kPrefix);
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

}  // namespace

Result<Envelope> read_envelope(ByteView bytes, std::string_view what) {
  const std::string name = "the " + std::string(what);
  bundle::OpaqueManifest message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return refuse(Refusal::ManifestMalformed, name + " cannot be read");
  if (!message.signature().empty() && message.signature().size() != 64)
    return refuse(Refusal::BadSignature, name + "'s signature is not 64 bytes long");
  if (message.signature().empty() != (message.signer_id() == 0))
    return refuse(Refusal::BadSignature, name + " has one of signer and signature, not both");
  Envelope envelope;
  envelope.signer_id = message.signer_id();
  envelope.signature = to_bytes(message.signature());
  envelope.body = to_bytes(message.body());
  envelope.signed_bytes = signed_bytes_of(envelope.body);
  return envelope;
}

Bytes sign_envelope(ByteView body, const Signer& key) {
  const Signature signature = key.sign(signed_bytes_of(body));
  bundle::OpaqueManifest message;
  message.set_signer_id(key.id());
  message.set_body(body.data(), body.size());
  message.set_signature(signature.data(), signature.size());
  return to_bytes(message.SerializeAsString());
}

bool is_signed_by(const Envelope& envelope, const PublicKey& key) {
  if (envelope.signature.size() != 64 || envelope.signer_id != signer_id(key)) return false;
  Signature signature;
  std::copy_n(envelope.signature.begin(), signature.size(), signature.begin());
  return verify(key, envelope.signed_bytes, signature);
}

}  // namespace microvisor::protocol

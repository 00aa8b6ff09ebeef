#include "firmware/manifest/new_keys.hpp"

#include <pb_decode.h>

#include <algorithm>

#include "firmware/manifest/decoded_body.hpp"
#include "firmware/manifest/envelope.hpp"

namespace microvisor::firmware::manifest {

namespace {

using Body = microvisor_bundle_NewKeys_Body;

/// The body of a message whose signature is good.
KeysError verified_body(std::span<const std::uint8_t> message, const vault::TrustAnchors& anchors,
                        Body& body) {
  Envelope envelope;
  if (message.size() > kMaximumNewKeysSize || split_envelope(message, envelope) != ManifestError::None)
    return KeysError::Malformed;
  const crypto::PublicKey* key = anchors.find(envelope.signer_id);
  if (key == nullptr) return KeysError::UnknownSigner;
  crypto::Verdict verdict = crypto::Verdict::Invalid;
  const ManifestError error = verify_envelope(envelope, *key, verdict);
  if (error != ManifestError::None || verdict != crypto::Verdict::Valid) return KeysError::Signature;
  body = microvisor_bundle_NewKeys_Body_init_zero;
  pb_istream_t stream = pb_istream_from_buffer(envelope.body.data(), envelope.body.size());
  return pb_decode(&stream, microvisor_bundle_NewKeys_Body_fields, &body) ? KeysError::None
                                                                          : KeysError::Malformed;
}

void remove_signers(const Body& body, vault::TrustAnchors& anchors) {
  const auto begin = anchors.manifest_signers.begin();
  const auto deleted = [&](const crypto::PublicKey& key) {
    const std::uint64_t id = crypto::manifest_key_id(key);
    const auto* end = body.delete_manifest_signers + body.delete_manifest_signers_count;
    if (std::find(body.delete_manifest_signers, end, id) == end) return false;
    anchors.remember_removed(id);
    return true;
  };
  anchors.count = static_cast<std::uint32_t>(std::remove_if(begin, begin + anchors.count, deleted) - begin);
}

KeysError add_signers(const Body& body, vault::TrustAnchors& anchors) {
  for (pb_size_t i = 0; i < body.add_manifest_signers_count; ++i) {
    const auto& added = body.add_manifest_signers[i];
    crypto::PublicKey key{};
    if (added.size != key.size()) return KeysError::BadKey;
    std::copy_n(added.bytes, key.size(), key.begin());
    if (!crypto::is_p256_point(key)) return KeysError::BadKey;
    if (anchors.find(crypto::manifest_key_id(key)) != nullptr) continue;
    if (anchors.count == anchors.manifest_signers.size()) return KeysError::TooMany;
    anchors.manifest_signers[anchors.count++] = key;
  }
  return anchors.count == 0 ? KeysError::NoneLeft : KeysError::None;
}

}  // namespace

KeysError check_new_keys(std::span<const std::uint8_t> message, std::string_view device_sid,
                         const vault::TrustAnchors& current, ChangedKeys& next) {
  Body& body = decoded_body.new_keys;
  const KeysError error = verified_body(message, current, body);
  if (error != KeysError::None) return error;
  const auto& extensions = body.extensions;  // all zeros if absent
  if (extensions.sequence <= current.sequence) return KeysError::Old;
  const std::string_view addressee = extensions.device_sid;
  if (!addressee.empty() && addressee != device_sid) return KeysError::OtherDevice;
  // A message for all devices that erases would be a weapon.
  if (extensions.erase && addressee.empty()) return KeysError::Malformed;
  vault::TrustAnchors result = current;
  remove_signers(body, result);
  if (const KeysError added = add_signers(body, result); added != KeysError::None) return added;
  result.sequence = extensions.sequence;
  next = {result, extensions.erase};
  return KeysError::None;
}

}  // namespace microvisor::firmware::manifest

#include "firmware/manifest/new_keys.hpp"

#include <pb_decode.h>

#include <algorithm>

#include "firmware/crypto/hpke.hpp"
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

/// A key to encrypted layers, as HPKE has brought it to this device and no other.
KeysError open_layer_key(const microvisor_bundle_HpkeCiphertext& from, const vault::Identity& device,
                         vault::LayerKey& key) {
  constexpr std::string_view kInfo = "microvisor-layer-key-v1";
  constexpr std::size_t kTagSize = std::tuple_size_v<crypto::HpkeOpener::Tag>;
  crypto::PublicKey encapsulated{}, point{};
  crypto::HpkeOpener::Tag tag{};
  if (from.sender_pub.size != encapsulated.size() || from.ciphertext.size != key.secret.size() + kTagSize)
    return KeysError::BadLayerKey;
  std::copy_n(from.sender_pub.bytes, encapsulated.size(), encapsulated.begin());
  std::copy_n(from.ciphertext.bytes, key.secret.size(), key.secret.begin());
  std::copy_n(from.ciphertext.bytes + key.secret.size(), kTagSize, tag.begin());
  crypto::HpkeOpener opener;
  const std::span info(reinterpret_cast<const std::uint8_t*>(kInfo.data()), kInfo.size());
  const bool opened = opener.start(device.device_private_key, encapsulated, info, device.device_sid.span()) &&
                      opener.decrypt(key.secret) && opener.finish(tag);
  if (!opened || !crypto::p256_public_key(key.secret, point)) return KeysError::BadLayerKey;
  key.id = crypto::layer_key_id(point);
  return KeysError::None;
}

/// Keys for other receivers are passed over: one message may bring several devices theirs.
KeysError add_layer_keys(const Body& body, const vault::Identity& device, vault::LayerKeys& keys) {
  if (body.add_layer_decrypters_count == 0) return KeysError::None;
  crypto::PublicKey own{};
  if (!crypto::p256_public_key(device.device_private_key, own)) return KeysError::BadLayerKey;
  const std::uint64_t own_id = crypto::device_key_id(own);
  for (pb_size_t i = 0; i < body.add_layer_decrypters_count; ++i) {
    const auto& added = body.add_layer_decrypters[i];
    if (added.receiver_id != own_id) continue;
    vault::LayerKey key;
    if (const KeysError error = open_layer_key(added, device, key); error != KeysError::None) return error;
    if (!keys.add(key)) return KeysError::TooMany;
  }
  return KeysError::None;
}

}  // namespace

KeysError check_new_keys(std::span<const std::uint8_t> message, const vault::Identity& device,
                         const vault::TrustAnchors& anchors, const vault::LayerKeys& layer_keys,
                         ChangedKeys& next) {
  Body& body = decoded_body.new_keys;
  const KeysError error = verified_body(message, anchors, body);
  if (error != KeysError::None) return error;
  const auto& extensions = body.extensions;  // all zeros if absent
  if (extensions.sequence <= anchors.sequence) return KeysError::Old;
  const std::string_view addressee = extensions.device_sid;
  if (!addressee.empty() && addressee != device.device_sid.text()) return KeysError::OtherDevice;
  // A message for all devices that erases would be a weapon.
  if (extensions.erase && addressee.empty()) return KeysError::Malformed;
  ChangedKeys result{anchors, layer_keys, extensions.erase};
  remove_signers(body, result.anchors);
  if (const KeysError added = add_signers(body, result.anchors); added != KeysError::None) return added;
  for (pb_size_t i = 0; i < body.delete_layer_decrypters_count; ++i)
    result.layer_keys.remove(body.delete_layer_decrypters[i]);
  if (const KeysError added = add_layer_keys(body, device, result.layer_keys); added != KeysError::None)
    return added;
  result.anchors.sequence = extensions.sequence;
  next = result;
  return KeysError::None;
}

}  // namespace microvisor::firmware::manifest

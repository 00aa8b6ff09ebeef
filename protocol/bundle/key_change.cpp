#include "protocol/bundle/key_change.hpp"

#include <algorithm>

#include "protocol/bundle.pb.h"

namespace microvisor::protocol {
namespace {

Result<void> read_layer_keys(const bundle::NewKeys::Body& body, KeyChange& change) {
  const auto too_many = [](int count) { return count > static_cast<int>(kMaxLayerKeys); };
  if (too_many(body.delete_layer_decrypters_size()) || too_many(body.add_layer_decrypters_size()))
    return refuse(Refusal::TooManySigners, "a device has at most 4 keys to encrypted layers");
  change.remove_layer_keys.assign(body.delete_layer_decrypters().begin(),
                                  body.delete_layer_decrypters().end());
  for (const bundle::HpkeCiphertext& added : body.add_layer_decrypters()) {
    auto wrapped = read_wrapped_key(as_bytes(added.SerializeAsString()));
    if (!wrapped) return tl::unexpected(wrapped.error());
    change.add_layer_keys.push_back(std::move(*wrapped));
  }
  return {};
}

}  // namespace

Bytes sign_key_change(const KeyChange& change, const Signer& key) {
  bundle::NewKeys::Body body;
  for (const std::uint64_t id : change.remove_signers) body.add_delete_manifest_signers(id);
  for (const PublicKey& added : change.add_signers) body.add_add_manifest_signers(added.data(), added.size());
  for (const std::uint64_t id : change.remove_layer_keys) body.add_delete_layer_decrypters(id);
  for (const WrappedLayerKey& wrapped : change.add_layer_keys) {
    const Bytes bytes = write_wrapped_key(wrapped);
    body.add_add_layer_decrypters()->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  }
  body.mutable_extensions()->set_sequence(change.sequence);
  body.mutable_extensions()->set_device_sid(change.device_sid);
  body.mutable_extensions()->set_erase(change.erase);
  return sign_envelope(as_bytes(body.SerializeAsString()), key);
}

Result<SignedKeyChange> read_key_change(ByteView message) {
  if (message.size() > kMaxKeyChangeBytes)
    return refuse(Refusal::KeyChangeMalformed, "the change of keys is larger than devices accept");
  auto envelope = read_envelope(message, "change of keys");
  if (!envelope) return tl::unexpected(envelope.error());
  if (envelope->signature.empty()) return refuse(Refusal::BadSignature, "the change of keys is not signed");
  bundle::NewKeys::Body body;
  if (!body.ParseFromArray(envelope->body.data(), static_cast<int>(envelope->body.size())))
    return refuse(Refusal::KeyChangeMalformed, "the change of keys cannot be read");
  const auto too_many = [](int count) { return count > static_cast<int>(kMaxSigners); };
  if (too_many(body.delete_manifest_signers_size()) || too_many(body.add_manifest_signers_size()))
    return refuse(Refusal::TooManySigners, "a device has at most 4 signers");
  SignedKeyChange result;
  result.change.sequence = body.extensions().sequence();
  result.change.device_sid = body.extensions().device_sid();
  result.change.erase = body.extensions().erase();
  if (result.change.erase && result.change.device_sid.empty())
    return refuse(Refusal::KeyChangeMalformed, "a change of keys that erases has to name one device");
  if (result.change.sequence == 0)
    return refuse(Refusal::KeyChangeMalformed, "the change of keys has no sequence");
  result.change.remove_signers.assign(body.delete_manifest_signers().begin(),
                                      body.delete_manifest_signers().end());
  for (const std::string& encoded : body.add_manifest_signers()) {
    if (!is_p256_point(as_bytes(encoded)))
      return refuse(Refusal::BadSignerKey, "a key to be added is no point of P-256");
    std::copy(encoded.begin(), encoded.end(), result.change.add_signers.emplace_back().begin());
  }
  if (auto layer_keys = read_layer_keys(body, result.change); !layer_keys)
    return tl::unexpected(layer_keys.error());
  result.envelope = std::move(*envelope);
  return result;
}

Result<std::vector<PublicKey>> apply_key_change(const KeyChange& change, std::vector<PublicKey> signers) {
  std::erase_if(signers, [&](const PublicKey& key) {
    return std::find(change.remove_signers.begin(), change.remove_signers.end(), signer_id(key)) !=
           change.remove_signers.end();
  });
  for (const PublicKey& key : change.add_signers) {
    if (std::find(signers.begin(), signers.end(), key) == signers.end()) signers.push_back(key);
  }
  if (signers.size() > kMaxSigners) return refuse(Refusal::TooManySigners, "a device has at most 4 signers");
  if (signers.empty())
    return refuse(Refusal::NoSignerLeft, "no signer would be left: nobody could update the devices any more");
  return signers;
}

}  // namespace microvisor::protocol

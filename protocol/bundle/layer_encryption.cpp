#include "protocol/bundle/layer_encryption.hpp"

#include <algorithm>

#include "protocol/bundle.pb.h"

namespace microvisor::protocol {
namespace {

static_assert(kEncryptedLayerOverhead == kHpkeTagBytes + std::tuple_size_v<PublicKey>);

constexpr std::string_view kLayerInfo = "microvisor-layer-v1";
constexpr std::string_view kKeyInfo = "microvisor-layer-key-v1";

const Layer* find(const std::vector<Layer>& layers, const Hash& hash) {
  const auto found =
      std::find_if(layers.begin(), layers.end(), [&](const Layer& layer) { return layer.hash == hash; });
  return found == layers.end() ? nullptr : &*found;
}

}  // namespace

std::uint64_t layer_key_id(const PublicKey& key) { return key_id(1, key); }
std::uint64_t device_key_id(const PublicKey& key) { return key_id(3, key); }

Bytes encrypt_layer(ByteView plain, const PublicKey& key) {
  const HpkeMessage message = hpke_seal(key, as_bytes(kLayerInfo), {}, plain);
  return concatenated({message.sealed, message.encapsulated});
}

Result<Bundle> encrypt_bundle(const Bundle& bundle, const PublicKey& key) {
  bundle::AppManifest::AppBody body;
  if (!body.ParseFromArray(bundle.info.body.data(), static_cast<int>(bundle.info.body.size())))
    return refuse(Refusal::ManifestMalformed, "the manifest's body cannot be read");
  Bundle result;
  for (int i = 0; i < body.layers_size(); ++i) {
    const LayerInfo& info = bundle.info.layers.at(static_cast<std::size_t>(i));
    const Layer* layer = find(bundle.layers, info.fetch_hash);
    if (layer == nullptr) return refuse(Refusal::LayerMissing, "a layer is not in the bundle");
    Layer encrypted = *layer;
    if (info.encrypted_with == 0) {
      encrypted.bytes = encrypt_layer(layer->bytes, key);
      if (encrypted.bytes.size() > kMaxEntryBytes)
        return refuse(Refusal::LayerTooLarge,
                      "an encrypted layer has 81 bytes more, which find no room in a MiB");
      encrypted.hash = sha256(encrypted.bytes);
      auto& reference = *body.mutable_layers(i);
      reference.set_encrypted_with_key_id(layer_key_id(key));
      reference.set_fetch_hash(encrypted.hash.data(), encrypted.hash.size());
      reference.set_layer_size(static_cast<std::uint32_t>(encrypted.bytes.size()));
    }
    if (find(result.layers, encrypted.hash) == nullptr) result.layers.push_back(std::move(encrypted));
  }
  if (auto size = check_size(result.layers); !size) return tl::unexpected(size.error());
  bundle::OpaqueManifest envelope;
  envelope.set_body(body.SerializeAsString());
  const std::string manifest = envelope.SerializeAsString();
  if (manifest.size() > kMaxManifestBytes)
    return refuse(Refusal::ManifestTooLarge, "with its layers encrypted the manifest is too large");
  result.manifest.assign(manifest.begin(), manifest.end());
  auto info = parse_manifest(result.manifest);
  if (!info) return tl::unexpected(info.error());
  result.info = std::move(*info);
  return result;
}

WrappedLayerKey wrap_layer_key(const SigningKey& layer_key, const PublicKey& device_key,
                               const std::string& device_sid) {
  return {device_key_id(device_key),
          hpke_seal(device_key, as_bytes(kKeyInfo), as_bytes(device_sid), layer_key.private_scalar())};
}

Bytes write_wrapped_key(const WrappedLayerKey& key) {
  bundle::HpkeCiphertext message;
  message.set_receiver_id(key.receiver);
  message.set_sender_pub(key.message.encapsulated.data(), key.message.encapsulated.size());
  message.set_ciphertext(key.message.sealed.data(), key.message.sealed.size());
  const std::string bytes = message.SerializeAsString();
  return {bytes.begin(), bytes.end()};
}

Result<WrappedLayerKey> read_wrapped_key(ByteView bytes) {
  bundle::HpkeCiphertext message;
  const bool good = message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) &&
                    is_p256_point(as_bytes(message.sender_pub())) &&
                    message.ciphertext().size() == kWrappedLayerKeyBytes;
  if (!good)
    return refuse(Refusal::KeyChangeMalformed, "not a key to encrypted layers, encrypted to a device");
  WrappedLayerKey key;
  key.receiver = message.receiver_id();
  std::copy(message.sender_pub().begin(), message.sender_pub().end(), key.message.encapsulated.begin());
  key.message.sealed.assign(message.ciphertext().begin(), message.ciphertext().end());
  return key;
}

}  // namespace microvisor::protocol

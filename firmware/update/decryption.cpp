// An encrypted layer is one message of HPKE (crypto/hpke.hpp): ciphertext, tag, encapsulated key, in this
// order, so that sector for sector the plain bytes take the place of the ciphertext in the one buffer there
// is. What is decrypted counts only once the tag has been seen to be right, and then under the hash in the
// signed manifest.
#include "firmware/update/decryption.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "firmware/crypto/hpke.hpp"
#include "firmware/update/updater.hpp"
#include "firmware/vault/layer_keys.hpp"

namespace microvisor::firmware::update {

namespace {

constexpr std::string_view kInfo = "microvisor-layer-v1";

}  // namespace

StagingStatus Staging::reserve(const crypto::Digest& hash, std::uint32_t size,
                               std::span<const crypto::Digest> keep) {
  const StagingStatus status = drop(hash);
  return status == StagingStatus::Ok ? allocate(hash, size, keep) : status;
}

StagingStatus Staging::decrypt(const crypto::Digest& from, const crypto::Digest& to, std::uint32_t size,
                               crypto::HpkeOpener& opener) {
  StagingStatus status = StagingStatus::Ok;
  const Object* source = find(from);
  const Object* target = find(to);
  if (source == nullptr || source->complete == 0 || target == nullptr) return StagingStatus::NotFound;
  for (std::uint32_t at = 0; at < size; at += kSealedSectorData) {
    const std::uint32_t index = at / kSealedSectorData;
    const std::uint32_t count = std::min(kSealedSectorData, size - at);
    loaded_ = kNothing;  // what was decrypted last stands nowhere
    status = load_sector(*source, index);
    if (status != StagingStatus::Ok) return status;
    loaded_ = kNothing;
    if (!opener.decrypt(std::span(sector_).subspan(kSectorHeader, count))) return StagingStatus::Failed;
    status = store_sector(*target, index, count);
    if (status != StagingStatus::Ok) return status;
  }
  return StagingStatus::Ok;
}

/// Without the key there is no point in fetching a layer.
UpdateError Updater::check_layer_keys() {
  for (std::uint32_t i = 0; i < manifest_.layer_count; ++i) {
    const std::uint64_t id = manifest_.layers[i].encrypted_with;
    vault::LayerKey key;
    if (id != 0 && !vault::find_layer_key(store_, anchors_->sequence, id, key))
      return UpdateError::NoLayerKey;
  }
  return UpdateError::None;
}

UpdateError Updater::decrypt_staged(const manifest::Layer& layer) {
  const EncryptedLayer encrypted{layer.fetch_hash, layer.encrypted_with, layer.plain_name(), layer.size,
                                 layer.padded_size()};
  UpdateError error = make_room(encrypted);
  if (error == UpdateError::None) error = decrypt_layer(staging_, store_, anchors_->sequence, encrypted);
  return error == UpdateError::None ? error : give_up(error);
}

/// Not inlined: the names leave the stack before the arithmetic of the opener needs it.
[[gnu::noinline]] UpdateError Updater::make_room(const EncryptedLayer& layer) {
  return update::make_room(staging_, layer, names_of_target().all());
}

namespace {

/// What stands behind the ciphertext.
struct Trailer {
  crypto::HpkeOpener::Tag tag{};
  crypto::PublicKey encapsulated{};
};

UpdateError read_trailer(Staging& staging, const crypto::Digest& name, std::uint32_t at, Trailer& trailer) {
  StagingStatus status = staging.read(name, at, trailer.tag);
  if (status == StagingStatus::Ok)
    status = staging.read(name, at + static_cast<std::uint32_t>(trailer.tag.size()), trailer.encapsulated);
  return error_of(status);
}

UpdateError start_opener(vault::Store& store, std::uint64_t keys_sequence, std::uint64_t id,
                         const crypto::PublicKey& encapsulated, crypto::HpkeOpener& opener) {
  vault::LayerKey key;
  if (!vault::find_layer_key(store, keys_sequence, id, key)) return UpdateError::NoLayerKey;
  const std::span info(reinterpret_cast<const std::uint8_t*>(kInfo.data()), kInfo.size());
  return opener.start(key.secret, encapsulated, info, {}) ? UpdateError::None : UpdateError::Decryption;
}

/// Of a ciphertext for which there is room.
std::uint32_t plain_size_of(const Staging& staging, const EncryptedLayer& layer) {
  return staging.size_of(layer.fetch_hash).value_or(kEncryptedLayerOverhead) - kEncryptedLayerOverhead;
}

UpdateError decrypt(Staging& staging, vault::Store& store, std::uint64_t keys_sequence,
                    const EncryptedLayer& layer) {
  const std::uint32_t plain_size = plain_size_of(staging, layer);
  Trailer trailer;
  UpdateError error = read_trailer(staging, layer.fetch_hash, plain_size, trailer);
  crypto::HpkeOpener opener;
  if (error == UpdateError::None)
    error = start_opener(store, keys_sequence, layer.key, trailer.encapsulated, opener);
  if (error == UpdateError::None)
    error = error_of(staging.decrypt(layer.fetch_hash, layer.plain_name, plain_size, opener));
  if (error != UpdateError::None) return error;
  if (!opener.finish(trailer.tag)) {
    const bool dropped = staging.drop(layer.plain_name) == StagingStatus::Ok;
    return dropped ? UpdateError::Decryption : UpdateError::Storage;
  }
  const StagingStatus status = staging.complete(layer.plain_name, layer.padded_size);
  return status == StagingStatus::WrongHash ? UpdateError::Measurement : error_of(status);
}

}  // namespace

UpdateError make_room(Staging& staging, const EncryptedLayer& layer, std::span<const crypto::Digest> keep) {
  const std::uint32_t size = staging.size_of(layer.fetch_hash).value_or(0);
  if (size <= kEncryptedLayerOverhead) return UpdateError::LayerTruncated;
  const std::uint32_t plain_size = size - kEncryptedLayerOverhead;
  if (plain_size > layer.maximum_size) return UpdateError::LayerExtended;
  return error_of(staging.reserve(layer.plain_name, plain_size, keep));
}

UpdateError decrypt_layer(Staging& staging, vault::Store& store, std::uint64_t keys_sequence,
                          const EncryptedLayer& layer) {
  const UpdateError error = decrypt(staging, store, keys_sequence, layer);
  return staging.drop(layer.fetch_hash) == StagingStatus::Ok ? error : UpdateError::Storage;
}

}  // namespace microvisor::firmware::update

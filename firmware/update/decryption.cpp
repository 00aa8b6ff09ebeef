// Encrypted layers: of the ciphertext that was fetched, a second object is made in the staging area that
// holds the plain bytes. Whoever installs sees plain objects only.
//
// An encrypted layer is one message of HPKE (crypto/hpke.hpp): ciphertext, tag, encapsulated key, in this
// order, so that sector for sector the plain bytes take the place of the ciphertext in the one buffer there
// is. What is decrypted counts only once the tag has been seen to be right, and then under the hash in the
// signed manifest.
#include "firmware/crypto/hpke.hpp"
#include "firmware/update/updater.hpp"
#include "firmware/vault/layer_keys.hpp"

namespace microvisor::firmware::update {

namespace {

constexpr std::string_view kInfo = "microvisor-layer-v1";

}  // namespace

StagingStatus Staging::decrypt(const crypto::Digest& from, const crypto::Digest& to, std::uint32_t size,
                               std::span<const crypto::Digest> keep, crypto::HpkeOpener& opener) {
  StagingStatus status = drop(to);  // what a power cut has left: the cipher cannot go on in the middle
  if (status == StagingStatus::Ok) status = allocate(to, size, keep);
  if (status != StagingStatus::Ok) return status;
  const Object* source = find(from);
  const Object* target = find(to);
  if (source == nullptr || source->complete == 0) return StagingStatus::NotFound;
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
  const UpdateError error = decrypt_layer(layer);
  // The ciphertext's room may be needed by the next layer; and if it was no good, it is fetched anew.
  if (staging_.drop(layer.fetch_hash) != StagingStatus::Ok) return give_up(UpdateError::Storage);
  return error == UpdateError::None ? error : give_up(error);
}

/// Not inlined: the names are on the stack only when the arithmetic of the opener is over.
[[gnu::noinline]] StagingStatus Updater::decrypt_object(const manifest::Layer& layer,
                                                        std::uint32_t plain_size,
                                                        crypto::HpkeOpener& opener) {
  const Names names = names_of_target();
  return staging_.decrypt(layer.fetch_hash, layer.plain_name(), plain_size, names.all(), opener);
}

UpdateError Updater::decrypt_layer(const manifest::Layer& layer) {
  const std::uint32_t size = staging_.size_of(layer.fetch_hash).value_or(0);
  if (size <= kEncryptedLayerOverhead) return UpdateError::LayerTruncated;
  const std::uint32_t plain_size = size - kEncryptedLayerOverhead;
  if (plain_size > layer.size) return UpdateError::LayerExtended;
  crypto::HpkeOpener::Tag tag{};
  crypto::PublicKey encapsulated{};
  StagingStatus status = staging_.read(layer.fetch_hash, plain_size, tag);
  if (status == StagingStatus::Ok)
    status =
        staging_.read(layer.fetch_hash, plain_size + static_cast<std::uint32_t>(tag.size()), encapsulated);
  if (status != StagingStatus::Ok) return error_of(status);
  crypto::HpkeOpener opener;
  {
    vault::LayerKey key;
    if (!vault::find_layer_key(store_, anchors_->sequence, layer.encrypted_with, key))
      return UpdateError::NoLayerKey;
    const std::span info(reinterpret_cast<const std::uint8_t*>(kInfo.data()), kInfo.size());
    if (!opener.start(key.secret, encapsulated, info, {})) return UpdateError::Decryption;
  }
  status = decrypt_object(layer, plain_size, opener);
  if (status != StagingStatus::Ok) return error_of(status);
  if (!opener.finish(tag)) {
    const bool dropped = staging_.drop(layer.plain_name()) == StagingStatus::Ok;
    return dropped ? UpdateError::Decryption : UpdateError::Storage;
  }
  status = staging_.complete(layer.plain_name(), layer.padded_size());
  return status == StagingStatus::WrongHash ? UpdateError::Measurement : error_of(status);
}

}  // namespace microvisor::firmware::update

// Encrypted layers: of the ciphertext that was fetched, a second object is made in the staging area that
// holds the plain bytes. Whoever installs sees plain objects only.
#pragma once

#include <cstdint>
#include <span>

#include "firmware/update/staging.hpp"
#include "firmware/vault/store.hpp"

namespace microvisor::firmware::update {

struct EncryptedLayer {
  crypto::Digest fetch_hash{};
  std::uint64_t key = 0;
  crypto::Digest plain_name{};     // what the plain object is called
  std::uint32_t maximum_size = 0;  // of its bytes
  std::uint32_t padded_size = 0;   // see Staging::complete()
};

/// Room for the plain object, before which nothing in `keep` gives way. LayerTruncated, LayerExtended, or an
/// error of the staging area.
[[nodiscard]] UpdateError make_room(Staging& staging, const EncryptedLayer& layer,
                                    std::span<const crypto::Digest> keep);

/// Makes the plain object, for which there is room, of the staged ciphertext, which is given up in any case:
/// its own room may be needed by the next layer, and if it was no good it is fetched anew. Keys are those of
/// the change of keys with this sequence. NoLayerKey, Decryption, Measurement, or an error of the staging
/// area.
[[nodiscard]] UpdateError decrypt_layer(Staging& staging, vault::Store& store, std::uint64_t keys_sequence,
                                        const EncryptedLayer& layer);

}  // namespace microvisor::firmware::update

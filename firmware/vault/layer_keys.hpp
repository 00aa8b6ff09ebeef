// The private keys to encrypted layers of applications, as the owner has handed them out.
//
// One value of the vault's journal, sealed like all secrets there. It holds two sets: that of the change of
// keys with the sequence it names, and the one before. The journal is written first, the trust anchors with
// their sequence after it; which of the two sets is in force follows from the anchors, so that a power cut in
// between leaves signers and layer keys as they were.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "firmware/crypto/crypto.hpp"
#include "firmware/limits.hpp"
#include "firmware/vault/store.hpp"

namespace microvisor::firmware::vault {

struct LayerKey {
  std::uint64_t id = 0;  // crypto::layer_key_id() of its point
  crypto::PrivateKey secret{};
};

struct LayerKeys {
  std::uint32_t count = 0;
  std::array<LayerKey, kMaximumLayerKeys> keys{};

  /// The key with this id, or nullptr.
  [[nodiscard]] const LayerKey* find(std::uint64_t key_id) const;
  /// Removes it, if it is there.
  void remove(std::uint64_t key_id);
  /// False: there is no room. A key that is there already is not added again.
  [[nodiscard]] bool add(const LayerKey& key);
};

/// The set in force with the anchors' `sequence`; empty if there is none or it cannot be read.
void read_layer_keys(Store& store, std::uint64_t sequence, LayerKeys& keys);

/// Of that set, the key with this id. False: it has none.
[[nodiscard]] bool find_layer_key(Store& store, std::uint64_t sequence, std::uint64_t key_id, LayerKey& key);

/// Makes `next` the set that is in force from the anchors' sequence `next_sequence` on; until then `current`
/// is. Once it is in force, called again without a `current` it forgets the keys that were.
[[nodiscard]] bool write_layer_keys(Store& store, const LayerKeys& current, std::uint64_t next_sequence,
                                    const LayerKeys& next);

}  // namespace microvisor::firmware::vault

// The public keys whose signatures the device accepts on application bundles.
//
// Two pages are used in turn: a new set is written, with the next generation number, to the page that does
// not hold the current one. A set becomes current by its last row, so a power cut leaves the old set.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "firmware/crypto/crypto.hpp"
#include "firmware/limits.hpp"
#include "firmware/storage/flash.hpp"

namespace microvisor::firmware::vault {

struct TrustAnchors {
  std::uint32_t generation = 0;
  std::uint64_t sequence = 0;  // of the last change of keys (bundle.proto NewKeys); 0: as made
  std::uint32_t count = 0;
  std::array<crypto::PublicKey, kMaximumManifestSigners> manifest_signers{};
  std::uint32_t removed_count = 0;
  std::array<std::uint64_t, kRememberedSigners> removed{};  // key ids of those that were, the latest last

  /// The key with this id, or nullptr.
  [[nodiscard]] const crypto::PublicKey* find(std::uint64_t key_id) const;
  /// Remembers a key that is a signer no more; the oldest is forgotten when there are too many.
  void remember_removed(std::uint64_t key_id);
  [[nodiscard]] bool was_removed(std::uint64_t key_id) const;
};

/// Reads the valid set with the highest generation. False: there is none.
[[nodiscard]] bool read_trust_anchors(storage::Flash& flash, TrustAnchors& anchors);

/// Replaces the set; `anchors.generation` is ignored and chosen. False if the flash failed (the old set still
/// holds).
[[nodiscard]] bool write_trust_anchors(storage::Flash& flash, TrustAnchors& anchors);

/// Encodes one page's worth, for the image builder. Returns the bytes used, a multiple of 16.
[[nodiscard]] std::size_t encode_trust_anchors(const TrustAnchors& anchors, std::span<std::uint8_t> page);

}  // namespace microvisor::firmware::vault

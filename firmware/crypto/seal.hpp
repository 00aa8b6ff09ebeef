// Sealing: what the device keeps for itself is encrypted and authenticated with AES-256-GCM (NIST SP 800-38D)
// under keys that only its own chip can derive.
//
// A sealed box has a nonce of 12 bytes, a ciphertext as long as its contents, and a tag of 16 bytes. The
// nonce is drawn from the random number generator each time a box is made, and nothing about it is
// remembered. So no power cut, no torn write and no memory put back to an older state makes a nonce come
// twice, as a counter kept in such a memory could. Two boxes of one key share a nonce with a probability
// below 2^-32 as long as there are fewer than 2^32 of them (SP 800-38D section 8.3): wearing out every sector
// of the staging area takes 10^8.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace microvisor::firmware::crypto {

/// What a key is for: each use has its own, so that a box of one is none of another.
enum class KeyUse : std::uint8_t { Identity = 1, Staging = 2, Journal = 3 };

/// A key of this chip. Until it is `good` nothing is sealed or opened with it.
struct SealingKey {
  std::array<std::uint8_t, 32> bytes{};
  bool good = false;
};

/// The key for `use` on this chip, the same at every start; not `good` if the chip gives none. On the device
/// (device_key.cpp: SAES under the hardware key) for start-up code; host: device_key_host.cpp.
[[nodiscard]] SealingKey device_key(KeyUse use);

inline constexpr std::size_t kSealNonceSize = 12;
inline constexpr std::size_t kSealTagSize = 16;
inline constexpr std::size_t kSealOverhead = kSealNonceSize + kSealTagSize;

using SealNonce = std::array<std::uint8_t, kSealNonceSize>;
using SealTag = std::array<std::uint8_t, kSealTagSize>;

/// Where the parts of a box lie.
struct SealedBox {
  std::span<std::uint8_t, kSealNonceSize> nonce;
  std::span<std::uint8_t> contents;
  std::span<std::uint8_t, kSealTagSize> tag;
};

/// Encrypts the contents in place, draws the nonce and sets the tag. `context` is authenticated with them and
/// has to be the same when the box is opened. False without a good key or random bytes: then the contents
/// have not been encrypted.
[[nodiscard]] bool seal(const SealingKey& key, std::span<const std::uint8_t> context, const SealedBox& box);

/// Opens a box in place. False, and zeros for contents, if a bit of it, the key or the context is another.
[[nodiscard]] bool unseal(const SealingKey& key, std::span<const std::uint8_t> context, const SealedBox& box);

}  // namespace microvisor::firmware::crypto

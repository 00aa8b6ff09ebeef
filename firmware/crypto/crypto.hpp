// Cryptography of the secure world: the interface behind which software (mbedTLS) stands now and the chip's
// HASH, PKA and RNG take over later.
//
// Verdicts that decide what runs are hardened (firmware/hardened).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "firmware/hardened/hardened.hpp"

namespace microvisor::firmware::crypto {

using Digest = std::array<std::uint8_t, 32>;
/// X9.62 uncompressed point on P-256: 0x04, X, Y.
using PublicKey = std::array<std::uint8_t, 65>;
/// Scalar, big-endian.
using PrivateKey = std::array<std::uint8_t, 32>;
/// r then s, each 32 bytes big-endian.
using Signature = std::array<std::uint8_t, 64>;

using hardened::equal;
using hardened::Verdict;
using hardened::verdict_of;

/// SHA-256 (FIPS 180-4) over data that comes in pieces. Copyable: a copy continues from the same state.
class Sha256 {
 public:
  Sha256();

  void update(std::span<const std::uint8_t> data);
  /// As update() with `size` bytes of 0xFF, which is what measurements of mostly blank flash consist of: half
  /// the cost.
  void update_blank(std::size_t size);
  /// The digest of all data so far. The object can only be assigned to afterwards.
  [[nodiscard]] Digest finish();

 private:
  std::array<std::uint32_t, 8> state_;
  std::uint64_t size_ = 0;                // bytes so far
  std::array<std::uint8_t, 64> block_{};  // the last, unfinished one
};

[[nodiscard]] Digest sha256(std::span<const std::uint8_t> data);

/// ECDSA on P-256 over a SHA-256 digest (FIPS 186-4). Invalid for a key that is no point of the curve.
[[nodiscard]] Verdict ecdsa_p256_verify(const PublicKey& key, const Digest& digest,
                                        const Signature& signature);

/// Whether `key` is a point of P-256 other than infinity.
[[nodiscard]] bool is_p256_point(const PublicKey& key);

/// ECDSA with a random nonce. False if the key is out of range or no random bytes could be had. Kernel only.
[[nodiscard]] bool ecdsa_p256_sign(const PrivateKey& key, const Digest& digest, Signature& signature);

/// The point that belongs to a private key. False if the key is out of range. Kernel only.
[[nodiscard]] bool p256_public_key(const PrivateKey& key, PublicKey& point);

/// Fills `out` from the true random number generator. False if it reports a fault: then nothing in `out` may
/// be used. Device: firmware/crypto/random_device.cpp; host tests: random_host.cpp.
[[nodiscard]] bool random(std::span<std::uint8_t> out);

/// Identifies a public key for signing manifests: the first 8 bytes of SHA-256(0x00 0x00, key), big-endian.
[[nodiscard]] std::uint64_t manifest_key_id(const PublicKey& key);
/// The same of keys to encrypted layers (0x00 0x01), and of the device's own key as a receiver (0x00 0x03).
[[nodiscard]] std::uint64_t layer_key_id(const PublicKey& key);
[[nodiscard]] std::uint64_t device_key_id(const PublicKey& key);

/// Gives mbedTLS its arena. Call once, before anything above. `arena` must live for ever.
void initialise_memory(std::span<std::uint8_t> arena);

}  // namespace microvisor::firmware::crypto

// Encryption to the owner of a public key: HPKE (RFC 9180) in base mode with DHKEM(P-256, HKDF-SHA256),
// HKDF-SHA256 and AES-128-GCM, one message a key, sealed in pieces.
//
// Kernel only. The Diffie-Hellman runs where TLS's does (on the device the PKA), so only the worker may use
// it.
#pragma once

#include <mbedtls/gcm.h>

#include <array>
#include <cstdint>
#include <span>

#include "firmware/crypto/crypto.hpp"

namespace microvisor::firmware::crypto {

class HpkeSealer {
 public:
  using Tag = std::array<std::uint8_t, 16>;

  HpkeSealer();
  ~HpkeSealer();
  HpkeSealer(const HpkeSealer&) = delete;
  HpkeSealer& operator=(const HpkeSealer&) = delete;

  /// Begins the message with a fresh ephemeral key. False: `receiver` is no point of the curve, or random
  /// numbers, memory or the arithmetic unit failed.
  [[nodiscard]] bool start(const PublicKey& receiver, std::span<const std::uint8_t> info,
                           std::span<const std::uint8_t> associated_data);
  /// The same with a given ephemeral pair of keys, for test vectors.
  [[nodiscard]] bool start_with(const PrivateKey& ephemeral, const PublicKey& ephemeral_point,
                                const PublicKey& receiver, std::span<const std::uint8_t> info,
                                std::span<const std::uint8_t> associated_data);
  /// What the receiver needs beside the ciphertext (RFC 9180 calls it enc).
  [[nodiscard]] const PublicKey& encapsulated() const { return encapsulated_; }
  /// Encrypts in place. Every piece but the last is a multiple of 16 bytes long.
  [[nodiscard]] bool encrypt(std::span<std::uint8_t> piece);
  [[nodiscard]] bool finish(Tag& tag);

 private:
  [[nodiscard]] bool schedule(const PrivateKey& ephemeral, const PublicKey& receiver,
                              std::span<const std::uint8_t> info,
                              std::span<const std::uint8_t> associated_data);

  PublicKey encapsulated_{};
  mbedtls_gcm_context gcm_;
};

}  // namespace microvisor::firmware::crypto

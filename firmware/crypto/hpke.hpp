// Encryption to the owner of a public key: HPKE (RFC 9180) in base mode with DHKEM(P-256, HKDF-SHA256),
// HKDF-SHA256 and AES-128-GCM, one message a key, sealed and opened in pieces.
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

/// AES-128-GCM as the key schedule of RFC 9180 sets it up.
class HpkeCipher {
 public:
  HpkeCipher();
  ~HpkeCipher();
  HpkeCipher(const HpkeCipher&) = delete;
  HpkeCipher& operator=(const HpkeCipher&) = delete;

  enum class Direction : std::uint8_t { Encrypt, Decrypt };
  /// What both sides know, and the Diffie-Hellman of `own` and `peer`.
  struct Terms {
    const PrivateKey& own;
    const PublicKey& peer;
    const PublicKey& encapsulated;
    const PublicKey& receiver;
    std::span<const std::uint8_t> info;
    std::span<const std::uint8_t> associated_data;
  };
  [[nodiscard]] bool schedule(Direction direction, const Terms& terms);
  [[nodiscard]] bool update(std::span<std::uint8_t> piece);
  [[nodiscard]] bool finish(std::array<std::uint8_t, 16>& tag);

 private:
  [[nodiscard]] bool schedule_from(Direction direction, const Terms& terms, const Digest& dh);

  mbedtls_gcm_context gcm_;
};

class HpkeSealer {
 public:
  using Tag = std::array<std::uint8_t, 16>;

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
  [[nodiscard]] bool encrypt(std::span<std::uint8_t> piece) { return cipher_.update(piece); }
  [[nodiscard]] bool finish(Tag& tag) { return cipher_.finish(tag); }

 private:
  PublicKey encapsulated_{};
  HpkeCipher cipher_;
};

/// The receiver's side. What decrypt() gives counts only once finish() has said yes.
class HpkeOpener {
 public:
  using Tag = HpkeSealer::Tag;

  /// False: `encapsulated` is no point of the curve, or memory or the arithmetic unit failed.
  [[nodiscard]] bool start(const PrivateKey& key, const PublicKey& encapsulated,
                           std::span<const std::uint8_t> info, std::span<const std::uint8_t> associated_data);
  /// Decrypts in place. Every piece but the last is a multiple of 16 bytes long.
  [[nodiscard]] bool decrypt(std::span<std::uint8_t> piece) { return cipher_.update(piece); }
  /// Whether the message is what the sender has sealed.
  [[nodiscard]] bool finish(const Tag& tag);

 private:
  HpkeCipher cipher_;
};

}  // namespace microvisor::firmware::crypto

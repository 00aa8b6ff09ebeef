// AES-256-GCM (NIST SP 800-38D) on contents that come in pieces.
//
// Two units can do it: mbedTLS on the core, and the chip's AES; boot stages have AES alone (gcm_unit.cpp).
// AES belongs to the application once that runs, so it is used only between reset and the application's
// start, by whoever says so (use_aes_unit()).
#pragma once

#include "firmware/crypto/seal.hpp"

namespace microvisor::firmware::crypto {

class Gcm {
 public:
  enum class Direction : std::uint8_t { Encrypt, Decrypt };
  /// Takes memory from mbedTLS's arena while it lives, or AES. One at a time.
  Gcm(const SealingKey& key, Direction direction, std::span<const std::uint8_t> context,
      std::span<const std::uint8_t, kSealNonceSize> nonce);
  ~Gcm();
  Gcm(const Gcm&) = delete;
  Gcm& operator=(const Gcm&) = delete;

  /// Encrypts or decrypts `data` in place: whole blocks of 16 bytes but for the last piece.
  [[nodiscard]] bool update(std::span<std::uint8_t> data);
  /// False if anything has failed before.
  [[nodiscard]] bool finish(SealTag& tag);

 private:
  bool by_unit_ = true;
  bool good_ = false;
};

/// From now on AES does the work (true), or mbedTLS (false, as at first). In host tests always mbedTLS. Not
/// while a Gcm lives.
void use_aes_unit(bool use);

}  // namespace microvisor::firmware::crypto

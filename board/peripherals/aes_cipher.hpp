// AES on single blocks, with the key as the hardware holds it, and the multiplication of GCM.
//
// Decryption on the chip starts from the end of the key schedule: mode 2 leaves the last round key in the key
// registers, and mode 3 works backwards from there (RM0456 49.4.5). So a driver that forgets mode 2, or
// encrypts after it with the same key, gets here the same wrong result as on silicon.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

namespace microvisor::board {

/// Bytes from the most to the least significant.
using AesBlock = std::array<std::uint8_t, 16>;

/// KEYR0 to KEYR7; KEYR7 (256 bits) or KEYR3 (128 bits) is the most significant word.
struct AesKey {
  std::array<std::uint32_t, 8> words{};
  bool long_key = false;  ///< 256 bits
  friend bool operator==(const AesKey&, const AesKey&) = default;
};

/// The words that the key schedule of `key` ends with (FIPS 197 section 5.2).
[[nodiscard]] AesKey last_round_key(const AesKey& key);
/// The key whose schedule ends with `last`.
[[nodiscard]] AesKey key_of_last_round(const AesKey& last);

class AesCipher {
 public:
  AesCipher();
  ~AesCipher();
  AesCipher(const AesCipher&) = delete;
  AesCipher& operator=(const AesCipher&) = delete;

  /// The block under `key`, by FIPS 197.
  [[nodiscard]] AesBlock encrypt(const AesKey& key, const AesBlock& block);
  /// `key` is what mode 2 has left: the last round key.
  [[nodiscard]] AesBlock decrypt(const AesKey& key, const AesBlock& block);

 private:
  struct Schedule;
  std::unique_ptr<Schedule> encryption_;
  std::unique_ptr<Schedule> decryption_;
};

/// x * h in GF(2^128) as GCM defines it (NIST SP 800-38D section 6.3).
[[nodiscard]] AesBlock ghash_multiply(const AesBlock& x, const AesBlock& h);

constexpr AesBlock operator^(const AesBlock& a, const AesBlock& b) {
  AesBlock result{};
  for (unsigned i = 0; i < result.size(); ++i) result[i] = a[i] ^ b[i];
  return result;
}

}  // namespace microvisor::board

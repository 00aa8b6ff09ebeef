// The cryptography that a debug session is made of, as either side has it: the device by firmware/crypto, the
// developer's machine by OpenSSL. What can be built from these (HMAC, HKDF, the handshake) is built once,
// above them.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>

namespace microvisor::protocol::debug {

using Digest = std::array<std::uint8_t, 32>;
/// X9.62 uncompressed point on P-256: 0x04, X, Y.
using Point = std::array<std::uint8_t, 65>;
/// Big-endian.
using Scalar = std::array<std::uint8_t, 32>;
using CipherKey = std::array<std::uint8_t, 32>;
using CipherNonce = std::array<std::uint8_t, 12>;
using Tag = std::array<std::uint8_t, 16>;

class Crypto {
 public:
  using Parts = std::initializer_list<std::span<const std::uint8_t>>;

  /// SHA-256 of parts that follow one another.
  [[nodiscard]] virtual Digest sha256(Parts parts) = 0;
  /// A fresh pair of keys. False: no random numbers, or the arithmetic failed.
  [[nodiscard]] virtual bool generate(Scalar& secret, Point& point) = 0;
  /// ECDH (SEC 1 section 3.3.1): the X coordinate of `secret` times `peer`. False: `peer` is no point of the
  /// curve or infinity, `secret` is out of range, or the arithmetic failed.
  [[nodiscard]] virtual bool agree(const Scalar& secret, const Point& peer, Digest& shared) = 0;
  /// AES-256-GCM (NIST SP 800-38D), in place.
  [[nodiscard]] virtual bool encrypt(const CipherKey& key, const CipherNonce& nonce,
                                     std::span<const std::uint8_t> associated, std::span<std::uint8_t> data,
                                     Tag& tag) = 0;
  /// False, and `data` is of no use, if the tag does not agree. Compares in constant time.
  [[nodiscard]] virtual bool decrypt(const CipherKey& key, const CipherNonce& nonce,
                                     std::span<const std::uint8_t> associated, std::span<std::uint8_t> data,
                                     const Tag& tag) = 0;

 protected:
  ~Crypto() = default;
};

}  // namespace microvisor::protocol::debug

// The cryptography of bundles: SHA-256, ECDSA on P-256 and key ids, done by OpenSSL.
//
// Keys and signatures have the encodings of the manifest format: points are 65 bytes (X9.62 uncompressed),
// signatures 64 (r then s, big-endian). OpenSSL's own types stay behind this file.
#pragma once

#include <array>
#include <memory>
#include <optional>

#include "protocol/bundle/bytes.hpp"
#include "protocol/bundle/failure.hpp"

namespace microvisor::protocol {

using PublicKey = std::array<std::uint8_t, 65>;
using Signature = std::array<std::uint8_t, 64>;

Hash sha256(ByteView bytes);
/// SHA-256 of `bytes` followed by 0xFF up to `size` bytes (how a flash region of that size reads back).
Hash sha256_padded(ByteView bytes, std::size_t size);

/// True for the 65-byte encoding of a point that lies on the curve P-256.
bool is_p256_point(ByteView encoded);
/// Reads a public key from PEM (SubjectPublicKeyInfo). Private-key files are taken too: their public half.
/// P-256 only.
Result<PublicKey> public_key_from_pem(std::string_view pem);

/// What a certificate (X.509, PEM) says: whose key it is.
struct CertifiedKey {
  std::string common_name;
  PublicKey key{};
};
/// Nobody's signature is looked at. P-256 only.
Result<CertifiedKey> key_from_certificate(std::string_view pem);

/// The key as PEM (SubjectPublicKeyInfo).
std::string public_key_to_pem(const PublicKey& key);

/// First 8 bytes of SHA-256(00 type || point), big-endian. Types: 0 manifest-signing keys, 1 keys to
/// encrypted layers, 2 keys of crash reports, 3 devices' own keys.
std::uint64_t key_id(std::uint8_t type, const PublicKey& key);
std::uint64_t signer_id(const PublicKey& key);

/// Key ids are shown as 16 hex digits; empty optional for anything else.
std::optional<std::uint64_t> key_id_from_text(std::string_view text);

/// ECDSA with SHA-256 over `message`.
bool verify(const PublicKey& key, ByteView message, const Signature& signature);

/// Whoever can sign with a P-256 key: a key in memory, or one that never leaves its token.
class Signer {
 public:
  virtual ~Signer() = default;
  [[nodiscard]] virtual PublicKey public_key() const = 0;
  /// ECDSA with SHA-256 over `message`.
  [[nodiscard]] virtual Signature sign(ByteView message) const = 0;
  [[nodiscard]] std::uint64_t id() const { return signer_id(public_key()); }
};

/// A P-256 private key. Movable; the key's memory is cleared by OpenSSL when it goes.
class SigningKey final : public Signer {
 public:
  static SigningKey generate();
  static Result<SigningKey> from_pem(std::string_view pem);
  SigningKey(SigningKey&&) noexcept;
  SigningKey& operator=(SigningKey&&) noexcept;
  ~SigningKey() override;

  [[nodiscard]] std::string private_pem() const;  ///< PKCS #8, unencrypted
  [[nodiscard]] Bytes private_scalar() const;     ///< 32 bytes, big-endian
  [[nodiscard]] std::string public_pem() const;   ///< SubjectPublicKeyInfo
  [[nodiscard]] PublicKey public_key() const override;
  /// ECDH: the shared X coordinate; nothing if `peer` is no point of the curve.
  [[nodiscard]] std::optional<Hash> agree(const PublicKey& peer) const;
  [[nodiscard]] Signature sign(ByteView message) const override;

 private:
  struct Impl;
  explicit SigningKey(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace microvisor::protocol

// The cryptography of debug sessions by OpenSSL, for the developer's machine. Beside and independent of the
// device's own code.
#pragma once

#include "protocol/debug/crypto.hpp"

namespace microvisor::protocol::debug {

/// Stateless; OpenSSL's reasons are dropped, a failure is `false`. sha256() throws when memory is short.
class OpensslCrypto : public Crypto {
 public:
  virtual ~OpensslCrypto() = default;
  [[nodiscard]] Digest sha256(Parts parts) override;
  [[nodiscard]] bool generate(Scalar& secret, Point& point) override;
  [[nodiscard]] bool agree(const Scalar& secret, const Point& peer, Digest& shared) override;
  [[nodiscard]] bool encrypt(const CipherKey& key, const CipherNonce& nonce,
                             std::span<const std::uint8_t> associated, std::span<std::uint8_t> data,
                             Tag& tag) override;
  [[nodiscard]] bool decrypt(const CipherKey& key, const CipherNonce& nonce,
                             std::span<const std::uint8_t> associated, std::span<std::uint8_t> data,
                             const Tag& tag) override;
};

/// The point that belongs to a secret; false if that is out of range.
[[nodiscard]] bool point_of(const Scalar& secret, Point& point);

}  // namespace microvisor::protocol::debug

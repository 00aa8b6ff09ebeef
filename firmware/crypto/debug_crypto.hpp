// What debug sessions (protocol/debug) need of the device's cryptography.
//
// Kernel only, and only the worker: public-key work runs where TLS's does, AES-GCM where sealing does, and
// both take memory from mbedTLS's arena while they work (no more than a handshake of TLS).
#pragma once

#include "firmware/crypto/crypto.hpp"
#include "protocol/debug/crypto.hpp"

namespace microvisor::firmware::crypto {

class DebugCrypto final : public protocol::debug::Crypto {
 public:
  [[nodiscard]] Digest sha256(Parts parts) override;
  [[nodiscard]] bool generate(PrivateKey& secret, PublicKey& point) override;
  [[nodiscard]] bool agree(const PrivateKey& secret, const PublicKey& peer, Digest& shared) override;
  [[nodiscard]] bool encrypt(const protocol::debug::CipherKey& key, const protocol::debug::CipherNonce& nonce,
                             std::span<const std::uint8_t> associated, std::span<std::uint8_t> data,
                             protocol::debug::Tag& tag) override;
  [[nodiscard]] bool decrypt(const protocol::debug::CipherKey& key, const protocol::debug::CipherNonce& nonce,
                             std::span<const std::uint8_t> associated, std::span<std::uint8_t> data,
                             const protocol::debug::Tag& tag) override;
};

}  // namespace microvisor::firmware::crypto

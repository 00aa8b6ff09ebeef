// A signing key that never leaves its token: an HSM, a smart card or SoftHSM, found by its PKCS #11 URI
// (RFC 7512) through p11-kit.
//
// The URI has to lead to one P-256 private key. `module-path` names the token's module, otherwise those that
// p11-kit knows are asked; the PIN comes from `pin-value`, `pin-source` (a file) or the environment variable
// MICROVISOR_PKCS11_PIN. The public half is read from the token, and every signature is verified with it
// before it is believed.
#pragma once

#include <memory>
#include <string>

#include "protocol/bundle/crypto.hpp"

namespace microvisor::cli {

/// Owns its session with the token. One thread.
class Pkcs11Key final : public protocol::Signer {
 public:
  /// Throws Failure.
  explicit Pkcs11Key(const std::string& uri);
  ~Pkcs11Key() override;
  Pkcs11Key(const Pkcs11Key&) = delete;
  Pkcs11Key& operator=(const Pkcs11Key&) = delete;

  [[nodiscard]] protocol::PublicKey public_key() const override { return public_key_; }
  /// Throws Failure if the token refuses.
  [[nodiscard]] protocol::Signature sign(protocol::ByteView message) const override;

 private:
  class Token;
  std::unique_ptr<Token> token_;
  protocol::PublicKey public_key_{};
};

/// The key that `where` names: a PKCS #11 URI ("pkcs11:...") or a PEM file. Throws Failure.
std::unique_ptr<protocol::Signer> open_signing_key(const std::string& where);

}  // namespace microvisor::cli

// A private authority for tests of TLS, and certificates by it.
#pragma once

#include <string>

namespace microvisor::cloud::test {

/// A key (P-256) and a certificate for it, as files have them and as devices do.
struct Credential {
  std::string certificate_pem;
  std::string key_pem;
  std::string certificate_der;
  std::string key_der;  ///< PKCS #8
};

class TlsAuthority {
 public:
  explicit TlsAuthority(const std::string& name, const TlsAuthority* issuer = nullptr);
  [[nodiscard]] const Credential& own() const { return own_; }
  /// For a server of this name or address ("DNS:broker.test", "IP:127.0.0.1"), or, without one, a client.
  [[nodiscard]] Credential issue(const std::string& name, const std::string& alternative,
                                 bool expired = false) const;

 private:
  Credential own_;
};

}  // namespace microvisor::cloud::test

// Keys and certificates for tests of the link: made by OpenSSL when asked for, P-256 and SHA-256 throughout.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

namespace microvisor::test {

struct Key {
  std::shared_ptr<EVP_PKEY> handle;
  static Key generate();
  /// The private scalar, 32 bytes big-endian.
  [[nodiscard]] std::vector<std::uint8_t> scalar() const;
};

struct Certificate {
  std::shared_ptr<X509> handle;
  [[nodiscard]] std::vector<std::uint8_t> der() const;
};

/// A certificate for `subject`; self-signed if `issuer` is null. `name`: DNS name in it, if not empty.
Certificate issue(const Key& subject, const std::string& common_name, const std::string& name,
                  const Certificate* issuer, const Key* issuer_key, bool authority);

/// A CA with one certificate it has issued.
struct Authority {
  explicit Authority(const std::string& name);
  [[nodiscard]] Certificate leaf(const Key& subject, const std::string& common_name,
                                 const std::string& name = {}) const;
  Key key;
  Certificate certificate;
};

}  // namespace microvisor::test

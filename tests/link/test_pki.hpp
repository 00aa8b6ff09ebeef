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
/// `size`: bytes of DER that a comment fills it up to, give or take a few; 0: no comment.
Certificate issue(const Key& subject, const std::string& common_name, const std::string& name,
                  const Certificate* issuer, const Key* issuer_key, bool authority, std::size_t size = 0);

/// A CA whose certificates, its own and those it issues, are filled up to `certificate_size`.
struct Authority {
  explicit Authority(const std::string& name, std::size_t certificate_size = 0);
  [[nodiscard]] Certificate leaf(const Key& subject, const std::string& common_name,
                                 const std::string& name = {}) const;
  Key key;
  std::size_t certificate_size;
  Certificate certificate;
};

}  // namespace microvisor::test

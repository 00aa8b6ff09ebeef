// See test_pki.hpp.
#include "tests/link/test_pki.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/x509v3.h>

#include <stdexcept>

namespace microvisor::test {
namespace {

void add_extension(X509* certificate, int kind, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
  if (extension == nullptr) throw std::runtime_error("extension " + value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

}  // namespace

Key Key::generate() { return {std::shared_ptr<EVP_PKEY>(EVP_EC_gen("P-256"), EVP_PKEY_free)}; }

std::vector<std::uint8_t> Key::scalar() const {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(handle.get(), OSSL_PKEY_PARAM_PRIV_KEY, &number) != 1)
    throw std::runtime_error("key");
  std::vector<std::uint8_t> bytes(32);
  BN_bn2binpad(number, bytes.data(), 32);
  BN_clear_free(number);
  return bytes;
}

std::vector<std::uint8_t> Certificate::der() const {
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(i2d_X509(handle.get(), nullptr)));
  unsigned char* out = bytes.data();
  i2d_X509(handle.get(), &out);
  return bytes;
}

Certificate issue(const Key& subject, const std::string& common_name, const std::string& name,
                  const Certificate* issuer, const Key* issuer_key, bool authority, std::size_t size) {
  static long serial = 0;
  Certificate certificate{std::shared_ptr<X509>(X509_new(), X509_free)};
  X509* x509 = certificate.handle.get();
  X509_set_version(x509, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial);
  ASN1_TIME_set_string(X509_getm_notBefore(x509), "20240101000000Z");
  ASN1_TIME_set_string(X509_getm_notAfter(x509), "20491231000000Z");
  X509_set_pubkey(x509, subject.handle.get());
  X509_NAME* text = X509_get_subject_name(x509);
  X509_NAME_add_entry_by_txt(text, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  X509_set_issuer_name(x509, issuer == nullptr ? text : X509_get_subject_name(issuer->handle.get()));
  add_extension(x509, NID_basic_constraints, authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (!name.empty()) add_extension(x509, NID_subject_alt_name, "DNS:" + name);
  const Key& signer = issuer_key == nullptr ? subject : *issuer_key;
  const auto sign = [&] {
    if (X509_sign(x509, signer.handle.get(), EVP_sha256()) == 0)
      throw std::runtime_error("signing a certificate");
  };
  sign();
  constexpr std::size_t kCommentHeader = 32;  // of the extension, and longer lengths around it
  if (const std::size_t bare = certificate.der().size() + kCommentHeader; size > bare) {
    add_extension(x509, NID_netscape_comment, std::string(size - bare, 'c'));
    sign();
  }
  return certificate;
}

Authority::Authority(const std::string& name, std::size_t certificate_size_)
    : key(Key::generate()),
      certificate_size(certificate_size_),
      certificate(issue(key, name, {}, nullptr, nullptr, true, certificate_size)) {}

Certificate Authority::leaf(const Key& subject, const std::string& common_name,
                            const std::string& name) const {
  return issue(subject, common_name, name, &certificate, &key, false, certificate_size);
}

}  // namespace microvisor::test

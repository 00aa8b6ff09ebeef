// Certificates by OpenSSL, valid from a day ago to in a day, or, expired, until an hour ago.
#include "cloud/test/tls_authority.hpp"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "protocol/bundle/crypto.hpp"
#include "protocol/bundle/openssl.hpp"

namespace microvisor::cloud::test {
namespace {

using namespace protocol::openssl;

constexpr long kDay = 24L * 3600;

OwnedKey key_of(const std::string& pem) {
  return OwnedKey(PEM_read_bio_PrivateKey(bio_of(pem).get(), nullptr, nullptr, nullptr));
}

void extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* made = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (made == nullptr) throw_openssl("certificate extension");
  X509_add_ext(certificate, made, -1);
  X509_EXTENSION_free(made);
}

OwnedCertificate blank(const std::string& name, EVP_PKEY* key, long ends) {
  OwnedCertificate certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  std::uint64_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), serial >> 1U);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), ends);
  const auto* text = reinterpret_cast<const unsigned char*>(name.c_str());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8, text, -1, -1, 0);
  X509_set_pubkey(certificate.get(), key);
  return certificate;
}

/// Signs with `issuer`, or with its own key.
Credential finish(X509* certificate, const std::string& key_pem, const Credential* issuer) {
  const OwnedKey key = key_of(key_pem);
  const OwnedKey signer = issuer == nullptr ? key_of(key_pem) : key_of(issuer->key_pem);
  if (X509_sign(certificate, signer.get(), EVP_sha256()) == 0) throw_openssl("signing");
  return {written("certificate", [&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); }), key_pem,
          written("certificate", [&](BIO* bio) { return i2d_X509_bio(bio, certificate); }),
          written("key", [&](BIO* bio) {
            return i2d_PKCS8PrivateKey_bio(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

OwnedCertificate certificate_of(const Credential& credential) {
  return OwnedCertificate(
      PEM_read_bio_X509(bio_of(credential.certificate_pem).get(), nullptr, nullptr, nullptr));
}

}  // namespace

TlsAuthority::TlsAuthority(const std::string& name, const TlsAuthority* issuer) {
  const std::string key_pem = protocol::SigningKey::generate().private_pem();
  const OwnedCertificate certificate = blank(name, key_of(key_pem).get(), kDay);
  const OwnedCertificate above = issuer == nullptr ? nullptr : certificate_of(issuer->own());
  X509* signer = above ? above.get() : certificate.get();
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(signer));
  extend(certificate.get(), signer, NID_basic_constraints, "critical,CA:TRUE");
  extend(certificate.get(), signer, NID_key_usage, "critical,keyCertSign");
  own_ = finish(certificate.get(), key_pem, issuer == nullptr ? nullptr : &issuer->own());
}

Credential TlsAuthority::issue(const std::string& name, const std::string& alternative, bool expired) const {
  const std::string key_pem = protocol::SigningKey::generate().private_pem();
  const OwnedCertificate certificate = blank(name, key_of(key_pem).get(), expired ? -3600 : kDay);
  const OwnedCertificate above = certificate_of(own_);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(above.get()));
  extend(certificate.get(), above.get(), NID_basic_constraints, "critical,CA:FALSE");
  extend(certificate.get(), above.get(), NID_key_usage, "critical,digitalSignature");
  extend(certificate.get(), above.get(), NID_ext_key_usage,
         alternative.empty() ? "clientAuth" : "serverAuth");
  if (!alternative.empty()) extend(certificate.get(), above.get(), NID_subject_alt_name, alternative);
  return finish(certificate.get(), key_pem, &own_);
}

}  // namespace microvisor::cloud::test

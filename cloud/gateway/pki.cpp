// Certificates by OpenSSL: P-256, SHA-256, version 3, 16-byte random serial numbers (RFC 5280).
#include "cloud/gateway/pki.hpp"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <functional>

#include "cloud/gateway/openssl.hpp"
#include "protocol/bundle/crypto.hpp"

namespace microvisor::cloud {
namespace {

constexpr const char* kNotBefore = "20200101000000Z";
constexpr const char* kNotAfter = "99991231235959Z";  // RFC 5280, section 4.1.2.5: no well-defined end

struct Extension {
  int nid;
  const char* value;
};

OwnedKey private_key_of(const std::string& pem) {
  OwnedKey key(PEM_read_bio_PrivateKey(bio_of(pem).get(), nullptr, nullptr, nullptr));
  if (!key) throw_openssl("private key");
  return key;
}

OwnedCertificate certificate_of(const std::string& pem) {
  return OwnedCertificate(PEM_read_bio_X509(bio_of(pem).get(), nullptr, nullptr, nullptr));
}

std::string pem_of(X509* certificate) {
  return written("writing a certificate", [&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

void set_serial(X509* certificate) {
  unsigned char serial[16];
  if (RAND_bytes(serial, sizeof serial) != 1) throw_openssl("random numbers");
  serial[0] = static_cast<unsigned char>((serial[0] & 0x7F) | 0x40);  // positive, and always 16 bytes long
  BIGNUM* number = BN_bin2bn(serial, sizeof serial, nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
  BN_free(number);
}

void add_extension(X509* certificate, X509* issuer, const Extension& extension) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* made = X509V3_EXT_conf_nid(nullptr, &context, extension.nid, extension.value);
  if (made == nullptr) throw_openssl("certificate extension");
  X509_add_ext(certificate, made, -1);
  X509_EXTENSION_free(made);
}

/// Issues a certificate for `subject_key`; `issuer` null: self-signed.
std::string issue(const std::string& common_name, EVP_PKEY* subject_key, X509* issuer, EVP_PKEY* issuer_key,
                  std::initializer_list<Extension> extensions) {
  const OwnedCertificate certificate(X509_new());
  X509* x509 = certificate.get();
  X509_set_version(x509, 2);
  set_serial(x509);
  ASN1_TIME_set_string_X509(X509_getm_notBefore(x509), kNotBefore);
  ASN1_TIME_set_string_X509(X509_getm_notAfter(x509), kNotAfter);
  X509_NAME* name = X509_get_subject_name(x509);
  const auto* text = reinterpret_cast<const unsigned char*>(common_name.c_str());
  if (X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text, -1, -1, 0) != 1)
    throw_openssl("subject name");
  X509* signer = issuer == nullptr ? x509 : issuer;
  X509_set_issuer_name(x509, X509_get_subject_name(signer));
  X509_set_pubkey(x509, subject_key);
  for (const Extension& extension : extensions) add_extension(x509, signer, extension);
  if (X509_sign(x509, issuer_key, EVP_sha256()) == 0) throw_openssl("signing a certificate");
  return pem_of(x509);
}

KeyAndCertificate make_root(const std::string& common_name) {
  KeyAndCertificate root;
  root.key = protocol::SigningKey::generate().private_pem();
  const OwnedKey key = private_key_of(root.key);
  root.certificate = issue(common_name, key.get(), nullptr, key.get(),
                           {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                            {NID_key_usage, "critical,keyCertSign,cRLSign"},
                            {NID_subject_key_identifier, "hash"}});
  return root;
}

KeyAndCertificate make_gateway(const KeyAndCertificate& root) {
  KeyAndCertificate gateway;
  gateway.key = protocol::SigningKey::generate().private_pem();
  const OwnedKey key = private_key_of(gateway.key);
  const OwnedKey root_key = private_key_of(root.key);
  const std::string alternative = std::string("DNS:") + kGatewayName;
  gateway.certificate = issue(kGatewayName, key.get(), certificate_of(root.certificate).get(), root_key.get(),
                              {{NID_basic_constraints, "critical,CA:FALSE"},
                               {NID_key_usage, "critical,digitalSignature"},
                               {NID_ext_key_usage, "serverAuth"},
                               {NID_subject_alt_name, alternative.c_str()}});
  return gateway;
}

KeyAndCertificate load_or_make(Store& store, const Vault& vault, const std::string& name,
                               const std::function<KeyAndCertificate()>& make) {
  const auto certificate = store.value(name + ".certificate");
  const auto sealed = store.value(name + ".key");
  if (certificate && sealed) {
    const auto key = vault.open_sealed(name, *sealed);
    if (!key) throw std::runtime_error("the master key is not the one this database was made with");
    return {*key, std::string(protocol::as_text(*certificate))};
  }
  KeyAndCertificate made = make();
  store.set_value(name + ".key", vault.seal(name, made.key));
  store.set_value(name + ".certificate", protocol::as_bytes(made.certificate));
  return made;
}

}  // namespace

Pki Pki::open(Store& store, const Vault& vault) {
  Pki pki;
  pki.device_ca_ = load_or_make(store, vault, "device_ca", [] { return make_root("Microvisor device CA"); });
  const KeyAndCertificate root =
      load_or_make(store, vault, "gateway_ca", [] { return make_root("Microvisor gateway CA"); });
  pki.gateway_ca_ = root.certificate;
  pki.gateway_ = load_or_make(store, vault, "gateway", [&] { return make_gateway(root); });
  return pki;
}

tl::expected<std::string, std::string> Pki::issue_device_certificate(const std::string& sid,
                                                                     const std::string& public_key) const {
  if (const auto checked = protocol::public_key_from_pem(public_key); !checked) {
    return tl::unexpected("public_key: " + checked.error().message);
  }
  const OwnedKey key(PEM_read_bio_PUBKEY(bio_of(public_key).get(), nullptr, nullptr, nullptr));
  if (!key) return tl::unexpected(std::string("public_key: not a public key in PEM form"));
  const OwnedKey issuer_key = private_key_of(device_ca_.key);
  return issue(sid, key.get(), certificate_of(device_ca_.certificate).get(), issuer_key.get(),
               {{NID_basic_constraints, "critical,CA:FALSE"},
                {NID_key_usage, "critical,digitalSignature"},
                {NID_ext_key_usage, "clientAuth"}});
}

std::string certificate_fingerprint(const std::string& pem) {
  const OwnedCertificate certificate = certificate_of(pem);
  if (!certificate) return {};
  protocol::Hash hash{};
  unsigned int size = 0;
  if (X509_digest(certificate.get(), EVP_sha256(), hash.data(), &size) != 1) return {};
  return protocol::to_hex(hash);
}

}  // namespace microvisor::cloud

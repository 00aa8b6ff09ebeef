// OpenSSL 3 behind the interface of crypto.hpp.
//
// Every OpenSSL object is held by a unique_ptr with its own deleter. What cannot fail unless memory or the
// random generator fails throws std::runtime_error; what depends on input returns a Result.
#include "protocol/bundle/crypto.hpp"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>

#include <algorithm>

#include "protocol/bundle/openssl.hpp"

namespace microvisor::protocol {
namespace {

using namespace openssl;
using KeyContext = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using DigestContext = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using EcdsaSignature = Owned<ECDSA_SIG, ECDSA_SIG_free>;
using Group = Owned<EC_GROUP, EC_GROUP_free>;
using Point = Owned<EC_POINT, EC_POINT_free>;

bool is_p256(EVP_PKEY* key) {
  char name[64] = {};
  return EVP_PKEY_is_a(key, "EC") == 1 && EVP_PKEY_get_group_name(key, name, sizeof name, nullptr) == 1 &&
         std::string_view(name) == SN_X9_62_prime256v1;
}

/// The uncompressed point, whatever form the key was read in.
PublicKey point_of(EVP_PKEY* key) {
  BIGNUM* x = nullptr;
  BIGNUM* y = nullptr;
  PublicKey point{};
  point[0] = 4;
  const bool good = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1 &&
                    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1 &&
                    BN_bn2binpad(x, &point[1], 32) == 32 && BN_bn2binpad(y, &point[33], 32) == 32;
  BN_free(x);
  BN_free(y);
  if (!good) throw_openssl("public key of an EC key");
  return point;
}

OwnedKey key_from_point(const PublicKey& point) {
  KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  char group[] = SN_X9_62_prime256v1;
  PublicKey copy = point;
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy.data(), copy.size()),
      OSSL_PARAM_construct_end(),
  };
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, const_cast<OSSL_PARAM*>(parameters)) != 1) {
    ERR_clear_error();
    return nullptr;
  }
  return OwnedKey(key);
}

/// A PEM file with a password must not make a service ask on the terminal.
int no_password(char*, int, int, void*) { return -1; }

OwnedKey read_private(std::string_view pem) {
  return OwnedKey(PEM_read_bio_PrivateKey(bio_of(pem).get(), nullptr, no_password, nullptr));
}

}  // namespace

Hash sha256(ByteView bytes) {
  Hash hash{};
  if (EVP_Digest(bytes.data(), bytes.size(), hash.data(), nullptr, EVP_sha256(), nullptr) != 1)
    throw_openssl("SHA-256");
  return hash;
}

Hash sha256_padded(ByteView bytes, std::size_t size) {
  DigestContext context(EVP_MD_CTX_new());
  if (EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1) throw_openssl("SHA-256");
  EVP_DigestUpdate(context.get(), bytes.data(), bytes.size());
  const Bytes erased(4096, 0xFF);
  for (std::size_t left = size > bytes.size() ? size - bytes.size() : 0; left > 0;) {
    const std::size_t count = std::min(left, erased.size());
    EVP_DigestUpdate(context.get(), erased.data(), count);
    left -= count;
  }
  Hash hash{};
  if (EVP_DigestFinal_ex(context.get(), hash.data(), nullptr) != 1) throw_openssl("SHA-256");
  return hash;
}

bool is_p256_point(ByteView encoded) {
  if (encoded.size() != 65 || encoded[0] != 4) return false;
  const Group group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  const Point point(EC_POINT_new(group.get()));
  const bool good =
      EC_POINT_oct2point(group.get(), point.get(), encoded.data(), encoded.size(), nullptr) == 1;
  ERR_clear_error();
  return good;
}

Result<PublicKey> public_key_from_pem(std::string_view pem) {
  OwnedKey key(PEM_read_bio_PUBKEY(bio_of(pem).get(), nullptr, no_password, nullptr));
  if (!key) key = read_private(pem);
  ERR_clear_error();
  if (!key) return refuse(Refusal::BadKeyFile, "not a key in PEM form");
  if (!is_p256(key.get())) return refuse(Refusal::BadKeyFile, "the key is not an EC key of curve P-256");
  return point_of(key.get());
}

std::string public_key_to_pem(const PublicKey& point) {
  const OwnedKey key = key_from_point(point);
  if (!key) throw_openssl("public key of a point");
  return written("writing a public key", [&](BIO* bio) { return PEM_write_bio_PUBKEY(bio, key.get()); });
}

Result<CertifiedKey> key_from_certificate(std::string_view pem) {
  const OwnedCertificate certificate(PEM_read_bio_X509(bio_of(pem).get(), nullptr, no_password, nullptr));
  ERR_clear_error();
  if (!certificate) return refuse(Refusal::BadKeyFile, "not a certificate in PEM form");
  EVP_PKEY* key = X509_get0_pubkey(certificate.get());
  if (key == nullptr || !is_p256(key))
    return refuse(Refusal::BadKeyFile, "the certificate is not for a key of curve P-256");
  char name[128] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name, sizeof name);
  return CertifiedKey{name, point_of(key)};
}

std::optional<std::uint64_t> key_id_from_text(std::string_view text) {
  const auto bytes = from_hex(text);
  std::uint64_t id = 0;
  if (!bytes || bytes->size() != sizeof id) return std::nullopt;
  for (const std::uint8_t byte : *bytes) id = id << 8 | byte;
  return id;
}

std::uint64_t signer_id(const PublicKey& key) { return key_id(0, key); }

std::uint64_t key_id(std::uint8_t type, const PublicKey& key) {
  Bytes typed = {0, type};
  typed.insert(typed.end(), key.begin(), key.end());
  const Hash hash = sha256(typed);
  std::uint64_t id = 0;
  for (std::size_t i = 0; i < 8; ++i) id = id << 8 | hash[i];
  return id;
}

bool verify(const PublicKey& key, ByteView message, const Signature& signature) {
  const OwnedKey public_key = key_from_point(key);
  if (!public_key) return false;
  const EcdsaSignature parts(ECDSA_SIG_new());
  ECDSA_SIG_set0(parts.get(), BN_bin2bn(signature.data(), 32, nullptr),
                 BN_bin2bn(&signature[32], 32, nullptr));
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(parts.get(), &der);
  if (size <= 0) return false;
  DigestContext context(EVP_MD_CTX_new());
  const bool good =
      EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, public_key.get()) == 1 &&
      EVP_DigestVerify(context.get(), der, static_cast<std::size_t>(size), message.data(), message.size()) ==
          1;
  OPENSSL_free(der);
  ERR_clear_error();
  return good;
}

struct SigningKey::Impl {
  OwnedKey key;
};

SigningKey::SigningKey(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SigningKey::SigningKey(SigningKey&&) noexcept = default;
SigningKey& SigningKey::operator=(SigningKey&&) noexcept = default;
SigningKey::~SigningKey() = default;

SigningKey SigningKey::generate() {
  OwnedKey key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", SN_X9_62_prime256v1));
  if (!key) throw_openssl("key generation");
  return SigningKey(std::make_unique<Impl>(Impl{std::move(key)}));
}

Result<SigningKey> SigningKey::from_pem(std::string_view pem) {
  OwnedKey key = read_private(pem);
  ERR_clear_error();
  if (!key) return refuse(Refusal::BadKeyFile, "not an unencrypted private key in PEM form");
  if (!is_p256(key.get())) return refuse(Refusal::BadKeyFile, "the key is not an EC key of curve P-256");
  return SigningKey(std::make_unique<Impl>(Impl{std::move(key)}));
}

std::string SigningKey::private_pem() const {
  return written("writing a private key", [&](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, impl_->key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

Bytes SigningKey::private_scalar() const {
  BIGNUM* number = nullptr;
  Bytes scalar(32);
  const bool good = EVP_PKEY_get_bn_param(impl_->key.get(), OSSL_PKEY_PARAM_PRIV_KEY, &number) == 1 &&
                    BN_bn2binpad(number, scalar.data(), static_cast<int>(scalar.size())) == 32;
  BN_clear_free(number);
  if (!good) throw_openssl("reading a private key");
  return scalar;
}

std::string SigningKey::public_pem() const {
  return written("writing a public key",
                 [&](BIO* bio) { return PEM_write_bio_PUBKEY(bio, impl_->key.get()); });
}

PublicKey SigningKey::public_key() const { return point_of(impl_->key.get()); }

std::optional<Hash> SigningKey::agree(const PublicKey& peer) const {
  const OwnedKey other = is_p256_point(peer) ? key_from_point(peer) : nullptr;
  const KeyContext context(EVP_PKEY_CTX_new(impl_->key.get(), nullptr));
  Hash shared{};
  std::size_t size = shared.size();
  const bool good = other && context && EVP_PKEY_derive_init(context.get()) == 1 &&
                    EVP_PKEY_derive_set_peer(context.get(), other.get()) == 1 &&
                    EVP_PKEY_derive(context.get(), shared.data(), &size) == 1 && size == shared.size();
  ERR_clear_error();
  return good ? std::optional(shared) : std::nullopt;
}

Signature SigningKey::sign(ByteView message) const {
  DigestContext context(EVP_MD_CTX_new());
  Bytes der(80);
  std::size_t size = der.size();
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, impl_->key.get()) != 1 ||
      EVP_DigestSign(context.get(), der.data(), &size, message.data(), message.size()) != 1) {
    throw_openssl("signing");
  }
  const unsigned char* start = der.data();
  const EcdsaSignature parts(d2i_ECDSA_SIG(nullptr, &start, static_cast<long>(size)));
  Signature signature{};
  if (!parts || BN_bn2binpad(ECDSA_SIG_get0_r(parts.get()), signature.data(), 32) != 32 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(parts.get()), &signature[32], 32) != 32) {
    throw_openssl("encoding a signature");
  }
  return signature;
}

}  // namespace microvisor::protocol

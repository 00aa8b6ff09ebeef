// OpenSSL's EC_POINT arithmetic, because keys come as bytes here, and its AES-256-GCM.
#include "protocol/debug/openssl_crypto.hpp"

#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include "protocol/bundle/openssl.hpp"

namespace microvisor::protocol::debug {
namespace {

using openssl::Owned;
using openssl::OwnedNumber;
using CipherContext = Owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;
using DigestContext = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using Group = Owned<EC_GROUP, EC_GROUP_free>;
using OwnedPoint = Owned<EC_POINT, EC_POINT_clear_free>;

/// P-256 and a secret number of 1 to its order - 1.
struct Curve {
  Group group{EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1)};
  OwnedNumber number;

  [[nodiscard]] bool take(const Scalar& secret) {
    if (!group) return false;
    number.reset(BN_bin2bn(secret.data(), static_cast<int>(secret.size()), nullptr));
    if (!number || BN_is_zero(number.get()) || BN_cmp(number.get(), EC_GROUP_get0_order(group.get())) >= 0) {
      return false;
    }
    BN_set_flags(number.get(), BN_FLG_CONSTTIME);
    return true;
  }
};

/// Clears what OpenSSL has noted: a `false` says it all.
bool verdict(bool good) {
  ERR_clear_error();
  return good;
}

}  // namespace

Digest OpensslCrypto::sha256(Parts parts) {
  Digest digest{};
  const DigestContext context(EVP_MD_CTX_new());
  bool good = context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  for (const auto part : parts) good = good && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  if (!good || EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) != 1)
    openssl::throw_openssl("SHA-256");
  return digest;
}

bool point_of(const Scalar& secret, Point& point) {
  Curve curve;
  if (!curve.take(secret)) return verdict(false);
  const OwnedPoint result(EC_POINT_new(curve.group.get()));
  return verdict(
      result &&
      EC_POINT_mul(curve.group.get(), result.get(), curve.number.get(), nullptr, nullptr, nullptr) == 1 &&
      EC_POINT_point2oct(curve.group.get(), result.get(), POINT_CONVERSION_UNCOMPRESSED, point.data(),
                         point.size(), nullptr) == point.size());
}

bool OpensslCrypto::generate(Scalar& secret, Point& point) {
  const Group group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  const OwnedNumber number(BN_secure_new());
  if (!group || !number) return verdict(false);
  do {  // zero comes once in 2^256 times
    if (BN_priv_rand_range(number.get(), EC_GROUP_get0_order(group.get())) != 1) return verdict(false);
  } while (BN_is_zero(number.get()));
  return BN_bn2binpad(number.get(), secret.data(), static_cast<int>(secret.size())) ==
             static_cast<int>(secret.size()) &&
         point_of(secret, point);
}

bool OpensslCrypto::agree(const Scalar& secret, const Point& peer, Digest& shared) {
  Curve curve;
  if (!curve.take(secret)) return verdict(false);
  const EC_GROUP* group = curve.group.get();
  const OwnedPoint theirs(EC_POINT_new(group));
  const OwnedPoint product(EC_POINT_new(group));
  const OwnedNumber x(BN_secure_new());
  // EC_POINT_oct2point() takes no point that is not on the curve; infinity has no encoding of 65 bytes.
  return verdict(theirs && product && x && peer[0] == POINT_CONVERSION_UNCOMPRESSED &&
                 EC_POINT_oct2point(group, theirs.get(), peer.data(), peer.size(), nullptr) == 1 &&
                 EC_POINT_mul(group, product.get(), nullptr, theirs.get(), curve.number.get(), nullptr) ==
                     1 &&
                 EC_POINT_is_at_infinity(group, product.get()) == 0 &&
                 EC_POINT_get_affine_coordinates(group, product.get(), x.get(), nullptr, nullptr) == 1 &&
                 BN_bn2binpad(x.get(), shared.data(), static_cast<int>(shared.size())) ==
                     static_cast<int>(shared.size()));
}

bool OpensslCrypto::encrypt(const CipherKey& key, const CipherNonce& nonce,
                            std::span<const std::uint8_t> associated, std::span<std::uint8_t> data,
                            Tag& tag) {
  const CipherContext context(EVP_CIPHER_CTX_new());
  int size = 0;
  return verdict(
      context &&
      EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.data(), nonce.data()) == 1 &&
      (associated.empty() || EVP_EncryptUpdate(context.get(), nullptr, &size, associated.data(),
                                               static_cast<int>(associated.size())) == 1) &&
      (data.empty() || EVP_EncryptUpdate(context.get(), data.data(), &size, data.data(),
                                         static_cast<int>(data.size())) == 1) &&
      EVP_EncryptFinal_ex(context.get(), nullptr, &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(tag.size()), tag.data()) ==
          1);
}

bool OpensslCrypto::decrypt(const CipherKey& key, const CipherNonce& nonce,
                            std::span<const std::uint8_t> associated, std::span<std::uint8_t> data,
                            const Tag& tag) {
  const CipherContext context(EVP_CIPHER_CTX_new());
  int size = 0;
  Tag expected = tag;
  return verdict(context &&
                 EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.data(), nonce.data()) ==
                     1 &&
                 (associated.empty() || EVP_DecryptUpdate(context.get(), nullptr, &size, associated.data(),
                                                          static_cast<int>(associated.size())) == 1) &&
                 (data.empty() || EVP_DecryptUpdate(context.get(), data.data(), &size, data.data(),
                                                    static_cast<int>(data.size())) == 1) &&
                 EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(expected.size()),
                                     expected.data()) == 1 &&
                 EVP_DecryptFinal_ex(context.get(), nullptr, &size) == 1);  // compares in constant time
}

}  // namespace microvisor::protocol::debug

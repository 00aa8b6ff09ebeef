// ECDSA verification on P-256 (FIPS 186-4, section 6.4.2) with mbedTLS's arithmetic.
//
// The library only computes. Whether a signature holds is decided here: the r that it would have to contain
// is compared with the r that it contains by equal(), whose verdict is computed from all bytes. So no single
// branch in the library, skipped or inverted, makes a no into a yes; it can only spoil the number compared.
#include <mbedtls/ecp.h>

#include <algorithm>

#include "firmware/crypto/crypto.hpp"

namespace microvisor::firmware::crypto {

namespace {

using Scalar = Digest;
constexpr std::size_t kScalarSize = std::tuple_size_v<Scalar>;

/// Owns what mbedTLS allocates for a big integer.
struct Number {
  Number() { mbedtls_mpi_init(&value); }
  ~Number() { mbedtls_mpi_free(&value); }
  Number(const Number&) = delete;
  Number& operator=(const Number&) = delete;
  [[nodiscard]] bool read(std::span<const std::uint8_t> bytes) {
    return mbedtls_mpi_read_binary(&value, bytes.data(), bytes.size()) == 0;
  }
  mbedtls_mpi value;
};

struct Point {
  Point() { mbedtls_ecp_point_init(&value); }
  ~Point() { mbedtls_ecp_point_free(&value); }
  Point(const Point&) = delete;
  Point& operator=(const Point&) = delete;
  mbedtls_ecp_point value;
};

/// The curve and the key of one check.
class Verification {
 public:
  Verification() { mbedtls_ecp_group_init(&group_); }
  ~Verification() { mbedtls_ecp_group_free(&group_); }
  Verification(const Verification&) = delete;
  Verification& operator=(const Verification&) = delete;

  [[nodiscard]] bool load_key(const PublicKey& key) {
    return mbedtls_ecp_group_load(&group_, MBEDTLS_ECP_DP_SECP256R1) == 0 &&
           mbedtls_ecp_point_read_binary(&group_, &key_.value, key.data(), key.size()) == 0 &&
           mbedtls_ecp_check_pubkey(&group_, &key_.value) == 0;
  }

  /// What r must be for `signature` to be one of `digest`. False if there is no such number.
  [[nodiscard]] bool expected_r(const Digest& digest, const Signature& signature, Scalar& expected) {
    Number e, r, s, inverse, u1, u2;
    Point sum;
    const auto halves = std::span(signature);
    return e.read(digest) && r.read(halves.first(kScalarSize)) && s.read(halves.last(kScalarSize)) &&
           in_range(r) && in_range(s) && mbedtls_mpi_inv_mod(&inverse.value, &s.value, &group_.N) == 0 &&
           multiply(u1, e, inverse) && multiply(u2, r, inverse) &&
           mbedtls_ecp_muladd(&group_, &sum.value, &u1.value, &group_.G, &u2.value, &key_.value) == 0 &&
           mbedtls_mpi_mod_mpi(&sum.value.X, &sum.value.X, &group_.N) == 0 &&
           mbedtls_mpi_write_binary(&sum.value.X, expected.data(), expected.size()) == 0;
  }

 private:
  /// 1 to n - 1.
  [[nodiscard]] bool in_range(const Number& number) const {
    return mbedtls_mpi_cmp_int(&number.value, 1) >= 0 && mbedtls_mpi_cmp_mpi(&number.value, &group_.N) < 0;
  }
  /// Modulo n.
  [[nodiscard]] bool multiply(Number& product, const Number& a, const Number& b) const {
    return mbedtls_mpi_mul_mpi(&product.value, &a.value, &b.value) == 0 &&
           mbedtls_mpi_mod_mpi(&product.value, &product.value, &group_.N) == 0;
  }

  mbedtls_ecp_group group_;
  Point key_;
};

}  // namespace

bool is_p256_point(const PublicKey& key) {
  Verification verification;
  return verification.load_key(key);
}

Verdict ecdsa_p256_verify(const PublicKey& key, const Digest& digest, const Signature& signature) {
  Verification verification;
  Scalar expected{}, r{};
  if (!verification.load_key(key) || !verification.expected_r(digest, signature, expected))
    return Verdict::Invalid;
  std::copy_n(signature.begin(), r.size(), r.begin());
  return equal(expected, r);
}

}  // namespace microvisor::firmware::crypto

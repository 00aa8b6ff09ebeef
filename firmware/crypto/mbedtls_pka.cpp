// The public-key operations of TLS by the chip's PKA: the functions that mbedTLS leaves to somebody else
// under MBEDTLS_ECDSA_*_ALT and MBEDTLS_ECDH_*_ALT, and two that its files for keys call by a name of ours
// (sources.cmake). P-256 is the only curve that is configured. And of AES what nobody needs.
#include <mbedtls/aes.h>
#include <mbedtls/ecdh.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>
#include <mbedtls/platform.h>

#include <algorithm>

#include "firmware/crypto/crypto.hpp"
#include "firmware/drivers/stm32u5/pka.hpp"

namespace {

using namespace microvisor::firmware;
using stm32u5::PkaNumber;
using stm32u5::PkaPoint;

bool read(const mbedtls_mpi& from, PkaNumber& to) {
  return mbedtls_mpi_write_binary(&from, to.data(), to.size()) == 0;
}

bool write(const PkaNumber& from, mbedtls_mpi& to) {
  return mbedtls_mpi_read_binary(&to, from.data(), from.size()) == 0;
}

bool read(const mbedtls_ecp_point& from, PkaPoint& to) { return read(from.X, to.x) && read(from.Y, to.y); }

bool write(const PkaPoint& from, mbedtls_ecp_point& to) {
  return write(from.x, to.X) && write(from.y, to.Y) && mbedtls_mpi_lset(&to.Z, 1) == 0;
}

/// The leftmost 32 bytes of a hash, or what there is of them (SEC 1 section 4.1.3).
crypto::Digest digest_of(const unsigned char* hash, std::size_t size) {
  crypto::Digest digest{};
  const std::size_t count = std::min(size, digest.size());
  std::copy_n(hash, count, digest.end() - static_cast<std::ptrdiff_t>(count));
  return digest;
}

}  // namespace

extern "C" {

int mbedtls_ecdsa_verify(mbedtls_ecp_group*, const unsigned char* hash, size_t size,
                         const mbedtls_ecp_point* q, const mbedtls_mpi* r, const mbedtls_mpi* s) {
  PkaPoint point;
  PkaNumber r_bytes{};
  PkaNumber s_bytes{};
  if (!read(*q, point) || !read(*r, r_bytes) || !read(*s, s_bytes)) return MBEDTLS_ERR_ECP_VERIFY_FAILED;
  crypto::PublicKey key{4};
  std::copy(point.x.begin(), point.x.end(), key.begin() + 1);
  std::copy(point.y.begin(), point.y.end(), key.begin() + 1 + point.x.size());
  crypto::Signature signature{};
  std::copy(r_bytes.begin(), r_bytes.end(), signature.begin());
  std::copy(s_bytes.begin(), s_bytes.end(), signature.begin() + r_bytes.size());
  const bool valid =
      crypto::ecdsa_p256_verify(key, digest_of(hash, size), signature) == crypto::Verdict::Valid;
  return valid ? 0 : MBEDTLS_ERR_ECP_VERIFY_FAILED;
}

int mbedtls_ecdsa_sign(mbedtls_ecp_group*, mbedtls_mpi* r, mbedtls_mpi* s, const mbedtls_mpi* d,
                       const unsigned char* hash, size_t size, int (*)(void*, unsigned char*, size_t),
                       void*) {
  crypto::PrivateKey key{};
  crypto::Signature signature{};
  PkaNumber part{};
  bool done = read(*d, key) && crypto::ecdsa_p256_sign(key, digest_of(hash, size), signature);
  key.fill(0);
  std::copy_n(signature.begin(), part.size(), part.begin());
  done = done && write(part, *r);
  std::copy_n(signature.begin() + part.size(), part.size(), part.begin());
  return done && write(part, *s) ? 0 : MBEDTLS_ERR_PLATFORM_HW_ACCEL_FAILED;
}

int mbedtls_ecdh_gen_public(mbedtls_ecp_group*, mbedtls_mpi* d, mbedtls_ecp_point* q,
                            int (*)(void*, unsigned char*, size_t), void*) {
  constexpr unsigned kAttempts = 8;  // a key is out of range once in 2^32 times
  for (unsigned attempt = 0; attempt < kAttempts; ++attempt) {
    PkaNumber key{};
    PkaPoint point;
    if (!crypto::random(key)) return MBEDTLS_ERR_ECP_RANDOM_FAILED;
    if (!stm32u5::below_p256_order(key)) continue;
    const bool done =
        stm32u5::pka_multiply(key, stm32u5::kP256Base, point) && write(key, *d) && write(point, *q);
    key.fill(0);
    if (done) return 0;
  }
  return MBEDTLS_ERR_PLATFORM_HW_ACCEL_FAILED;
}

int mbedtls_ecdh_compute_shared(mbedtls_ecp_group*, mbedtls_mpi* z, const mbedtls_ecp_point* q,
                                const mbedtls_mpi* d, int (*)(void*, unsigned char*, size_t), void*) {
  PkaNumber key{};
  PkaPoint point;
  PkaPoint shared;
  const bool usable = read(*q, point) && read(*d, key) && stm32u5::pka_on_curve(point);
  const bool done = usable && stm32u5::pka_multiply(key, point, shared) && write(shared.x, *z);
  key.fill(0);
  shared = {};
  if (!usable) return MBEDTLS_ERR_ECP_INVALID_KEY;
  return done ? 0 : MBEDTLS_ERR_PLATFORM_HW_ACCEL_FAILED;
}

int microvisor_check_public_key(const mbedtls_ecp_group*, const mbedtls_ecp_point* q) {
  PkaPoint point;
  const bool valid = mbedtls_mpi_cmp_int(&q->Z, 1) == 0 && read(*q, point) && stm32u5::pka_on_curve(point);
  return valid ? 0 : MBEDTLS_ERR_ECP_INVALID_KEY;
}

int microvisor_check_key_pair(const mbedtls_ecp_keypair* public_half, const mbedtls_ecp_keypair* pair) {
  PkaNumber key{};
  PkaPoint given;
  PkaPoint computed;
  const bool match = read(pair->d, key) && read(public_half->Q, given) &&
                     stm32u5::pka_multiply(key, stm32u5::kP256Base, computed) && computed.x == given.x &&
                     computed.y == given.y;
  key.fill(0);
  return match ? 0 : MBEDTLS_ERR_ECP_BAD_INPUT_DATA;
}

// Blocks are only ever encrypted: GCM runs AES forwards in both directions.
int mbedtls_aes_setkey_dec(mbedtls_aes_context*, const unsigned char*, unsigned) {
  return MBEDTLS_ERR_PLATFORM_FEATURE_UNSUPPORTED;
}
int mbedtls_internal_aes_decrypt(mbedtls_aes_context*, const unsigned char*, unsigned char*) {
  return MBEDTLS_ERR_PLATFORM_FEATURE_UNSUPPORTED;
}

}  // extern "C"

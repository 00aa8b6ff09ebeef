// ECDSA verification on P-256 through mbedTLS.
//
// The accepting value is returned only after the library's answer, kept in memory, has been looked at twice,
// so that one skipped branch does not accept.
#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>

#include "firmware/crypto/crypto.hpp"

namespace microvisor::firmware::crypto {

namespace {

/// The key and group of one check; frees what mbedTLS allocated.
class Verification {
 public:
  Verification() {
    mbedtls_ecp_group_init(&group_);
    mbedtls_ecp_point_init(&point_);
    mbedtls_mpi_init(&r_);
    mbedtls_mpi_init(&s_);
  }
  ~Verification() {
    mbedtls_mpi_free(&s_);
    mbedtls_mpi_free(&r_);
    mbedtls_ecp_point_free(&point_);
    mbedtls_ecp_group_free(&group_);
  }
  Verification(const Verification&) = delete;
  Verification& operator=(const Verification&) = delete;

  [[nodiscard]] bool load_key(const PublicKey& key) {
    return mbedtls_ecp_group_load(&group_, MBEDTLS_ECP_DP_SECP256R1) == 0 &&
           mbedtls_ecp_point_read_binary(&group_, &point_, key.data(), key.size()) == 0 &&
           mbedtls_ecp_check_pubkey(&group_, &point_) == 0;
  }

  [[nodiscard]] int verify(const Digest& digest, const Signature& signature) {
    if (mbedtls_mpi_read_binary(&r_, signature.data(), 32) != 0) return -1;
    if (mbedtls_mpi_read_binary(&s_, signature.data() + 32, 32) != 0) return -1;
    return mbedtls_ecdsa_verify(&group_, digest.data(), digest.size(), &point_, &r_, &s_);
  }

 private:
  mbedtls_ecp_group group_;
  mbedtls_ecp_point point_;
  mbedtls_mpi r_;
  mbedtls_mpi s_;
};

}  // namespace

bool is_p256_point(const PublicKey& key) {
  Verification verification;
  return verification.load_key(key);
}

Verdict ecdsa_p256_verify(const PublicKey& key, const Digest& digest, const Signature& signature) {
  Verification verification;
  if (!verification.load_key(key)) return Verdict::Invalid;
  volatile int result = verification.verify(digest, signature);
  if (result != 0) return Verdict::Invalid;
  if (result == 0) return Verdict::Valid;
  return Verdict::Invalid;
}

}  // namespace microvisor::firmware::crypto

// What the device does with its private key: ECDSA signatures, and the public key. The nonce comes from the
// random number generator; mbedTLS blinds the scalar multiplication with it too.
#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>

#include "firmware/crypto/crypto.hpp"

namespace microvisor::firmware::crypto {

namespace {

int random_for_mbedtls(void*, unsigned char* out, std::size_t size) {
  return random({out, size}) ? 0 : MBEDTLS_ERR_ECP_RANDOM_FAILED;
}

}  // namespace

bool ecdsa_p256_sign(const PrivateKey& key, const Digest& digest, Signature& signature) {
  mbedtls_ecp_group group;
  mbedtls_mpi d;
  mbedtls_mpi r;
  mbedtls_mpi s;
  mbedtls_ecp_group_init(&group);
  mbedtls_mpi_init(&d);
  mbedtls_mpi_init(&r);
  mbedtls_mpi_init(&s);
  const bool ok = mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_SECP256R1) == 0 &&
                  mbedtls_mpi_read_binary(&d, key.data(), key.size()) == 0 &&
                  mbedtls_ecp_check_privkey(&group, &d) == 0 &&
                  mbedtls_ecdsa_sign(&group, &r, &s, &d, digest.data(), digest.size(), random_for_mbedtls,
                                     nullptr) == 0 &&
                  mbedtls_mpi_write_binary(&r, signature.data(), 32) == 0 &&
                  mbedtls_mpi_write_binary(&s, signature.data() + 32, 32) == 0;
  mbedtls_mpi_free(&s);
  mbedtls_mpi_free(&r);
  mbedtls_mpi_free(&d);
  mbedtls_ecp_group_free(&group);
  return ok;
}

bool p256_public_key(const PrivateKey& key, PublicKey& point) {
  mbedtls_ecp_group group;
  mbedtls_mpi d;
  mbedtls_ecp_point q;
  mbedtls_ecp_group_init(&group);
  mbedtls_mpi_init(&d);
  mbedtls_ecp_point_init(&q);
  std::size_t size = 0;
  const bool ok = mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_SECP256R1) == 0 &&
                  mbedtls_mpi_read_binary(&d, key.data(), key.size()) == 0 &&
                  mbedtls_ecp_check_privkey(&group, &d) == 0 &&
                  mbedtls_ecp_mul(&group, &q, &d, &group.G, random_for_mbedtls, nullptr) == 0 &&
                  mbedtls_ecp_point_write_binary(&group, &q, MBEDTLS_ECP_PF_UNCOMPRESSED, &size, point.data(),
                                                 point.size()) == 0 &&
                  size == point.size();
  mbedtls_ecp_point_free(&q);
  mbedtls_mpi_free(&d);
  mbedtls_ecp_group_free(&group);
  return ok;
}

}  // namespace microvisor::firmware::crypto

// mbedTLS's numbers live only as long as one agreement.
#include "firmware/crypto/agreement.hpp"

#include <mbedtls/ecdh.h>
#include <mbedtls/ecp.h>

namespace microvisor::firmware::crypto {

namespace {

int random_for_mbedtls(void*, unsigned char* out, std::size_t size) {
  return random({out, size}) ? 0 : MBEDTLS_ERR_ECP_RANDOM_FAILED;
}

/// mbedTLS's numbers for one key agreement. What it allocates goes with this object.
class Agreement {
 public:
  Agreement() {
    mbedtls_ecp_group_init(&group_);
    mbedtls_mpi_init(&secret_);
    mbedtls_mpi_init(&shared_);
    mbedtls_ecp_point_init(&own_);
    mbedtls_ecp_point_init(&peer_);
  }
  ~Agreement() {
    mbedtls_ecp_point_free(&peer_);
    mbedtls_ecp_point_free(&own_);
    mbedtls_mpi_free(&shared_);
    mbedtls_mpi_free(&secret_);
    mbedtls_ecp_group_free(&group_);
  }
  Agreement(const Agreement&) = delete;
  Agreement& operator=(const Agreement&) = delete;

  [[nodiscard]] bool load() { return mbedtls_ecp_group_load(&group_, MBEDTLS_ECP_DP_SECP256R1) == 0; }
  [[nodiscard]] bool generate(PrivateKey& key) {
    return mbedtls_ecdh_gen_public(&group_, &secret_, &own_, random_for_mbedtls, nullptr) == 0 &&
           mbedtls_mpi_write_binary(&secret_, key.data(), key.size()) == 0;
  }
  [[nodiscard]] bool agree(const PrivateKey& key, const PublicKey& peer, Digest& shared) {
    return mbedtls_mpi_read_binary(&secret_, key.data(), key.size()) == 0 &&
           mbedtls_ecp_point_read_binary(&group_, &peer_, peer.data(), peer.size()) == 0 &&
           mbedtls_ecdh_compute_shared(&group_, &shared_, &peer_, &secret_, random_for_mbedtls, nullptr) ==
               0 &&
           mbedtls_mpi_write_binary(&shared_, shared.data(), shared.size()) == 0;
  }
  [[nodiscard]] bool own_point(PublicKey& point) const {
    std::size_t size = 0;
    return mbedtls_ecp_point_write_binary(&group_, &own_, MBEDTLS_ECP_PF_UNCOMPRESSED, &size, point.data(),
                                          point.size()) == 0 &&
           size == point.size();
  }

 private:
  mbedtls_ecp_group group_;
  mbedtls_mpi secret_;
  mbedtls_mpi shared_;
  mbedtls_ecp_point own_;
  mbedtls_ecp_point peer_;
};

}  // namespace

bool p256_generate(PrivateKey& key, PublicKey& point) {
  Agreement agreement;
  return agreement.load() && agreement.generate(key) && agreement.own_point(point);
}

bool p256_agree(const PrivateKey& key, const PublicKey& peer, Digest& shared) {
  Agreement agreement;
  return agreement.load() && agreement.agree(key, peer, shared);
}

}  // namespace microvisor::firmware::crypto

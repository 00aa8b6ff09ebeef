// SHA-256 of mbedTLS by crypto::Sha256, under MBEDTLS_SHA256_ALT. A context is a hash in the memory that
// sha256_alt.h has for it; it is copied and forgotten as plain bytes. SHA-224 is not used by anybody.
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>

#include <algorithm>
#include <new>
#include <type_traits>

#include "firmware/crypto/crypto.hpp"

namespace {

using microvisor::firmware::crypto::Sha256;

static_assert(sizeof(Sha256) <= sizeof(mbedtls_sha256_context) &&
              alignof(Sha256) <= alignof(mbedtls_sha256_context));
static_assert(std::is_trivially_copyable_v<Sha256> && std::is_trivially_destructible_v<Sha256>);

Sha256& hash_of(mbedtls_sha256_context& context) {
  return *std::launder(reinterpret_cast<Sha256*>(&context));
}

}  // namespace

extern "C" {

void mbedtls_sha256_init(mbedtls_sha256_context* context) { ::new (context) Sha256; }

void mbedtls_sha256_free(mbedtls_sha256_context* context) {
  if (context != nullptr) mbedtls_platform_zeroize(context, sizeof *context);
}

void mbedtls_sha256_clone(mbedtls_sha256_context* to, const mbedtls_sha256_context* from) { *to = *from; }

int mbedtls_sha256_starts_ret(mbedtls_sha256_context* context, int is224) {
  if (is224 != 0) return MBEDTLS_ERR_SHA256_BAD_INPUT_DATA;
  ::new (context) Sha256;
  return 0;
}

int mbedtls_sha256_update_ret(mbedtls_sha256_context* context, const unsigned char* bytes, size_t size) {
  hash_of(*context).update({bytes, size});
  return 0;
}

int mbedtls_sha256_finish_ret(mbedtls_sha256_context* context, unsigned char* digest) {
  const auto result = hash_of(*context).finish();
  std::copy(result.begin(), result.end(), digest);
  return 0;
}

int mbedtls_internal_sha256_process(mbedtls_sha256_context* context, const unsigned char* block) {
  constexpr size_t kBlock = 64;
  hash_of(*context).update({block, kBlock});
  return 0;
}

}  // extern "C"

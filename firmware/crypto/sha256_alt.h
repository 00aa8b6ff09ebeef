/* SHA-256 for mbedTLS by the kernel's own (mbedtls_sha256.cpp), so that the image has it once: the context
 * that MBEDTLS_SHA256_ALT leaves to somebody else. Included by mbedTLS. */
#ifndef MICROVISOR_SHA256_ALT_H
#define MICROVISOR_SHA256_ALT_H

#include <stdint.h>

/* Room for a crypto::Sha256. */
typedef struct mbedtls_sha256_context {
  uint64_t hash[14];
} mbedtls_sha256_context;

#endif

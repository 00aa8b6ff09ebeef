/* mbedTLS as the boot stages need it: SHA-256 and the arithmetic of P-256, nothing else.
 *
 * Memory comes from a static arena (memory_buffer_alloc.c), because there is no heap. */
#ifndef MICROVISOR_MBEDTLS_BOOT_CONFIG_H
#define MICROVISOR_MBEDTLS_BOOT_CONFIG_H

#define MBEDTLS_PLATFORM_C
#define MBEDTLS_PLATFORM_MEMORY
#define MBEDTLS_MEMORY_BUFFER_ALLOC_C
#define MBEDTLS_NO_PLATFORM_ENTROPY

#define MBEDTLS_SHA256_C
#define MBEDTLS_BIGNUM_C
#define MBEDTLS_ECP_C
#define MBEDTLS_ECP_DP_SECP256R1_ENABLED
#define MBEDTLS_ECP_NIST_OPTIM
#define MBEDTLS_ECP_NO_INTERNAL_RNG /* verification handles no secrets */
#define MBEDTLS_HAVE_ASM

#define MBEDTLS_MPI_MAX_SIZE 64
#define MBEDTLS_MPI_WINDOW_SIZE 1
#define MBEDTLS_ECP_MAX_BITS 256
#define MBEDTLS_ECP_WINDOW_SIZE 4
#define MBEDTLS_ECP_FIXED_POINT_OPTIM 0

#endif

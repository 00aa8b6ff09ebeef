/* mbedTLS as the kernel needs it: TLS 1.2 client with a certificate of its own, ECDHE-ECDSA on P-256 with
 * AES-128-GCM and SHA-256, session tickets; and the primitives behind firmware/crypto.
 *
 * One cipher suite, one curve, one hash: fewer than that cannot connect, more than that is attack surface.
 * Memory comes from a static arena. Host tests are built with the same file. */
#ifndef MICROVISOR_MBEDTLS_KERNEL_CONFIG_H
#define MICROVISOR_MBEDTLS_KERNEL_CONFIG_H

#define MBEDTLS_PLATFORM_C
#define MBEDTLS_PLATFORM_MEMORY
#define MBEDTLS_MEMORY_BUFFER_ALLOC_C
#define MBEDTLS_NO_PLATFORM_ENTROPY
#if defined(__arm__)
#define MBEDTLS_HAVE_ASM
#endif

#define MBEDTLS_SHA256_C
#if defined(MICROVISOR_HARDWARE_CRYPTO) /* there is one already: mbedtls_sha256.cpp */
#define MBEDTLS_SHA256_ALT
#endif
#define MBEDTLS_MD_C
#define MBEDTLS_BIGNUM_C
#define MBEDTLS_ECP_C
#define MBEDTLS_ECP_DP_SECP256R1_ENABLED
#define MBEDTLS_ECDSA_C
#define MBEDTLS_ECDH_C
#if defined(MICROVISOR_HARDWARE_CRYPTO) /* the chip's PKA: mbedtls_pka.cpp */
#define MBEDTLS_ECDSA_VERIFY_ALT
#define MBEDTLS_ECDSA_SIGN_ALT
#define MBEDTLS_ECDH_GEN_PUBLIC_ALT
#define MBEDTLS_ECDH_COMPUTE_SHARED_ALT
#else
#define MBEDTLS_ECP_NIST_OPTIM
#endif
#define MBEDTLS_HMAC_DRBG_C
#define MBEDTLS_ASN1_PARSE_C
#define MBEDTLS_ASN1_WRITE_C
#define MBEDTLS_OID_C
#define MBEDTLS_PK_C
#define MBEDTLS_PK_PARSE_C
#define MBEDTLS_AES_C
#define MBEDTLS_AES_ROM_TABLES
#define MBEDTLS_AES_FEWER_TABLES
#if defined(MICROVISOR_HARDWARE_CRYPTO) /* GCM only encrypts blocks, either way: mbedtls_pka.cpp */
#define MBEDTLS_AES_SETKEY_DEC_ALT
#define MBEDTLS_AES_DECRYPT_ALT
#endif
#define MBEDTLS_GCM_C
#define MBEDTLS_CIPHER_C
#define MBEDTLS_CTR_DRBG_C
#define MBEDTLS_ENTROPY_C
#define MBEDTLS_ENTROPY_HARDWARE_ALT
#define MBEDTLS_ENTROPY_FORCE_SHA256

#define MBEDTLS_X509_USE_C
#define MBEDTLS_X509_CRT_PARSE_C

#define MBEDTLS_SSL_TLS_C
#define MBEDTLS_SSL_CLI_C
#define MBEDTLS_SSL_PROTO_TLS1_2
#define MBEDTLS_KEY_EXCHANGE_ECDHE_ECDSA_ENABLED
#define MBEDTLS_SSL_SERVER_NAME_INDICATION
#define MBEDTLS_SSL_SESSION_TICKETS
#define MBEDTLS_SSL_MAX_FRAGMENT_LENGTH
#define MBEDTLS_SSL_EXTENDED_MASTER_SECRET
#define MBEDTLS_SSL_CIPHERSUITES MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
/* Records of at most 2 KiB are negotiated (net/tls_client.cpp), and mbedTLS takes no handshake message that
 * comes in parts, so more room in would never be used. A client hello with the longest ticket is longer: it
 * goes out before. */
#define MBEDTLS_SSL_IN_CONTENT_LEN 2048
#define MBEDTLS_SSL_OUT_CONTENT_LEN 2560

#define MBEDTLS_MPI_MAX_SIZE 64
#define MBEDTLS_MPI_WINDOW_SIZE 1
#define MBEDTLS_ECP_MAX_BITS 256
#define MBEDTLS_ECP_WINDOW_SIZE 4
#define MBEDTLS_ECP_FIXED_POINT_OPTIM 1

#include "mbedtls/check_config.h"

#endif

# Sources of firmware/crypto, for host tests and device images alike.
set(FIRMWARE_CRYPTO_SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/sha256.cpp
  ${CMAKE_CURRENT_LIST_DIR}/ecdsa.cpp)
set(FIRMWARE_CRYPTO_KERNEL_SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/ecdsa_sign.cpp)
# mbedTLS files under mbedtls_boot_config.h and mbedtls_kernel_config.h.
set(FIRMWARE_MBEDTLS_BOOT
  bignum.c constant_time.c ecp.c ecp_curves.c memory_buffer_alloc.c platform.c platform_util.c sha256.c)
set(FIRMWARE_MBEDTLS_KERNEL
  ${FIRMWARE_MBEDTLS_BOOT} asn1parse.c asn1write.c aes.c cipher.c cipher_wrap.c ctr_drbg.c ecdh.c ecdsa.c entropy.c gcm.c hmac_drbg.c md.c oid.c pk.c
  pk_wrap.c pkparse.c ssl_ciphersuites.c ssl_cli.c ssl_msg.c ssl_tls.c x509.c x509_crt.c)
set(FIRMWARE_CRYPTO_DEVICE_SOURCES ${CMAKE_CURRENT_LIST_DIR}/random_device.cpp)
set(FIRMWARE_CRYPTO_HOST_SOURCES ${CMAKE_CURRENT_LIST_DIR}/random_host.cpp)

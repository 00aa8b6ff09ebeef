# Sources of firmware/crypto, for host tests and device images alike. Public-key operations exist twice, by mbedTLS and
# by the chip's PKA; device/CMakeLists.txt chooses.
set(FIRMWARE_CRYPTO_COMMON_SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/sha256.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../hardened/hardened.cpp)
set(FIRMWARE_CRYPTO_SOURCES
  ${FIRMWARE_CRYPTO_COMMON_SOURCES}
  ${CMAKE_CURRENT_LIST_DIR}/arena.cpp
  ${CMAKE_CURRENT_LIST_DIR}/ecdsa.cpp)
set(FIRMWARE_CRYPTO_KERNEL_SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/agreement.cpp
  ${CMAKE_CURRENT_LIST_DIR}/debug_crypto.cpp
  ${CMAKE_CURRENT_LIST_DIR}/ecdsa_sign.cpp
  ${CMAKE_CURRENT_LIST_DIR}/gcm.cpp
  ${CMAKE_CURRENT_LIST_DIR}/hpke.cpp
  ${CMAKE_CURRENT_LIST_DIR}/seal.cpp)
set(FIRMWARE_CRYPTO_PKA_SOURCES
  ${FIRMWARE_CRYPTO_COMMON_SOURCES}
  ${CMAKE_CURRENT_LIST_DIR}/ecdsa_pka.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../drivers/stm32u5/pka.cpp)
set(FIRMWARE_CRYPTO_PKA_KERNEL_SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/agreement.cpp
  ${CMAKE_CURRENT_LIST_DIR}/arena.cpp
  ${CMAKE_CURRENT_LIST_DIR}/debug_crypto.cpp
  ${CMAKE_CURRENT_LIST_DIR}/ecdsa_sign_pka.cpp
  ${CMAKE_CURRENT_LIST_DIR}/gcm.cpp
  ${CMAKE_CURRENT_LIST_DIR}/hpke.cpp
  ${CMAKE_CURRENT_LIST_DIR}/mbedtls_oid.cpp
  ${CMAKE_CURRENT_LIST_DIR}/mbedtls_pka.cpp
  ${CMAKE_CURRENT_LIST_DIR}/mbedtls_sha256.cpp
  ${CMAKE_CURRENT_LIST_DIR}/seal.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../drivers/stm32u5/aes.cpp)
set(FIRMWARE_CRYPTO_BOOT_HARDWARE
  ${CMAKE_CURRENT_LIST_DIR}/boot_hardware.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../drivers/stm32u5/hash.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../drivers/stm32u5/rng.cpp)
set(FIRMWARE_CRYPTO_BOOT_SOFTWARE ${CMAKE_CURRENT_LIST_DIR}/boot_software.cpp)
# mbedTLS files under mbedtls_boot_config.h and mbedtls_kernel_config.h.
set(FIRMWARE_MBEDTLS_BOOT
  bignum.c constant_time.c ecp.c ecp_curves.c memory_buffer_alloc.c platform.c platform_util.c sha256.c)
set(FIRMWARE_MBEDTLS_KERNEL
  ${FIRMWARE_MBEDTLS_BOOT} asn1parse.c asn1write.c aes.c cipher.c cipher_wrap.c ctr_drbg.c ecdh.c ecdsa.c entropy.c gcm.c hmac_drbg.c md.c oid.c pk.c
  pk_wrap.c pkparse.c ssl_ciphersuites.c ssl_cli.c ssl_msg.c ssl_tls.c x509.c x509_crt.c)
# Functions that mbedTLS has no macro to leave out: its files get them from mbedtls_pka.cpp by another name. Without them
# nothing needs curves computed by software.
set(FIRMWARE_MBEDTLS_PKA_NAMES
  mbedtls_ecp_check_pub_priv=microvisor_check_key_pair mbedtls_ecp_check_pubkey=microvisor_check_public_key)
# The same of object identifiers, from mbedtls_oid.cpp.
set(FIRMWARE_MBEDTLS_OID_NAMES
  mbedtls_oid_get_x509_ext_type=microvisor_extension_of mbedtls_oid_get_sig_alg=microvisor_signature_of
  mbedtls_oid_get_pk_alg=microvisor_key_type_of mbedtls_oid_get_ec_grp=microvisor_curve_of)
# What opens sealed boxes without mbedTLS, for boot stages.
set(FIRMWARE_CRYPTO_BOOT_SEAL
  ${CMAKE_CURRENT_LIST_DIR}/device_key.cpp
  ${CMAKE_CURRENT_LIST_DIR}/gcm_unit.cpp
  ${CMAKE_CURRENT_LIST_DIR}/random_device.cpp
  ${CMAKE_CURRENT_LIST_DIR}/seal.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../drivers/stm32u5/aes.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../drivers/stm32u5/rng.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../drivers/stm32u5/saes.cpp)
set(FIRMWARE_CRYPTO_DEVICE_SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/device_key.cpp
  ${CMAKE_CURRENT_LIST_DIR}/random_device.cpp
  ${CMAKE_CURRENT_LIST_DIR}/../drivers/stm32u5/saes.cpp)
set(FIRMWARE_CRYPTO_HOST_SOURCES
  ${CMAKE_CURRENT_LIST_DIR}/device_key_host.cpp
  ${CMAKE_CURRENT_LIST_DIR}/random_host.cpp)

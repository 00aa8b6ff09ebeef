// Object identifiers for mbedTLS: what its files for keys and certificates call by these names
// (sources.cmake). Each answers 0 and what the identifier stands for, or MBEDTLS_ERR_OID_NOT_FOUND, as
// mbedTLS's own do.
#pragma once

#include <mbedtls/oid.h>

extern "C" {

int microvisor_extension_of(const mbedtls_asn1_buf* id, int* extension);
int microvisor_signature_of(const mbedtls_asn1_buf* id, mbedtls_md_type_t* hash, mbedtls_pk_type_t* key);
int microvisor_key_type_of(const mbedtls_asn1_buf* id, mbedtls_pk_type_t* key);
int microvisor_curve_of(const mbedtls_asn1_buf* id, mbedtls_ecp_group_id* curve);

}  // extern "C"

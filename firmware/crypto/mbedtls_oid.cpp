// The object identifiers that the kernel's one cipher suite, curve and hash leave to be known, in one table.
// mbedTLS has names and descriptions for each of them, which nobody reads on a device and which take 1.7 KiB.
#include "firmware/crypto/mbedtls_oid.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace {

enum class Kind : std::uint8_t { Extension, Signature, KeyType, Curve };

struct Identifier {
  std::uint32_t meaning;
  Kind kind;
  std::uint8_t size = 0;
  std::array<std::uint8_t, 10> bytes{};

  constexpr Identifier(Kind the_kind, std::string_view id, std::uint32_t the_meaning)
      : meaning(the_meaning), kind(the_kind), size(static_cast<std::uint8_t>(id.size())) {
    std::copy(id.begin(), id.end(), bytes.begin());
  }
  [[nodiscard]] bool is(Kind wanted, const mbedtls_asn1_buf& id) const {
    return kind == wanted && id.len == size && std::equal(id.p, id.p + size, bytes.begin());
  }
};

constexpr std::array<Identifier, 12> kIdentifiers{
    Identifier{Kind::Extension, MBEDTLS_OID_BASIC_CONSTRAINTS, MBEDTLS_OID_X509_EXT_BASIC_CONSTRAINTS},
    Identifier{Kind::Extension, MBEDTLS_OID_KEY_USAGE, MBEDTLS_OID_X509_EXT_KEY_USAGE},
    Identifier{Kind::Extension, MBEDTLS_OID_EXTENDED_KEY_USAGE, MBEDTLS_OID_X509_EXT_EXTENDED_KEY_USAGE},
    Identifier{Kind::Extension, MBEDTLS_OID_SUBJECT_ALT_NAME, MBEDTLS_OID_X509_EXT_SUBJECT_ALT_NAME},
    Identifier{Kind::Extension, MBEDTLS_OID_NS_CERT_TYPE, MBEDTLS_OID_X509_EXT_NS_CERT_TYPE},
    Identifier{Kind::Extension, MBEDTLS_OID_CERTIFICATE_POLICIES, MBEDTLS_OID_X509_EXT_CERTIFICATE_POLICIES},
    Identifier{Kind::Signature, MBEDTLS_OID_ECDSA_SHA224, MBEDTLS_MD_SHA224},
    Identifier{Kind::Signature, MBEDTLS_OID_ECDSA_SHA256, MBEDTLS_MD_SHA256},
    // Keys that cannot be used are told from what is no key at all.
    Identifier{Kind::KeyType, MBEDTLS_OID_PKCS1_RSA, MBEDTLS_PK_RSA},
    Identifier{Kind::KeyType, MBEDTLS_OID_EC_ALG_UNRESTRICTED, MBEDTLS_PK_ECKEY},
    Identifier{Kind::KeyType, MBEDTLS_OID_EC_ALG_ECDH, MBEDTLS_PK_ECKEY_DH},
    Identifier{Kind::Curve, MBEDTLS_OID_EC_GRP_SECP256R1, MBEDTLS_ECP_DP_SECP256R1},
};

const Identifier* find(Kind kind, const mbedtls_asn1_buf& id) {
  for (const Identifier& each : kIdentifiers) {
    if (each.is(kind, id)) return &each;
  }
  return nullptr;
}

template <typename Meaning>
int look_up(Kind kind, const mbedtls_asn1_buf& id, Meaning& meaning) {
  const Identifier* known = find(kind, id);
  if (known == nullptr) return MBEDTLS_ERR_OID_NOT_FOUND;
  meaning = static_cast<Meaning>(known->meaning);
  return 0;
}

}  // namespace

extern "C" {

int microvisor_extension_of(const mbedtls_asn1_buf* id, int* extension) {
  return look_up(Kind::Extension, *id, *extension);
}

int microvisor_signature_of(const mbedtls_asn1_buf* id, mbedtls_md_type_t* hash, mbedtls_pk_type_t* key) {
  *key = MBEDTLS_PK_ECDSA;
  return look_up(Kind::Signature, *id, *hash);
}

int microvisor_key_type_of(const mbedtls_asn1_buf* id, mbedtls_pk_type_t* key) {
  return look_up(Kind::KeyType, *id, *key);
}

int microvisor_curve_of(const mbedtls_asn1_buf* id, mbedtls_ecp_group_id* curve) {
  return look_up(Kind::Curve, *id, *curve);
}

}  // extern "C"

// What our table says of an object identifier is what mbedTLS's own tables say of it, built as the kernel has
// it.
#include "firmware/crypto/mbedtls_oid.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace {

/// Identifiers of every kind that mbedTLS knows under some configuration, cut ones, longer ones, and none.
std::vector<std::string> identifiers() {
  std::vector<std::string> all{
      MBEDTLS_OID_BASIC_CONSTRAINTS,
      MBEDTLS_OID_KEY_USAGE,
      MBEDTLS_OID_EXTENDED_KEY_USAGE,
      MBEDTLS_OID_SUBJECT_ALT_NAME,
      MBEDTLS_OID_NS_CERT_TYPE,
      MBEDTLS_OID_CERTIFICATE_POLICIES,
      MBEDTLS_OID_NAME_CONSTRAINTS,
      MBEDTLS_OID_POLICY_CONSTRAINTS,
      MBEDTLS_OID_AUTHORITY_KEY_IDENTIFIER,
      MBEDTLS_OID_ECDSA_SHA1,
      MBEDTLS_OID_ECDSA_SHA224,
      MBEDTLS_OID_ECDSA_SHA256,
      MBEDTLS_OID_ECDSA_SHA384,
      MBEDTLS_OID_ECDSA_SHA512,
      MBEDTLS_OID_PKCS1_SHA256,
      MBEDTLS_OID_RSASSA_PSS,
      MBEDTLS_OID_PKCS1_RSA,
      MBEDTLS_OID_EC_ALG_UNRESTRICTED,
      MBEDTLS_OID_EC_ALG_ECDH,
      MBEDTLS_OID_EC_GRP_SECP192R1,
      MBEDTLS_OID_EC_GRP_SECP256R1,
      MBEDTLS_OID_EC_GRP_SECP256K1,
      MBEDTLS_OID_EC_GRP_SECP384R1,
      MBEDTLS_OID_EC_GRP_BP256R1,
      MBEDTLS_OID_DIGEST_ALG_SHA256,
      MBEDTLS_OID_AT_CN,
      MBEDTLS_OID_SERVER_AUTH,
  };
  for (std::size_t i = 0, count = all.size(); i < count; ++i) {
    all.push_back(all[i].substr(0, all[i].size() - 1));
    all.push_back(all[i] + '\0');
  }
  all.emplace_back();
  return all;
}

mbedtls_asn1_buf buffer_of(std::string& id) {
  return {MBEDTLS_ASN1_OID, id.size(), reinterpret_cast<unsigned char*>(id.data())};
}

/// `ours` and `theirs` agree on every identifier, and know `known` of them.
template <typename Meaning, typename Ours, typename Theirs>
void expect_the_same(Ours ours, Theirs theirs, unsigned known) {
  unsigned found = 0;
  for (std::string& id : identifiers()) {
    const mbedtls_asn1_buf buffer = buffer_of(id);
    Meaning our_meaning{}, their_meaning{};
    const int status = ours(&buffer, &our_meaning);
    EXPECT_EQ(status, theirs(&buffer, &their_meaning)) << testing::PrintToString(id);
    EXPECT_EQ(our_meaning, their_meaning) << testing::PrintToString(id);
    if (status == 0) ++found;
  }
  EXPECT_EQ(found, known);
}

TEST(ObjectIdentifiers, OfExtensions) {
  expect_the_same<int>(microvisor_extension_of, mbedtls_oid_get_x509_ext_type, 6);
}

TEST(ObjectIdentifiers, OfSignatures) {
  using Signature = std::pair<mbedtls_md_type_t, mbedtls_pk_type_t>;
  const auto meaning = [](auto look_up) {
    return [look_up](const mbedtls_asn1_buf* id, Signature* signature) {
      Signature found{};
      const int status = look_up(id, &found.first, &found.second);
      if (status == 0) *signature = found;
      return status;
    };
  };
  expect_the_same<Signature>(meaning(microvisor_signature_of), meaning(mbedtls_oid_get_sig_alg), 2);
}

TEST(ObjectIdentifiers, OfKeys) {
  expect_the_same<mbedtls_pk_type_t>(microvisor_key_type_of, mbedtls_oid_get_pk_alg, 3);
}

TEST(ObjectIdentifiers, OfCurves) {
  expect_the_same<mbedtls_ecp_group_id>(microvisor_curve_of, mbedtls_oid_get_ec_grp, 1);
}

}  // namespace

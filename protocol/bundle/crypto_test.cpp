// Hashes, key ids, keys and signatures against the published golden values and against the openssl command's
// key forms.
#include "protocol/bundle/crypto.hpp"

#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "protocol/bundle/openssl.hpp"

namespace microvisor::protocol {
namespace {

// SEC 2, section 2.4.2: base point of secp256r1.
constexpr std::string_view kBasePoint =
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33"
    "576b315ecec"
    "bb6406837bf51f5";

PublicKey base_point() {
  const Bytes bytes = *from_hex(kBasePoint);
  PublicKey key;
  std::copy(bytes.begin(), bytes.end(), key.begin());
  return key;
}

std::string self_signed(const SigningKey& key, const std::string& common_name) {
  using namespace openssl;
  const std::string pem = key.private_pem();
  const OwnedKey owned(PEM_read_bio_PrivateKey(bio_of(pem).get(), nullptr, nullptr, nullptr));
  const OwnedCertificate certificate(X509_new());
  X509_set_pubkey(certificate.get(), owned.get());
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common_name.data()), -1, -1, 0);
  if (X509_sign(certificate.get(), owned.get(), EVP_sha256()) == 0) throw_openssl("signing");
  return written("a certificate", [&](BIO* bio) { return PEM_write_bio_X509(bio, certificate.get()); });
}

TEST(Crypto, Sha256OfTheStandardsExample) {
  // FIPS 180-4 example: "abc".
  EXPECT_EQ(to_hex(sha256(as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Crypto, PaddedHashIsThatOfThePaddedRegion) {
  Bytes region(70'000, 0xFF);
  region[0] = 1;
  EXPECT_EQ(sha256_padded(Bytes{1}, region.size()), sha256(region));
  EXPECT_EQ(sha256_padded(region, region.size()), sha256(region));
}

TEST(Crypto, SignerIdOfTheBasePoint) { EXPECT_EQ(signer_id(base_point()), 0x0ed2cad46ded7d8cU); }

TEST(Crypto, PointsAreCheckedAgainstTheCurve) {
  Bytes point = *from_hex(kBasePoint);
  EXPECT_TRUE(is_p256_point(point));
  point[64] ^= 1;
  EXPECT_FALSE(is_p256_point(point));
  EXPECT_FALSE(is_p256_point(Bytes(65, 0)));
  EXPECT_FALSE(is_p256_point(Bytes(64, 4)));
  EXPECT_FALSE(is_p256_point({}));
}

TEST(Crypto, SignaturesVerifyAndBreak) {
  const SigningKey key = SigningKey::generate();
  const Bytes message = {1, 2, 3};
  Signature signature = key.sign(message);
  EXPECT_TRUE(verify(key.public_key(), message, signature));
  EXPECT_FALSE(verify(key.public_key(), Bytes{1, 2, 4}, signature));
  EXPECT_FALSE(verify(SigningKey::generate().public_key(), message, signature));
  signature[40] ^= 1;
  EXPECT_FALSE(verify(key.public_key(), message, signature));
  EXPECT_FALSE(verify(key.public_key(), message, Signature{}));
}

TEST(Crypto, ManySignaturesKeepTheirFixedLength) {
  // r or s with leading zero bytes occur about once in 128 signatures.
  const SigningKey key = SigningKey::generate();
  for (std::uint8_t i = 0; i < 255; ++i) {
    const Bytes message = {i};
    ASSERT_TRUE(verify(key.public_key(), message, key.sign(message)));
  }
}

TEST(Crypto, KeysSurviveTheWayThroughPem) {
  const SigningKey key = SigningKey::generate();
  const auto again = SigningKey::from_pem(key.private_pem());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->public_key(), key.public_key());
  EXPECT_EQ(*public_key_from_pem(key.public_pem()), key.public_key());
  EXPECT_EQ(*public_key_from_pem(key.private_pem()), key.public_key());
}

TEST(Crypto, OtherKeysAreRefused) {
  // openssl ecparam -name secp384r1 -genkey | openssl ec -pubout
  constexpr std::string_view kP384 =
      "-----BEGIN PUBLIC KEY-----\n"
      "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEimuFOSDQzzlrOWyevZH36mRiiZCqw9dR\n"
      "7+kVaWfet0PH3dlHPY7YR48oar6TXULcgwRoVFMlYsEsj6tQ50oGEDfwozuFYTU4\n"
      "AYqQ60dbQ/JlKbyTY0GuBL9zFVtYh3N8\n"
      "-----END PUBLIC KEY-----\n";
  const auto other_curve = public_key_from_pem(kP384);
  ASSERT_FALSE(other_curve);
  EXPECT_EQ(other_curve.error().message, "the key is not an EC key of curve P-256");
  EXPECT_FALSE(public_key_from_pem("not a key"));
  EXPECT_FALSE(public_key_from_pem(""));
  EXPECT_FALSE(SigningKey::from_pem(SigningKey::generate().public_pem()));
}

TEST(Text, Hex) {
  EXPECT_EQ(to_hex(Bytes{0x00, 0xAB, 0xFF}), "00abff");
  EXPECT_EQ(*from_hex("00ABff"), (Bytes{0x00, 0xAB, 0xFF}));
  EXPECT_FALSE(from_hex("0"));
  EXPECT_FALSE(from_hex("0g"));
}

TEST(Text, Base64) {
  // RFC 4648, section 10.
  const std::pair<std::string_view, std::string_view> vectors[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (const auto& [plain, coded] : vectors) {
    EXPECT_EQ(to_base64(as_bytes(plain)), coded);
    ASSERT_TRUE(from_base64(coded));
    EXPECT_EQ(as_text(*from_base64(coded)), plain);
  }
  EXPECT_FALSE(from_base64("Zg="));
  EXPECT_FALSE(from_base64("Z=g="));
  EXPECT_FALSE(from_base64("Zg=a"));
  EXPECT_FALSE(from_base64("Zm9*"));
}

TEST(KeyId, IsSixteenHexDigits) {
  EXPECT_EQ(key_id_from_text("0ed2cad46ded7d8c"), 0x0ed2'cad4'6ded'7d8cU);
  EXPECT_EQ(key_id_from_text("ffffffffffffffff"), UINT64_MAX);
  for (const char* text :
       {"", "0ed2cad46ded7d8", "0ed2cad46ded7d8c0", "0ed2cad46ded7d8x", "0ed2cad46ded7d8c00"})
    EXPECT_FALSE(key_id_from_text(text)) << text;
}

TEST(CertifiedKey, IsThatOfTheCertificate) {
  const SigningKey key = SigningKey::generate();
  const auto read = key_from_certificate(self_signed(key, "UV0123456789abcdef0123456789abcdef"));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->common_name, "UV0123456789abcdef0123456789abcdef");
  EXPECT_EQ(read->key, key.public_key());
  EXPECT_EQ(key_from_certificate(key.public_pem()).error().refusal, Refusal::BadKeyFile);
  EXPECT_EQ(key_from_certificate("").error().refusal, Refusal::BadKeyFile);
}

}  // namespace
}  // namespace microvisor::protocol

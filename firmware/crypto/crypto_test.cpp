// Known answers of the standards, and what must be refused.
#include "firmware/crypto/crypto.hpp"

#include <gtest/gtest.h>
#include <mbedtls/sha256.h>

#include <string>
#include <string_view>
#include <vector>

namespace microvisor::firmware::crypto {
namespace {

std::uint8_t nibble(char digit) {
  return static_cast<std::uint8_t>(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
}

template <std::size_t Size>
std::array<std::uint8_t, Size> hex(std::string_view text) {
  std::array<std::uint8_t, Size> out{};
  EXPECT_EQ(text.size(), 2 * Size);
  for (std::size_t i = 0; i < Size; ++i) {
    out[i] = static_cast<std::uint8_t>(nibble(text[2 * i]) << 4 | nibble(text[2 * i + 1]));
  }
  return out;
}

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

class Crypto : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    alignas(8) static std::array<std::uint8_t, 64 * 1024> arena;
    initialise_memory(arena);
  }
};

// RFC 6979, A.2.5: P-256 with SHA-256, message "sample".
const PrivateKey kSecret = hex<32>("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721");
const PublicKey kPublic = hex<65>(
    "0460FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
    "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299");
const Signature kSampleSignature = hex<64>(
    "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
    "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8");

TEST_F(Crypto, Sha256KnownAnswers) {
  // FIPS 180-4 examples.
  EXPECT_EQ(sha256({}), hex<32>("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
  EXPECT_EQ(sha256(bytes_of("abc")),
            hex<32>("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
}

TEST_F(Crypto, Sha256OfEveryLengthAgreesWithAnIndependentImplementation) {
  std::vector<std::uint8_t> data;
  for (std::size_t size = 0; size < 300; ++size) {
    Digest wanted{};
    ASSERT_EQ(mbedtls_sha256_ret(data.data(), data.size(), wanted.data(), 0), 0);
    ASSERT_EQ(sha256(data), wanted) << size;
    data.push_back(static_cast<std::uint8_t>(size * 89 + size / 7));
  }
}

TEST_F(Crypto, Sha256OfAMillionLetters) {
  // FIPS 180-4 example: one million times "a".
  EXPECT_EQ(sha256(bytes_of(std::string(1'000'000, 'a'))),
            hex<32>("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"));
}

TEST_F(Crypto, BlankDataIsHashedAsWhatItIs) {
  for (const std::size_t before : {0u, 1u, 63u, 64u, 100u}) {
    for (const std::size_t blank : {0u, 1u, 27u, 63u, 64u, 65u, 1000u, 0x10'0000u}) {
      std::vector<std::uint8_t> data(before, 0x42);
      Sha256 hash;
      hash.update(data);
      hash.update_blank(blank);
      hash.update(bytes_of("end"));
      data.resize(before + blank, 0xFF);
      for (const char letter : {'e', 'n', 'd'}) data.push_back(static_cast<std::uint8_t>(letter));
      EXPECT_EQ(hash.finish(), sha256(data)) << before << " " << blank;
    }
  }
}

TEST_F(Crypto, Sha256InPiecesAndCopies) {
  const std::string text(1000, 'x');
  Sha256 pieces;
  for (std::size_t at = 0; at < text.size(); at += 37)
    pieces.update(bytes_of(std::string_view(text).substr(at, 37)));
  Sha256 copy = pieces;
  EXPECT_EQ(pieces.finish(), sha256(bytes_of(text)));
  copy.update(bytes_of("more"));
  EXPECT_EQ(copy.finish(), sha256(bytes_of(text + "more")));
}

TEST_F(Crypto, VerifiesTheStandardsExample) {
  EXPECT_EQ(ecdsa_p256_verify(kPublic, sha256(bytes_of("sample")), kSampleSignature), Verdict::Valid);
  EXPECT_EQ(ecdsa_p256_verify(kPublic, sha256(bytes_of("sampled")), kSampleSignature), Verdict::Invalid);
}

TEST_F(Crypto, RefusesChangedSignaturesAndKeys) {
  const Digest digest = sha256(bytes_of("sample"));
  for (std::size_t at = 0; at < kSampleSignature.size(); at += 5) {
    Signature changed = kSampleSignature;
    changed[at] ^= 1;
    EXPECT_EQ(ecdsa_p256_verify(kPublic, digest, changed), Verdict::Invalid) << at;
  }
  Signature zero_s = kSampleSignature;
  std::fill(zero_s.begin() + 32, zero_s.end(), std::uint8_t{0});
  EXPECT_EQ(ecdsa_p256_verify(kPublic, digest, zero_s), Verdict::Invalid);
  EXPECT_EQ(ecdsa_p256_verify(kPublic, digest, Signature{}), Verdict::Invalid);
  PublicKey off_curve = kPublic;
  off_curve[64] ^= 1;
  EXPECT_FALSE(is_p256_point(off_curve));
  EXPECT_EQ(ecdsa_p256_verify(off_curve, digest, kSampleSignature), Verdict::Invalid);
  PublicKey compressed = kPublic;
  compressed[0] = 2;
  EXPECT_FALSE(is_p256_point(compressed));
  EXPECT_FALSE(is_p256_point(PublicKey{}));
}

TEST_F(Crypto, SignsWhatItVerifies) {
  const Digest digest = sha256(bytes_of("message"));
  Signature first{};
  Signature second{};
  ASSERT_TRUE(ecdsa_p256_sign(kSecret, digest, first));
  ASSERT_TRUE(ecdsa_p256_sign(kSecret, digest, second));
  EXPECT_EQ(ecdsa_p256_verify(kPublic, digest, first), Verdict::Valid);
  EXPECT_NE(first, second) << "the nonce must be fresh";
  EXPECT_FALSE(ecdsa_p256_sign(PrivateKey{}, digest, first)) << "zero is no private key";
  PrivateKey too_large;
  too_large.fill(0xFF);
  EXPECT_FALSE(ecdsa_p256_sign(too_large, digest, first));
}

TEST_F(Crypto, KeyIdOfTheBasePoint) {
  const PublicKey base = hex<65>(
      "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
      "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5");
  EXPECT_EQ(manifest_key_id(base), 0x0ed2'cad4'6ded'7d8cu);
}

}  // namespace
}  // namespace microvisor::firmware::crypto

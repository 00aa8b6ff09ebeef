// Sealed boxes: known answers of GCM, and everything that must not open.
#include "firmware/crypto/seal.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "firmware/crypto/crypto.hpp"
#include "firmware/crypto/device_key_host.hpp"
#include "firmware/crypto/gcm.hpp"

namespace microvisor::firmware::crypto {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes hex(std::string_view text) {
  Bytes bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoul(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

class Seal : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    alignas(8) static std::array<std::uint8_t, 16 * 1024> arena;
    initialise_memory(arena);
  }
  void TearDown() override { set_host_chip(0); }

  [[nodiscard]] SealedBox box() { return {nonce, contents, tag}; }

  const SealingKey key = device_key(KeyUse::Staging);
  const Bytes context{1, 2, 3};
  const Bytes text = Bytes(100, 0x42);
  SealNonce nonce{};
  Bytes contents = text;
  SealTag tag{};
};

// The GCM specification (McGrew, Viega: The Galois/Counter Mode of Operation), test case 16: AES-256, 20
// bytes of context, a last block of 12 bytes.
TEST_F(Seal, GcmOfTheSpecificationInPieces) {
  SealingKey example{{}, true};
  const Bytes key_bytes = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
  std::copy(key_bytes.begin(), key_bytes.end(), example.bytes.begin());
  SealNonce iv{};
  const Bytes iv_bytes = hex("cafebabefacedbaddecaf888");
  std::copy(iv_bytes.begin(), iv_bytes.end(), iv.begin());
  const Bytes header = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const Bytes plain =
      hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
          "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
  const Bytes cipher =
      hex("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
          "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662");
  const Bytes wanted_tag = hex("76fc6ece0f4e1768cddf8853bb2d551b");
  for (const std::size_t piece : {16u, 32u, 64u}) {
    Bytes data = plain;
    SealTag sum{};
    Gcm gcm(example, Gcm::Direction::Encrypt, header, iv);
    for (std::size_t at = 0; at < data.size(); at += piece) {
      ASSERT_TRUE(gcm.update(std::span(data).subspan(at, std::min(piece, data.size() - at))));
    }
    ASSERT_TRUE(gcm.finish(sum));
    EXPECT_EQ(data, cipher);
    EXPECT_TRUE(std::equal(sum.begin(), sum.end(), wanted_tag.begin()));
  }
  SealTag sum{};
  std::copy(wanted_tag.begin(), wanted_tag.end(), sum.begin());
  Bytes data = cipher;
  ASSERT_TRUE(unseal(example, header, {iv, data, sum}));
  EXPECT_EQ(data, plain);
}

TEST_F(Seal, OpensWhatItHasSealed) {
  ASSERT_TRUE(seal(key, context, box()));
  EXPECT_NE(contents, text);
  ASSERT_TRUE(unseal(key, context, box()));
  EXPECT_EQ(contents, text);
}

TEST_F(Seal, TwoBoxesOfTheSameContentsDiffer) {
  ASSERT_TRUE(seal(key, context, box()));
  const SealNonce first_nonce = nonce;
  const Bytes first = std::exchange(contents, text);
  ASSERT_TRUE(seal(key, context, box()));
  EXPECT_NE(nonce, first_nonce);
  EXPECT_NE(contents, first);
}

TEST_F(Seal, AnyChangedBitKeepsItShut) {
  ASSERT_TRUE(seal(key, context, box()));
  const Bytes sealed = contents;
  const auto expect_shut = [&] {
    EXPECT_FALSE(unseal(key, context, box()));
    EXPECT_EQ(contents, Bytes(text.size(), 0)) << "nothing of it is given out";
    contents = sealed;
  };
  for (std::size_t bit = 0; bit < 8 * contents.size(); bit += 5) {
    contents[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    expect_shut();
  }
  for (std::size_t bit = 0; bit < 8 * tag.size(); ++bit) {
    tag[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    expect_shut();
    tag[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
  }
  nonce[3] ^= 1;
  expect_shut();
}

TEST_F(Seal, AnotherPlaceUseOrChipDoesNotOpenIt) {
  ASSERT_TRUE(seal(key, context, box()));
  const Bytes sealed = contents;
  EXPECT_FALSE(unseal(key, Bytes{1, 2, 4}, box()));
  contents = sealed;
  EXPECT_FALSE(unseal(device_key(KeyUse::Journal), context, box()));
  contents = sealed;
  set_host_chip(1);
  EXPECT_FALSE(unseal(device_key(KeyUse::Staging), context, box()));
  set_host_chip(0);
  contents = sealed;
  EXPECT_TRUE(unseal(device_key(KeyUse::Staging), context, box()));
}

TEST_F(Seal, WithoutAKeyNothingIsSealedOrOpened) {
  ASSERT_TRUE(seal(key, context, box()));
  SealingKey bad = key;
  bad.good = false;
  EXPECT_FALSE(unseal(bad, context, box()));
  contents = text;
  EXPECT_FALSE(seal(bad, context, box()));
  EXPECT_EQ(contents, text);
}

}  // namespace
}  // namespace microvisor::firmware::crypto

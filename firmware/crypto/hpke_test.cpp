// The device's HPKE: the RFC's test vector, and messages that the other implementation opens.
#include "firmware/crypto/hpke.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "protocol/bundle/hpke.hpp"

namespace microvisor::firmware::crypto {
namespace {

using protocol::Bytes;

Bytes hex(std::string_view text) { return protocol::from_hex(text).value(); }

template <std::size_t kSize>
std::array<std::uint8_t, kSize> fixed(std::string_view text) {
  const Bytes bytes = hex(text);
  std::array<std::uint8_t, kSize> result{};
  std::copy(bytes.begin(), bytes.end(), result.begin());
  return result;
}

class Hpke : public ::testing::Test {
 protected:
  Hpke() {
    static std::vector<std::uint8_t> arena(48 * 1024);
    static bool done = false;
    if (!done) initialise_memory(arena);
    done = true;
  }
};

// RFC 9180, A.3.1, sequence number 0.
TEST_F(Hpke, SealsTheVectorOfTheRfc) {
  const auto secret = fixed<32>("4995788ef4b9d6132b249ce59a77281493eb39af373d236a1fe415cb0c2d7beb");
  const auto point = fixed<65>(
      "04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac98536d7b61a1af4b78e5b7f951c0900be863c"
      "403ce6"
      "5c9bfcb9382657222d18c4");
  const auto receiver = fixed<65>(
      "04fe8c19ce0905191ebc298a9245792531f26f0cece2460639e8bc39cb7f706a826a779b4cf969b8a0e539c7f62fb3d30ad6aa"
      "8f80e3"
      "0f1d128aafd68a2ce72ea0");
  Bytes text = hex("4265617574792069732074727574682c20747275746820626561757479");
  HpkeSealer sealer;
  ASSERT_TRUE(sealer.start_with(secret, point, receiver, hex("4f6465206f6e2061204772656369616e2055726e"),
                                hex("436f756e742d30")));
  ASSERT_TRUE(sealer.encrypt(text));
  HpkeSealer::Tag tag{};
  ASSERT_TRUE(sealer.finish(tag));
  EXPECT_EQ(protocol::to_hex(text) + protocol::to_hex(tag),
            "5ad590bb8baa577f8619db35a36311226a896e7342a6d836d8b7bcd2f20b6c7f9076ac232e3ab2523f39513434");
}

TEST_F(Hpke, WhatItSealsInPiecesTheOtherImplementationOpens) {
  const protocol::SigningKey key = protocol::SigningKey::generate();
  const Bytes info = {'i', 'n', 'f', 'o'};
  const Bytes data = {'U', 'V'};
  for (const std::size_t size : {0U, 1U, 63U, 64U, 65U, 1000U, 7000U}) {
    Bytes message(size);
    for (std::size_t i = 0; i < size; ++i) message[i] = static_cast<std::uint8_t>(i * 7 + size);
    Bytes sealed = message;
    HpkeSealer sealer;
    ASSERT_TRUE(sealer.start(key.public_key(), info, data));
    for (std::size_t at = 0; at < size; at += 64)
      ASSERT_TRUE(sealer.encrypt(std::span(sealed).subspan(at, std::min<std::size_t>(64, size - at))));
    HpkeSealer::Tag tag{};
    ASSERT_TRUE(sealer.finish(tag));
    sealed.insert(sealed.end(), tag.begin(), tag.end());
    EXPECT_EQ(protocol::hpke_open(sealer.encapsulated(), key, info, data, sealed), message);
  }
}

TEST_F(Hpke, TwoMessagesHaveNothingInCommon) {
  const protocol::SigningKey key = protocol::SigningKey::generate();
  HpkeSealer first, second;
  ASSERT_TRUE(first.start(key.public_key(), {}, {}));
  ASSERT_TRUE(second.start(key.public_key(), {}, {}));
  EXPECT_NE(first.encapsulated(), second.encapsulated());
  std::array<std::uint8_t, 16> a{}, b{};
  ASSERT_TRUE(first.encrypt(a) && second.encrypt(b));
  EXPECT_NE(a, b);
}

// RFC 9180, A.3.1, sequence number 0, from the receiver's side.
class Opener : public Hpke {
 protected:
  const PrivateKey key = fixed<32>("f3ce7fdae57e1a310d87f1ebbde6f328be0a99cdbcadf4d6589cf29de4b8ffd2");
  const PublicKey encapsulated = fixed<65>(
      "04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac98536d7b61a1af4b78e5b7f951c0900be863c"
      "403ce6"
      "5c9bfcb9382657222d18c4");
  const Bytes info = hex("4f6465206f6e2061204772656369616e2055726e");
  const Bytes data = hex("436f756e742d30");
  const Bytes sealed =
      hex("5ad590bb8baa577f8619db35a36311226a896e7342a6d836d8b7bcd2f20b6c7f9076ac232e3ab2523f39513434");

  /// In pieces of 16 bytes; nothing if it does not authenticate.
  static std::optional<Bytes> open(const PrivateKey& secret, const PublicKey& point, const Bytes& information,
                                   const Bytes& associated, Bytes message) {
    HpkeOpener opener;
    HpkeOpener::Tag tag{};
    std::copy(message.end() - tag.size(), message.end(), tag.begin());
    message.resize(message.size() - tag.size());
    if (!opener.start(secret, point, information, associated)) return std::nullopt;
    for (std::size_t at = 0; at < message.size(); at += 16)
      EXPECT_TRUE(
          opener.decrypt(std::span(message).subspan(at, std::min<std::size_t>(16, message.size() - at))));
    return opener.finish(tag) ? std::optional(message) : std::nullopt;
  }
};

TEST_F(Opener, OpensTheVectorOfTheRfc) {
  EXPECT_EQ(open(key, encapsulated, info, data, sealed),
            hex("4265617574792069732074727574682c20747275746820626561757479"));
}

TEST_F(Opener, KnowsTheReceiversPoint) {
  PublicKey point{};
  ASSERT_TRUE(p256_public_key(key, point));
  EXPECT_EQ(point,
            fixed<65>("04fe8c19ce0905191ebc298a9245792531f26f0cece2460639e8bc39cb7f706a826a779b4cf969b8a0e5"
                      "39c7f62fb3d30ad6aa8f80e30f1d128aafd68a2ce72ea0"));
  EXPECT_FALSE(p256_public_key(PrivateKey{}, point)) << "0";
  PrivateKey large;
  large.fill(0xFF);
  EXPECT_FALSE(p256_public_key(large, point)) << "beyond the order of the curve";
}

TEST_F(Opener, AnyChangedBitIsFound) {
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    Bytes changed = sealed;
    changed[at] ^= 1;
    EXPECT_FALSE(open(key, encapsulated, info, data, changed)) << at;
  }
}

TEST_F(Opener, EverythingHasToBeTheSendersOwn) {
  Bytes other = data;
  other[0] ^= 1;
  EXPECT_FALSE(open(key, encapsulated, info, other, sealed)) << "associated data";
  EXPECT_FALSE(open(key, encapsulated, data, data, sealed)) << "info";
  PrivateKey foreign = key;
  foreign.back() ^= 1;
  EXPECT_FALSE(open(foreign, encapsulated, info, data, sealed)) << "key";
  EXPECT_FALSE(open(key, encapsulated, info, data, Bytes(sealed.begin(), sealed.end() - 1))) << "cut off";
  PublicKey off_the_curve = encapsulated;
  off_the_curve[64] ^= 1;
  EXPECT_FALSE(open(key, off_the_curve, info, data, sealed));
}

TEST_F(Opener, OpensInPiecesWhatTheOtherImplementationSeals) {
  const protocol::SigningKey receiver = protocol::SigningKey::generate();
  PrivateKey secret{};
  const Bytes scalar = receiver.private_scalar();
  std::copy(scalar.begin(), scalar.end(), secret.begin());
  for (const std::size_t size : {0U, 1U, 15U, 16U, 17U, 4064U, 10000U}) {
    Bytes message(size);
    for (std::size_t i = 0; i < size; ++i) message[i] = static_cast<std::uint8_t>(i * 7 + size);
    const protocol::HpkeMessage sent = protocol::hpke_seal(receiver.public_key(), info, data, message);
    EXPECT_EQ(open(secret, sent.encapsulated, info, data, sent.sealed), message) << size;
  }
}

TEST_F(Hpke, RefusesAKeyThatIsNoPoint) {
  PublicKey key{4, 1, 2, 3};
  HpkeSealer sealer;
  EXPECT_FALSE(sealer.start(key, {}, {}));
}

}  // namespace
}  // namespace microvisor::firmware::crypto

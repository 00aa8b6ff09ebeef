// The host's HPKE: the RFC's test vector, and what is refused.
#include "protocol/bundle/hpke.hpp"

#include <gtest/gtest.h>

namespace microvisor::protocol {
namespace {

Bytes hex(std::string_view text) { return from_hex(text).value(); }

/// RFC 9180, A.3.1 (DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-128-GCM, base mode), sequence number 0. The
/// receiver's key in PEM.
SigningKey receiver() {
  const Bytes scalar = hex("f3ce7fdae57e1a310d87f1ebbde6f328be0a99cdbcadf4d6589cf29de4b8ffd2");
  const Bytes point =
      hex("04fe8c19ce0905191ebc298a9245792531f26f0cece2460639e8bc39cb7f706a826a779b4cf969b8a0e539c7f62fb3d30a"
          "d6aa8f80e3"
          "0f1d128aafd68a2ce72ea0");
  // ECPrivateKey (RFC 5915): version, key, curve prime256v1, public key.
  Bytes der = {0x30, 0x77, 0x02, 0x01, 0x01, 0x04, 0x20};
  der.insert(der.end(), scalar.begin(), scalar.end());
  for (const int byte : {0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0xa1, 0x44,
                         0x03, 0x42, 0x00}) {
    der.push_back(static_cast<std::uint8_t>(byte));
  }
  der.insert(der.end(), point.begin(), point.end());
  return SigningKey::from_pem("-----BEGIN EC PRIVATE KEY-----\n" + to_base64(der) +
                              "\n-----END EC PRIVATE KEY-----\n")
      .value();
}

PublicKey encapsulated() {
  const Bytes bytes =
      hex("04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac98536d7b61a1af4b78e5b7f951c0900be"
          "863c403ce6"
          "5c9bfcb9382657222d18c4");
  PublicKey key{};
  std::copy(bytes.begin(), bytes.end(), key.begin());
  return key;
}

const Bytes kRfcInfo = hex("4f6465206f6e2061204772656369616e2055726e");
const Bytes kAad = hex("436f756e742d30");
const Bytes kCiphertext =
    hex("5ad590bb8baa577f8619db35a36311226a896e7342a6d836d8b7bcd2f20b6c7f9076ac232e3ab2523f39513434");

TEST(HpkeOfHost, OpensTheVectorOfTheRfc) {
  const auto plain = hpke_open(encapsulated(), receiver(), kRfcInfo, kAad, kCiphertext);
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(to_hex(*plain), "4265617574792069732074727574682c20747275746820626561757479");
}

TEST(HpkeOfHost, AnyChangedBitIsFound) {
  const SigningKey key = receiver();
  for (std::size_t at = 0; at < kCiphertext.size(); ++at) {
    Bytes changed = kCiphertext;
    changed[at] ^= 1;
    EXPECT_FALSE(hpke_open(encapsulated(), key, kRfcInfo, kAad, changed).has_value()) << at;
  }
  Bytes other = kAad;
  other[0] ^= 1;
  EXPECT_FALSE(hpke_open(encapsulated(), key, kRfcInfo, other, kCiphertext).has_value());
  EXPECT_FALSE(hpke_open(encapsulated(), key, kRfcInfo, kAad, {}).has_value());
  PublicKey off_the_curve = encapsulated();
  off_the_curve[64] ^= 1;
  EXPECT_FALSE(hpke_open(off_the_curve, key, kRfcInfo, kAad, kCiphertext).has_value());
}

TEST(HpkeOfHost, SealsForTheReceiverAlone) {
  const SigningKey key = SigningKey::generate();
  const Bytes plain(1000, 7);
  const HpkeMessage message = hpke_seal(key.public_key(), kRfcInfo, kAad, plain);
  EXPECT_EQ(message.sealed.size(), plain.size() + kHpkeTagBytes);
  EXPECT_EQ(hpke_open(message.encapsulated, key, kRfcInfo, kAad, message.sealed), plain);
  EXPECT_FALSE(hpke_open(message.encapsulated, SigningKey::generate(), kRfcInfo, kAad, message.sealed));
  EXPECT_NE(hpke_seal(key.public_key(), kRfcInfo, kAad, plain), message)
      << "each has an ephemeral key of its own";
}

}  // namespace
}  // namespace microvisor::protocol

// Bundles with encrypted layers: what a device gets out of them, and what stays as it was.
#include "protocol/bundle/layer_encryption.hpp"

#include <gtest/gtest.h>

#include "protocol/bundle/test_support.hpp"

namespace microvisor::protocol {
namespace {

Bundle plain_bundle() {
  const std::vector<ExternalImage> files = {{0x1000, Bytes(5000, 3)}, {0x8000, Bytes(5000, 3)}};
  return make_bundle(Bytes(3000, 7), {}, files).value();
}

/// As devices do it (docs/update.md): ciphertext, tag, encapsulated key.
std::optional<Bytes> decrypted(const Bytes& layer, const SigningKey& key) {
  const ByteView sealed = ByteView(layer).first(layer.size() - 65);
  PublicKey encapsulated{};
  std::copy(layer.end() - 65, layer.end(), encapsulated.begin());
  return hpke_open(encapsulated, key, as_bytes("microvisor-layer-v1"), {}, sealed);
}

TEST(EncryptedBundle, EveryLayerIsEncryptedAndMeasuresWhatItDid) {
  const SigningKey key = SigningKey::generate();
  const Bundle plain = plain_bundle();
  const auto bundle = encrypt_bundle(plain, key.public_key());
  ASSERT_TRUE(bundle.has_value());
  const auto read = read_bundle(write_bundle(*bundle));
  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->info.layers.size(), plain.info.layers.size());
  for (std::size_t i = 0; i < plain.info.layers.size(); ++i) {
    const LayerInfo& before = plain.info.layers[i];
    const LayerInfo& after = read->info.layers[i];
    EXPECT_EQ(after.encrypted_with, layer_key_id(key.public_key()));
    EXPECT_EQ(after.measurement_hash, before.measurement_hash);
    EXPECT_EQ(after.start, before.start);
    EXPECT_EQ(after.size, before.size);
    EXPECT_NE(after.fetch_hash, before.fetch_hash);
    const Bytes& bytes = read->layers.at(i).bytes;
    EXPECT_EQ(after.layer_size, bytes.size());
    EXPECT_EQ(after.fetch_hash, sha256(bytes));
    const auto opened = decrypted(bytes, key);
    ASSERT_TRUE(opened.has_value());
    EXPECT_EQ(sha256(*opened), before.fetch_hash);
    EXPECT_FALSE(decrypted(bytes, SigningKey::generate()).has_value());
  }
  EXPECT_EQ(read->layers.size(), 3U) << "two layers with the same bytes have no ciphertext in common";
}

TEST(EncryptedBundle, WhatIsEncryptedAlreadyStays) {
  const SigningKey first = SigningKey::generate(), second = SigningKey::generate();
  const auto once = encrypt_bundle(plain_bundle(), first.public_key()).value();
  const auto twice = encrypt_bundle(once, second.public_key());
  ASSERT_TRUE(twice.has_value());
  EXPECT_EQ(twice->manifest, once.manifest);
}

TEST(EncryptedBundle, IsUnsigned) {
  const SigningKey key = SigningKey::generate();
  const auto signed_bundle = sign_bundle(plain_bundle(), key).value();
  EXPECT_TRUE(encrypt_bundle(signed_bundle, key.public_key())->info.signature.empty());
}

TEST(EncryptedBundle, WhatWouldNotBeReadIsRefused) {
  // The longest image has one byte less than the flash (kFlashBytes), an entry has at most one more.
  const SigningKey key = SigningKey::generate();
  const auto of = [&](std::size_t size) {
    return encrypt_bundle(make_bundle(Bytes(size, 7), {}).value(), key.public_key());
  };
  const auto fits = of(kMaxEntryBytes - kEncryptedLayerOverhead);
  ASSERT_TRUE(fits.has_value());
  EXPECT_TRUE(read_bundle(write_bundle(*fits)).has_value());
  EXPECT_EQ(of(kMaxEntryBytes - kEncryptedLayerOverhead + 1).error().refusal, Refusal::LayerTooLarge);
}

TEST(EncryptedBundle, KeyIdsDifferByWhatTheKeyIsFor) {
  // First 8 bytes of SHA-256(type, point) for the base point of P-256; types 00 01 and 00 03.
  const PublicKey key = SigningKey::generate().public_key();
  EXPECT_NE(layer_key_id(key), signer_id(key));
  EXPECT_NE(device_key_id(key), signer_id(key));
  EXPECT_NE(device_key_id(key), layer_key_id(key));
}

TEST(WrappedLayerKey, IsForOneDeviceAlone) {
  const SigningKey layer_key = SigningKey::generate(), device = SigningKey::generate();
  const std::string sid = "UV0123456789abcdef0123456789abcdef";
  const WrappedLayerKey wrapped = wrap_layer_key(layer_key, device.public_key(), sid);
  EXPECT_EQ(wrapped.receiver, device_key_id(device.public_key()));
  EXPECT_EQ(wrapped.message.sealed.size(), kWrappedLayerKeyBytes);
  const auto open = [&](const SigningKey& key, std::string_view data) {
    return hpke_open(wrapped.message.encapsulated, key, as_bytes("microvisor-layer-key-v1"), as_bytes(data),
                     wrapped.message.sealed);
  };
  EXPECT_EQ(open(device, sid), layer_key.private_scalar());
  EXPECT_FALSE(open(SigningKey::generate(), sid).has_value());
  EXPECT_FALSE(open(device, "UV0123456789abcdef0123456789abcdee").has_value());
}

}  // namespace
}  // namespace microvisor::protocol

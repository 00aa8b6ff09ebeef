// Changes of keys on the host's side: signed, read back, applied; and what is refused.
#include "protocol/bundle/key_change.hpp"

#include <gtest/gtest.h>

namespace microvisor::protocol {
namespace {

const SigningKey& owner() {
  static const SigningKey key = SigningKey::generate();
  return key;
}

std::vector<PublicKey> make_keys(std::size_t count) {
  std::vector<PublicKey> keys;
  for (std::size_t i = 0; i < count; ++i) keys.push_back(SigningKey::generate().public_key());
  return keys;
}

Refusal refusal_of(const KeyChange& change) {
  const auto read = read_key_change(sign_key_change(change, owner()));
  EXPECT_FALSE(read.has_value());
  return read ? Refusal::BadKeyFile : read.error().refusal;
}

TEST(KeyChange, ReadsBackWhatWasSigned) {
  KeyChange change{1'700'000'000'000'000, "UV0123456789abcdef0123456789abcdef", {1, 2}, make_keys(2)};
  const auto read = read_key_change(sign_key_change(change, owner()));
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(is_signed_by(read->envelope, owner().public_key()));
  EXPECT_FALSE(is_signed_by(read->envelope, change.add_signers[0]));
  EXPECT_EQ(read->change.sequence, change.sequence);
  EXPECT_EQ(read->change.device_sid, change.device_sid);
  EXPECT_EQ(read->change.remove_signers, change.remove_signers);
  EXPECT_EQ(read->change.add_signers, change.add_signers);
}

TEST(KeyChange, ReadsBackKeysToEncryptedLayers) {
  const SigningKey layer_key = SigningKey::generate();
  KeyChange change{1, "", {}, {}};
  change.remove_layer_keys = {5, UINT64_MAX};
  for (int i = 0; i < 2; ++i)
    change.add_layer_keys.push_back(wrap_layer_key(layer_key, SigningKey::generate().public_key(), "UV"));
  const auto read = read_key_change(sign_key_change(change, owner()));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->change.remove_layer_keys, change.remove_layer_keys);
  EXPECT_EQ(read->change.add_layer_keys, change.add_layer_keys);
}

TEST(KeyChange, RefusesWhatIsNoWrappedKey) {
  const auto with = [](auto spoil) {
    KeyChange change{1, "", {}, {}};
    change.add_layer_keys = {wrap_layer_key(SigningKey::generate(), owner().public_key(), "UV")};
    spoil(change);
    return change;
  };
  EXPECT_EQ(refusal_of(with([](auto& c) { c.add_layer_keys[0].message.sealed.pop_back(); })),
            Refusal::KeyChangeMalformed);
  EXPECT_EQ(refusal_of(with([](auto& c) { c.add_layer_keys[0].message.encapsulated[64] ^= 1; })),
            Refusal::KeyChangeMalformed);
  EXPECT_EQ(refusal_of(with([](auto& c) {
              c.remove_layer_keys = {1, 2, 3, 4, 5};
            })),
            Refusal::TooManySigners);
}

TEST(KeyChange, TheLargestFits) {
  KeyChange change{UINT64_MAX, "UV0123456789abcdef0123456789abcdef", {1, 2, 3, UINT64_MAX}, make_keys(4)};
  EXPECT_LE(sign_key_change(change, owner()).size(), kMaxKeyChangeBytes);
  EXPECT_TRUE(read_key_change(sign_key_change(change, owner())).has_value());
}

TEST(KeyChange, Refusals) {
  EXPECT_EQ(refusal_of({0, "", {}, make_keys(1)}), Refusal::KeyChangeMalformed);
  EXPECT_EQ(refusal_of({1, "", {}, make_keys(5)}), Refusal::TooManySigners);
  EXPECT_EQ(refusal_of({1, "", {1, 2, 3, 4, 5}, {}}), Refusal::TooManySigners);
  auto off_curve = make_keys(1);
  off_curve[0].back() ^= 1;
  EXPECT_EQ(refusal_of({1, "", {}, off_curve}), Refusal::BadSignerKey);
  EXPECT_EQ(read_key_change(Bytes(kMaxKeyChangeBytes + 1)).error().refusal, Refusal::KeyChangeMalformed);
  EXPECT_EQ(read_key_change(Bytes(3, 0xFF)).error().refusal, Refusal::ManifestMalformed);
  EXPECT_EQ(read_key_change({}).error().refusal, Refusal::BadSignature) << "nobody has signed it";
}

TEST(KeyChange, AppliesInOrder) {
  const auto keys = make_keys(6);
  const std::vector<PublicKey> two(keys.begin(), keys.begin() + 2);
  const auto next = apply_key_change({1, "", {signer_id(keys[0]), 99}, {keys[2], keys[1]}}, two);
  ASSERT_TRUE(next.has_value());
  EXPECT_EQ(*next, (std::vector<PublicKey>{keys[1], keys[2]}));
  const std::vector<PublicKey> three(keys.begin() + 2, keys.begin() + 5);
  EXPECT_EQ(apply_key_change({1, "", {}, three}, two).error().refusal, Refusal::TooManySigners);
  EXPECT_EQ(apply_key_change({1, "", {signer_id(keys[0]), signer_id(keys[1])}, {}}, two).error().refusal,
            Refusal::NoSignerLeft);
}

}  // namespace
}  // namespace microvisor::protocol

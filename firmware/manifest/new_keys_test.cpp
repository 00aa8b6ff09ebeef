// Changes of keys: what is taken, and every way one can be wrong.
#include "firmware/manifest/new_keys.hpp"

#include <gtest/gtest.h>

#include "firmware/manifest/testing/bundle_maker.hpp"
#include "protocol/bundle/layer_encryption.hpp"

namespace microvisor::firmware::manifest {
namespace {

using testing::Bytes;
using testing::Message;
using testing::SigningKey;

constexpr std::string_view kDevice = "UV0123456789abcdef0123456789abcdef";

const SigningKey& key(std::uint8_t number) {
  static const std::array<SigningKey, 6> keys{SigningKey(0x10), SigningKey(0x11), SigningKey(0x12),
                                              SigningKey(0x13), SigningKey(0x14), SigningKey(0x15)};
  return keys.at(number);
}

Message change(std::initializer_list<int> remove, std::initializer_list<int> add, std::uint64_t sequence = 8,
               std::string_view device = {}, bool erase = false) {
  Message body;
  for (const int each : remove) body.number(1, key(static_cast<std::uint8_t>(each)).id());
  for (const int each : add) body.bytes(3, key(static_cast<std::uint8_t>(each)).point);
  Message extensions;
  extensions.number(1, sequence);
  if (!device.empty())
    extensions.bytes(2, std::span(reinterpret_cast<const std::uint8_t*>(device.data()), device.size()));
  if (erase) extensions.number(3, 1);
  body.message(1000, extensions);
  return body;
}

class NewKeysTest : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::initialise_crypto();
    ASSERT_TRUE(device_.device_sid.assign(protocol::as_bytes(kDevice)));
    anchors_.sequence = 7;
    anchors_.count = 2;
    anchors_.manifest_signers[0] = key(0).point;
    anchors_.manifest_signers[1] = key(1).point;
    device_.device_private_key = key(5).secret;
  }

  /// What is refused changes nothing.
  KeysError check(const Bytes& message) {
    changed_ = {};
    changed_.anchors.generation = 99;
    const KeysError error = check_new_keys(message, device_, anchors_, layer_keys_, changed_);
    next_ = changed_.anchors;
    EXPECT_EQ(next_.generation == 99, error != KeysError::None);
    return error;
  }
  KeysError check(const Message& body, int signer = 0) {
    return check(testing::sign(key(static_cast<std::uint8_t>(signer)), body));
  }
  [[nodiscard]] bool accepts(int number) const {
    return next_.find(key(static_cast<std::uint8_t>(number)).id()) != nullptr;
  }

  vault::Identity device_;
  vault::TrustAnchors anchors_;
  vault::LayerKeys layer_keys_;
  ChangedKeys changed_;
  vault::TrustAnchors next_;
};

TEST_F(NewKeysTest, AddsAndRemoves) {
  ASSERT_EQ(check(change({0}, {2, 3})), KeysError::None);
  EXPECT_EQ(next_.count, 3u);
  EXPECT_EQ(next_.sequence, 8u);
  EXPECT_TRUE(!accepts(0) && accepts(1) && accepts(2) && accepts(3));
}

TEST_F(NewKeysTest, RemembersWhomItHasRemoved) {
  ASSERT_EQ(check(change({1, 5}, {2})), KeysError::None);
  EXPECT_TRUE(next_.was_removed(key(1).id()));
  EXPECT_FALSE(next_.was_removed(key(5).id())) << "was none";
  EXPECT_FALSE(next_.was_removed(key(2).id()));
}

TEST_F(NewKeysTest, ASignerMayReplaceItself) {
  ASSERT_EQ(check(change({0, 1}, {2})), KeysError::None);
  EXPECT_EQ(next_.count, 1u);
  EXPECT_TRUE(accepts(2));
}

TEST_F(NewKeysTest, WhatIsSoAlreadyDoesNotMatter) {
  ASSERT_EQ(check(change({4}, {1, 1})), KeysError::None);
  EXPECT_EQ(next_.count, 2u);
  EXPECT_EQ(next_.sequence, 8u);
}

TEST_F(NewKeysTest, FillsTheSetToItsLastPlace) {
  ASSERT_EQ(check(change({0}, {2, 3, 4})), KeysError::None);
  EXPECT_EQ(next_.count, kMaximumManifestSigners);
  EXPECT_EQ(check(change({}, {2, 3, 4})), KeysError::TooMany);
}

TEST_F(NewKeysTest, SomebodyHasToBeLeft) { EXPECT_EQ(check(change({0, 1}, {})), KeysError::NoneLeft); }

TEST_F(NewKeysTest, SignedByNobodyWhoCounts) {
  EXPECT_EQ(check(change({}, {2}), 2), KeysError::UnknownSigner);
  Bytes forged = testing::sign(key(0), change({}, {2}));
  forged.back() ^= 1;
  EXPECT_EQ(check(forged), KeysError::Signature);
}

TEST_F(NewKeysTest, OldOnesAreNotTakenAgain) {
  EXPECT_EQ(check(change({}, {2}, 7)), KeysError::Old);
  EXPECT_EQ(check(change({}, {2}, 6)), KeysError::Old);
  EXPECT_EQ(check(Message().bytes(3, key(2).point)), KeysError::Old);  // no sequence at all
}

TEST_F(NewKeysTest, ForOneDevice) {
  EXPECT_EQ(check(change({}, {2}, 8, kDevice)), KeysError::None);
  EXPECT_EQ(check(change({}, {2}, 8, "UV0123456789abcdef0123456789abcdee")), KeysError::OtherDevice);
}

TEST_F(NewKeysTest, KeysThatAreNone) {
  crypto::PublicKey off_curve = key(2).point;
  off_curve.back() ^= 1;
  Message body;
  body.bytes(3, off_curve).message(1000, Message().number(1, 8));
  EXPECT_EQ(check(body), KeysError::BadKey);
  Message shorter;
  shorter.bytes(3, std::span(off_curve).first(64)).message(1000, Message().number(1, 8));
  EXPECT_EQ(check(shorter), KeysError::BadKey);
}

// ---- Keys to encrypted layers, wrapped by the other implementation of HPKE.

class LayerKeysOfAChange : public NewKeysTest {
 protected:
  static std::uint64_t layer_key_id(const protocol::SigningKey& layer_key) {
    return protocol::layer_key_id(layer_key.public_key());
  }
  /// A change that brings keys and removes others.
  static Message with(std::initializer_list<protocol::WrappedLayerKey> add,
                      std::initializer_list<std::uint64_t> remove = {}) {
    Message body;
    for (const std::uint64_t id : remove) body.number(2, id);
    for (const protocol::WrappedLayerKey& wrapped : add) {
      body.message(4, Message()
                          .number(1, wrapped.receiver)
                          .bytes(2, wrapped.message.encapsulated)
                          .bytes(3, wrapped.message.sealed));
    }
    return body.message(1000, Message().number(1, 8));
  }
  static protocol::WrappedLayerKey wrapped(const protocol::SigningKey& layer_key, int device = 5,
                                           std::string_view sid = kDevice) {
    return protocol::wrap_layer_key(layer_key, key(static_cast<std::uint8_t>(device)).point,
                                    std::string(sid));
  }

  const protocol::SigningKey first_ = protocol::SigningKey::generate();
  const protocol::SigningKey second_ = protocol::SigningKey::generate();
};

TEST_F(LayerKeysOfAChange, AreAddedAndRemoved) {
  ASSERT_EQ(check(with({wrapped(first_), wrapped(second_)})), KeysError::None);
  ASSERT_EQ(changed_.layer_keys.count, 2u);
  const vault::LayerKey* found = changed_.layer_keys.find(layer_key_id(second_));
  ASSERT_NE(found, nullptr);
  const protocol::Bytes scalar = second_.private_scalar();
  EXPECT_TRUE(std::equal(scalar.begin(), scalar.end(), found->secret.begin(), found->secret.end()));
  layer_keys_ = changed_.layer_keys;
  ASSERT_EQ(check(with({}, {layer_key_id(first_), 99})), KeysError::None);
  EXPECT_EQ(changed_.layer_keys.count, 1u);
  EXPECT_EQ(changed_.layer_keys.find(layer_key_id(first_)), nullptr);
  EXPECT_EQ(check(change({}, {2})), KeysError::None);
  EXPECT_EQ(changed_.layer_keys.count, 2u) << "a change of signers leaves them alone";
}

TEST_F(LayerKeysOfAChange, ThereIsRoomForFour) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(check(with({wrapped(protocol::SigningKey::generate())})), KeysError::None);
    layer_keys_ = changed_.layer_keys;
  }
  EXPECT_EQ(check(with({wrapped(first_), wrapped(second_)})), KeysError::TooMany);
  EXPECT_EQ(check(with({wrapped(first_), wrapped(first_)})), KeysError::None) << "the same one";
  EXPECT_EQ(check(with({wrapped(first_), wrapped(second_)}, {layer_keys_.keys[0].id})), KeysError::None);
}

TEST_F(LayerKeysOfAChange, ThoseForOtherReceiversArePassedOver) {
  ASSERT_EQ(check(with({wrapped(first_, 4), wrapped(second_)})), KeysError::None);
  EXPECT_EQ(changed_.layer_keys.count, 1u);
  EXPECT_NE(changed_.layer_keys.find(layer_key_id(second_)), nullptr);
}

TEST_F(LayerKeysOfAChange, WhatWasNotWrappedForThisDeviceIsRefused) {
  EXPECT_EQ(check(with({wrapped(first_, 5, "UV0123456789abcdef0123456789abcdee")})), KeysError::BadLayerKey)
      << "another SID as associated data";
  protocol::WrappedLayerKey other = wrapped(first_, 4);
  other.receiver = wrapped(first_).receiver;
  EXPECT_EQ(check(with({other})), KeysError::BadLayerKey) << "another device's key";
  for (const std::size_t at : {0U, 31U, 32U, 47U}) {
    protocol::WrappedLayerKey changed = wrapped(first_);
    changed.message.sealed[at] ^= 1;
    EXPECT_EQ(check(with({changed})), KeysError::BadLayerKey) << at;
  }
  protocol::WrappedLayerKey shorter = wrapped(first_);
  shorter.message.sealed.pop_back();
  EXPECT_EQ(check(with({shorter})), KeysError::BadLayerKey);
  protocol::WrappedLayerKey off_curve = wrapped(first_);
  off_curve.message.encapsulated[64] ^= 1;
  EXPECT_EQ(check(with({off_curve})), KeysError::BadLayerKey);
  protocol::WrappedLayerKey no_key = wrapped(first_);
  no_key.message = protocol::hpke_seal(key(5).point, protocol::as_bytes("microvisor-layer-key-v1"),
                                       protocol::as_bytes(kDevice), protocol::Bytes(32, 0));
  EXPECT_EQ(check(with({no_key})), KeysError::BadLayerKey) << "0 is no private key";
}

TEST_F(NewKeysTest, Malformed) {
  EXPECT_EQ(check(Bytes{}), KeysError::Malformed);
  EXPECT_EQ(check(Bytes{0xFF, 0xFF}), KeysError::Malformed);
  EXPECT_EQ(check(Message().bytes(3, Bytes(100, 4))), KeysError::Malformed);
  EXPECT_EQ(check(Bytes(kMaximumNewKeysSize + 1, 0)), KeysError::Malformed);
  const Bytes whole = testing::sign(key(0), change({0}, {2}));
  for (std::size_t size = 0; size < whole.size(); size += 3) {
    EXPECT_NE(check(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))), KeysError::None)
        << size;
  }
}

TEST_F(NewKeysTest, NoBitOfItCanBeChanged) {
  const Bytes whole = testing::sign(key(0), change({0}, {2}));
  for (std::size_t bit = 0; bit < 8 * whole.size(); bit += 7) {
    Bytes changed = whole;
    changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1u << (bit % 8)));
    EXPECT_NE(check(changed), KeysError::None) << bit;
  }
}

TEST_F(NewKeysTest, OneForThisDeviceMayErase) {
  EXPECT_EQ(check(change({0, 1}, {2}, 8, kDevice, true)), KeysError::None);
  EXPECT_TRUE(changed_.erase);
  EXPECT_EQ(check(change({0, 1}, {2}, 8, kDevice)), KeysError::None);
  EXPECT_FALSE(changed_.erase);
  EXPECT_EQ(check(change({0, 1}, {2}, 8, {}, true)), KeysError::Malformed) << "all devices at once";
}

}  // namespace
}  // namespace microvisor::firmware::manifest

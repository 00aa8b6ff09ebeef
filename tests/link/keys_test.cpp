// Changes of keys over the link: whose updates the device takes afterwards, and which encrypted ones it
// reads.
#include <gtest/gtest.h>

#include "firmware/crypto/crypto.hpp"
#include "protocol/bundle/key_change.hpp"
#include "protocol/bundle/layer_encryption.hpp"
#include "protocol/bundle/manifest.hpp"
#include "tests/link/test_device.hpp"

namespace microvisor::test {
namespace {

using firmware::update::Phase;
using protocol::KeyChange;
using protocol::SigningKey;

class LinkKeys : public ::testing::Test {
 protected:
  LinkKeys() : device(line, gateway, owner.public_key()) {
    EXPECT_TRUE(device.run_until([&] { return gateway.seen().sessions == 1; }));
  }

  /// Sends a change and waits for the answer.
  link::KeysReport change(const KeyChange& change, const SigningKey& by) {
    const std::size_t before = gateway.seen().keys.size();
    gateway.set_key_changes({protocol::sign_key_change(change, by)});
    const bool answered = device.run_until([&] { return gateway.seen().keys.size() > before; });
    EXPECT_TRUE(answered);
    gateway.set_key_changes({});
    return answered ? gateway.seen().keys.back() : link::KeysReport();
  }

  void deploy(std::uint8_t fill, const SigningKey& by) {
    const protocol::Bytes image(3000, fill);
    const auto manifest = protocol::sign_manifest(protocol::make_manifest(image, {}), by);
    ASSERT_TRUE(manifest.has_value());
    gateway.offer(image, *manifest);
  }

  /// An application of one layer, encrypted to `layer_key`.
  void deploy_encrypted(std::uint8_t fill, const SigningKey& layer_key) {
    const auto plain = protocol::make_bundle(protocol::Bytes(3000, fill), {}).value();
    const auto bundle =
        protocol::sign_bundle(protocol::encrypt_bundle(plain, layer_key.public_key()).value(), owner).value();
    gateway.offer(bundle.layers[0].bytes, bundle.manifest);
  }

  [[nodiscard]] protocol::PublicKey device_key() {
    protocol::PublicKey point{};
    EXPECT_TRUE(firmware::crypto::p256_public_key(device.identity_record.device_private_key, point));
    return point;
  }

  [[nodiscard]] std::string last_report() {
    const auto reports = gateway.seen().reports;
    return reports.empty() ? "" : reports.back();
  }

  SigningKey owner = SigningKey::generate();
  SigningKey other = SigningKey::generate();
  TestGateway gateway{kDeviceSid};
  ModelledLine line;
  TestDevice device;
};

TEST_F(LinkKeys, AddedSignersCountAndRemovedOnesDoNot) {
  deploy(1, other);
  ASSERT_TRUE(device.run_until([&] { return last_report() == "FAILED 30"; }));
  const auto added = change({10, "", {}, {other.public_key()}}, owner);
  EXPECT_EQ(added.error(), link::KEYS_ERROR_NONE);
  EXPECT_EQ(added.sequence(), 10u);
  ASSERT_EQ(added.signers_size(), 2);
  EXPECT_EQ(added.signers(0), owner.id());
  EXPECT_EQ(added.signers(1), other.id());
  deploy(2, other);
  ASSERT_TRUE(device.run_until([&] { return device.installs == 1; }));
  device.reset();
  EXPECT_TRUE(device.updater().installed());
  EXPECT_EQ(change({11, "", {owner.id()}, {}}, other).signers_size(), 1);
  deploy(3, owner);
  ASSERT_TRUE(device.run_until([&] { return last_report() == "FAILED 31"; }));
  EXPECT_EQ(device.installs, 1u);
}

TEST_F(LinkKeys, WhatIsReadyFallsWithItsSigner) {
  EXPECT_EQ(change({10, "", {}, {other.public_key()}}, owner).error(), link::KEYS_ERROR_NONE);
  deploy(1, other);
  ASSERT_TRUE(device.run_until([&] { return device.updater().phase() == Phase::Ready; }));
  EXPECT_EQ(change({11, "", {other.id()}, {}}, owner).error(), link::KEYS_ERROR_NONE);
  EXPECT_EQ(device.updater().phase(), Phase::Failed);
  device.reset();
  EXPECT_FALSE(device.updater().installed());
  ASSERT_TRUE(device.run_until([&] { return last_report() == "FAILED 31"; }));
}

TEST_F(LinkKeys, RefusalsAreToldAndChangeNothing) {
  EXPECT_EQ(change({10, "", {}, {other.public_key()}}, other).error(), link::KEYS_ERROR_UNKNOWN_SIGNER);
  EXPECT_EQ(change({10, "UV00000000000000000000000000000000", {}, {other.public_key()}}, owner).error(),
            link::KEYS_ERROR_OTHER_DEVICE);
  EXPECT_EQ(change({10, kDeviceSid, {}, {other.public_key()}}, owner).error(), link::KEYS_ERROR_NONE);
  const auto old = change({10, "", {owner.id()}, {}}, other);
  EXPECT_EQ(old.error(), link::KEYS_ERROR_OLD);
  EXPECT_EQ(old.sequence(), 10u);
  EXPECT_EQ(old.signers_size(), 2);
  const auto none = change({11, "", {owner.id(), other.id()}, {}}, other);
  EXPECT_EQ(none.error(), link::KEYS_ERROR_NONE_LEFT);
  EXPECT_EQ(none.signers_size(), 2);
}

TEST_F(LinkKeys, AnEncryptedApplicationNeedsItsKey) {
  const SigningKey layer_key = SigningKey::generate();
  const std::uint64_t id = protocol::layer_key_id(layer_key.public_key());
  deploy_encrypted(1, layer_key);
  ASSERT_TRUE(device.run_until([&] { return last_report() == "FAILED 36"; }));
  KeyChange bring{10, "", {}, {}};
  bring.add_layer_keys = {protocol::wrap_layer_key(layer_key, device_key(), kDeviceSid)};
  const auto added = change(bring, owner);
  EXPECT_EQ(added.error(), link::KEYS_ERROR_NONE);
  ASSERT_EQ(added.layer_keys_size(), 1);
  EXPECT_EQ(added.layer_keys(0), id);
  deploy_encrypted(2, layer_key);
  ASSERT_TRUE(device.run_until([&] { return device.installs == 1; }));
  device.reset();
  ASSERT_TRUE(device.updater().installed());
  ASSERT_TRUE(device.run_until([&] { return last_report() == "COMPLETE"; }));
  ASSERT_EQ(gateway.seen().hellos.back().layer_keys_size(), 1) << "after a reset it still has the key";
  EXPECT_EQ(gateway.seen().hellos.back().layer_keys(0), id);
  KeyChange take{11, "", {}, {}};
  take.remove_layer_keys = {id};
  EXPECT_EQ(change(take, owner).layer_keys_size(), 0);
  deploy_encrypted(3, layer_key);
  ASSERT_TRUE(device.run_until([&] { return last_report() == "FAILED 36"; }));
}

TEST_F(LinkKeys, AKeyForAnotherDeviceIsRefused) {
  KeyChange bring{10, "", {}, {}};
  bring.add_layer_keys = {
      protocol::wrap_layer_key(SigningKey::generate(), device_key(), "UV00000000000000000000000000000000")};
  const auto answer = change(bring, owner);
  EXPECT_EQ(answer.error(), link::KEYS_ERROR_BAD_LAYER_KEY);
  EXPECT_EQ(answer.sequence(), 0u);
  EXPECT_EQ(answer.layer_keys_size(), 0);
}

}  // namespace
}  // namespace microvisor::test

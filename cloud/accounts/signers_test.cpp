// Who signs for an account: changes by the cloud, by an owner's key, and the refusals.
#include "cloud/accounts/signers.hpp"

#include <gtest/gtest.h>

#include "cloud/test/fixtures.hpp"

namespace microvisor::cloud {
namespace {

using protocol::KeyChange;
using protocol::PublicKey;
using protocol::Refusal;
using protocol::SigningKey;

struct SignersTest : testing::Test {
  test::World world;
  Signers signers{*world.store, world.accounts, *world.bus, world.clock};
  Account account = *world.store->account(world.account.sid);
  SigningKey cloud_key = world.accounts.owner_key(account);
  SigningKey own = SigningKey::generate();

  [[nodiscard]] std::vector<PublicKey> keys() const { return signers.state(account).keys; }
  [[nodiscard]] std::uint64_t now() const { return static_cast<std::uint64_t>(world.clock.now()); }
  Refusal refusal_of(const KeyChange& change, const SigningKey& by) {
    const auto before = keys();
    const auto done = signers.publish(account, protocol::sign_key_change(change, by));
    EXPECT_FALSE(done.has_value());
    EXPECT_EQ(keys(), before);
    return done ? Refusal::BadKeyFile : done.error().refusal;
  }
};

TEST_F(SignersTest, AtFirstTheCloudsKeyAlone) {
  EXPECT_EQ(keys(), std::vector{cloud_key.public_key()});
  EXPECT_EQ(signers.state(account).sequence, 0u);
}

TEST_F(SignersTest, AnOwnersKeyTakesOver) {
  ASSERT_TRUE(signers.change(account, {0, "", {}, {own.public_key()}}));
  EXPECT_EQ(keys(), (std::vector{cloud_key.public_key(), own.public_key()}));
  world.clock.advance(1);
  ASSERT_TRUE(signers.publish(account, protocol::sign_key_change({now(), "", {cloud_key.id()}, {}}, own)));
  EXPECT_EQ(keys(), std::vector{own.public_key()});
  EXPECT_EQ(signers.change(account, {0, "", {}, {cloud_key.public_key()}}).error().refusal,
            Refusal::BadSignature);
}

TEST_F(SignersTest, ChangesInOneMomentHaveAnOrder) {
  ASSERT_TRUE(signers.change(account, {0, "", {}, {own.public_key()}}));
  ASSERT_TRUE(signers.change(account, {0, "", {own.id()}, {}}));
  EXPECT_EQ(signers.state(account).sequence, now() + 1);
}

TEST_F(SignersTest, Refusals) {
  EXPECT_EQ(refusal_of({now(), "", {}, {own.public_key()}}, own), Refusal::BadSignature);
  EXPECT_EQ(refusal_of({now(), "", {cloud_key.id()}, {}}, cloud_key), Refusal::NoSignerLeft);
  EXPECT_EQ(refusal_of({now() + 25ULL * 3600 * 1'000'000, "", {}, {own.public_key()}}, cloud_key),
            Refusal::OldKeyChange);
  ASSERT_TRUE(signers.change(account, {0, "", {}, {own.public_key()}}));
  EXPECT_EQ(refusal_of({now(), "", {own.id()}, {}}, cloud_key), Refusal::OldKeyChange)
      << "as old as the last";
}

TEST_F(SignersTest, KeysToEncryptedLayersGoToTheirDevice) {
  const Device device = world.add_device('1');
  const Device other = world.add_device('2');
  KeyChange bring{0, device.sid, {}, {}};
  bring.add_layer_keys = {protocol::wrap_layer_key(SigningKey::generate(), own.public_key(), device.sid)};
  ASSERT_TRUE(signers.change(account, bring));
  KeyChange take{0, "", {}, {}};
  take.remove_layer_keys = {7};
  ASSERT_TRUE(signers.change(account, take));
  const auto messages = world.store->pending_key_changes(device);
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(protocol::read_key_change(messages[0])->change.add_layer_keys, bring.add_layer_keys);
  EXPECT_EQ(protocol::read_key_change(messages[1])->change.remove_layer_keys, take.remove_layer_keys);
  EXPECT_EQ(world.store->pending_key_changes(other), std::vector<protocol::Bytes>{messages[1]});
  EXPECT_EQ(keys(), std::vector{cloud_key.public_key()});
}

TEST_F(SignersTest, ADeviceIsSentWhatItHasNotTaken) {
  Device device = world.add_device('1');
  const Device other = world.add_device('2');
  EXPECT_TRUE(world.store->pending_key_changes(device).empty());
  const auto first = protocol::sign_key_change({now(), "", {}, {own.public_key()}}, cloud_key);
  const auto second = protocol::sign_key_change({now() + 1, device.sid, {cloud_key.id()}, {}}, own);
  ASSERT_TRUE(signers.publish(account, first));
  ASSERT_TRUE(signers.publish(account, second));
  EXPECT_EQ(world.store->pending_key_changes(device), (std::vector{first, second}));
  EXPECT_EQ(world.store->pending_key_changes(other), std::vector<protocol::Bytes>{first})
      << "the second is not for it";
  EXPECT_EQ(keys().size(), 2u) << "nor does it change what the account's devices accept";
  device.keys_sequence = now();
  device.signers = {1, UINT64_MAX};
  ASSERT_EQ(world.store->update_device(device), Insert::Done);
  const Device stored = *world.store->device_by_sid(device.sid);
  EXPECT_EQ(stored.signers, device.signers);
  EXPECT_EQ(world.store->pending_key_changes(stored), std::vector<protocol::Bytes>{second});
}

TEST_F(SignersTest, WhoHoldsTheConnectionIsTold) {
  std::vector<std::string> told;
  world.bus->subscribe(Bus::Handler<SignersChanged>(
      [&](const SignersChanged& message) { told.push_back(message.account_sid); }));
  ASSERT_TRUE(signers.change(account, {0, "", {}, {own.public_key()}}));
  EXPECT_EQ(told, std::vector{account.sid});
}

}  // namespace
}  // namespace microvisor::cloud

// Who gets a device: by the label's code, by an offer, back to the maker; and every way that does not work.
#include "cloud/accounts/custody.hpp"

#include <gtest/gtest.h>

#include "cloud/test/fixtures.hpp"
#include "protocol/factory/device_request.hpp"

namespace microvisor::cloud {
namespace {

using protocol::KeyChange;
using protocol::Refusal;
using protocol::SigningKey;

const std::string kCode = "ABCDEFGHIJKLMNOP";

struct CustodyTest : testing::Test {
  test::World world;
  Signers signers{*world.store, world.accounts, *world.bus, world.clock};
  Custodian custodian{*world.store, signers, world.clock};
  Account maker = *world.store->account(world.account.sid);
  Account buyer = *world.store->account(world.stranger.sid);
  std::string sid = world.add_device('1').sid;

  /// As it comes off the line.
  void make(bool claimable) {
    Custody custody;
    custody.device_sid = sid;
    custody.maker_sid = maker.sid;
    custody.claim = protocol::claim_hash(sid, kCode);
    custody.claimable = claimable;
    world.store->set_custody(custody);
  }
  Device device() { return *world.store->device_by_sid(sid); }
  Refusal refusal_of(const protocol::Result<void>& result) {
    EXPECT_FALSE(result.has_value());
    return result ? Refusal::BadKeyFile : result.error().refusal;
  }
  /// The device takes what it is sent, and says so.
  KeyChange device_takes(const Account& owner) {
    Device told = device();
    EXPECT_EQ(told.account_sid, owner.sid);
    const auto read = protocol::read_key_change(world.store->pending_key_changes(told).back());
    told.keys_sequence = read->change.sequence;
    world.store->update_device(told);
    EXPECT_TRUE(hand_over_if_due(*world.store, told));
    return read->change;
  }
};

TEST_F(CustodyTest, TheLabelsCodeClaimsADeviceThatIsForSale) {
  make(true);
  EXPECT_TRUE(custodian.claim(buyer, sid, kCode).has_value());
  EXPECT_EQ(custodian.state(device()), TransferState::Pending);
  EXPECT_EQ(device().account_sid, maker.sid) << "not before the device has taken the keys";
  const KeyChange taken = device_takes(maker);
  EXPECT_EQ(taken.device_sid, sid);
  EXPECT_EQ(taken.remove_signers, std::vector{world.accounts.owner_key(maker).id()});
  EXPECT_EQ(taken.add_signers, std::vector{world.accounts.owner_key(buyer).public_key()});
  EXPECT_FALSE(taken.erase);
  EXPECT_EQ(device().account_sid, buyer.sid);
  EXPECT_EQ(custodian.state(device()), TransferState::None);
  EXPECT_EQ(refusal_of(custodian.claim(maker, sid, kCode)), Refusal::BadClaim) << "the code has had its use";
}

TEST_F(CustodyTest, TheFormerOwnersKeysToLayersDoNotGoWithIt) {
  make(true);
  Device told = device();
  told.layer_keys = {1, 2, 3, 4, 5};  // whatever a device may say
  ASSERT_EQ(world.store->update_device(told), Insert::Done);
  ASSERT_TRUE(custodian.claim(buyer, sid, kCode).has_value());
  EXPECT_EQ(device_takes(maker).remove_layer_keys, (std::vector<std::uint64_t>{1, 2, 3, 4}));
}

TEST_F(CustodyTest, WithoutTheCodeOrTheMakersConsentNothing) {
  make(true);
  EXPECT_EQ(refusal_of(custodian.claim(buyer, sid, "ABCDEFGHIJKLMNOQ")), Refusal::BadClaim);
  EXPECT_EQ(refusal_of(custodian.claim(buyer, sid, "")), Refusal::BadClaim);
  EXPECT_EQ(refusal_of(custodian.claim(maker, sid, kCode)), Refusal::BadClaim) << "its own";
  make(false);
  EXPECT_EQ(refusal_of(custodian.claim(buyer, sid, kCode)), Refusal::BadClaim) << "not for sale";
  EXPECT_EQ(refusal_of(custodian.claim(buyer, "UV" + std::string(32, '9'), kCode)), Refusal::BadClaim);
  EXPECT_EQ(world.store->last_key_change(maker.sid), 0U);
}

TEST_F(CustodyTest, AnOfferLastsAWeekAndServesOnce) {
  make(false);
  const auto first = custodian.offer(device(), false);
  const auto offer = custodian.offer(device(), true);
  EXPECT_EQ(refusal_of(custodian.claim(buyer, sid, first->code)), Refusal::BadClaim) << "replaced";
  EXPECT_EQ(custodian.state(device()), TransferState::Offered);
  world.clock.advance(7 * 24 * 3600 * kSecond);
  EXPECT_EQ(custodian.state(device()), TransferState::None);
  EXPECT_EQ(refusal_of(custodian.claim(buyer, sid, offer->code)), Refusal::BadClaim) << "expired";
  const auto again = custodian.offer(device(), true);
  EXPECT_TRUE(custodian.claim(buyer, sid, again->code).has_value());
  EXPECT_FALSE(custodian.offer(device(), false)) << "too late";
  EXPECT_FALSE(custodian.withdraw(device()));
  EXPECT_TRUE(device_takes(maker).erase);
  EXPECT_EQ(device().account_sid, buyer.sid);
}

TEST_F(CustodyTest, AWithdrawnOfferIsNone) {
  const auto offer = custodian.offer(device(), false);
  EXPECT_TRUE(custodian.withdraw(device()));
  EXPECT_FALSE(custodian.withdraw(device()));
  EXPECT_EQ(refusal_of(custodian.claim(buyer, sid, offer->code)), Refusal::BadClaim);
}

TEST_F(CustodyTest, AnOwnerWithAKeyOfItsOwnHasToSign) {
  const SigningKey own = SigningKey::generate();
  const SigningKey cloud_key = world.accounts.owner_key(maker);
  ASSERT_TRUE(signers.change(maker, {0, "", {cloud_key.id()}, {own.public_key()}}));
  world.clock.advance(1);
  const auto offer = custodian.offer(device(), false);
  ASSERT_TRUE(custodian.claim(buyer, sid, offer->code).has_value());
  EXPECT_EQ(custodian.state(device()), TransferState::AwaitingSignature);
  const KeyChange needed = custodian.needed_change(maker, *world.store->custody(sid));
  EXPECT_EQ(needed.remove_signers, std::vector{own.id()});
  EXPECT_EQ(refusal_of(custodian.approve(maker, device(), protocol::sign_key_change(needed, cloud_key))),
            Refusal::BadSignature);
  KeyChange another = needed;
  another.add_signers = {SigningKey::generate().public_key()};
  EXPECT_EQ(refusal_of(custodian.approve(maker, device(), protocol::sign_key_change(another, own))),
            Refusal::KeyChangeMalformed)
      << "keys of somebody else";
  another = needed;
  another.device_sid.clear();
  EXPECT_EQ(refusal_of(custodian.approve(maker, device(), protocol::sign_key_change(another, own))),
            Refusal::KeyChangeMalformed)
      << "for all devices";
  EXPECT_TRUE(custodian.approve(maker, device(), protocol::sign_key_change(needed, own)).has_value());
  device_takes(maker);
  EXPECT_EQ(device().account_sid, buyer.sid);
  EXPECT_EQ(signers.state(maker).keys, std::vector{own.public_key()})
      << "the owner's other devices keep theirs";
}

TEST_F(CustodyTest, DecommissionedItIsErasedAndItsMakersAgain) {
  make(true);
  ASSERT_TRUE(custodian.claim(buyer, sid, kCode).has_value());
  device_takes(maker);
  world.clock.advance(1);
  ASSERT_TRUE(custodian.decommission(buyer, device()).has_value());
  EXPECT_EQ(refusal_of(custodian.decommission(buyer, device())), Refusal::BadClaim) << "once is enough";
  const KeyChange taken = device_takes(buyer);
  EXPECT_TRUE(taken.erase);
  EXPECT_EQ(taken.add_signers, std::vector{world.accounts.owner_key(maker).public_key()});
  EXPECT_EQ(device().account_sid, maker.sid);
  world.clock.advance(1);
  EXPECT_TRUE(custodian.claim(buyer, sid, kCode).has_value()) << "sold again";
}

TEST_F(CustodyTest, ADeviceThatHasTakenNothingStays) {
  make(true);
  ASSERT_TRUE(custodian.claim(buyer, sid, kCode).has_value());
  EXPECT_FALSE(hand_over_if_due(*world.store, device()));
  EXPECT_EQ(device().account_sid, maker.sid);
}

}  // namespace
}  // namespace microvisor::cloud

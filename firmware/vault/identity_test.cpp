// Identity: what was encoded is read back, from either copy; a damaged copy is never believed.
#include "firmware/vault/identity.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "firmware/crypto/device_key_host.hpp"
#include "firmware/layout.hpp"
#include "firmware/storage/testing/flash_model.hpp"

namespace microvisor::firmware::vault {
namespace {

using storage::testing::CutId;
using storage::testing::FlashModel;
using storage::testing::PowerCut;
using storage::testing::PowerSupply;

crypto::SealingKey key() {
  alignas(8) static std::array<std::uint8_t, 16 * 1024> arena;
  static const bool done = (crypto::initialise_memory(arena), true);
  (void)done;
  return crypto::device_key(crypto::KeyUse::Identity);
}

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

Identity example() {
  Identity identity;
  EXPECT_TRUE(identity.device_sid.assign(bytes_of("UV0123456789abcdef0123456789abcdef")));
  identity.device_private_key.fill(0x42);
  EXPECT_TRUE(identity.device_certificate.assign(std::vector<std::uint8_t>(700, 0x31)));
  EXPECT_TRUE(identity.gateway_host.assign(bytes_of("gateway.example.com")));
  identity.gateway_port = 8443;
  EXPECT_TRUE(identity.gateway_server_name.assign(bytes_of("gateway.example.com")));
  EXPECT_TRUE(identity.gateway_ca.assign(std::vector<std::uint8_t>(600, 0x32)));
  return identity;
}

void write_copy(FlashModel& flash, std::uint32_t page, const Identity& identity) {
  std::vector<std::uint8_t> encoded(kMaximumEncodedIdentity);
  const std::size_t size = encode_identity(identity, encoded);
  ASSERT_GT(size, 0u);
  for (std::size_t at = 0; at < size; at += storage::kRowSize) {
    storage::Row row;
    std::memcpy(row.data(), encoded.data() + at, row.size());
    ASSERT_EQ(flash.program_row(page + static_cast<std::uint32_t>(at), row), storage::FlashStatus::Ok);
  }
}

void expect_example(const Identity& identity) {
  const Identity wanted = example();
  EXPECT_EQ(identity.device_sid.text(), wanted.device_sid.text());
  EXPECT_EQ(identity.device_private_key, wanted.device_private_key);
  EXPECT_EQ(identity.device_certificate.text(), wanted.device_certificate.text());
  EXPECT_EQ(identity.gateway_host.text(), wanted.gateway_host.text());
  EXPECT_EQ(identity.gateway_port, wanted.gateway_port);
  EXPECT_EQ(identity.gateway_server_name.text(), wanted.gateway_server_name.text());
  EXPECT_EQ(identity.gateway_ca.text(), wanted.gateway_ca.text());
}

constexpr std::uint32_t kFirst = kVaultIdentity.address();
constexpr std::uint32_t kSecond = kVaultIdentity.address() + kPageSize;

TEST(Identity, BlankVaultHasNone) {
  PowerSupply power;
  FlashModel flash(power);
  Identity identity;
  EXPECT_FALSE(read_identity(flash, key(), identity));
}

TEST(Identity, EitherCopyIsEnough) {
  for (const std::uint32_t page : {kFirst, kSecond}) {
    PowerSupply power;
    FlashModel flash(power);
    write_copy(flash, page, example());
    Identity identity;
    ASSERT_TRUE(read_identity(flash, key(), identity));
    expect_example(identity);
  }
}

TEST(Identity, EveryUnreadableRowLeadsToTheOtherCopy) {
  PowerSupply power;
  FlashModel setup(power);
  write_copy(setup, kFirst, example());
  write_copy(setup, kSecond, example());
  std::vector<std::uint8_t> encoded(kMaximumEncodedIdentity);
  const auto size = static_cast<std::uint32_t>(encode_identity(example(), encoded));
  for (std::uint32_t at = 0; at < size; at += storage::kRowSize) {
    FlashModel flash(setup, power);
    flash.spoil(kFirst + at);
    Identity identity;
    ASSERT_TRUE(read_identity(flash, key(), identity)) << at;
    expect_example(identity);
    flash.spoil(kSecond + at);
    EXPECT_FALSE(read_identity(flash, key(), identity)) << at;
  }
}

TEST(Identity, AChangedByteIsNotBelieved) {
  PowerSupply power;
  FlashModel setup(power);
  write_copy(setup, kFirst, example());
  std::vector<std::uint8_t> encoded(kMaximumEncodedIdentity);
  const std::size_t size = encode_identity(example(), encoded);
  const std::size_t measured = size - size % storage::kRowSize;
  for (std::size_t at = 0; at < measured - storage::kRowSize; at += 7) {
    FlashModel flash(setup, power);
    flash.bytes(kFirst + static_cast<std::uint32_t>(at), 1)[0] ^= 0x10;
    Identity identity;
    EXPECT_FALSE(read_identity(flash, key(), identity)) << at;
  }
}

void provision(FlashModel& flash) {
  write_copy(flash, kFirst, example());
  write_copy(flash, kSecond, example());
}

/// A first start: reads, seals.
bool start(FlashModel& flash, Identity& identity) {
  return read_identity(flash, key(), identity) && seal_identity(flash, key(), identity);
}

bool holds_private_key(FlashModel& flash) {
  const auto secret = example().device_private_key;
  const auto pages = flash.bytes(kFirst, kVaultIdentity.size());
  return std::search(pages.begin(), pages.end(), secret.begin(), secret.end()) != pages.end();
}

TEST(SealedIdentity, TheFirstStartSealsBothCopies) {
  PowerSupply power;
  FlashModel flash(power);
  provision(flash);
  ASSERT_TRUE(holds_private_key(flash));
  Identity identity;
  ASSERT_TRUE(start(flash, identity));
  EXPECT_FALSE(holds_private_key(flash));
  const std::uint64_t operations = power.operations();
  for (const std::uint32_t spoilt : {kFirst, kSecond}) {
    FlashModel one(flash, power);
    one.spoil(spoilt + 16);
    Identity again;
    ASSERT_TRUE(read_identity(one, key(), again));
    expect_example(again);
  }
  ASSERT_TRUE(start(flash, identity));
  EXPECT_EQ(power.operations(), operations) << "later starts write nothing";
}

TEST(SealedIdentity, OpensOnNoOtherChip) {
  PowerSupply power;
  FlashModel flash(power);
  provision(flash);
  Identity identity;
  ASSERT_TRUE(start(flash, identity));
  crypto::set_host_chip(1);
  Identity stolen;
  EXPECT_FALSE(read_identity(flash, key(), stolen));
  EXPECT_EQ(stolen.device_private_key, crypto::PrivateKey{});
  crypto::set_host_chip(0);
}

TEST(SealedIdentity, ACopyIsNoneInTheOtherPage) {
  PowerSupply power;
  FlashModel flash(power);
  provision(flash);
  Identity identity;
  ASSERT_TRUE(start(flash, identity));
  const auto pages = flash.bytes(kFirst, kVaultIdentity.size());
  std::swap_ranges(pages.begin(), pages.begin() + kPageSize, pages.begin() + kPageSize);
  EXPECT_FALSE(read_identity(flash, key(), identity));
}

TEST(SealedIdentity, WithoutAKeyThePlainCopiesStay) {
  PowerSupply power;
  FlashModel flash(power);
  provision(flash);
  crypto::SealingKey none = key();
  none.good = false;
  Identity identity;
  ASSERT_TRUE(read_identity(flash, none, identity));
  const std::uint64_t operations = power.operations();
  EXPECT_FALSE(seal_identity(flash, none, identity));
  EXPECT_EQ(power.operations(), operations);
}

TEST(SealedIdentity, ADecayedCopyIsWrittenAnewBeforeTheGoodOneIsTouched) {
  for (const std::uint32_t spoilt : {kFirst, kSecond}) {
    PowerSupply power;
    FlashModel flash(power);
    provision(flash);
    flash.spoil(spoilt);
    Identity identity;
    ASSERT_TRUE(start(flash, identity));
    EXPECT_FALSE(holds_private_key(flash));
  }
}

TEST(SealedIdentity, SurvivesAPowerCutAtEveryOperationAndASecondOne) {
  PowerSupply power;
  FlashModel factory(power);
  provision(factory);
  PowerSupply count;
  FlashModel undisturbed(factory, count);
  Identity identity;
  ASSERT_TRUE(start(undisturbed, identity));
  for (std::uint64_t operation = 1; operation <= count.operations(); ++operation) {
    for (std::uint32_t seed = 0; seed < 8; ++seed) {
      SCOPED_TRACE(std::to_string(operation) + ":" + std::to_string(seed));
      PowerSupply supply;
      FlashModel flash(factory, supply);
      for (const CutId cut :
           {CutId{operation, seed}, CutId{1 + (operation * 7 + seed) % count.operations(), seed}}) {
        supply.cut(cut);
        try {
          Identity found;
          ASSERT_TRUE(read_identity(flash, key(), found));
          (void)seal_identity(flash, key(), found);
        } catch (const PowerCut&) {
        }
      }
      supply.never_cut();
      Identity found;
      ASSERT_TRUE(read_identity(flash, key(), found));
      expect_example(found);
      (void)seal_identity(flash, key(), found);
      EXPECT_FALSE(holds_private_key(flash));
      ASSERT_TRUE(read_identity(flash, key(), found));
      expect_example(found);
    }
  }
}

// ---- A device that makes its identity by itself

/// What the factory's image has: no SID, no key, the CA's certificate.
void program_template(FlashModel& flash) {
  std::vector<std::uint8_t> encoded(kMaximumEncodedIdentity);
  Identity common = example();
  common.device_sid.size = 0;
  const std::size_t size = encode_template(common, encoded);
  ASSERT_GT(size, 0u);
  for (const std::uint32_t page : {kFirst, kSecond}) {
    for (std::size_t at = 0; at < size; at += storage::kRowSize) {
      storage::Row row;
      std::memcpy(row.data(), encoded.data() + at, row.size());
      ASSERT_EQ(flash.program_row(page + static_cast<std::uint32_t>(at), row), storage::FlashStatus::Ok);
    }
  }
}

/// Makes a key as a start does, if there is none; `keys` counts them.
bool make_key(FlashModel& flash, std::uint8_t& keys, Identity& identity) {
  if (!read_made_identity(flash, key(), identity)) {
    if (!read_template(flash, identity)) return false;
    EXPECT_TRUE(identity.device_sid.assign(bytes_of("UV0123456789abcdef0123456789abcdef")));
    identity.device_private_key.fill(++keys);
  }
  return write_made_identity(flash, key(), identity);
}

TEST(MadeIdentity, IsNoneBeforeTheCertificateIsThere) {
  PowerSupply power;
  FlashModel flash(power);
  program_template(flash);
  Identity identity;
  std::uint8_t keys = 0;
  EXPECT_FALSE(read_identity(flash, key(), identity));
  ASSERT_TRUE(read_template(flash, identity));
  EXPECT_EQ(identity.gateway_host.text(), "gateway.example.com");
  ASSERT_TRUE(make_key(flash, keys, identity));
  EXPECT_FALSE(read_identity(flash, key(), identity));
  EXPECT_FALSE(read_template(flash, identity)) << "no second key";
  ASSERT_TRUE(read_made_identity(flash, key(), identity));
  EXPECT_TRUE(identity.device_certificate.assign(std::vector<std::uint8_t>(400, 0x77)));
  ASSERT_TRUE(complete_identity(flash, key(), identity));
  EXPECT_FALSE(read_made_identity(flash, key(), identity));
  Identity complete;
  ASSERT_TRUE(read_identity(flash, key(), complete));
  EXPECT_EQ(complete.device_private_key, identity.device_private_key);
  EXPECT_EQ(complete.device_certificate.text(), std::string(400, 0x77));
}

TEST(MadeIdentity, OpensOnNoOtherChip) {
  PowerSupply power;
  FlashModel flash(power);
  program_template(flash);
  Identity identity;
  std::uint8_t keys = 0;
  ASSERT_TRUE(make_key(flash, keys, identity));
  crypto::set_host_chip(1);
  EXPECT_FALSE(read_made_identity(flash, key(), identity));
  crypto::set_host_chip(0);
}

/// The station is told a key only when make_key() has succeeded: from then on it is the device's for good.
TEST(MadeIdentity, SurvivesAPowerCutAtEveryOperation) {
  PowerSupply power;
  FlashModel factory(power);
  program_template(factory);
  PowerSupply count;
  FlashModel undisturbed(factory, count);
  const auto whole_way = [](FlashModel& flash, std::uint8_t& keys, std::uint8_t& told) {
    Identity identity;
    if (!read_identity(flash, key(), identity)) {
      ASSERT_TRUE(make_key(flash, keys, identity));
      if (told == 0) told = identity.device_private_key[0];
      EXPECT_EQ(identity.device_private_key[0], told);
      EXPECT_TRUE(identity.device_certificate.assign(std::vector<std::uint8_t>(400, 0x77)));
      ASSERT_TRUE(complete_identity(flash, key(), identity));
    }
    ASSERT_TRUE(seal_identity(flash, key(), identity));
  };
  std::uint8_t keys = 0, told = 0;
  whole_way(undisturbed, keys, told);
  for (std::uint64_t operation = 1; operation <= count.operations(); ++operation) {
    for (std::uint32_t seed = 0; seed < 4; ++seed) {
      SCOPED_TRACE(std::to_string(operation) + ":" + std::to_string(seed));
      PowerSupply supply;
      FlashModel flash(factory, supply);
      keys = told = 0;
      supply.cut(CutId{operation, seed});
      try {
        whole_way(flash, keys, told);
      } catch (const PowerCut&) {
      }
      supply.never_cut();
      whole_way(flash, keys, told);
      Identity identity;
      ASSERT_TRUE(read_identity(flash, key(), identity));
      EXPECT_EQ(identity.device_private_key[0], told);
      EXPECT_EQ(identity.device_certificate.text(), std::string(400, 0x77));
    }
  }
}

TEST(Identity, TooLongFieldsAreRefused) {
  Bytes<4> field;
  EXPECT_FALSE(field.assign(bytes_of("12345")));
  EXPECT_TRUE(field.assign(bytes_of("1234")));
}

}  // namespace
}  // namespace microvisor::firmware::vault

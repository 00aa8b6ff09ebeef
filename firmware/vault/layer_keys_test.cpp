// Keys to encrypted layers: which set is in force, whatever a power cut leaves.
#include "firmware/vault/layer_keys.hpp"

#include <gtest/gtest.h>

#include "firmware/storage/testing/flash_model.hpp"

namespace microvisor::firmware::vault {
namespace {

using storage::testing::FlashModel;
using storage::testing::PowerCut;
using storage::testing::PowerSupply;

LayerKeys keys_of(std::initializer_list<std::uint8_t> numbers) {
  LayerKeys keys;
  for (const std::uint8_t number : numbers) {
    LayerKey key;
    key.id = 0xAB00'0000'0000'0000 + number;
    key.secret.fill(number);
    EXPECT_TRUE(keys.add(key));
  }
  return keys;
}

std::vector<std::uint64_t> ids(const LayerKeys& keys) {
  std::vector<std::uint64_t> result;
  for (std::uint32_t i = 0; i < keys.count; ++i) result.push_back(keys.keys[i].id & 0xFF);
  return result;
}

class LayerKeysTest : public ::testing::Test {
 protected:
  LayerKeysTest() : flash_(power_), store_(flash_) { EXPECT_EQ(store_.mount(), StoreStatus::Ok); }
  [[nodiscard]] std::vector<std::uint64_t> in_force(std::uint64_t sequence) {
    LayerKeys keys;
    read_layer_keys(store_, sequence, keys);
    return ids(keys);
  }

  PowerSupply power_;
  FlashModel flash_;
  Store store_;
};

using Ids = std::vector<std::uint64_t>;

TEST_F(LayerKeysTest, ASetHasRoomForFour) {
  LayerKeys keys = keys_of({1, 2, 3, 4});
  LayerKey fifth;
  fifth.id = 99;
  EXPECT_FALSE(keys.add(fifth));
  EXPECT_TRUE(keys.add(keys.keys[2])) << "is there already";
  EXPECT_EQ(keys.count, kMaximumLayerKeys);
  keys.remove(0xAB00'0000'0000'0002);
  keys.remove(77);
  EXPECT_EQ(ids(keys), (Ids{1, 3, 4}));
  EXPECT_EQ(keys.find(0xAB00'0000'0000'0002), nullptr);
  EXPECT_EQ(keys.find(0xAB00'0000'0000'0004)->secret[5], 4);
  EXPECT_EQ(keys.keys[3].secret, crypto::PrivateKey{}) << "nothing is left of it";
}

TEST_F(LayerKeysTest, WithoutARecordThereAreNone) { EXPECT_EQ(in_force(5), Ids{}); }

TEST_F(LayerKeysTest, TheSequenceOfTheAnchorsDecides) {
  ASSERT_TRUE(write_layer_keys(store_, {}, 5, keys_of({1, 2, 3, 4})));
  ASSERT_TRUE(write_layer_keys(store_, keys_of({1, 2, 3, 4}), 8, keys_of({2, 7})));
  EXPECT_EQ(in_force(5), (Ids{1, 2, 3, 4})) << "the anchors were not written any more";
  EXPECT_EQ(in_force(7), (Ids{1, 2, 3, 4}));
  EXPECT_EQ(in_force(8), (Ids{2, 7}));
  EXPECT_EQ(in_force(9), (Ids{2, 7})) << "a later change that was of other keys";
  LayerKey key;
  ASSERT_TRUE(find_layer_key(store_, 8, 0xAB00'0000'0000'0007, key));
  EXPECT_EQ(key.secret[0], 7);
  EXPECT_FALSE(find_layer_key(store_, 8, 0xAB00'0000'0000'0001, key));
  ASSERT_TRUE(write_layer_keys(store_, {}, 8, keys_of({2, 7})));
  EXPECT_EQ(in_force(8), (Ids{2, 7}));
  EXPECT_EQ(in_force(7), Ids{}) << "what has been removed is forgotten";
}

TEST_F(LayerKeysTest, APowerCutLeavesTheOldSetOrTheNewOne) {
  ASSERT_TRUE(write_layer_keys(store_, {}, 5, keys_of({1})));
  const std::uint64_t before = power_.operations();
  ASSERT_TRUE(write_layer_keys(store_, keys_of({1}), 6, keys_of({1, 2})));
  const std::uint64_t operations = power_.operations() - before;
  ASSERT_GT(operations, 3U);
  for (std::uint64_t operation = 1; operation <= operations; ++operation) {
    PowerSupply power;
    FlashModel flash(power);
    {
      Store store(flash);
      ASSERT_EQ(store.mount(), StoreStatus::Ok);
      ASSERT_TRUE(write_layer_keys(store, {}, 5, keys_of({1})));
      power.cut({operation, 3});
      EXPECT_THROW((void)write_layer_keys(store, keys_of({1}), 6, keys_of({1, 2})), PowerCut);
    }
    power.never_cut();
    Store store(flash);
    ASSERT_EQ(store.mount(), StoreStatus::Ok);
    LayerKeys old, fresh;
    read_layer_keys(store, 5, old);
    read_layer_keys(store, 6, fresh);
    EXPECT_EQ(ids(old), Ids{1}) << operation;
    EXPECT_TRUE(ids(fresh) == Ids{1} || ids(fresh) == (Ids{1, 2})) << operation;
  }
}

TEST_F(LayerKeysTest, WhatIsNoSuchValueIsNoSet) {
  for (const std::size_t size : {0U, 4U, 19U, 20U, 60U, 61U}) {
    std::vector<std::uint8_t> value(size, 1);
    ASSERT_EQ(store_.put(Key::LayerKeys, value), StoreStatus::Ok);
    EXPECT_EQ(in_force(~std::uint64_t{0}), Ids{}) << size;
  }
  std::vector<std::uint8_t> value(20, 0);
  value[0] = 1;  // format
  value[4] = 5;  // keys, more than there can be
  ASSERT_EQ(store_.put(Key::LayerKeys, value), StoreStatus::Ok);
  EXPECT_EQ(in_force(9), Ids{});
}

}  // namespace
}  // namespace microvisor::firmware::vault

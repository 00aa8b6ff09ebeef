// The vault's journal against power loss at every operation, decay of every row, and long use.
#include "firmware/vault/store.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "firmware/crypto/crypto.hpp"
#include "firmware/crypto/device_key_host.hpp"
#include "firmware/storage/testing/flash_model.hpp"

namespace microvisor::firmware::vault {
namespace {

using storage::testing::CutId;
using storage::testing::FlashModel;
using storage::testing::PowerCut;
using storage::testing::PowerSupply;

using Value = std::vector<std::uint8_t>;
using Contents = std::map<std::uint16_t, Value>;

constexpr Pages kSmallRing{103, 105};
constexpr Pages kRing{103, 108};

Key key(unsigned number) { return static_cast<Key>(number); }

Value value_of(unsigned number, std::size_t size) {
  Value value(size);
  for (std::size_t i = 0; i < size; ++i) value[i] = static_cast<std::uint8_t>(number * 31 + i * 7);
  return value;
}

std::optional<Value> read(Store& store, unsigned number) {
  Value value(kMaximumStoreValue);
  std::size_t size = 0;
  if (store.get(key(number), value, size) != StoreStatus::Ok) return std::nullopt;
  value.resize(size);
  return value;
}

TEST(Store, StoresReplacesAndRemoves) {
  PowerSupply power;
  FlashModel flash(power);
  Store store(flash, kSmallRing);
  ASSERT_EQ(store.mount(), StoreStatus::Ok);
  EXPECT_EQ(read(store, 1), std::nullopt);
  for (const std::size_t size : {0u, 1u, 14u, 15u, 16u, 30u, 31u, 2304u}) {
    ASSERT_EQ(store.put(key(1), value_of(1, size)), StoreStatus::Ok);
    EXPECT_EQ(read(store, 1), value_of(1, size)) << size;
  }
  EXPECT_EQ(store.put(key(1), value_of(1, kMaximumStoreValue + 1)), StoreStatus::TooLarge);
  ASSERT_EQ(store.remove(key(1)), StoreStatus::Ok);
  EXPECT_EQ(read(store, 1), std::nullopt);
  Store again(flash, kSmallRing);
  ASSERT_EQ(again.mount(), StoreStatus::Ok);
  EXPECT_EQ(read(again, 1), std::nullopt);
}

TEST(Store, TellsHowMuchRoomAValueNeeds) {
  PowerSupply power;
  FlashModel flash(power);
  Store store(flash, kSmallRing);
  ASSERT_EQ(store.mount(), StoreStatus::Ok);
  ASSERT_EQ(store.put(key(1), value_of(1, 100)), StoreStatus::Ok);
  Value small(99);
  std::size_t size = 0;
  EXPECT_EQ(store.get(key(1), small, size), StoreStatus::TooLarge);
  EXPECT_EQ(size, 100u);
}

TEST(Store, AnEqualValueCostsNoFlash) {
  PowerSupply power;
  FlashModel flash(power);
  Store store(flash, kSmallRing);
  ASSERT_EQ(store.mount(), StoreStatus::Ok);
  ASSERT_EQ(store.put(key(1), value_of(1, 40)), StoreStatus::Ok);
  const std::uint64_t before = power.operations();
  ASSERT_EQ(store.put(key(1), value_of(1, 40)), StoreStatus::Ok);
  EXPECT_EQ(power.operations(), before);
}

TEST(Store, RefusesMoreThanItCanCarryRound) {
  PowerSupply power;
  FlashModel flash(power);
  Store store(flash, kSmallRing);
  ASSERT_EQ(store.mount(), StoreStatus::Ok);
  StoreStatus status = StoreStatus::Ok;
  unsigned count = 0;
  for (; status == StoreStatus::Ok && count < 40; ++count)
    status = store.put(key(count), value_of(count, 1000));
  EXPECT_EQ(status, StoreStatus::Full);
  // What was accepted can be replaced for ever.
  for (unsigned i = 0; i < 200; ++i) ASSERT_EQ(store.put(key(0), value_of(i, 1000)), StoreStatus::Ok) << i;
  for (unsigned i = 1; i + 1 < count; ++i) EXPECT_EQ(read(store, i), value_of(i, 1000)) << i;
}

TEST(Store, LongUseKeepsEverythingAndWearsPagesEvenly) {
  PowerSupply power;
  FlashModel flash(power);
  std::mt19937 random(7);
  Contents wanted;
  for (unsigned life = 0; life < 40; ++life) {
    Store store(flash, kRing);
    ASSERT_EQ(store.mount(), StoreStatus::Ok);
    for (const auto& [number, value] : wanted) ASSERT_EQ(read(store, number), value);
    for (unsigned i = 0; i < 100; ++i) {
      const auto number = static_cast<std::uint16_t>(random() % 20);
      if (random() % 10 == 0) {
        ASSERT_EQ(store.remove(key(number)), StoreStatus::Ok);
        wanted.erase(number);
      } else {
        wanted[number] = value_of(static_cast<unsigned>(random()), random() % 300);
        ASSERT_EQ(store.put(key(number), wanted[number]), StoreStatus::Ok);
      }
    }
  }
  std::uint32_t least = ~0u;
  std::uint32_t most = 0;
  for (std::uint32_t page = kRing.first; page <= kRing.last; ++page) {
    least = std::min(least, flash.erase_counts()[kPagesPerBank + page]);
    most = std::max(most, flash.erase_counts()[kPagesPerBank + page]);
  }
  EXPECT_GT(least, 0u);
  EXPECT_LE(most - least, 1u);
}

TEST(Store, AnUnreadableRowCostsOneRecordOnly) {
  PowerSupply power;
  FlashModel setup(power);
  Store writer(setup, kRing);
  ASSERT_EQ(writer.mount(), StoreStatus::Ok);
  // Old values first, so that the loss of a new record uncovers the old one.
  for (unsigned i = 0; i < 20; ++i) ASSERT_EQ(writer.put(key(i), value_of(i, 50 + i)), StoreStatus::Ok);
  for (unsigned i = 0; i < 20; ++i) ASSERT_EQ(writer.put(key(i), value_of(100 + i, 60 + i)), StoreStatus::Ok);
  const std::uint32_t rows = kPageSize / storage::kRowSize;
  for (std::uint32_t row = 0; row < 2 * rows; ++row) {
    FlashModel flash(setup, power);
    flash.spoil(kRing.address() + row * storage::kRowSize);
    Store store(flash, kRing);
    ASSERT_EQ(store.mount(), StoreStatus::Ok);
    unsigned lost = 0;
    for (unsigned i = 0; i < 20; ++i) {
      const std::optional<Value> found = read(store, i);
      if (found == value_of(100 + i, 60 + i)) continue;
      ++lost;
      ASSERT_EQ(found, value_of(i, 50 + i)) << "row " << row << " key " << i;
    }
    EXPECT_LE(lost, 1u) << "row " << row;
    ASSERT_EQ(store.put(key(30), value_of(30, 100)), StoreStatus::Ok);
  }
}

/// A sequence of changes that fills the small ring more than once, so that pages are opened, moved and
/// erased.
class Script {
 public:
  void prepare(Store& store) {
    for (unsigned i = 0; i < 6; ++i) change(store, i, value_of(i, 200 + 100 * i));
  }
  void run(Store& store) {
    std::mt19937 random(11);
    for (unsigned i = 0; i < 60; ++i) {
      const auto number = static_cast<std::uint16_t>(random() % 8);
      if (random() % 8 == 0) {
        remove(store, number);
      } else {
        change(store, number, value_of(1000 + i, random() % 400));
      }
    }
  }
  /// After a power cut: all keys as before or, for the one being changed, as after.
  void check(Store& store) const {
    for (unsigned i = 0; i < 8; ++i) {
      const auto number = static_cast<std::uint16_t>(i);
      const std::optional<Value> found = read(store, number);
      if (found == lookup(settled_, number)) continue;
      ASSERT_EQ(number, changing_) << "key " << i << " is neither old nor new";
      ASSERT_EQ(found, after_) << "key " << i << " is neither old nor new";
    }
  }
  /// What the device found after the cut is what counts from then on.
  void adopt(Store& store) {
    settled_.clear();
    for (unsigned i = 0; i < 8; ++i) {
      if (std::optional<Value> found = read(store, i)) settled_[static_cast<std::uint16_t>(i)] = *found;
    }
  }

 private:
  static std::optional<Value> lookup(const Contents& contents, std::uint16_t number) {
    const auto found = contents.find(number);
    return found == contents.end() ? std::nullopt : std::optional(found->second);
  }
  void change(Store& store, unsigned number, const Value& value) {
    changing_ = static_cast<std::uint16_t>(number);
    after_ = value;
    ASSERT_EQ(store.put(key(number), value), StoreStatus::Ok);
    settled_[changing_] = value;
  }
  void remove(Store& store, unsigned number) {
    changing_ = static_cast<std::uint16_t>(number);
    after_ = std::nullopt;
    ASSERT_EQ(store.remove(key(number)), StoreStatus::Ok);
    settled_.erase(changing_);
  }

  Contents settled_;
  std::uint16_t changing_ = 0;
  std::optional<Value> after_;
};

void run_with_cut(const CutId& id) {
  SCOPED_TRACE("MICROVISOR_REPLAY=" + id.text());
  PowerSupply power;
  FlashModel flash(power);
  Script script;
  {
    Store store(flash, kSmallRing);
    ASSERT_EQ(store.mount(), StoreStatus::Ok);
    script.prepare(store);
    power.cut(id);
    try {
      script.run(store);
    } catch (const PowerCut&) {
    }
  }
  power.never_cut();
  Store store(flash, kSmallRing);
  ASSERT_EQ(store.mount(), StoreStatus::Ok);
  script.check(store);
  script.adopt(store);
  // What was seen once stays: the value must not fall back when a marginal row gives way later.
  Store later(flash, kSmallRing);
  ASSERT_EQ(later.mount(), StoreStatus::Ok);
  script.check(later);
  script.run(later);
  script.check(later);
}

TEST(Store, PowerLossAtEveryOperation) {
  if (const std::optional<CutId> id = storage::testing::replay_id()) return run_with_cut(*id);
  PowerSupply power;
  FlashModel flash(power);
  Script script;
  Store store(flash, kSmallRing);
  ASSERT_EQ(store.mount(), StoreStatus::Ok);
  script.prepare(store);
  const std::uint64_t before = power.operations();
  script.run(store);
  const std::uint64_t operations = power.operations() - before;
  ASSERT_GT(operations, 500u);
  for (std::uint64_t operation = 1; operation <= operations; ++operation) {
    for (std::uint32_t seed = 0; seed < 4; ++seed) {
      run_with_cut({operation, seed});
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(Store, RepeatedPowerLossNeverJams) {
  // The power fails again and again within a few operations, also while the store is being mounted.
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    PowerSupply power;
    FlashModel flash(power);
    Script script;
    std::mt19937 random(seed);
    {
      Store store(flash, kSmallRing);
      ASSERT_EQ(store.mount(), StoreStatus::Ok);
      script.prepare(store);
    }
    for (unsigned cut = 0; cut < 60; ++cut) {
      power.cut({1 + random() % 120, static_cast<std::uint32_t>(random() % 1000)});
      try {
        Store store(flash, kSmallRing);
        ASSERT_EQ(store.mount(), StoreStatus::Ok);
        script.check(store);
        script.adopt(store);
        script.run(store);
      } catch (const PowerCut&) {
      }
      ASSERT_FALSE(HasFatalFailure());
    }
    power.never_cut();
    Store store(flash, kSmallRing);
    ASSERT_EQ(store.mount(), StoreStatus::Ok);
    script.check(store);
    script.run(store);
  }
}

// ---- Sealed values

crypto::SealingKey chip_key() {
  alignas(8) static std::array<std::uint8_t, 16 * 1024> arena;
  static const bool done = (crypto::initialise_memory(arena), true);
  (void)done;
  return crypto::device_key(crypto::KeyUse::Journal);
}

class SealedStore : public ::testing::Test {
 protected:
  SealedStore() : flash_(power_), store_(flash_, kSmallRing) {
    store_.seal_with(key_);
    EXPECT_EQ(store_.mount(), StoreStatus::Ok);
  }
  [[nodiscard]] bool flash_shows(const Value& value) {
    const auto bytes = flash_.bytes(kSmallRing.address(), kSmallRing.size());
    // Rows have 15 bytes of a value.
    return std::search(bytes.begin(), bytes.end(), value.begin(), value.begin() + 15) != bytes.end();
  }

  const crypto::SealingKey key_ = chip_key();
  PowerSupply power_;
  FlashModel flash_;
  Store store_;
};

TEST_F(SealedStore, KeepsValuesOfEverySizeAndShowsNone) {
  for (const std::size_t size : {0u, 1u, 14u, 15u, 16u, 17u, 32u, 40u, 255u, 2304u}) {
    ASSERT_EQ(store_.put(key(1), value_of(1, size)), StoreStatus::Ok);
    EXPECT_EQ(read(store_, 1), value_of(1, size)) << size;
  }
  EXPECT_FALSE(flash_shows(value_of(1, 2304)));
  EXPECT_EQ(store_.put(key(1), value_of(1, kMaximumStoreValue + 1)), StoreStatus::TooLarge);
  Store again(flash_, kSmallRing);
  again.seal_with(key_);
  ASSERT_EQ(again.mount(), StoreStatus::Ok);
  EXPECT_EQ(read(again, 1), value_of(1, 2304));
}

TEST_F(SealedStore, WhatToolsLookAtStaysReadable) {
  const auto state = static_cast<unsigned>(Key::UpdateState);
  ASSERT_EQ(store_.put(Key::UpdateState, value_of(5, 40)), StoreStatus::Ok);
  EXPECT_TRUE(flash_shows(value_of(5, 40)));
  Store outside(flash_, kSmallRing);
  ASSERT_EQ(outside.mount(), StoreStatus::Ok);
  EXPECT_EQ(read(outside, state), value_of(5, 40));
}

TEST_F(SealedStore, AnEqualValueCostsNoFlash) {
  ASSERT_EQ(store_.put(key(1), value_of(1, 40)), StoreStatus::Ok);
  const std::uint64_t before = power_.operations();
  ASSERT_EQ(store_.put(key(1), value_of(1, 40)), StoreStatus::Ok);
  EXPECT_EQ(power_.operations(), before);
  ASSERT_EQ(store_.put(key(1), value_of(2, 40)), StoreStatus::Ok);
  EXPECT_GT(power_.operations(), before);
}

TEST_F(SealedStore, ValuesSurviveManyTurnsOfTheRing) {
  ASSERT_EQ(store_.put(key(2), value_of(2, 333)), StoreStatus::Ok);
  for (unsigned i = 0; i < 3'000; ++i) ASSERT_EQ(store_.put(key(1), value_of(i, 40)), StoreStatus::Ok);
  EXPECT_EQ(read(store_, 2), value_of(2, 333));
}

TEST_F(SealedStore, OpensOnNoOtherChipAndInNoOtherRecord) {
  ASSERT_EQ(store_.put(key(1), value_of(1, 40)), StoreStatus::Ok);
  crypto::set_host_chip(1);
  const crypto::SealingKey other = chip_key();
  crypto::set_host_chip(0);
  Store clone(flash_, kSmallRing);
  clone.seal_with(other);
  ASSERT_EQ(clone.mount(), StoreStatus::Ok);
  Value out(40);
  std::size_t size = 0;
  EXPECT_EQ(clone.get(key(1), out, size), StoreStatus::NoKey);
  EXPECT_EQ(out, Value(40, 0));
  Store without(flash_, kSmallRing);
  ASSERT_EQ(without.mount(), StoreStatus::Ok);
  EXPECT_EQ(without.get(key(1), out, size), StoreStatus::NoKey);
}

TEST_F(SealedStore, WithoutAKeyASecretIsNotStored) {
  crypto::SealingKey none = key_;
  none.good = false;
  store_.seal_with(none);
  EXPECT_EQ(store_.put(key(1), value_of(1, 40)), StoreStatus::NoKey);
  EXPECT_EQ(store_.put(Key::UpdateState, value_of(1, 40)), StoreStatus::Ok);
}

TEST_F(SealedStore, APlainValueOfEarlierFirmwareIsSealedWhenItIsPutAgain) {
  Store earlier(flash_, kSmallRing);
  ASSERT_EQ(earlier.mount(), StoreStatus::Ok);
  ASSERT_EQ(earlier.put(key(1), value_of(1, 40)), StoreStatus::Ok);
  Store now(flash_, kSmallRing);
  now.seal_with(key_);
  ASSERT_EQ(now.mount(), StoreStatus::Ok);
  EXPECT_EQ(read(now, 1), value_of(1, 40));
  const std::uint64_t before = power_.operations();
  ASSERT_EQ(now.put(key(1), value_of(1, 40)), StoreStatus::Ok);
  EXPECT_GT(power_.operations(), before);
  EXPECT_EQ(read(now, 1), value_of(1, 40));
}

TEST_F(SealedStore, SurvivesAPowerCutAtEveryOperation) {
  ASSERT_EQ(store_.put(key(1), value_of(1, 100)), StoreStatus::Ok);
  const auto change = [&](FlashModel& flash) {
    Store store(flash, kSmallRing);
    store.seal_with(key_);
    ASSERT_EQ(store.mount(), StoreStatus::Ok);
    ASSERT_EQ(store.put(key(1), value_of(2, 90)), StoreStatus::Ok);
  };
  PowerSupply count;
  FlashModel undisturbed(flash_, count);
  change(undisturbed);
  for (std::uint64_t operation = 1; operation <= count.operations(); ++operation) {
    for (std::uint32_t seed = 0; seed < 8; ++seed) {
      SCOPED_TRACE(std::to_string(operation) + ":" + std::to_string(seed));
      PowerSupply power;
      FlashModel flash(flash_, power);
      power.cut({operation, seed});
      try {
        change(flash);
      } catch (const PowerCut&) {
      }
      power.never_cut();
      Store store(flash, kSmallRing);
      store.seal_with(key_);
      ASSERT_EQ(store.mount(), StoreStatus::Ok);
      const auto found = read(store, 1);
      EXPECT_TRUE(found == value_of(1, 100) || found == value_of(2, 90));
    }
  }
}

}  // namespace
}  // namespace microvisor::firmware::vault

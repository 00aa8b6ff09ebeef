// The ring of crash reports in the NOR: order, limits, and power cuts at every operation.
#include "firmware/kernel/crash_store.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "firmware/storage/testing/flash_model.hpp"

namespace microvisor::firmware::kernel {
namespace {

using storage::testing::CutId;
using storage::testing::FlashModel;
using storage::testing::NorModel;
using storage::testing::PowerCut;
using storage::testing::PowerSupply;
using Bytes = std::vector<std::uint8_t>;

Bytes report(std::size_t size, unsigned seed) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 13 + seed);
  return bytes;
}

bool write(CrashStore& store, const Bytes& bytes) {
  CrashWriter writer(store);
  if (!writer.begin()) return false;
  for (std::size_t at = 0; at < bytes.size(); at += 100) {
    if (!writer.append(std::span(bytes).subspan(at, std::min<std::size_t>(100, bytes.size() - at))))
      return false;
  }
  return writer.commit();
}

Bytes oldest(CrashStore& store) {
  Bytes bytes(store.size());
  EXPECT_TRUE(bytes.empty() || store.read(0, bytes));
  return bytes;
}

class CrashStoreTest : public ::testing::Test {
 protected:
  CrashStoreTest() { EXPECT_EQ(vault.mount(), vault::StoreStatus::Ok); }

  PowerSupply power;
  NorModel nor{power, kNorSize / 8};
  FlashModel flash{power};
  vault::Store vault{flash};
  CrashStore store{nor, vault};
};

TEST_F(CrashStoreTest, GivesBackInOrderAlsoAfterAReset) {
  store.mount();
  EXPECT_TRUE(store.empty());
  const Bytes first = report(1, 1), second = report(256, 2), third = report(CrashStore::kMaximumReport, 3);
  for (const Bytes& bytes : {first, second, third}) EXPECT_TRUE(write(store, bytes));
  CrashStore after(nor, vault);
  after.mount();
  for (const Bytes& bytes : {first, second, third}) {
    EXPECT_EQ(oldest(after), bytes);
    EXPECT_TRUE(after.remove());
  }
  EXPECT_TRUE(after.empty());
  store.mount();
  EXPECT_TRUE(store.empty()) << "what is removed stays so";
}

TEST_F(CrashStoreTest, WhenItIsFullTheFirstOnesStay) {
  store.mount();
  for (unsigned i = 0; i < CrashStore::kSlots; ++i) EXPECT_TRUE(write(store, report(500, i)));
  EXPECT_FALSE(write(store, report(500, 99)));
  EXPECT_EQ(oldest(store), report(500, 0));
  EXPECT_TRUE(store.remove());
  EXPECT_TRUE(write(store, report(500, 99)));
  for (unsigned i = 1; i < CrashStore::kSlots; ++i) {
    EXPECT_EQ(oldest(store), report(500, i));
    EXPECT_TRUE(store.remove());
  }
  EXPECT_EQ(oldest(store), report(500, 99));
}

TEST_F(CrashStoreTest, TakesNoMoreThanASlotHolds) {
  store.mount();
  EXPECT_FALSE(write(store, report(CrashStore::kMaximumReport + 1, 1)));
  EXPECT_TRUE(store.empty());
  EXPECT_FALSE(write(store, {})) << "nothing is no report";
  Bytes piece(10);
  EXPECT_TRUE(write(store, report(100, 1)));
  EXPECT_TRUE(store.read(90, piece));
  EXPECT_FALSE(store.read(91, piece));
}

TEST_F(CrashStoreTest, KeepsToItsArea) {
  store.mount();
  for (unsigned i = 0; i < CrashStore::kSlots; ++i) {
    EXPECT_TRUE(write(store, report(CrashStore::kMaximumReport, i)));
  }
  const auto bytes = nor.bytes();
  const auto blank = [](std::uint8_t byte) { return byte == 0xFF; };
  EXPECT_TRUE(std::all_of(bytes.begin(), bytes.begin() + kCrashReports, blank));
  EXPECT_TRUE(std::all_of(bytes.begin() + kCrashReports + kCrashReportsSize, bytes.end(), blank));
}

TEST_F(CrashStoreTest, WhatTheNorHasNowShowsByTheHash) {
  // The link compares the two before it sends anything.
  store.mount();
  EXPECT_TRUE(write(store, report(2000, 1)));
  EXPECT_EQ(store.hash(), crypto::sha256(report(2000, 1)));
  nor.bytes()[kCrashReports + 1234] ^= 0x10;
  store.mount();
  EXPECT_NE(crypto::sha256(oldest(store)), store.hash());
}

TEST_F(CrashStoreTest, AnOlderReportThatIsPutBackIsNone) {
  store.mount();
  EXPECT_TRUE(write(store, report(2000, 1)));
  const Bytes older(nor.bytes().begin(), nor.bytes().end());
  EXPECT_TRUE(store.remove());
  std::copy(older.begin(), older.end(), nor.bytes().begin());
  store.mount();
  EXPECT_TRUE(store.empty());
  EXPECT_TRUE(write(store, report(2000, 2)));
  std::copy(older.begin(), older.end(), nor.bytes().begin());
  EXPECT_NE(crypto::sha256(oldest(store)), store.hash());
}

TEST_F(CrashStoreTest, WithoutTheMemoryNothingIsWritten) {
  nor.disconnect();
  store.mount();
  EXPECT_FALSE(write(store, report(100, 1)));
  EXPECT_TRUE(store.empty());
}

/// What is done with the store: one report is there; a second is written, the first removed.
void use(CrashStore& store) {
  (void)write(store, report(700, 2));
  (void)store.remove();
}

TEST_F(CrashStoreTest, APowerCutAnywhereLeavesWholeReports) {
  store.mount();
  ASSERT_TRUE(write(store, report(600, 1)));
  const NorModel prepared(nor, power);
  const FlashModel prepared_flash(flash, power);
  const std::uint64_t before = power.operations();
  use(store);
  const std::uint64_t operations = power.operations() - before;
  ASSERT_GT(operations, 6U);
  for (std::uint64_t operation = 1; operation <= operations; ++operation) {
    for (std::uint32_t seed = 0; seed < 20; ++seed) {
      const CutId id{operation, seed};
      PowerSupply supply;
      NorModel memory(prepared, supply);
      FlashModel journal(prepared_flash, supply);
      vault::Store before_cut(journal);
      ASSERT_EQ(before_cut.mount(), vault::StoreStatus::Ok);
      supply.cut(id);
      CrashStore running(memory, before_cut);
      running.mount();
      try {
        use(running);
        ADD_FAILURE() << "no cut, " << id.text();
      } catch (const PowerCut&) {
      }
      vault::Store after_cut(journal);
      ASSERT_EQ(after_cut.mount(), vault::StoreStatus::Ok);
      CrashStore after(memory, after_cut);
      after.mount();
      std::vector<Bytes> found;
      for (; !after.empty(); (void)after.remove()) found.push_back(oldest(after));
      for (const Bytes& bytes : found)
        EXPECT_TRUE(bytes == report(600, 1) || bytes == report(700, 2)) << id.text();
      EXPECT_FALSE(found.empty()) << "a report was lost, " << id.text();
      EXPECT_TRUE(write(after, report(800, 3))) << id.text();
      EXPECT_EQ(oldest(after), report(800, 3));
    }
  }
}

}  // namespace
}  // namespace microvisor::firmware::kernel

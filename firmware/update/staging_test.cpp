// The staging area by itself: room, resuming, and that nothing is believed that was not read back.
#include "firmware/update/staging.hpp"

#include <gtest/gtest.h>

#include "firmware/crypto/device_key_host.hpp"
#include "firmware/manifest/testing/bundle_maker.hpp"
#include "firmware/update/testing/memories.hpp"

namespace microvisor::firmware::update {
namespace {

using manifest::testing::Bytes;
using testing::Memories;
using testing::OpenedStaging;
using testing::OpenedVault;

class StagingTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { manifest::testing::initialise_crypto(); }
  static Bytes contents(std::size_t size, std::uint8_t fill) { return Bytes(size, fill); }
  StagingStatus stage(const Bytes& bytes, std::span<const crypto::Digest> keep = {}) {
    std::uint32_t offset = 0;
    const auto size = static_cast<std::uint32_t>(bytes.size());
    const StagingStatus status = staging_.open(crypto::sha256(bytes), size, keep, offset);
    if (status != StagingStatus::Ok) return status;
    const StagingStatus written = staging_.write(std::span(bytes).subspan(offset));
    return written == StagingStatus::Ok ? staging_.finish() : written;
  }

  /// Starts once more, after something has happened to the memories.
  void restart(OpenedStaging& opened) {
    ASSERT_EQ(opened.store.mount(), vault::StoreStatus::Ok);
    opened.staging.mount();
  }

  Memories device_{kStagingSize};
  OpenedStaging opened_{device_};
  Staging& staging_ = opened_.staging;
};

TEST_F(StagingTest, KeepsWhatItWasGiven) {
  for (const std::size_t size : {1u, 255u, 256u, 257u, 4064u, 4065u, 4096u, 100'000u}) {
    const Bytes bytes = contents(size, static_cast<std::uint8_t>(size));
    ASSERT_EQ(stage(bytes), StagingStatus::Ok) << size;
    const crypto::Digest hash = crypto::sha256(bytes);
    EXPECT_EQ(staging_.size_of(hash), size);
    Bytes back(size);
    ASSERT_EQ(staging_.read(hash, 0, back), StagingStatus::Ok);
    EXPECT_EQ(back, bytes);
    EXPECT_EQ(staging_.verify(hash), StagingStatus::Ok);
    EXPECT_EQ(staging_.read(hash, static_cast<std::uint32_t>(size), std::span(back).first(1)),
              StagingStatus::NotFound);
  }
}

TEST_F(StagingTest, RefusesMoreBytesThanAgreed) {
  std::uint32_t offset = 0;
  const Bytes bytes = contents(100, 1);
  ASSERT_EQ(staging_.open(crypto::sha256(bytes), 99, {}, offset), StagingStatus::Ok);
  EXPECT_EQ(staging_.write(bytes), StagingStatus::TooLarge);
  EXPECT_EQ(staging_.open(crypto::sha256(bytes), kStagingSize + 1, {}, offset), StagingStatus::TooLarge);
}

TEST_F(StagingTest, WrongContentsAreDropped) {
  std::uint32_t offset = 0;
  const crypto::Digest hash = crypto::sha256(contents(5000, 1));
  ASSERT_EQ(staging_.open(hash, 5000, {}, offset), StagingStatus::Ok);
  ASSERT_EQ(staging_.write(contents(5000, 2)), StagingStatus::Ok);
  EXPECT_EQ(staging_.finish(), StagingStatus::WrongHash);
  EXPECT_FALSE(staging_.is_complete(hash));
  EXPECT_EQ(stage(contents(5000, 1)), StagingStatus::Ok);
}

TEST_F(StagingTest, AnObjectThatDecaysIsFoundOut) {
  const Bytes bytes = contents(5000, 1);
  ASSERT_EQ(stage(bytes), StagingStatus::Ok);
  device_.nor.bytes()[kStaging + 1234] ^= 1;
  EXPECT_EQ(staging_.verify(crypto::sha256(bytes)), StagingStatus::WrongHash);
}

TEST_F(StagingTest, ResumesAfterAResetAtTheLastCheckpoint) {
  const Bytes bytes = contents(100'000, 3);
  std::uint32_t offset = 0;
  ASSERT_EQ(staging_.open(crypto::sha256(bytes), 100'000, {}, offset), StagingStatus::Ok);
  EXPECT_EQ(offset, 0u);
  ASSERT_EQ(staging_.write(std::span(bytes).first(70'000)), StagingStatus::Ok);

  OpenedStaging later(device_);
  Staging& again = later.staging;
  ASSERT_EQ(again.open(crypto::sha256(bytes), 100'000, {}, offset), StagingStatus::Ok);
  EXPECT_GE(offset, 70'000 - kCheckpoint);
  EXPECT_LE(offset, 70'000u);
  ASSERT_EQ(again.write(std::span(bytes).subspan(offset)), StagingStatus::Ok);
  EXPECT_EQ(again.finish(), StagingStatus::Ok);
}

TEST_F(StagingTest, ABrokenOffTransferResumesAtTheLastWholeSector) {
  const Bytes bytes = contents(10'000, 4);
  std::uint32_t offset = 0;
  ASSERT_EQ(staging_.open(crypto::sha256(bytes), 10'000, {}, offset), StagingStatus::Ok);
  ASSERT_EQ(staging_.write(std::span(bytes).first(9'000)), StagingStatus::Ok);
  staging_.suspend();
  ASSERT_EQ(staging_.open(crypto::sha256(bytes), 10'000, {}, offset), StagingStatus::Ok);
  EXPECT_EQ(offset, 8128u);  // two sectors of 4096 bytes less 4 for the generation, 12 nonce, 16 tag
}

TEST_F(StagingTest, TheNorShowsNothingOfAnObject) {
  Bytes bytes(20'000);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
  ASSERT_EQ(stage(bytes), StagingStatus::Ok);
  const auto nor = device_.nor.bytes();
  for (std::size_t at = 0; at + 8 <= bytes.size(); at += 500) {
    const auto part = std::span(bytes).subspan(at, 8);
    EXPECT_EQ(std::search(nor.begin(), nor.end(), part.begin(), part.end()), nor.end()) << at;
  }
}

TEST_F(StagingTest, AnOlderCopyOfTheNorIsRecognised) {
  // The same sectors hold one object after the other: the copy is of the time of the first.
  const Bytes first = contents(30'000, 1), second = contents(30'000, 2);
  ASSERT_EQ(stage(first), StagingStatus::Ok);
  const Bytes older(device_.nor.bytes().begin(), device_.nor.bytes().end());
  ASSERT_EQ(staging_.drop(crypto::sha256(first)), StagingStatus::Ok);
  ASSERT_EQ(stage(second), StagingStatus::Ok);
  const Bytes newer(device_.nor.bytes().begin(), device_.nor.bytes().end());
  std::copy(older.begin(), older.end(), device_.nor.bytes().begin());
  OpenedStaging later(device_);
  Staging& again = later.staging;
  EXPECT_EQ(again.verify(crypto::sha256(second)), StagingStatus::OldCopy);
  // Dropped, fetched anew: it has another generation, and the last copy has become an older one.
  EXPECT_EQ(again.drop(crypto::sha256(second)), StagingStatus::Ok);
  std::uint32_t offset = 0;
  ASSERT_EQ(again.open(crypto::sha256(second), 30'000, {}, offset), StagingStatus::Ok);
  ASSERT_EQ(again.write(second), StagingStatus::Ok);
  ASSERT_EQ(again.finish(), StagingStatus::Ok);
  std::copy(newer.begin(), newer.end(), device_.nor.bytes().begin());
  restart(later);
  EXPECT_EQ(again.verify(crypto::sha256(second)), StagingStatus::OldCopy);
}

TEST_F(StagingTest, AGenerationNeverComesTwice) {
  // Also when the staging area has become empty in between, and across a restart.
  const Bytes bytes = contents(100, 1);
  ASSERT_EQ(stage(bytes), StagingStatus::Ok);
  const Bytes older(device_.nor.bytes().begin(), device_.nor.bytes().end());
  ASSERT_EQ(staging_.drop(crypto::sha256(bytes)), StagingStatus::Ok);
  OpenedStaging later(device_);
  Staging& again = later.staging;
  std::uint32_t offset = 0;
  ASSERT_EQ(again.open(crypto::sha256(bytes), 100, {}, offset), StagingStatus::Ok);
  ASSERT_EQ(again.write(bytes), StagingStatus::Ok);
  ASSERT_EQ(again.finish(), StagingStatus::Ok);
  std::copy(older.begin(), older.end(), device_.nor.bytes().begin());
  restart(later);
  EXPECT_EQ(again.verify(crypto::sha256(bytes)), StagingStatus::OldCopy);
}

TEST_F(StagingTest, SectorsThatChangePlacesDoNotOpen) {
  const Bytes bytes = contents(20'000, 1);
  ASSERT_EQ(stage(bytes), StagingStatus::Ok);
  const auto nor = device_.nor.bytes();
  std::swap_ranges(nor.begin(), nor.begin() + storage::kNorSectorSize, nor.begin() + storage::kNorSectorSize);
  OpenedStaging later(device_);
  Staging& again = later.staging;
  EXPECT_EQ(again.verify(crypto::sha256(bytes)), StagingStatus::WrongHash);
}

TEST_F(StagingTest, AnotherChipOpensNothing) {
  const Bytes bytes = contents(20'000, 1);
  ASSERT_EQ(stage(bytes), StagingStatus::Ok);
  crypto::set_host_chip(1);
  const crypto::SealingKey other = crypto::device_key(crypto::KeyUse::Staging);
  crypto::set_host_chip(0);
  OpenedVault vault(device_.flash);
  EXPECT_TRUE(vault.mounted);
  Staging clone(device_.nor, vault.store, other, nullptr);
  clone.mount();
  EXPECT_EQ(clone.verify(crypto::sha256(bytes)), StagingStatus::WrongHash);
}

TEST_F(StagingTest, OldObjectsGiveWayButNotThoseStillNeeded) {
  std::vector<Bytes> objects;
  for (std::uint8_t i = 0; i < 4; ++i) objects.push_back(contents(0xF'0000, i));
  for (const Bytes& object : objects) ASSERT_EQ(stage(object), StagingStatus::Ok);
  const std::array keep{crypto::sha256(objects[1]), crypto::sha256(objects[2]), crypto::sha256(objects[3])};
  const Bytes fifth = contents(0xF'0000, 9);
  ASSERT_EQ(stage(fifth, keep), StagingStatus::Ok);
  EXPECT_FALSE(staging_.is_complete(crypto::sha256(objects[0])));
  for (const crypto::Digest& hash : keep) EXPECT_EQ(staging_.verify(hash), StagingStatus::Ok);
  const std::array keep_all{keep[0], keep[1], keep[2], crypto::sha256(fifth)};
  std::uint32_t offset = 0;
  EXPECT_EQ(staging_.open(crypto::Digest{}, 0xF'0000, keep_all, offset), StagingStatus::NoRoom);
}

TEST_F(StagingTest, ProgressOfADroppedObjectIsForgotten) {
  const Bytes bytes = contents(60'000, 5);
  std::uint32_t offset = 0;
  ASSERT_EQ(staging_.open(crypto::sha256(bytes), 60'000, {}, offset), StagingStatus::Ok);
  ASSERT_EQ(staging_.write(std::span(bytes).first(50'000)), StagingStatus::Ok);
  staging_.suspend();
  ASSERT_EQ(staging_.drop(crypto::sha256(bytes)), StagingStatus::Ok);
  ASSERT_EQ(stage(contents(60'000, 6)), StagingStatus::Ok);  // takes the same sectors
  ASSERT_EQ(staging_.open(crypto::sha256(bytes), 60'000, {}, offset), StagingStatus::Ok);
  EXPECT_EQ(offset, 0u);
}

}  // namespace
}  // namespace microvisor::firmware::update

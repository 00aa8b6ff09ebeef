// What the kernel asks for when it fetches a release, and what becomes of layers that come in a transfer
// encoding. The whole way over the link: tests/link/kernel_update_test.cpp.
#include "firmware/upgrader/kernel_updater.hpp"

#include <gtest/gtest.h>

#include "firmware/upgrader/testing/device.hpp"
#include "protocol/transfer/encoder.hpp"

namespace microvisor::firmware::upgrader {
namespace {

using protocol::transfer::kSegmentBytes;
using testing::Bytes;
using testing::Device;
using testing::Release;
using update::ObjectRequest;
using update::UpdateError;

/// One life of a kernel of old_release(), up to the request for the new kernel's layer.
struct Life {
  Life(Device& device, const Release& wanted) : opened(device), release(wanted) {
    const Bytes& runs = testing::old_release().kernel;
    updater.emplace(device.flash, opened.store, opened.staging, decoding, testing::vendor().point);
    updater->mount(
        {testing::old_release().hash(), 2, crypto::sha256(runs), static_cast<std::uint32_t>(runs.size())});
    EXPECT_TRUE(updater->begin(release.hash(), {}, true));
    manifest = updater->next_object();
    if (manifest && manifest->is_manifest) {
      EXPECT_EQ(fetch(*manifest, release.envelope(), false), UpdateError::None);
    }
  }
  /// As the link does it, in pieces of 1000 bytes.
  UpdateError fetch(const ObjectRequest& request, const Bytes& stream, bool encoded) {
    EXPECT_TRUE(updater->open_object(request));
    if (encoded) {
      EXPECT_TRUE(updater->begin_encoding(protocol::transfer::kFormatVersion));
    }
    for (std::size_t at = 0; at < stream.size(); at += 1000) {
      const auto piece = std::span(stream).subspan(at, std::min<std::size_t>(1000, stream.size() - at));
      if (const UpdateError error = updater->write(piece); error != UpdateError::None) return error;
    }
    return updater->close_object();
  }
  [[nodiscard]] bool has(const Bytes& object) { return opened.staging.is_complete(crypto::sha256(object)); }

  testing::OpenedStaging opened;
  update::Decoding decoding{opened.staging, nullptr};
  Release release;
  std::optional<KernelUpdater> updater;
  std::optional<ObjectRequest> manifest;
};

class EncodedRelease : public ::testing::Test {
 protected:
  EncodedRelease() : device_(testing::factory_new()) {
    release_ = testing::new_release();
    release_.kernel = testing::image(kKernel.address(), 60'000, 1);  // begins as the old one does
  }
  static protocol::transfer::Encoding difference(const Bytes& object, const Bytes& base) {
    return protocol::transfer::encode(object, {base, kKernel.address()});
  }

  Device device_;
  Release release_;
  const Bytes& runs_ = testing::old_release().kernel;
};

TEST_F(EncodedRelease, TheKernelIsAskedForAgainstTheOneThatRunsAndTheStagesWithoutABase) {
  Life life(device_, release_);
  ASSERT_TRUE(life.manifest);
  EXPECT_FALSE(life.manifest->accepts_encodings);
  const auto kernel = life.updater->next_object();
  ASSERT_TRUE(kernel && kernel->accepts_encodings);
  EXPECT_EQ(kernel->base.hash, crypto::sha256(runs_));
  EXPECT_EQ(kernel->base.address, kKernel.address());
  EXPECT_TRUE(std::ranges::equal(kernel->base.bytes, runs_));
  ASSERT_EQ(life.fetch(*kernel, release_.kernel, false), UpdateError::None);
  const auto stage = life.updater->next_object();
  ASSERT_TRUE(stage && stage->accepts_encodings);
  EXPECT_TRUE(stage->base.bytes.empty()) << "nobody can read the boot stages now";
}

TEST_F(EncodedRelease, ADifferenceBecomesTheKernelAndTheReleaseIsAskedFor) {
  Life life(device_, release_);
  const Bytes stream = difference(release_.kernel, runs_).stream();
  EXPECT_LT(stream.size(), release_.kernel.size());
  ASSERT_EQ(life.fetch(*life.updater->next_object(), stream, true), UpdateError::None);
  EXPECT_TRUE(life.has(release_.kernel));
  for (const Bytes* stage : {&release_.bootrom, &release_.upgrader}) {
    const Bytes compressed = protocol::transfer::encode(*stage, {}).stream();
    ASSERT_EQ(life.fetch(*life.updater->next_object(), compressed, true), UpdateError::None);
  }
  EXPECT_FALSE(life.updater->next_object());
  EXPECT_EQ(life.updater->mark_ready(), UpdateError::None);
  EXPECT_EQ(device_.update_record().phase, Phase::Requested);
}

TEST_F(EncodedRelease, AnEncodingThatIsNoGoodGivesWayToTheKernelItself) {
  Bytes other = runs_;
  for (std::size_t i = 0; i < other.size(); i += 97) other[i] ^= 0xFF;
  Bytes shorter(runs_.begin(), runs_.end() - 1000);
  Bytes disturbed = difference(release_.kernel, runs_).stream();
  disturbed[disturbed.size() / 2] ^= 0x10;
  const Bytes another_kernel = difference(testing::image(kKernel.address(), 60'000, 9), runs_).stream();
  for (const Bytes& stream : {difference(release_.kernel, other).stream(),
                              difference(release_.kernel, shorter).stream(), disturbed, another_kernel}) {
    Device device(device_);
    Life life(device, release_);
    EXPECT_EQ(life.fetch(*life.updater->next_object(), stream, true), UpdateError::Hash);
    ASSERT_EQ(life.updater->phase(), update::Phase::Fetching) << "it goes on";
    EXPECT_FALSE(life.has(release_.kernel));
    const auto again = life.updater->next_object();
    ASSERT_TRUE(again);
    EXPECT_FALSE(again->accepts_encodings);
    EXPECT_FALSE(life.updater->open_object(*again) && life.updater->begin_encoding(1)) << "not asked for";
    life.updater->interrupt_object();
    EXPECT_EQ(life.fetch(*again, release_.kernel, false), UpdateError::None);
    EXPECT_TRUE(life.has(release_.kernel));
  }
}

TEST_F(EncodedRelease, WhatIsWrongAsItIsFailsTheUpdate) {
  Life life(device_, release_);
  EXPECT_EQ(life.fetch(*life.updater->next_object(), {1, 2, 3}, true), UpdateError::Hash);
  EXPECT_EQ(life.fetch(*life.updater->next_object(), testing::old_release().kernel, false),
            UpdateError::Hash);
  EXPECT_EQ(life.updater->phase(), update::Phase::Failed);
  EXPECT_EQ(life.updater->error(), UpdateError::Hash);
}

TEST_F(EncodedRelease, GoesOnAtAWholeSegmentAfterAReset) {
  const auto encoding = difference(release_.kernel, runs_);
  {
    Life life(device_, release_);
    ASSERT_TRUE(life.updater->open_object(*life.updater->next_object()));
    ASSERT_TRUE(life.updater->begin_encoding(1));
    const Bytes stream = encoding.stream();
    for (std::size_t at = 0; life.opened.staging.written() < 2 * kSegmentBytes + 9'000; ++at)
      ASSERT_EQ(life.updater->write(std::span(stream).subspan(at, 1)), UpdateError::None);
  }  // and the power fails
  Life life(device_, release_);
  const auto request = life.manifest;  // it was there already
  ASSERT_TRUE(request && !request->is_manifest && request->accepts_encodings);
  const auto offset = life.updater->open_object(*request);
  ASSERT_TRUE(offset);
  EXPECT_GE(*offset, 2 * kSegmentBytes);
  life.updater->interrupt_object();
  const Bytes rest = encoding.stream(*offset / kSegmentBytes);
  ASSERT_EQ(life.fetch(*request, rest, true), UpdateError::None);
  EXPECT_TRUE(life.has(release_.kernel));
}

}  // namespace
}  // namespace microvisor::firmware::upgrader

// Trust anchors: a new set replaces the old one whole, or not at all.
#include "firmware/vault/trust_anchors.hpp"

#include <gtest/gtest.h>

#include "firmware/layout.hpp"
#include "firmware/storage/testing/flash_model.hpp"

namespace microvisor::firmware::vault {
namespace {

using storage::testing::CutId;
using storage::testing::FlashModel;
using storage::testing::PowerCut;
using storage::testing::PowerSupply;

TrustAnchors anchors_of(std::uint32_t count, std::uint8_t fill) {
  TrustAnchors anchors;
  anchors.count = count;
  for (std::uint32_t i = 0; i < count; ++i) {
    anchors.manifest_signers[i].fill(static_cast<std::uint8_t>(fill + i));
    anchors.manifest_signers[i][0] = 4;
  }
  return anchors;
}

TEST(TrustAnchors, FindsByKeyId) {
  // Key id of the base point of P-256, from the specification of bundles: 0ed2cad46ded7d8c.
  static constexpr crypto::PublicKey kBasePoint{
      0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
      0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f,
      0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce,
      0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5};
  TrustAnchors anchors = anchors_of(2, 9);
  anchors.manifest_signers[1] = kBasePoint;
  EXPECT_EQ(anchors.find(0x0ed2'cad4'6ded'7d8c), &anchors.manifest_signers[1]);
  EXPECT_EQ(anchors.find(1), nullptr);
}

TEST(TrustAnchors, TheNewestSetCounts) {
  PowerSupply power;
  FlashModel flash(power);
  TrustAnchors read;
  EXPECT_FALSE(read_trust_anchors(flash, read));
  for (std::uint32_t i = 1; i < 10; ++i) {
    TrustAnchors anchors = anchors_of(i % (kMaximumManifestSigners + 1), static_cast<std::uint8_t>(i));
    ASSERT_TRUE(write_trust_anchors(flash, anchors));
    ASSERT_TRUE(read_trust_anchors(flash, read));
    EXPECT_EQ(read.generation, i);
    EXPECT_EQ(read.count, anchors.count);
    EXPECT_EQ(read.manifest_signers, anchors.manifest_signers);
  }
}

TEST(TrustAnchors, RemembersTheLatestThatWereRemoved) {
  PowerSupply power;
  FlashModel flash(power);
  TrustAnchors anchors = anchors_of(3, 1);
  for (std::uint64_t id = 100; id < 100 + kRememberedSigners + 2; ++id) anchors.remember_removed(id);
  anchors.remember_removed(105);  // again
  ASSERT_TRUE(write_trust_anchors(flash, anchors));
  TrustAnchors read;
  ASSERT_TRUE(read_trust_anchors(flash, read));
  EXPECT_EQ(read.removed_count, kRememberedSigners);
  EXPECT_FALSE(read.was_removed(101));
  for (std::uint64_t id = 102; id < 100 + kRememberedSigners + 2; ++id) EXPECT_TRUE(read.was_removed(id));
  EXPECT_EQ(read.manifest_signers, anchors.manifest_signers);
}

TEST(TrustAnchors, PowerLossLeavesOldOrNew) {
  PowerSupply setup_power;
  FlashModel setup(setup_power);
  TrustAnchors older = anchors_of(2, 1);
  TrustAnchors old = anchors_of(3, 2);
  ASSERT_TRUE(write_trust_anchors(setup, older));
  ASSERT_TRUE(write_trust_anchors(setup, old));
  const std::uint64_t before = setup_power.operations();
  TrustAnchors fresh = anchors_of(4, 3);
  {
    FlashModel trial(setup, setup_power);
    ASSERT_TRUE(write_trust_anchors(trial, fresh));
  }
  const std::uint64_t operations = setup_power.operations() - before;
  for (std::uint64_t operation = 1; operation <= operations; ++operation) {
    for (std::uint32_t seed = 0; seed < 40; ++seed) {
      const CutId id{operation, seed};
      SCOPED_TRACE("MICROVISOR_REPLAY=" + id.text());
      PowerSupply power;
      FlashModel flash(setup, power);
      power.cut(id);
      EXPECT_THROW((void)write_trust_anchors(flash, fresh), PowerCut);
      TrustAnchors read;
      ASSERT_TRUE(read_trust_anchors(flash, read));
      const bool is_old = read.count == 3 && read.manifest_signers == old.manifest_signers;
      const bool is_new = read.count == 4 && read.manifest_signers == fresh.manifest_signers;
      ASSERT_TRUE(is_old || is_new);
      ASSERT_TRUE(write_trust_anchors(flash, fresh));
      ASSERT_TRUE(read_trust_anchors(flash, read));
      ASSERT_EQ(read.count, 4u);
    }
  }
}

}  // namespace
}  // namespace microvisor::firmware::vault

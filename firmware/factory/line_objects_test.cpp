// Applications that the production line has left in the external flash: taken after the same checks as those
// from the cloud, whatever somebody has made of them, and through power cuts.
#include "firmware/factory/line_objects.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "firmware/image/line_image.hpp"
#include "firmware/update/testing/device.hpp"

namespace microvisor::firmware::factory {
namespace {

using image::LineBundle;
using update::Phase;
using update::UpdateError;
using update::testing::Application;
using update::testing::layer;
using update::testing::Life;
using update::testing::Memories;
using update::testing::owner_anchors;

LineBundle bundle_of(const Application& application) {
  LineBundle bundle{application.hash, {{application.hash, application.manifest}}};
  for (const auto& each : application.layers)
    bundle.objects.push_back({crypto::sha256(each.data), each.data});
  return bundle;
}

class LineObjectsTest : public testing::Test {
 protected:
  LineObjectsTest() {
    const LineBundle test = bundle_of(test_);
    const LineBundle product = bundle_of(product_);
    const auto image = image::build_line_image(&test, &product);
    start_ = device_.nor.size() - static_cast<std::uint32_t>(image.size());
    std::ranges::copy(image, device_.nor.bytes().begin() + start_);
  }

  [[nodiscard]] std::uint32_t directory() const { return device_.nor.size() - storage::kNorSectorSize; }
  [[nodiscard]] std::uint8_t& byte(std::uint32_t at) { return device_.nor.bytes()[at]; }
  UpdateError stage(const Application& application) {
    LineObjects line(device_.nor);
    if (!line.mount()) return UpdateError::Storage;
    Life life(device_);
    return line.stage(life.updater, application.hash, owner_anchors());
  }
  /// What the next start makes of it.
  [[nodiscard]] bool installs(const Application& application) {
    return Life(device_).updater.install_pending() == UpdateError::None &&
           update::testing::bank_holds(device_.flash, application);
  }

  Memories device_{kNorSize};
  const update::testing::LayerFields shared_ = layer(0x8'0000, 0x8'0000, 5'000, 3);
  Application test_{{layer(0, 0x8'0000, 20'000, 1), shared_}};
  Application product_{{layer(0, 0x8'0000, 30'001, 2), shared_}};
  std::uint32_t start_ = 0;
};

TEST_F(LineObjectsTest, BothApplicationsAreInstalledFromThere) {
  LineObjects line(device_.nor);
  ASSERT_TRUE(line.mount());
  EXPECT_EQ(line.test(), test_.hash);
  EXPECT_EQ(line.product(), product_.hash);
  ASSERT_EQ(stage(test_), UpdateError::None);
  EXPECT_TRUE(installs(test_));
  ASSERT_EQ(stage(product_), UpdateError::None);
  EXPECT_EQ(Life(device_).updater.phase(), Phase::Ready);
  EXPECT_EQ(stage(product_), UpdateError::None) << "staged already";
  EXPECT_TRUE(installs(product_));
}

TEST_F(LineObjectsTest, AreErasedAndThenGone) {
  LineObjects line(device_.nor);
  ASSERT_TRUE(line.mount());
  ASSERT_TRUE(line.erase());
  EXPECT_TRUE(std::ranges::all_of(device_.nor.bytes(), [](std::uint8_t value) { return value == 0xFF; }));
  EXPECT_FALSE(LineObjects(device_.nor).mount());
}

TEST_F(LineObjectsTest, AnyBitOfTheDirectoryCounts) {
  // Two manifests, three layers: one is in both applications.
  const std::uint32_t size = kLineHeaderSize + 5 * kLineEntrySize + 4;
  for (std::uint32_t at = directory(); at < directory() + size; ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      byte(at) ^= static_cast<std::uint8_t>(1 << bit);
      ASSERT_FALSE(LineObjects(device_.nor).mount()) << at << " bit " << bit;
      byte(at) ^= static_cast<std::uint8_t>(1 << bit);
    }
  }
  EXPECT_TRUE(LineObjects(device_.nor).mount());
}

TEST_F(LineObjectsTest, ChangedBytesAreRefused) {
  byte(start_ + 10) ^= 1;  // the test application's manifest is the first object
  EXPECT_EQ(stage(test_), UpdateError::Hash);
  EXPECT_EQ(Life(device_).updater.phase(), Phase::Failed);
  EXPECT_EQ(stage(test_), UpdateError::None) << "it has failed and is not tried again";
  EXPECT_EQ(Life(device_).updater.phase(), Phase::Failed);
}

TEST_F(LineObjectsTest, ForeignApplicationsAreRefused) {
  Application foreign = product_;
  foreign.manifest =
      manifest::testing::application_manifest(manifest::testing::SigningKey(0x77), foreign.layers);
  foreign.hash = crypto::sha256(foreign.manifest);
  const LineBundle bundle = bundle_of(foreign);
  std::ranges::fill(device_.nor.bytes(), std::uint8_t{0xFF});
  const auto image = image::build_line_image(nullptr, &bundle);
  std::ranges::copy(image, device_.nor.bytes().end() - static_cast<std::ptrdiff_t>(image.size()));
  EXPECT_EQ(stage(foreign), UpdateError::UnknownSigner);
}

TEST_F(LineObjectsTest, AnObjectThatIsNotThereEndsIt) {
  const LineBundle whole = bundle_of(product_);
  LineBundle cut = whole;
  cut.objects.pop_back();
  const auto image = image::build_line_image(nullptr, &cut);
  std::ranges::fill(device_.nor.bytes(), std::uint8_t{0xFF});
  std::ranges::copy(image, device_.nor.bytes().end() - static_cast<std::ptrdiff_t>(image.size()));
  EXPECT_EQ(stage(product_), UpdateError::Fetch);
  EXPECT_EQ(Life(device_).updater.phase(), Phase::Failed);
}

TEST_F(LineObjectsTest, PowerCutsDelayIt) {
  // Each life comes one operation further than the one before.
  std::uint64_t lives = 0;
  for (bool staged = false; !staged; ++lives) {
    device_.power.cut({lives + 1, 1});
    try {
      staged = stage(product_) == UpdateError::None;
      ASSERT_TRUE(staged);
    } catch (const storage::testing::PowerCut&) {
    }
  }
  device_.power.never_cut();
  EXPECT_GT(lives, 10u);
  EXPECT_TRUE(installs(product_));
}

TEST(LineImage, RefusesWhatDoesNotFit) {
  LineBundle bundle;
  bundle.objects.push_back({{}, std::vector<std::uint8_t>(kApplicationNorSize)});
  EXPECT_THROW((void)image::build_line_image(nullptr, &bundle), std::invalid_argument);
  bundle.objects.clear();
  for (std::uint8_t i = 0; i <= kMaximumLineObjects; ++i) bundle.objects.push_back({{i}, {1}});
  EXPECT_THROW((void)image::build_line_image(&bundle, nullptr), std::invalid_argument);
}

}  // namespace
}  // namespace microvisor::firmware::factory

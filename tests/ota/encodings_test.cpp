// Updates in transfer encodings over the whole system: the command's cloud, and the board with the shipped
// images in a process of its own. How many bytes travel, and where the device ends.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

#include "cli/files.hpp"
#include "cloud/store/sqlite.hpp"
#include "protocol/bundle/crypto.hpp"
#include "tests/ota/rig.hpp"

namespace microvisor::tests {
namespace {

using protocol::Bytes;

/// demo_v2: a small program, and 256 KiB of numbers that do not compress.
const protocol::Bundle& original() {
  static const protocol::Bundle bundle = cli::load_application(MICROVISOR_DEMO);
  return bundle;
}

/// The same program with one byte in `every` of the numbers changed to anything.
protocol::Bundle changed(const protocol::Bundle& bundle, std::size_t every, unsigned seed) {
  Bytes image = bundle.layers.at(0).bytes;
  // The first number (examples/applications/demo/ballast.cpp) is 1664525 + 1013904223.
  const std::array<std::uint8_t, 4> first{0x6C, 0x59, 0x88, 0x3C};
  const auto ballast = std::search(image.begin(), image.end(), first.begin(), first.end());
  if (std::distance(ballast, image.end()) < 256 * 1024) throw std::runtime_error("no numbers in the image");
  std::mt19937 random(seed);
  for (auto byte = ballast + 4; byte < ballast + 256 * 1024; byte += static_cast<std::ptrdiff_t>(every))
    *byte = static_cast<std::uint8_t>(random());
  return *protocol::make_bundle(image, {});
}

class OtaEncodings : public testing::Test {
 protected:
  OtaEncodings() : rig_(MICROVISOR_PROGRAM, scratch_.path()) {
    rig_.board().start();
    app_ = rig_.upload(original(), "original");
    rig_.deploy(app_);
    rig_.require_running(app_);
  }
  ~OtaEncodings() override { scratch_.keep = HasFailure(); }

  [[nodiscard]] std::size_t sent() { return update().at("bytes_sent"); }
  [[nodiscard]] std::size_t total() { return update().at("bytes_total"); }
  void update_to(const protocol::Bundle& bundle, const std::string& name) {
    const std::string next = rig_.upload(bundle, name);
    rig_.deploy(next);
    rig_.require_running(next);
  }

  Scratch scratch_;
  Rig rig_;
  std::string app_;

 private:
  nlohmann::json update() { return rig_.device().at("update"); }
};

TEST_F(OtaEncodings, ASmallChangeTravelsAsASmallDifference) {
  EXPECT_GT(sent(), total() / 2) << "the first one: there is nothing to compare with";
  update_to(changed(original(), 1000, 1), "small change");
  EXPECT_GT(total(), 256U * 1024);
  EXPECT_LT(sent(), total() / 50) << "263 bytes are new";
  EXPECT_GT(sent(), 263U);
}

TEST_F(OtaEncodings, ADeviceThatRunsSomethingElseThanTheCloudThinksIsSentTheWholeThing) {
  rig_.with_cloud_stopped([](const std::filesystem::path& data) {
    // The layer that the device runs, as the cloud has it, is damaged: it has the name and not the hash.
    Bytes damaged = original().layers.at(0).bytes;
    damaged[1000] ^= 1;
    cloud::Database database(data / "microvisor.db");
    auto update = database.prepare("UPDATE objects SET content = ? WHERE hash = ?");
    update.bind(protocol::ByteView(damaged)).bind(protocol::ByteView(original().layers.at(0).hash)).step();
    ASSERT_EQ(database.changes(), 1);
  });
  update_to(changed(original(), 1000, 2), "small change");
  EXPECT_GT(sent(), total() / 2);
}

TEST_F(OtaEncodings, ADifferenceThatBreaksOffGoesOn) {
  // One byte in four is new: 64 KiB at least, and at most twice that with what says where they go.
  const std::string next = rig_.upload(changed(original(), 4, 3), "large change");
  const auto before = rig_.flash().nor_operations();
  rig_.deploy(next);
  // Half of the sectors of 4 KiB have been erased and programmed (17 operations each).
  ASSERT_TRUE(await(kGlance, [&] { return rig_.flash().nor_operations() > before + 33 * 17; }));
  rig_.board().kill();
  ASSERT_EQ(rig_.flash().journal().phase, "Fetching");
  rig_.board().start();
  rig_.require_running(next);
  const std::size_t whole = 128 * 1024;
  EXPECT_GT(sent(), 64U * 1024);
  EXPECT_LT(sent(), whole + 48 * 1024) << "what was under way and one segment are sent twice, not all of it";
}

}  // namespace
}  // namespace microvisor::tests

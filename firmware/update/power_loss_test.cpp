// The promise of updates: power lost at any operation on any memory, the device comes back with the old or
// the new application, whole, and gets to the new one without help. A failing case prints
// MICROVISOR_REPLAY=operation:seed; set it and run the same test to repeat exactly that case.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "firmware/update/testing/device.hpp"

namespace microvisor::firmware::update {
namespace {

using storage::testing::CutId;
using storage::testing::PowerCut;
using testing::Application;
using testing::Life;
using testing::Memories;

/// A device that runs `old` and has been told to run `fresh`, whose layers come as they are or encoded.
class Scenario {
 public:
  Scenario(Application old, Application fresh, bool encoded)
      : old_(std::move(old)), fresh_(std::move(fresh)) {
    if (encoded) encode_ = testing::against(old_);
    // The external flash comes with whatever was in it before, the application's files too.
    std::mt19937 random(5);
    for (std::uint8_t& byte : device_.nor.bytes()) byte = static_cast<std::uint8_t>(random());
    EXPECT_TRUE(testing::install(device_, old_));
    Life life(device_);
    life.updater.set_reported();
    testing::set_layer_key(life.store, true);
    files_ = external_flash(device_);
  }

  /// Operations of an update that nothing disturbs.
  std::uint64_t operations() {
    Memories device(device_);
    update(device);
    EXPECT_TRUE(testing::bank_holds(device.flash, fresh_));
    EXPECT_TRUE(testing::external_flash_holds(device.nor, fresh_));
    return device.power.operations();
  }

  void run(const CutId& id) { run_with_cuts({id}); }

  void check_journal(const CutId& id) {
    SCOPED_TRACE("operation " + id.text());
    Memories device(device_);
    device.power.cut(id);
    try {
      update(device);
    } catch (const PowerCut&) {
    }
    device.power.never_cut();
    Life life(device);
    const auto& installed = life.updater.installed();
    if (life.updater.phase() < Phase::Erasing) {
      ASSERT_TRUE(testing::bank_holds(device.flash, old_));
      ASSERT_EQ(external_flash(device), files_);
      ASSERT_TRUE(installed && installed->manifest_hash == old_.hash);
    } else if (installed && installed->manifest_hash == fresh_.hash) {
      ASSERT_TRUE(testing::bank_holds(device.flash, fresh_));
      ASSERT_TRUE(testing::external_flash_holds(device.nor, fresh_));
    }
  }

  /// Power cuts one after the other, each counted from the start of its life; then the update must come to
  /// its end.
  void run_with_cuts(const std::vector<CutId>& cuts) {
    std::string trace = "MICROVISOR_REPLAY=";
    for (const CutId& id : cuts) trace += id.text() + " ";
    SCOPED_TRACE(trace);
    Memories device(device_);
    bool was_new = false;
    for (const CutId& id : cuts) {
      device.power.cut(id);
      try {
        update(device);
      } catch (const PowerCut&) {
      }
      ASSERT_FALSE(::testing::Test::HasFatalFailure());
    }
    device.power.never_cut();
    check_start(device, was_new);
    update(device);
    ASSERT_TRUE(testing::bank_holds(device.flash, fresh_)) << "the update must come to its end by itself";
    check_start(device, was_new);
    ASSERT_TRUE(was_new);
  }

 private:
  /// What a device does from power-on: finish what is pending, then fetch what is assigned, reset, install.
  void update(Memories& device) {
    {
      Life life(device);
      ASSERT_TRUE(life.mounted);
      (void)life.updater.install_pending();
      if (life.updater.installed() && life.updater.installed()->manifest_hash == fresh_.hash) return;
      life.encode = encode_;
      ASSERT_EQ(life.fetch(fresh_), UpdateError::None);
    }
    Life life(device);
    ASSERT_TRUE(life.mounted);
    ASSERT_EQ(life.updater.install_pending(), UpdateError::None);
  }

  /// After a start: exactly the old or exactly the new application, and the device knows which.
  void check_start(Memories& device, bool& is_new) {
    Life life(device);
    ASSERT_TRUE(life.mounted);
    (void)life.updater.install_pending();
    ASSERT_TRUE(life.updater.installed())
        << "no application, phase " << static_cast<int>(life.updater.phase());
    ASSERT_EQ(life.updater.check_application(), crypto::Verdict::Valid);
    is_new = life.updater.installed()->manifest_hash == fresh_.hash;
    ASSERT_TRUE(is_new || life.updater.installed()->manifest_hash == old_.hash);
    ASSERT_TRUE(testing::bank_holds(device.flash, is_new ? fresh_ : old_));
    if (is_new) {
      ASSERT_TRUE(testing::external_flash_holds(device.nor, fresh_));
      ASSERT_EQ(untouched(external_flash(device)), untouched(files_));
    } else {
      ASSERT_EQ(external_flash(device), files_);
    }
    manifest::ApplicationManifest manifest;
    ASSERT_TRUE(life.updater.installed_manifest(manifest));
    ASSERT_EQ(manifest.layer_count, is_new ? fresh_.layers.size() : old_.layers.size());
  }

  static constexpr std::uint32_t kExternalSize = 0x8000;

  static testing::Bytes external_flash(Memories& device) {
    const auto bytes = device.nor.bytes().subspan(kApplicationNor, kExternalSize);
    return {bytes.begin(), bytes.end()};
  }
  /// Without the regions that the new application's manifest names.
  [[nodiscard]] testing::Bytes untouched(testing::Bytes bytes) const {
    for (const auto& layer : fresh_.layers) {
      if (layer.external) std::fill_n(bytes.begin() + layer.start, layer.size, std::uint8_t{0});
    }
    return bytes;
  }

  Memories device_{kApplicationNor + kExternalSize};
  const Application old_;
  const Application fresh_;
  testing::Encode encode_;
  testing::Bytes files_;  // what the old application finds in the external flash
};

Scenario& scenario() {
  static Scenario value(
      Application{{testing::layer(0, 0x8000, 26'000, 1), testing::external_layer(0x1000, 0x1000, 4'000, 4)}},
      Application{{testing::layer(0, 0x6000, 19'000, 2), testing::layer(0x8000, 0x2000, 3'001, 3),
                   testing::external_layer(0x1000, 0x2000, 6'000, 5),
                   testing::external_layer(0x5000, 0x1000, 700, 6)}},
      false);
  return value;
}

/// The first layer is a later version of what runs and comes as a difference over three segments, the others
/// compressed: nothing runs where they go.
Scenario& encoded_scenario() {
  static const testing::LayerFields layer = testing::layer(0, 0x9000, 34'000, 1);
  static Scenario value(Application{{layer}},
                        Application{{testing::later_version(layer), testing::layer(0xA000, 0x2000, 3'001, 3),
                                     testing::external_layer(0x5000, 0x1000, 700, 6)}},
                        true);
  return value;
}

/// Two encrypted layers, one of them for the external flash, beside one that is not.
Scenario& encrypted_scenario() {
  static Scenario value(
      Application{{testing::layer(0, 0x8000, 26'000, 1), testing::external_layer(0x1000, 0x1000, 4'000, 4)}},
      Application{{testing::encrypted(testing::layer(0, 0x6000, 13'000, 2)),
                   testing::layer(0x8000, 0x2000, 3'001, 3),
                   testing::encrypted(testing::external_layer(0x1000, 0x2000, 6'000, 5))}},
      false);
  return value;
}

/// Each operation `part` of `parts`, so that CTest runs the parts beside each other.
void run_part(Scenario& scenario, std::uint64_t part, std::uint64_t parts) {
  if (const std::optional<CutId> id = storage::testing::replay_id()) return scenario.run(*id);
  const std::uint64_t operations = scenario.operations();
  ASSERT_GT(operations, 300u);
  for (std::uint64_t operation = 1 + part; operation <= operations; operation += parts) {
    for (std::uint32_t seed = 0; seed < 2; ++seed) {
      scenario.run({operation, seed});
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(PowerLoss, AtEveryOperationPart1) { run_part(scenario(), 0, 4); }
TEST(PowerLoss, AtEveryOperationPart2) { run_part(scenario(), 1, 4); }
TEST(PowerLoss, AtEveryOperationPart3) { run_part(scenario(), 2, 4); }
TEST(PowerLoss, AtEveryOperationPart4) { run_part(scenario(), 3, 4); }
TEST(PowerLoss, AtEveryOperationOfAnEncodedUpdatePart1) { run_part(encoded_scenario(), 0, 4); }
TEST(PowerLoss, AtEveryOperationOfAnEncodedUpdatePart2) { run_part(encoded_scenario(), 1, 4); }
TEST(PowerLoss, AtEveryOperationOfAnEncodedUpdatePart3) { run_part(encoded_scenario(), 2, 4); }
TEST(PowerLoss, AtEveryOperationOfAnEncodedUpdatePart4) { run_part(encoded_scenario(), 3, 4); }
TEST(PowerLoss, AtEveryOperationOfAnEncryptedUpdatePart1) { run_part(encrypted_scenario(), 0, 4); }
TEST(PowerLoss, AtEveryOperationOfAnEncryptedUpdatePart2) { run_part(encrypted_scenario(), 1, 4); }
TEST(PowerLoss, AtEveryOperationOfAnEncryptedUpdatePart3) { run_part(encrypted_scenario(), 2, 4); }
TEST(PowerLoss, AtEveryOperationOfAnEncryptedUpdatePart4) { run_part(encrypted_scenario(), 3, 4); }

TEST(PowerLoss, TheJournalSaysWhatIsHappening) {
  // Wherever the power fails: if bank 1 is not exactly the old application any more, the journal says at
  // least Erasing, and it names the new application as installed only if bank 1 is exactly that.
  const std::uint64_t operations = scenario().operations();
  for (std::uint64_t operation = 1; operation <= operations; operation += 3) {
    scenario().check_journal({operation, 1});
    if (::testing::Test::HasFatalFailure()) return;
  }
}

/// Up to six cuts in a row, the later ones mostly during recovery. The seed of the whole run is in the trace.
void run_again_and_again(Scenario& scenario, std::uint32_t seeds) {
  const std::uint64_t operations = scenario.operations();
  for (std::uint32_t seed = 0; seed < seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    std::vector<CutId> cuts;
    for (unsigned i = 0, count = 2 + random() % 5; i < count; ++i) {
      cuts.push_back({1 + random() % operations, static_cast<std::uint32_t>(random() % 1000)});
    }
    scenario.run_with_cuts(cuts);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(PowerLoss, AgainAndAgain) { run_again_and_again(scenario(), 60); }
TEST(PowerLoss, AgainAndAgainOfAnEncodedUpdate) { run_again_and_again(encoded_scenario(), 30); }
TEST(PowerLoss, AgainAndAgainOfAnEncryptedUpdate) { run_again_and_again(encrypted_scenario(), 30); }

}  // namespace
}  // namespace microvisor::firmware::update

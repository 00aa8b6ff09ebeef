// Installing an application on the virtual board: the kernel image with its own drivers of flash and NOR, and
// the power failing in the middle.
//
// What the link would have left behind (a verified update in the staging area) is made on the host with the
// device's own code, and copied into the memories of a device that then starts. docs/update.md says what has
// to come out.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <set>

#include "firmware/crypto/device_key_host.hpp"
#include "firmware/layout.hpp"
#include "firmware/update/testing/device.hpp"
#include "tests/boot/chip_keys.hpp"
#include "tests/boot/device.hpp"

namespace microvisor::tests {
namespace {

namespace up = firmware::update;
using firmware::storage::testing::FlashModel;
using firmware::storage::testing::NorModel;
using firmware::storage::testing::PowerSupply;

/// More than start and installation take together.
constexpr std::uint64_t kInstallBudget = 400'000'000;
constexpr std::uint64_t kSlice = 500'000;

void put_word(std::vector<std::uint8_t>& bytes, std::size_t at, std::uint32_t value) {
  for (unsigned i = 0; i < 4; ++i) bytes[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
}

/// An application that only spins: vectors, "b ." and much data behind it.
up::testing::LayerFields spinning_layer(std::size_t size, std::uint32_t seed) {
  up::testing::LayerFields layer = up::testing::layer(0, firmware::kApplicationFlashSize, size, seed);
  for (unsigned vector = 1; vector < 142; ++vector) put_word(layer.data, 4 * vector, 0x0800'0401);
  put_word(layer.data, 0, 0x2008'0000);
  put_word(layer.data, 0x400, 0xE7FE'E7FE);
  return layer;
}

/// Of the application's part of the external flash, as far as these tests look at it.
constexpr std::uint32_t kExternalSize = 0x8000;
constexpr std::uint8_t kStored = 0x5A;

/// A device that runs `installed` and has `staged` ready, made once and copied for each case.
class Prepared {
 public:
  Prepared() : flash_(power_), nor_(power_, firmware::kApplicationNor + kExternalSize) {
    // What the application has stored: no region of an update may read back as anything of this.
    std::fill(nor_.bytes().begin() + firmware::kApplicationNor, nor_.bytes().end(), kStored);
    firmware::crypto::set_host_chip([](firmware::crypto::KeyUse use) { return chip_key(kDeviceSeed, use); });
    EXPECT_TRUE(up::testing::install(flash_, nor_, installed));
    EXPECT_EQ(up::testing::Life(flash_, nor_).fetch(staged), up::UpdateError::None);
  }
  void copy_to(Device& device) {
    const auto journal = flash_.bytes(firmware::kVaultJournal.address(), firmware::kVaultJournal.size());
    device.write(firmware::kVaultJournal.address(), journal);
    const std::uint32_t bank1 = firmware::kMicrovisorFlash - firmware::kApplicationFlashSize;
    device.write(bank1, flash_.bytes(firmware::kApplicationFlash, firmware::kApplicationFlashSize));
    device.write_nor(firmware::kStaging, nor_.bytes().first(firmware::kStagingSize));
    device.write_nor(firmware::kApplicationNor, nor_.bytes().subspan(firmware::kApplicationNor));
  }

  const up::testing::Application installed{{spinning_layer(60'000, 1)}};
  const up::testing::Application staged{{spinning_layer(100'003, 2),
                                         up::testing::external_layer(0x1000, 0x3000, 9'001, 3),
                                         up::testing::external_layer(0x6000, 0x1000, 4'096, 4)}};

 private:
  PowerSupply power_;
  FlashModel flash_;
  NorModel nor_;
};

Prepared& prepared() {
  static Prepared value;
  return value;
}

/// Both memories, and nothing else of the external flash has changed.
bool holds(Device& device, const up::testing::Application& application) {
  std::vector<std::uint8_t> external(kExternalSize, kStored);
  for (const auto& layer : application.layers) {
    if (!layer.external) continue;
    std::fill_n(external.begin() + layer.start, layer.size, std::uint8_t{0xFF});
    std::copy(layer.data.begin(), layer.data.end(), external.begin() + layer.start);
  }
  const auto bank = device.application_bank();
  return std::equal(bank.begin(), bank.end(), application.flash.begin()) &&
         device.read_nor(firmware::kApplicationNor, kExternalSize) == external;
}

/// Runs until the journal says Installed; the phases seen on the way, and when each was first seen.
std::vector<std::pair<std::string, std::uint64_t>> run_to_installed(Device& device) {
  std::vector<std::pair<std::string, std::uint64_t>> phases;
  const std::uint64_t start = device.instructions();
  while (device.instructions() - start < kInstallBudget) {
    device.run(kSlice);
    if (device.end() != board::RunEnd::Limit) break;
    if (!device.handed_over()) continue;
    const std::string phase = device.journal().phase;
    if (phases.empty() || phases.back().first != phase)
      phases.emplace_back(phase, device.instructions() - start);
    if (phase == "Installed") break;
  }
  return phases;
}

TEST(Install, HappensBetweenResetAndTheApplicationsStart) {
  Device device;
  prepared().copy_to(device);
  device.switch_on();
  ASSERT_EQ(device.journal().phase, "Ready");
  const auto phases = run_to_installed(device);
  for (const auto& [phase, at] : phases) {
    std::printf("%s after %llu instructions\n", phase.c_str(), static_cast<unsigned long long>(at));
  }
  ASSERT_FALSE(phases.empty());
  ASSERT_EQ(phases.back().first, "Installed");
  EXPECT_TRUE(holds(device, prepared().staged));
  EXPECT_EQ(device.journal().installed, prepared().staged.hash);
  EXPECT_EQ(device.status().stage, firmware::BootStage::Kernel);
}

TEST(Install, SurvivesPowerCutsWhereverTheyFall) {
  // Two cuts in each phase, one a device. The chip's model leaves torn
  // rows and half-erased pages with ECC errors, so the kernel's NMI handling is part of this.
  Device trial;
  prepared().copy_to(trial);
  trial.switch_on();
  const auto undisturbed = run_to_installed(trial);
  ASSERT_FALSE(undisturbed.empty());
  ASSERT_EQ(undisturbed.back().first, "Installed");
  std::vector<std::uint64_t> cuts;
  for (std::size_t i = 0; i + 1 < undisturbed.size(); ++i) {
    const auto [begin, end] = std::pair(undisturbed[i].second, undisturbed[i + 1].second);
    for (const std::uint64_t part : {1u, 3u}) cuts.push_back(begin + (end - begin) * part / 4 + 977 * part);
  }
  std::set<std::string> seen;
  for (const std::uint64_t at : cuts) {
    SCOPED_TRACE("power cut after " + std::to_string(at) + " instructions");
    Device device;
    prepared().copy_to(device);
    device.switch_on();
    device.run(at);
    seen.insert(device.journal().phase);
    device.power_cycle();
    const auto phases = run_to_installed(device);
    ASSERT_FALSE(phases.empty());
    ASSERT_EQ(phases.back().first, "Installed");
    ASSERT_TRUE(holds(device, prepared().staged));
  }
  EXPECT_TRUE(seen.contains("Erasing"));
  EXPECT_TRUE(seen.contains("Programming"));
  EXPECT_TRUE(seen.contains("Verifying"));
}

TEST(Install, AStagedLayerThatHasDecayedLeavesTheOldApplication) {
  Device device;
  prepared().copy_to(device);
  // Every sector of the staging area loses some bits.
  const std::array<std::uint8_t, 1> byte{0x00};
  for (std::uint32_t offset = 0; offset < firmware::kStagingSize; offset += 4096)
    device.write_nor(offset + 5, byte);
  device.switch_on();
  for (std::uint64_t done = 0; done < kInstallBudget && device.journal().phase == "Ready";
       done += 20 * kSlice) {
    device.run(20 * kSlice);
  }
  EXPECT_EQ(device.journal().phase, "Fetching");
  EXPECT_TRUE(holds(device, prepared().installed));
  EXPECT_EQ(device.journal().installed, prepared().installed.hash);
}

}  // namespace
}  // namespace microvisor::tests

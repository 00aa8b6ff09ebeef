// Updates of Microvisor itself on the virtual board: the shipped preboot, bootroms, upgraders and kernel,
// with what the kernel's half of an update leaves behind (everything staged, the request in the journal and
// the boot record) made on the host with the device's own code.
//
// The new version is the shipped one with a few bytes behind each image (release.hpp); where a test wants a
// new stage that fails, it is a handful of instructions. firmware/upgrader/power_loss_test.cpp loses the
// power at every operation; here it is lost in each phase, so that the chip's torn rows and the drivers are
// part of it.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "firmware/layout.hpp"
#include "firmware/manifest/testing/bundle_maker.hpp"
#include "firmware/storage/bytes.hpp"
#include "firmware/upgrader/update_record.hpp"
#include "tests/boot/device.hpp"
#include "tests/boot/earlier_life.hpp"
#include "tests/boot/release.hpp"

namespace microvisor::tests {
namespace {

namespace fw = firmware;
using fw::Pages;
using fw::update::UpdateError;

/// More than an update with all its resets takes.
constexpr std::uint64_t kBudget = 600'000'000;
constexpr std::uint64_t kSlice = 200'000;

// ---- Images that fail

/// An image that runs nothing but these instructions (Thumb), from its first on.
Bytes image_of(std::uint32_t address, std::initializer_list<std::uint16_t> code) {
  Bytes bytes(0x100, 0x00);
  fw::storage::put32(bytes, 0, fw::kMicrovisorRam + fw::kMicrovisorRamSize);
  fw::storage::put32(bytes, 4, address + 0x81);
  std::size_t at = 0x80;
  for (const std::uint16_t word : code) {
    fw::storage::put16(bytes, at, word);
    at += 2;
  }
  return bytes;
}

/// cpsid i; wfi; b to the wfi: asleep for good.
Bytes hanging(std::uint32_t address) { return image_of(address, {0xB672, 0xBF30, 0xE7FD}); }
/// udf #0: with nothing in the vector table, the core locks up.
Bytes crashing(std::uint32_t address) { return image_of(address, {0xDE00}); }
/// ldr r0, =AIRCR; ldr r1, =VECTKEY | SYSRESETREQ; str r1, [r0]; b . (Armv8-M ARM, AIRCR).
Bytes resetting(std::uint32_t address) {
  return image_of(address, {0x4801, 0x4902, 0x6001, 0xE7FE, 0xED0C, 0xE000, 0x0004, 0x05FA});
}

// ---- Devices

/// Runs until a kernel has been entered that stands in the journal with `phase`; true if it came to that.
bool runs_to(Device& device, const std::string& phase, std::uint64_t budget = kBudget) {
  for (const std::uint64_t start = device.instructions(); device.instructions() - start < budget;) {
    device.run(kSlice);
    if (device.handed_over() && device.journal().kernel_phase == phase) return true;
    if (device.end() != board::RunEnd::Limit && device.end() != board::RunEnd::LockedUp) break;
  }
  const fw::BootStatus status = device.status();
  const fw::image::JournalState journal = device.journal();
  std::printf("phase %s, error %u, stage %u: %s, record 0x%x, end %d\n", journal.kernel_phase.c_str(),
              journal.kernel_error, static_cast<unsigned>(status.stage), fw::describe(status.code),
              status.record, static_cast<int>(device.end()));
  return false;
}

bool holds(Device& device, Pages pages, std::span<const std::uint8_t> image) {
  const auto found = device.microvisor_bank().subspan(pages.address() - fw::kMicrovisorFlash, pages.size());
  return std::equal(image.begin(), image.end(), found.begin());
}

std::vector<std::uint8_t> words_as_bytes(const std::uint32_t (&words)[8]) {
  std::vector<std::uint8_t> bytes(sizeof words);
  std::memcpy(bytes.data(), words, sizeof words);
  return bytes;
}

class UpgradeTest : public ::testing::Test {
 protected:
  void SetUp() override { fw::manifest::testing::initialise_crypto(); }
  /// A device that has been asked for `release` as it stands now.
  void ask(Device& device) {
    release.sign(vendor_key());
    ask_for(device, release);
    device.switch_on();
  }
  /// The new version failed, and what ran before runs again.
  void expect_returned(Device& device) {
    ask(device);
    ASSERT_TRUE(runs_to(device, "Returned"));
    const fw::image::JournalState journal = device.journal();
    EXPECT_EQ(journal.kernel_error, static_cast<std::uint32_t>(UpdateError::TrialFailed));
    EXPECT_EQ(journal.bootrom, 'A');
    EXPECT_FALSE(journal.on_trial);
    EXPECT_TRUE(holds(device, fw::kKernel, shipped(fw::kKernel, fw::kKernel.size())));
  }
  Release release;
};

// ---- Updates

TEST_F(UpgradeTest, ReplacesUpgraderBootromAndKernel) {
  Device device;
  const Bytes old_kernel = shipped(fw::kKernel, fw::kKernel.size());
  ask(device);
  ASSERT_TRUE(runs_to(device, "Trial"));
  std::printf("update of all stages and the kernel: %llu instructions\n",
              static_cast<unsigned long long>(device.instructions()));
  const fw::image::JournalState journal = device.journal();
  EXPECT_EQ(journal.bootrom, 'B');
  EXPECT_EQ(journal.upgrader, 'B');
  EXPECT_TRUE(journal.on_trial);
  EXPECT_TRUE(holds(device, fw::kKernel, release.kernel));
  EXPECT_TRUE(holds(device, fw::kPreviousKernel, old_kernel));
  EXPECT_TRUE(holds(device, fw::kBootromB, half_of(release.bootrom, 'B')));
  EXPECT_TRUE(holds(device, fw::kUpgraderB, half_of(release.upgrader, 'B')));
  EXPECT_TRUE(holds(device, fw::kBootromA, shipped(fw::kBootromA, fw::kBootromA.size())));
  EXPECT_TRUE(holds(device, fw::kUpgraderA, shipped(fw::kUpgraderA, fw::kUpgraderA.size())));
  EXPECT_EQ(device.status().copy, 1u);
}

TEST_F(UpgradeTest, TheBootromLeavesItsMeasurements) {
  Device device;
  ask(device);
  ASSERT_TRUE(runs_to(device, "Trial"));
  const fw::BootMeasurements found = device.measurements();
  ASSERT_EQ(found.magic, fw::kBootMeasurementsMagic);
  EXPECT_EQ(found.record & 1u, 1u) << "bootrom B";
  EXPECT_EQ(found.kernel_version, 9u);
  EXPECT_EQ(found.kernel_size, release.kernel.size());
  EXPECT_EQ(found.ratchet, 0u);
  const auto manifest = fw::crypto::sha256(release.envelope);
  EXPECT_EQ(words_as_bytes(found.kernel_manifest), Bytes(manifest.begin(), manifest.end()));
  const auto kernel = fw::crypto::sha256(release.kernel);
  EXPECT_EQ(words_as_bytes(found.kernel), Bytes(kernel.begin(), kernel.end()));
  const auto expect_pages = [](const auto& words, std::span<const std::uint8_t> half) {
    Bytes pages(half.begin(), half.end());
    pages.resize(fw::kBootromB.size(), 0xFF);  // erased flash reads so (RM0456 section 7.3.5)
    const auto hash = fw::crypto::sha256(pages);
    EXPECT_EQ(words_as_bytes(words), Bytes(hash.begin(), hash.end()));
  };
  expect_pages(found.bootrom, half_of(release.bootrom, 'B'));
  expect_pages(found.upgrader, half_of(release.upgrader, 'B'));
}

// ---- Returns

TEST_F(UpgradeTest, AKernelThatHangsGivesWay) {
  Device device;
  release.kernel = hanging(fw::kKernel.address());
  expect_returned(device);
}

TEST_F(UpgradeTest, AKernelThatLocksUpGivesWay) {
  Device device;
  release.kernel = crashing(fw::kKernel.address());
  expect_returned(device);
}

TEST_F(UpgradeTest, AKernelThatResetsGivesWay) {
  Device device;
  release.kernel = resetting(fw::kKernel.address());
  expect_returned(device);
}

TEST_F(UpgradeTest, ABootromThatHangsGivesWay) {
  Device device;
  release.bootrom = layer_of(hanging(fw::kBootromA.address()), hanging(fw::kBootromB.address()));
  expect_returned(device);
}

TEST_F(UpgradeTest, AKernelThatNeverConnectsGivesItselfUp) {
  Device device;  // without a modem
  ask(device);
  ASSERT_TRUE(runs_to(device, "Trial"));
  ASSERT_TRUE(runs_to(device, "Returned", 4 * kBudget));
  EXPECT_EQ(device.journal().kernel_error, static_cast<std::uint32_t>(UpdateError::NotConnected));
  EXPECT_TRUE(holds(device, fw::kKernel, shipped(fw::kKernel, fw::kKernel.size())));
}

TEST_F(UpgradeTest, AnUpgraderThatHangsGivesWayAndTheUpdateIsRefused) {
  Device device;
  release.upgrader = layer_of(hanging(fw::kUpgraderA.address()), hanging(fw::kUpgraderB.address()));
  ask(device);
  ASSERT_TRUE(runs_to(device, "Refused", 4 * kBudget));
  EXPECT_EQ(device.journal().kernel_error, static_cast<std::uint32_t>(UpdateError::UpgraderFailed));
  EXPECT_EQ(device.journal().upgrader, 'A');
  EXPECT_TRUE(holds(device, fw::kKernel, shipped(fw::kKernel, fw::kKernel.size())));
}

TEST_F(UpgradeTest, AFlippedBitInTheKernelBringsThePreviousOneBack) {
  Device device;
  device.write(fw::kPreviousKernel.address(), kernel_pages());
  device.flip(fw::kKernel.address() + 0x1234, 3);
  device.switch_on();
  ASSERT_TRUE(runs_to(device, "Returned"));
  EXPECT_EQ(device.journal().kernel_error, static_cast<std::uint32_t>(UpdateError::Measurement));
  EXPECT_TRUE(holds(device, fw::kKernel, kernel_pages()));
}

TEST_F(UpgradeTest, TheRatchetIsBurntOnceTheKernelIsConfirmed) {
  Device device;
  release.ratchet = 2;
  release.sign(vendor_key());
  device.write(fw::kKernel.address(), release.kernel);
  device.write(fw::kKernelTrailer, release.trailer());
  ask_for(device, release, fw::upgrader::Phase::Confirmed);
  device.switch_on();
  ASSERT_TRUE(runs_to(device, "Confirmed"));
  EXPECT_EQ(device.measurements().ratchet, 2u);
  EXPECT_EQ(device.word(fw::kOneTimeProgrammable + 16), 0u);
  EXPECT_EQ(device.word(fw::kOneTimeProgrammable + 32), 0xFFFF'FFFFu);
  EXPECT_TRUE(holds(device, fw::kPreviousKernel, release.kernel)) << "its own previous one";
}

// ---- Refusals

TEST_F(UpgradeTest, AStrangersKernelIsRefused) {
  Device device;
  release.sign(protocol::SigningKey::generate());
  ask_for(device, release);
  device.switch_on();
  ASSERT_TRUE(runs_to(device, "Refused"));
  EXPECT_EQ(device.journal().kernel_error, static_cast<std::uint32_t>(UpdateError::KernelSigner));
  EXPECT_TRUE(holds(device, fw::kKernel, shipped(fw::kKernel, fw::kKernel.size())));
}

TEST_F(UpgradeTest, AKernelBelowTheRatchetIsRefused) {
  // The release has ratchet 0, as the kernel that runs: which then does not start any more either. So the
  // refusal is read from the journal of a device that stops.
  Device device;
  device.program_ratchet(1);
  ask(device);
  for (std::uint64_t done = 0; done < kBudget && device.end() == board::RunEnd::Limit; done += kSlice)
    device.run(kSlice);
  EXPECT_EQ(device.journal().kernel_error, static_cast<std::uint32_t>(UpdateError::Downgrade));
  EXPECT_EQ(device.status().code, fw::BootCode::KernelRatchet);
}

// ---- Power loss

TEST_F(UpgradeTest, SurvivesPowerCutsInEveryPhase) {
  release.sign(vendor_key());
  std::vector<std::pair<std::string, std::uint64_t>> phases;
  {
    Device device;
    ask(device);
    while (phases.empty() || phases.back().first != "Trial") {
      device.run(kSlice);
      ASSERT_LT(device.instructions(), kBudget);
      const std::string phase = device.journal().kernel_phase;
      if (phases.empty() || phases.back().first != phase) phases.emplace_back(phase, device.instructions());
    }
  }
  std::set<std::string> seen;
  for (std::size_t i = 0; i + 1 < phases.size(); ++i) {
    const auto [begin, end] = std::pair(phases[i].second, phases[i + 1].second);
    for (const std::uint64_t part : {1u, 3u}) {
      const std::uint64_t at = begin + (end - begin) * part / 4 + 977 * part;
      SCOPED_TRACE(phases[i].first + ": power cut after " + std::to_string(at) + " instructions");
      Device device;
      ask_for(device, release);
      device.switch_on();
      device.run(at);
      seen.insert(device.journal().kernel_phase);
      device.power_cycle();
      ASSERT_TRUE(runs_to(device, "Trial"));
      ASSERT_TRUE(holds(device, fw::kKernel, release.kernel));
    }
  }
  for (const char* phase : {"Requested", "Upgrader", "Saving", "Installing"})
    EXPECT_TRUE(seen.contains(phase)) << phase;
}

}  // namespace
}  // namespace microvisor::tests

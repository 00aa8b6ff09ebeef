// Reset to kernel on the virtual board, and every way in which a device must not come up.
//
// The images are those that the image builder embeds. Each test changes the cells of the flash as decay or an
// attacker would, switches the board on, and looks at what a person would see: whether the kernel is entered,
// and otherwise the boot status words in BKPSRAM.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <memory>
#include <numeric>

#include "board/board.hpp"
#include "firmware/boot_status.hpp"
#include "firmware/bootrom/kernel_trailer.hpp"
#include "firmware/image/image.hpp"
#include "firmware/layout.hpp"
#include "tests/boot/device.hpp"

namespace microvisor::tests {
namespace {

using firmware::BootCode;
using firmware::BootStage;
using firmware::BootStatus;
using firmware::Pages;

/// Reset to the kernel's first instruction: PKA verifies and HASH hashes, the core reads and looks for blank
/// flash. Raise it only with a reason.
constexpr std::uint64_t kBootBudget = 2'000'000;

/// The device stops in the bootrom for good, and says `code`.
void expect_refusal(Device& device, BootCode code) {
  EXPECT_FALSE(device.boots());
  EXPECT_EQ(device.end(), board::RunEnd::Idle) << "it must sleep for ever, not reset or run on";
  const BootStatus status = device.status();
  EXPECT_EQ(status.magic, firmware::kBootStatusMagic);
  EXPECT_EQ(status.stage, BootStage::Bootrom);
  EXPECT_EQ(status.code, code) << firmware::describe(status.code);
}

TEST(BootChain, ReachesTheKernelWithinItsBudget) {
  Device device;
  ASSERT_TRUE(device.boots());
  const std::uint64_t instructions = device.board().statistics().instructions;
  RecordProperty("instructions_to_kernel", std::to_string(instructions));
  std::printf("instructions from reset to the kernel: %llu\n", static_cast<unsigned long long>(instructions));
  EXPECT_LT(instructions, kBootBudget);
  EXPECT_EQ(device.status().copy, 0u);
}

TEST(BootChain, HidesTheBootStagesFromTheKernel) {
  Device device;
  ASSERT_TRUE(device.boots());
  const board::Access secure{.secure = true, .privileged = true, .fetch = false};
  for (const std::uint32_t address :
       {firmware::kPreboot.address(), firmware::kBootromA.address() + 64, firmware::kUpgraderB.end() - 16}) {
    std::uint32_t value = 1;
    (void)device.board().bus().read(address, 4, secure, value);
    EXPECT_EQ(value, 0u) << std::hex << address;
    std::uint32_t stored = 0;
    ASSERT_TRUE(device.board().bus().peek(address, 4, stored));
    EXPECT_NE(stored, 0u) << "the cells themselves are there";
  }
  std::uint32_t kernel = 0;
  (void)device.board().bus().read(firmware::kKernel.address(), 4, secure, kernel);
  EXPECT_EQ(kernel, device.word(firmware::kKernel.address()));
}

/// One flipped bit somewhere in the kernel's pages; the parameter is the position in 1/16 of the image.
class FlippedBit : public ::testing::TestWithParam<unsigned> {};

TEST_P(FlippedBit, OfTheKernelIsRefused) {
  Device device;
  const std::uint32_t size = firmware::image::image_sizes().kernel_flash;
  const std::uint32_t offset =
      GetParam() == 16 ? size - 1 : static_cast<std::uint32_t>(std::uint64_t{size} * GetParam() / 16);
  device.flip(firmware::kKernel.address() + offset, GetParam() % 8);
  expect_refusal(device, BootCode::KernelHash);
}

INSTANTIATE_TEST_SUITE_P(BootChain, FlippedBit, ::testing::Range(0u, 17u));

TEST(BootChain, RefusesAChangedTrailer) {
  struct Case {
    std::uint32_t offset;
    unsigned bit;
    BootCode code;
  };
  const std::uint32_t manifest = sizeof(firmware::KernelTrailer);
  // The magic, an image larger than its pages, a reserved word, the signer's id, the signed body.
  const Case cases[] = {
      {0, 0, BootCode::KernelTrailer},
      {6, 7, BootCode::KernelTrailer},
      {12, 0, BootCode::KernelTrailer},
      {manifest + 2, 0, BootCode::KernelSigner},
      {manifest + 24, 7, BootCode::KernelSignature},
  };
  for (const Case& item : cases) {
    SCOPED_TRACE(item.offset);
    Device device;
    device.flip(firmware::kKernelTrailer + item.offset, item.bit);
    expect_refusal(device, item.code);
  }
}

TEST(BootChain, RefusesAWrongImageSize) {
  Device device;
  device.flip(firmware::kKernelTrailer + 4, 2);  // another size near the right one
  EXPECT_FALSE(device.boots());
  EXPECT_EQ(device.status().code, BootCode::KernelHash);
}

TEST(BootChain, RefusesEverySignatureBitProbed) {
  const firmware::image::FlashImage image = factory_image();
  const std::uint32_t trailer = firmware::kKernelTrailer - firmware::kMicrovisorFlash;
  std::uint32_t manifest_size = 0;
  std::memcpy(&manifest_size, image.bank2.data() + trailer + 8, 4);
  // The signature is the last field of the envelope: its 64 bytes end the manifest.
  for (const std::uint32_t back : {1u, 20u, 33u, 64u}) {
    Device device;
    device.flip(firmware::kKernelTrailer + 16 + manifest_size - back, back % 8);
    expect_refusal(device, BootCode::KernelSignature);
  }
}

TEST(BootChain, RefusesWhatStandsBehindTheKernel) {
  const std::uint32_t size = firmware::image::image_sizes().kernel_flash;
  for (const std::uint32_t address :
       {firmware::kKernel.address() + size, firmware::kKernelTrailer - 1, firmware::kKernel.end() - 1}) {
    SCOPED_TRACE(address);
    Device device;
    device.flip(address, 0);
    expect_refusal(device, BootCode::KernelPadding);
  }
}

TEST(BootChain, RefusesAKernelBelowTheRatchet) {
  Device device;
  device.program_ratchet(1);
  expect_refusal(device, BootCode::KernelRatchet);
}

TEST(BootChain, TheRatchetCountsBurntAndUnreadableRows) {
  // 32 rows of OTP (RM0456 section 7.3.2), 30 steps; what the bootrom has counted is the detail of its
  // refusal.
  const auto refusal = [](const std::vector<unsigned>& burnt, const std::vector<unsigned>& torn) {
    Device device;
    for (const unsigned row : burnt) device.burn_ratchet_row(row);
    for (const unsigned row : torn) device.tear_ratchet_row(row);
    EXPECT_FALSE(device.boots());
    EXPECT_EQ(device.status().code, BootCode::KernelRatchet);
    return device.status().detail;
  };
  EXPECT_EQ(refusal({}, {0}), 1u) << "power failed while the first step was being burnt";
  EXPECT_EQ(refusal({0, 1}, {2}), 3u);
  EXPECT_EQ(refusal({0, 2}, {}), 2u) << "row 1 takes no programming";
  EXPECT_EQ(refusal({31}, {}), 1u);
  std::vector<unsigned> all(32);
  std::iota(all.begin(), all.end(), 0u);
  EXPECT_EQ(refusal(all, {}), 30u);
}

TEST(BootChain, SaysWhenTheKernelCannotBeRead) {
  Device device;
  const std::uint32_t row = firmware::kKernel.address() + 0x2010;
  device.spoil(row);
  expect_refusal(device, BootCode::FlashUnreadable);
}

TEST(BootChain, AnEmptyKernelIsRefused) {
  Device device;
  device.write(firmware::kKernel.address(), std::vector<std::uint8_t>(firmware::kKernel.size(), 0xFF));
  expect_refusal(device, BootCode::KernelTrailer);
}

TEST(BootChain, AnUnreadableBootRecordMeansCopyA) {
  Device device;
  device.spoil(firmware::kVaultBootRecord.address());
  ASSERT_TRUE(device.boots());
  EXPECT_EQ(device.status().copy, 0u);
}

TEST(BootChain, TakesTheOtherBootromIfOneHasDecayed) {
  for (const std::uint32_t offset : {0u, 0x1230u, firmware::kBootromA.size() - 16}) {
    Device device;
    device.spoil(firmware::kBootromA.address() + offset);
    ASSERT_TRUE(device.boots()) << offset;
    EXPECT_EQ(device.status().copy, 1u);
  }
}

TEST(BootChain, WithoutABootromItStopsInPreboot) {
  Device device;
  for (const Pages pages : {firmware::kBootromA, firmware::kBootromB}) {
    device.write(pages.address(), std::vector<std::uint8_t>(pages.size(), 0xFF));
  }
  EXPECT_FALSE(device.boots());
  EXPECT_EQ(device.end(), board::RunEnd::Idle);
  EXPECT_EQ(device.status().stage, BootStage::Preboot);
  EXPECT_EQ(device.status().code, BootCode::NoBootrom);
}

TEST(BootChain, SleepsForeverAlsoAfterAReset) {
  Device device;
  device.flip(firmware::kKernel.address() + 100, 0);
  expect_refusal(device, BootCode::KernelHash);
  device.board().reset_pin();
  EXPECT_EQ(device.board().run({.instructions = kPlenty}), board::RunEnd::Idle);
  EXPECT_EQ(device.status().code, BootCode::KernelHash);
  EXPECT_FALSE(device.handed_over());
}

}  // namespace
}  // namespace microvisor::tests

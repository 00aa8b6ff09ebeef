// The flash image: everything where layout.hpp says, read back with the device's own code.
#include "firmware/image/image.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "firmware/boot_status.hpp"
#include "firmware/image/option_fields.hpp"
#include "firmware/layout.hpp"

namespace microvisor::firmware::image {
namespace {

Identity example() {
  Identity identity;
  identity.device_sid = "UV0123456789abcdef0123456789abcdef";
  identity.device_private_key.fill(1);
  identity.device_certificate.assign(500, 2);
  identity.gateway_host = "127.0.0.1";
  identity.gateway_port = 8443;
  identity.gateway_server_name = "gateway.microvisor.local";
  identity.gateway_ca.assign(500, 3);
  identity.manifest_signers.resize(1);
  return identity;
}

std::uint32_t word(const FlashImage& image, std::uint32_t address) {
  std::uint32_t value = 0;
  std::memcpy(&value, image.bank2.data() + (address - kMicrovisorFlash), sizeof value);
  return value;
}

TEST(FlashImage, StagesStandWhereTheLayoutSays) {
  const FlashImage image = build_flash_image(example());
  ASSERT_EQ(image.bank2.size(), 0x10'0000u);
  for (const Pages pages : {kPreboot, kBootromA, kBootromB, kUpgraderA, kUpgraderB, kKernel}) {
    const std::uint32_t stack = word(image, pages.address());
    const std::uint32_t entry = word(image, pages.address() + 4);
    EXPECT_GT(stack, kMicrovisorRam);
    EXPECT_LE(stack, kMicrovisorRam + kMicrovisorRamSize);
    EXPECT_EQ(entry & 1u, 1u);
    EXPECT_GT(entry, pages.address());
    EXPECT_LT(entry, pages.end());
  }
  EXPECT_EQ(word(image, kGateBase), 0xFFFF'FFFFu);
}

TEST(FlashImage, OptionBytesIsolateBank2) {
  const OptionBytes options = build_flash_image(example()).options;
  EXPECT_NE(options.optr & (1u << 31), 0u) << "TZEN";
  EXPECT_EQ(options.optr & 0xFFu, 0xAAu) << "RDP level 0";
  EXPECT_EQ(options.secbootadd0 & 0xFFFF'FF80u, 0x0C10'0000u);
  EXPECT_GT(options.secwm1r1 & 0x7Fu, (options.secwm1r1 >> 16) & 0x7Fu) << "bank 1 has no secure pages";
  EXPECT_EQ(options.secwm2r1 & 0x7Fu, 0u);
  EXPECT_EQ((options.secwm2r1 >> 16) & 0x7Fu, 127u);
  EXPECT_NE(options.secwm2r2 & (1u << 31), 0u) << "HDP2EN";
  EXPECT_EQ((options.secwm2r2 >> 16) & 0x7Fu, 16u);
  EXPECT_EQ(options.wrp2ar & 0x7Fu, 0u);
  EXPECT_EQ((options.wrp2ar >> 16) & 0x7Fu, 0u) << "exactly preboot is write-protected";
}

TEST(FlashImage, WhatDoesNotFitIsRefusedWithAReason) {
  Identity identity = example();
  identity.device_certificate.assign(4000, 2);
  EXPECT_THROW((void)build_flash_image(identity), std::invalid_argument);
  identity = example();
  identity.manifest_signers.resize(5);
  EXPECT_THROW((void)build_flash_image(identity), std::invalid_argument);
}

TEST(FactoryImage, IsTheSameWhateverTheDeviceAndHasNoKey) {
  Identity one = example();
  Identity other = example();
  other.device_sid = "UVffffffffffffffffffffffffffffffff";
  other.device_private_key.fill(7);
  const FlashImage image = build_factory_image(one, ReadoutProtection::Level1);
  EXPECT_EQ(image.bank2, build_factory_image(other, ReadoutProtection::Level1).bank2);
  const std::vector<std::uint8_t> private_key(32, 1);
  EXPECT_EQ(std::search(image.bank2.begin(), image.bank2.end(), private_key.begin(), private_key.end()),
            image.bank2.end());
}

TEST(FactoryImage, HasAnAccessPointNameInItsVaultIfItIsGivenOne) {
  FlashImage image = build_factory_image(example(), ReadoutProtection::Level1);
  const std::vector<std::uint8_t> before = image.bank2;
  const std::string_view name = "fleet.example";
  begin_factory_test(image.bank2);
  set_access_point_name(image.bank2, name);
  const auto found = std::search(image.bank2.begin(), image.bank2.end(), name.begin(), name.end());
  const auto page = static_cast<std::uint32_t>(found - image.bank2.begin()) / kPageSize;
  EXPECT_GE(page, kVaultJournal.first);
  EXPECT_LE(page, kVaultJournal.last);
  const auto outside = [](std::vector<std::uint8_t> bank2) {
    std::fill_n(bank2.begin() + kVaultJournal.first * kPageSize, kVaultJournal.size(), std::uint8_t{0});
    return bank2;
  };
  EXPECT_EQ(outside(image.bank2), outside(before));
  for (const char* none : {"", "a b", "a\""})
    EXPECT_THROW(set_access_point_name(image.bank2, none), std::invalid_argument);
}

TEST(FactoryImage, ProtectedOnesAreLocked) {
  for (const auto level : {ReadoutProtection::Level0, ReadoutProtection::Level0_5, ReadoutProtection::Level1,
                           ReadoutProtection::Level2}) {
    const OptionBytes options = build_factory_image(example(), level).options;
    const bool locked = level != ReadoutProtection::Level0;
    EXPECT_EQ(options.optr & 0xFFu, static_cast<std::uint32_t>(level));
    EXPECT_EQ(options.secbootadd0 & 1u, locked ? 1u : 0u) << "BOOT_LOCK";
    EXPECT_EQ(options.wrp2ar >> 31, locked ? 0u : 1u) << "UNLOCK_2A";
  }
}

TEST(OptionFields, AreThoseOfTheRegistersWithReadoutProtectionLast) {
  const auto fields = option_fields(option_bytes(ReadoutProtection::Level1));
  const auto value = [&](std::string_view name) {
    const auto found = std::find_if(fields.begin(), fields.end(),
                                    [name](const OptionField& field) { return field.name == name; });
    return found == fields.end() ? ~0u : found->value;
  };
  EXPECT_EQ(value("TZEN"), 1u);
  EXPECT_EQ(value("DBANK"), 1u);
  EXPECT_EQ(value("SWAP_BANK"), 0u);
  EXPECT_EQ(value("SECBOOTADD0"), 0x0C10'0000u >> 7);
  EXPECT_EQ(value("BOOT_LOCK"), 1u);
  EXPECT_EQ(value("SECWM2_PSTRT"), 0u);
  EXPECT_EQ(value("SECWM2_PEND"), 127u);
  EXPECT_EQ(value("HDP2_PEND"), 16u);
  EXPECT_EQ(value("UNLOCK_2A"), 0u);
  EXPECT_EQ(value("IWDG_STOP"), 0u);
  EXPECT_STREQ(fields.back().name, "RDP");
  EXPECT_EQ(fields.back().value, 0xDCu);
}

TEST(FlashImage, NewFirmwareKeepsTheVault) {
  FlashImage image = build_flash_image(example());
  std::vector<std::uint8_t> changed = image.bank2;
  changed[kKernel.address() - kMicrovisorFlash + 100] ^= 1;
  changed[kVaultJournal.address() - kMicrovisorFlash] = 0x55;
  replace_firmware(changed);
  EXPECT_EQ(changed[kVaultJournal.address() - kMicrovisorFlash], 0x55);
  changed[kVaultJournal.address() - kMicrovisorFlash] = 0xFF;
  EXPECT_EQ(changed, image.bank2);
}

TEST(FlashImage, AnUnusedJournalIsIdle) {
  const FlashImage image = build_flash_image(example());
  const JournalState state = read_update_journal(image.bank2);
  EXPECT_EQ(state.phase, "Idle");
  EXPECT_EQ(state.damaged_rows, 0u);
}

TEST(BootStatusLine, SaysWhy) {
  BootStatus status{kBootStatusMagic, BootStage::Bootrom, BootCode::KernelHash, 0, 0, 0, 0, 0};
  std::array<std::uint8_t, sizeof status> bytes{};
  std::memcpy(bytes.data(), &status, sizeof status);
  EXPECT_EQ(describe_boot_status(bytes),
            "bootrom: the kernel has been changed: its hash is not the one signed");
  bytes[0] ^= 1;
  EXPECT_EQ(describe_boot_status(bytes), "");
}

TEST(Sizes, AreThoseOfTheEmbeddedImages) {
  const ImageSizes sizes = image_sizes();
  EXPECT_GT(sizes.preboot, 500u);
  EXPECT_LE(sizes.preboot, kPreboot.size());
  EXPECT_GT(sizes.bootrom, 8000u);
  EXPECT_LE(sizes.kernel_flash, kKernelMaximumSize);
}

}  // namespace
}  // namespace microvisor::firmware::image

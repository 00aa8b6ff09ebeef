// Builds bank 2 and the option bytes of a new device.
#include "firmware/image/image.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <stdexcept>

#include "firmware/boot_status.hpp"
#include "firmware/bootrom/kernel_trailer.hpp"
#include "firmware/layout.hpp"
#include "firmware/vault/boot_record.hpp"
#include "firmware/vault/identity.hpp"
#include "firmware/vault/trust_anchors.hpp"

#define MV_EMBEDDED(name)                       \
  extern "C" const std::uint8_t name##_begin[]; \
  extern "C" const std::uint8_t name##_end[]

MV_EMBEDDED(mv_image_preboot);
MV_EMBEDDED(mv_image_bootrom_a);
MV_EMBEDDED(mv_image_bootrom_b);
MV_EMBEDDED(mv_image_upgrader_a);
MV_EMBEDDED(mv_image_upgrader_b);
MV_EMBEDDED(mv_image_kernel);
MV_EMBEDDED(mv_image_kernel_manifest);
MV_EMBEDDED(mv_image_kernel_size);

namespace microvisor::firmware::image {

namespace {

using Bytes = std::span<const std::uint8_t>;

#define MV_SPAN(name) Bytes(name##_begin, name##_end)

std::span<std::uint8_t> region(std::span<std::uint8_t> bank2, std::uint32_t address, std::uint32_t size) {
  return bank2.subspan(address - kMicrovisorFlash, size);
}

void place(std::span<std::uint8_t> bank2, Pages pages, Bytes image) {
  const auto to = region(bank2, pages.address(), pages.size());
  if (image.size() > to.size()) throw std::invalid_argument("a firmware image is larger than its pages");
  std::fill(to.begin(), to.end(), std::uint8_t{0xFF});
  std::copy(image.begin(), image.end(), to.begin());
}

void place_kernel(std::span<std::uint8_t> bank2) {
  const Bytes kernel = MV_SPAN(mv_image_kernel);
  const Bytes manifest = MV_SPAN(mv_image_kernel_manifest);
  if (kernel.size() > kKernelMaximumSize || manifest.size() > kMaximumKernelManifest) {
    throw std::invalid_argument("the kernel or its manifest is larger than its pages");
  }
  place(bank2, kKernel, kernel);
  const KernelTrailer trailer{kKernelTrailerMagic, static_cast<std::uint32_t>(kernel.size()),
                              static_cast<std::uint32_t>(manifest.size()), 0};
  const auto to = region(bank2, kKernelTrailer, kKernelTrailerSize);
  std::memcpy(to.data(), &trailer, sizeof trailer);
  std::copy(manifest.begin(), manifest.end(), to.begin() + sizeof trailer);
}

template <typename Field>
void assign(Field& field, Bytes value, const char* what) {
  if (!field.assign(value)) throw std::invalid_argument(std::string(what) + " is too long for the device");
}

Bytes bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

using Encode = std::size_t (*)(const vault::Identity&, std::span<std::uint8_t>);

/// Both copies.
void place_identity(std::span<std::uint8_t> bank2, const Identity& identity, Encode encode) {
  vault::Identity stored;
  assign(stored.device_sid, bytes_of(identity.device_sid), "the device SID");
  stored.device_private_key = identity.device_private_key;
  assign(stored.device_certificate, identity.device_certificate, "the device certificate");
  assign(stored.gateway_host, bytes_of(identity.gateway_host), "the gateway's host name");
  stored.gateway_port = identity.gateway_port;
  assign(stored.gateway_server_name, bytes_of(identity.gateway_server_name), "the gateway's server name");
  assign(stored.gateway_ca, identity.gateway_ca, "the gateway's CA certificate");
  for (std::uint32_t page = kVaultIdentity.address(); page < kVaultIdentity.end(); page += kPageSize) {
    if (encode(stored, region(bank2, page, kPageSize)) == 0) {
      throw std::invalid_argument("the identity does not fit its page");
    }
  }
}

void place_trust_anchors(std::span<std::uint8_t> bank2, const Identity& identity) {
  vault::TrustAnchors anchors;
  if (identity.manifest_signers.size() > anchors.manifest_signers.size()) {
    throw std::invalid_argument("more keys for signing bundles than the device holds");
  }
  anchors.generation = 1;
  anchors.sequence = identity.keys_sequence;
  anchors.count = static_cast<std::uint32_t>(identity.manifest_signers.size());
  std::copy(identity.manifest_signers.begin(), identity.manifest_signers.end(),
            anchors.manifest_signers.begin());
  (void)vault::encode_trust_anchors(anchors, region(bank2, kVaultTrustAnchors.address(), kPageSize));
}

void place_boot_record(std::span<std::uint8_t> bank2) {
  vault::BootRecord record;
  record.sequence = 1;
  const storage::Row row = vault::encode_boot_record(record);
  const auto to = region(bank2, kVaultBootRecord.address(), storage::kRowSize);
  std::copy(row.begin(), row.end(), to.begin());
}

constexpr std::uint32_t pages_field(std::uint32_t first, std::uint32_t last) { return first | (last << 16); }

}  // namespace

OptionBytes option_bytes(ReadoutProtection protection) {
  // Factory value with TZEN set (RM0456 section 7.9.13), SRAM2 erased at reset. Software watchdogs stay
  // software: the kernel starts IWDG itself. IWDG stands still in Stop and Standby, where nobody feeds it.
  constexpr std::uint32_t kFactoryTrustZone = 0x9FEF'F8AA;
  constexpr std::uint32_t kSram2EraseOff = 1u << 25;
  constexpr std::uint32_t kWatchdogRunsInSleep = (1u << 17) | (1u << 18);  // IWDG_STOP, IWDG_STDBY
  constexpr std::uint32_t kHdpEnable = 1u << 31;
  constexpr std::uint32_t kWriteProtectionUnlockable = 1u << 31;
  constexpr std::uint32_t kEmptyArea = pages_field(0x7F, 0);  // start behind end
  constexpr std::uint32_t kReservedOnes = 0xFF80'FF80;  // bits of the watermark registers that read as one
  constexpr std::uint32_t kBootLock = 1;
  constexpr std::uint32_t kRdp = 0xFF;
  const bool open = protection == ReadoutProtection::Level0;
  OptionBytes options;
  options.optr = kFactoryTrustZone & ~kSram2EraseOff & ~kWatchdogRunsInSleep & ~kRdp;
  options.optr |= static_cast<std::uint32_t>(protection);
  options.nsbootadd0 = 0x0800'0000;
  options.nsbootadd1 = 0x0BF9'0000;
  options.secbootadd0 = kPreboot.address() | (open ? 0 : kBootLock);
  options.secwm1r1 = kReservedOnes | kEmptyArea;
  options.secwm1r2 = 0;
  options.wrp1ar = kWriteProtectionUnlockable | kEmptyArea;
  options.wrp1br = kWriteProtectionUnlockable | kEmptyArea;
  options.secwm2r1 = kReservedOnes | pages_field(0, kPagesPerBank - 1);
  options.secwm2r2 = kHdpEnable | (kHidden.last << 16);
  options.wrp2ar = (open ? kWriteProtectionUnlockable : 0) | pages_field(kPreboot.first, kPreboot.last);
  options.wrp2br = kWriteProtectionUnlockable | kEmptyArea;
  return options;
}

namespace {

FlashImage build(const Identity& identity, Encode encode, ReadoutProtection protection) {
  FlashImage image;
  image.bank2.assign(kPagesPerBank * kPageSize, 0xFF);
  replace_firmware(image.bank2);
  place_boot_record(image.bank2);
  place_identity(image.bank2, identity, encode);
  place_trust_anchors(image.bank2, identity);
  image.options = option_bytes(protection);
  return image;
}

}  // namespace

FlashImage build_flash_image(const Identity& identity) {
  return build(identity, vault::encode_identity, ReadoutProtection::Level0);
}

FlashImage build_factory_image(const Identity& common, ReadoutProtection protection) {
  Identity alike = common;
  alike.device_sid.clear();
  alike.device_private_key.fill(0);
  return build(alike, vault::encode_template, protection);
}

void replace_firmware(std::span<std::uint8_t> bank2) {
  if (bank2.size() != kPagesPerBank * kPageSize) throw std::invalid_argument("bank 2 is 1 MiB");
  place(bank2, kPreboot, MV_SPAN(mv_image_preboot));
  place(bank2, kBootromA, MV_SPAN(mv_image_bootrom_a));
  place(bank2, kBootromB, MV_SPAN(mv_image_bootrom_b));
  place(bank2, kUpgraderA, MV_SPAN(mv_image_upgrader_a));
  place(bank2, kUpgraderB, MV_SPAN(mv_image_upgrader_b));
  place_kernel(bank2);
}

ImageSizes image_sizes() {
  ImageSizes sizes;
  sizes.preboot = static_cast<std::uint32_t>(MV_SPAN(mv_image_preboot).size());
  sizes.bootrom = static_cast<std::uint32_t>(MV_SPAN(mv_image_bootrom_a).size());
  sizes.upgrader = static_cast<std::uint32_t>(MV_SPAN(mv_image_upgrader_a).size());
  sizes.kernel_flash = static_cast<std::uint32_t>(MV_SPAN(mv_image_kernel).size());
  // {"flash": N, "flash_size": N, "ram": N, "ram_size": N}, written by device/check_image.py.
  const auto* text = reinterpret_cast<const char*>(mv_image_kernel_size_begin);
  const char* ram = std::strstr(text, "\"ram\":");
  if (ram != nullptr) (void)std::sscanf(ram, "\"ram\": %u", &sizes.kernel_ram);
  return sizes;
}

std::string kernel_version() { return MICROVISOR_KERNEL_VERSION; }

bool boot_stopped(std::span<const std::uint8_t> words) {
  BootStatus status{};
  if (words.size() < sizeof status) return false;
  std::memcpy(&status, words.data(), sizeof status);
  return status.magic == kBootStatusMagic && status.code != BootCode::Running;
}

std::string describe_boot_status(std::span<const std::uint8_t> words) {
  BootStatus status{};
  if (words.size() < sizeof status) return {};
  std::memcpy(&status, words.data(), sizeof status);
  if (status.magic != kBootStatusMagic) return {};
  static constexpr const char* kStages[] = {"reset", "preboot", "bootrom", "upgrader", "kernel"};
  const auto stage = static_cast<std::uint32_t>(status.stage);
  std::string line = stage < std::size(kStages) ? kStages[stage] : "unknown stage";
  line += ": ";
  line += describe(status.code);
  if (status.detail != 0) {
    char detail[24];
    (void)std::snprintf(detail, sizeof detail, " (0x%x)", status.detail);
    line += detail;
  }
  return line;
}

}  // namespace microvisor::firmware::image

// Bootrom: decides whether the kernel may run.
//
// Order: clock up (everything after is arithmetic), the kernel checked (kernel_check.hpp), what was found
// left for the kernel to tell, the boot stages hidden, the kernel entered. A kernel that is refused is
// replaced by the previous one, by the upgrader, once; a refusal after that ends in stop_for_good() with a
// code that says why. One disturbed instruction does not turn a no into a yes (firmware/hardened).
#include <array>
#include <cstring>

#include "firmware/bootrom/handover.hpp"
#include "firmware/bootrom/kernel_check.hpp"
#include "firmware/crypto/boot.hpp"
#include "firmware/crypto/startup_hash.hpp"
#include "firmware/device/ratchet.hpp"
#include "firmware/device/stage.hpp"
#include "firmware/drivers/stm32u5/clock.hpp"
#include "firmware/drivers/stm32u5/flash.hpp"
#include "firmware/drivers/stm32u5/scb.hpp"
#include "firmware/layout.hpp"
#include "firmware/preboot/requests.hpp"
#include "firmware/sections.hpp"
#include "firmware/vault/boot_record.hpp"
#include "generated/vendor_key.hpp"

namespace microvisor::firmware {

const BootStage kThisStage = BootStage::Bootrom;

namespace {

stm32u5::InternalFlash flash;

[[noreturn]] void refuse(const KernelFinding& kernel) {
  if (ask_for_previous_kernel(flash)) stm32u5::system_reset();
  stop_for_good(kernel.code == BootCode::Running ? BootCode::Disturbed : kernel.code, kernel.detail);
}

std::uint32_t image_size() {
  return static_cast<std::uint32_t>(image_end - image_start) * sizeof(std::uint32_t);
}

/// Of all that stands in these pages, the blank rest included. Zeros if a row cannot be read: what runs could
/// be, so that is in the other stage's pages, or behind this one's code, and no reason not to start.
crypto::Digest hash_of(Pages pages) {
  alignas(4) static std::array<std::uint8_t, 1024> piece;
  crypto::StartupSha256 hash;
  for (std::uint32_t at = pages.address(); at != pages.end(); at += piece.size()) {
    if (flash.read(at, piece) != storage::FlashStatus::Ok) return {};
    hash.update(piece);
  }
  return hash.finish();
}

Pages pages_of_this_image() {
  return reinterpret_cast<std::uintptr_t>(image_start) == kBootromA.address() ? kBootromA : kBootromB;
}

Pages pages_of_upgrader(std::uint32_t record) {
  return vault::upgrader_of(record) == vault::Copy::A ? kUpgraderA : kUpgraderB;
}

/// Leaves in BKPSRAM what was found on the way, for the kernel to tell the cloud.
void record_measurements(const KernelFinding& kernel) {
  const auto& status = *reinterpret_cast<const volatile BootStatus*>(kBootStatus);
  BootMeasurements found{};
  found.magic = kBootMeasurementsMagic;
  found.record = status.record;
  found.reset_cause = status.reset_cause;
  found.ratchet = security_ratchet();
  found.kernel_version = kernel.manifest.version_number;
  found.kernel_ratchet = kernel.manifest.security_ratchet;
  found.bootrom_size = image_size();
  found.kernel_size = kernel.image_size;
  std::memcpy(found.bootrom, hash_of(pages_of_this_image()).data(), sizeof found.bootrom);
  std::memcpy(found.upgrader, hash_of(pages_of_upgrader(found.record)).data(), sizeof found.upgrader);
  std::memcpy(found.kernel, kernel.manifest.kernel.hash.data(), sizeof found.kernel);
  std::memcpy(found.kernel_manifest, kernel.manifest_hash.data(), sizeof found.kernel_manifest);
  std::array<std::uint32_t, sizeof found / sizeof(std::uint32_t)> words{};
  std::memcpy(words.data(), &found, sizeof found);
  auto* to = reinterpret_cast<volatile std::uint32_t*>(kBootMeasurements);
  for (const std::uint32_t word : words) *to++ = word;
}

}  // namespace

void stage_main() {
  report_boot(BootCode::Running);
  stm32u5::raise_clock();
  if (!crypto::start_for_boot()) stop_for_good(BootCode::NoPublicKeyUnit);
  const KernelFinding kernel = check_kernel(flash, kKernel, kVendorKey, security_ratchet);
  const volatile std::uint32_t accepted = kernel.accepted;
  if (accepted != kKernelAccepted) refuse(kernel);
  if (accepted != kKernelAccepted) refuse(kernel);
  record_measurements(kernel);
  hide_and_enter(accepted);
}

}  // namespace microvisor::firmware

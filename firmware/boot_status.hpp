// What the boot stages leave in BKPSRAM: the boot status, eight words that say how far the boot came and why
// it stopped, and what the bootrom has measured.
//
// A device that refuses its kernel has no link and no console to say so. The boot status outlives a system
// reset and can be read by a debugger, by the virtual board and by the command line, which print it as one
// line. The measurements are for the kernel, which tells them to the cloud. BKPSRAM is secure: no application
// can write either.
#pragma once

#include <cstdint>

#include "firmware/layout.hpp"

namespace microvisor::firmware {

inline constexpr std::uint32_t kBootStatusMagic = 0x5442'564Du;  // "MVBT" in memory order

enum class BootStage : std::uint32_t { None = 0, Preboot = 1, Bootrom = 2, Upgrader = 3, Kernel = 4 };

enum class BootCode : std::uint32_t {
  Running = 0,           ///< the stage is at work, or has handed over
  NoBootrom = 1,         ///< preboot: neither copy of the bootrom looks like one
  KernelTrailer = 2,     ///< bootrom: no manifest behind the kernel
  KernelManifest = 3,    ///< bootrom: the manifest cannot be read or is not for this device
  KernelSigner = 4,      ///< bootrom: not signed by the vendor's key
  KernelSignature = 5,   ///< bootrom: the signature does not verify
  KernelHash = 6,        ///< bootrom: the kernel is not what the manifest says
  KernelPadding = 7,     ///< bootrom: something stands behind the kernel where the flash should be blank
  KernelRatchet = 8,     ///< bootrom: older than the security ratchet allows
  KernelEntry = 9,       ///< bootrom: the kernel's vectors lead out of it
  FlashUnreadable = 10,  ///< a row of the image has an ECC error; detail: its address
  Fault = 11,            ///< a fault in a boot stage; detail: the exception number
  Disturbed = 12,        ///< bootrom: not every check was made, though none has failed
  NoPublicKeyUnit = 13,  ///< bootrom: PKA or the random number generator it needs does not start
};

struct BootStatus {
  std::uint32_t magic;
  BootStage stage;
  BootCode code;
  std::uint32_t detail;
  std::uint32_t copy;         ///< 0: copy A of the stage that preboot has chosen, 1: copy B
  std::uint32_t reset_cause;  ///< RCC_CSR as preboot found it
  std::uint32_t record;       ///< flags of the boot record as preboot has left it (vault/boot_record.cpp)
  std::uint32_t reserved;
};
static_assert(sizeof(BootStatus) == kBootStatusSize);

inline constexpr std::uint32_t kBootMeasurementsMagic = 0x3242'564Du;  // "MVB2" in memory order

/// Written by the bootrom when it has accepted a kernel, just before it enters it.
struct BootMeasurements {
  std::uint32_t magic;
  std::uint32_t record;       ///< as in the boot status
  std::uint32_t reset_cause;  ///< as in the boot status
  std::uint32_t ratchet;      ///< the security ratchet in OTP
  std::uint32_t kernel_version;
  std::uint32_t kernel_ratchet;
  std::uint32_t bootrom_size;  ///< bytes of the bootrom's image
  std::uint32_t kernel_size;
  // SHA-256, bytes in memory order. Of the boot stages: all of the pages of the copy that runs, or would.
  std::uint32_t bootrom[8];          ///< by itself
  std::uint32_t upgrader[8];         ///< zeros: it cannot be read
  std::uint32_t kernel[8];           ///< the image
  std::uint32_t kernel_manifest[8];  ///< the whole envelope
};
static_assert(sizeof(BootMeasurements) == kBootMeasurementsSize);

/// One line for people: "bootrom: the kernel is not what the manifest says". Host and device.
[[nodiscard]] constexpr const char* describe(BootCode code) {
  switch (code) {
    case BootCode::Running: return "running";
    case BootCode::NoBootrom: return "no usable copy of the bootrom";
    case BootCode::KernelTrailer: return "the kernel has no manifest";
    case BootCode::KernelManifest: return "the kernel's manifest cannot be read or is for another device";
    case BootCode::KernelSigner: return "the kernel is not signed by the vendor";
    case BootCode::KernelSignature: return "the signature of the kernel's manifest is wrong";
    case BootCode::KernelHash: return "the kernel has been changed: its hash is not the one signed";
    case BootCode::KernelPadding: return "something stands behind the kernel where the flash should be blank";
    case BootCode::KernelRatchet: return "the kernel is older than the security ratchet allows";
    case BootCode::KernelEntry: return "the kernel's vector table leads out of the kernel";
    case BootCode::FlashUnreadable: return "the flash cannot be read";
    case BootCode::Fault: return "fault in a boot stage";
    case BootCode::Disturbed: return "the checks of the kernel were disturbed";
    case BootCode::NoPublicKeyUnit: return "the public-key accelerator does not start";
  }
  return "unknown";
}

}  // namespace microvisor::firmware

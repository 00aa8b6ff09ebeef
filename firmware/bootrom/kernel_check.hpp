// Whether what stands in a run of pages is a kernel that may run on this device: asked by the bootrom of the
// kernel it is about to enter, and by the upgrader of both kernels it moves about.
//
// Hardened (firmware/hardened): a kernel is accepted only if `accepted` is kKernelAccepted. `code` says which
// check failed, for people; it decides nothing.
#pragma once

#include <cstdint>

#include "firmware/boot_status.hpp"
#include "firmware/bootrom/kernel_trailer.hpp"
#include "firmware/hardened/hardened.hpp"
#include "firmware/layout.hpp"
#include "firmware/manifest/manifest.hpp"
#include "firmware/storage/flash.hpp"

namespace microvisor::firmware {

/// How many checks a kernel has to pass, and the sum that shows it.
inline constexpr std::uint32_t kKernelChecks = 8;
inline constexpr std::uint32_t kKernelAccepted = hardened::Checks::sum_of_valid(kKernelChecks);

/// Reads the security ratchet in OTP; called twice.
using RatchetReader = std::uint32_t (*)();

struct KernelFinding {
  std::uint32_t accepted = 0;
  BootCode code = BootCode::Disturbed;
  std::uint32_t detail = 0;
  std::uint32_t image_size = 0;
  manifest::KernelManifest manifest;
  crypto::Digest manifest_hash{};  ///< of the whole envelope
};

/// Checks the kernel in `pages`, kKernel or as long as it; it is linked for kKernel in any case. In the
/// order: trailer; manifest signed by the vendor, for this device, read alike twice; ratchet, twice; hash;
/// blank behind image and manifest; vectors inside. Uses static buffers: one call at a time.
[[nodiscard]] KernelFinding check_kernel(storage::Flash& flash, Pages pages,
                                         const crypto::PublicKey& vendor_key, RatchetReader ratchet);

/// For those who only want to know; the bootrom looks for itself.
[[nodiscard]] inline bool accepted(const KernelFinding& finding) {
  const volatile std::uint32_t sum = finding.accepted;
  if (sum != kKernelAccepted) return false;
  return sum == kKernelAccepted;
}

}  // namespace microvisor::firmware

// Bootrom: decides whether the kernel may run.
//
// Order: clock up (everything after is arithmetic), manifest found and signed by the vendor, not below the
// security ratchet, image hashed, the rest of the kernel's pages blank, vectors inside. Only then are the
// boot stages hidden and the kernel entered. Any doubt ends in stop_for_good() with a code that says which.
#include <algorithm>
#include <array>
#include <cstring>

#include "firmware/bootrom/handover.hpp"
#include "firmware/bootrom/kernel_trailer.hpp"
#include "firmware/crypto/crypto.hpp"
#include "firmware/device/stage.hpp"
#include "firmware/drivers/stm32u5/clock.hpp"
#include "firmware/drivers/stm32u5/flash.hpp"
#include "firmware/layout.hpp"
#include "firmware/manifest/manifest.hpp"
#include "firmware/sections.hpp"
#include "generated/vendor_key.hpp"

namespace microvisor::firmware {

const BootStage kThisStage = BootStage::Bootrom;

namespace {

using crypto::Verdict;
using manifest::ManifestError;

// mbedTLS's arena: big integers of one P-256 verification need less than 8 KiB at a time.
alignas(8) MV_NOINIT std::array<std::uint8_t, 16 * 1024> arena;

/// Reads flash that must be readable, or stops.
void read_or_stop(std::uint32_t address, std::span<std::uint8_t> out) {
  if (!stm32u5::probe_flash(address, out)) stop_for_good(BootCode::FlashUnreadable, address);
}

BootCode code_of(ManifestError error) {
  switch (error) {
    case ManifestError::Unsigned:
    case ManifestError::UnknownSigner: return BootCode::KernelSigner;
    case ManifestError::BadSignature: return BootCode::KernelSignature;
    default: return BootCode::KernelManifest;
  }
}

/// Number of ratchet rows in OTP that have been programmed, from the first on. A row that cannot be read was
/// being programmed when the power failed: it counts, because the ratchet never goes back.
std::uint32_t security_ratchet() {
  std::uint32_t count = 0;
  for (; count < kRatchetRows; ++count) {
    storage::Row row;
    const std::uint32_t address = kOneTimeProgrammable + count * storage::kRowSize;
    if (stm32u5::probe_flash(address, row) && storage::is_blank(row)) break;
  }
  return count;
}

KernelTrailer read_trailer() {
  KernelTrailer trailer{};
  std::array<std::uint8_t, sizeof trailer> bytes{};
  read_or_stop(kKernelTrailer, bytes);
  std::memcpy(&trailer, bytes.data(), sizeof trailer);
  const bool good = trailer.magic == kKernelTrailerMagic && trailer.image_size >= storage::kRowSize &&
                    trailer.image_size <= kKernelMaximumSize && trailer.manifest_size != 0 &&
                    trailer.manifest_size <= kMaximumKernelManifest && trailer.reserved == 0;
  if (!good) stop_for_good(BootCode::KernelTrailer);
  return trailer;
}

/// The manifest, verified; does not return with anything else.
manifest::KernelManifest checked_manifest(const KernelTrailer& trailer) {
  static std::array<std::uint8_t, kMaximumKernelManifest> bytes;
  const auto envelope = std::span(bytes).first(trailer.manifest_size);
  read_or_stop(kKernelTrailer + sizeof(KernelTrailer), envelope);
  manifest::KernelManifest result;
  Verdict verdict = Verdict::Invalid;
  const ManifestError error = manifest::check_kernel_manifest(envelope, kVendorKey, result, verdict);
  if (error != ManifestError::None) stop_for_good(code_of(error), static_cast<std::uint32_t>(error));
  if (verdict != Verdict::Valid) stop_for_good(BootCode::KernelSignature);
  return result;
}

crypto::Digest hash_kernel(std::uint32_t size) {
  static std::array<std::uint8_t, 4096> buffer;
  crypto::Sha256 hash;
  for (std::uint32_t at = 0; at < size;) {
    const auto piece = std::span(buffer).first(std::min<std::uint32_t>(buffer.size(), size - at));
    read_or_stop(kKernel.address() + at, piece);
    hash.update(piece);
    at += static_cast<std::uint32_t>(piece.size());
  }
  return hash.finish();
}

/// What is not measured must not be there: flash between image and trailer, and behind the manifest, is
/// blank.
void require_blank(std::uint32_t from, std::uint32_t to) {
  static std::array<std::uint8_t, 1024> buffer;
  while (from < to) {
    const auto piece = std::span(buffer).first(std::min<std::uint32_t>(buffer.size(), to - from));
    read_or_stop(from, piece);
    const bool blank =
        std::all_of(piece.begin(), piece.end(), [](std::uint8_t byte) { return byte == 0xFF; });
    if (!blank) stop_for_good(BootCode::KernelPadding, from);
    from += static_cast<std::uint32_t>(piece.size());
  }
}

}  // namespace

void stage_main() {
  report_boot(BootCode::Running);
  stm32u5::raise_clock();
  crypto::initialise_memory(arena);

  const KernelTrailer trailer = read_trailer();
  const manifest::KernelManifest manifest = checked_manifest(trailer);
  const std::uint32_t ratchet = security_ratchet();
  if (manifest.security_ratchet < ratchet) stop_for_good(BootCode::KernelRatchet, ratchet);

  const crypto::Digest digest = hash_kernel(trailer.image_size);
  volatile Verdict verdict = crypto::equal(digest, manifest.kernel_hash);
  if (verdict != Verdict::Valid) stop_for_good(BootCode::KernelHash);
  require_blank(kKernel.address() + trailer.image_size, kKernelTrailer);
  require_blank(kKernelTrailer + sizeof(KernelTrailer) + trailer.manifest_size, kKernel.end());
  if (!looks_like_stage(kKernel.address(), kKernel.address() + trailer.image_size)) {
    stop_for_good(BootCode::KernelEntry);
  }
  // Looked at again, so that skipping one branch above is not enough.
  if (verdict != Verdict::Valid) stop_for_good(BootCode::KernelHash);
  hide_and_enter(kKernel.address());
}

}  // namespace microvisor::firmware

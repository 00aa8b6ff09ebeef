// Bootrom: decides whether the kernel may run.
//
// Order: clock up (everything after is arithmetic), manifest found and signed by the vendor, not below the
// security ratchet, image hashed, the rest of the kernel's pages blank, vectors inside. Only then are the
// boot stages hidden and the kernel entered. Any doubt ends in stop_for_good() with a code that says which,
// and one disturbed instruction does not turn a no into a yes (checks.hpp). What a disturbance could spoil on
// the way to a verdict, numbers that come out of a loop or a parser, is worked out twice.
#include <algorithm>
#include <array>
#include <cstring>

#include "firmware/bootrom/checks.hpp"
#include "firmware/bootrom/handover.hpp"
#include "firmware/bootrom/kernel_trailer.hpp"
#include "firmware/crypto/boot.hpp"
#include "firmware/crypto/crypto.hpp"
#include "firmware/crypto/startup_hash.hpp"
#include "firmware/device/stage.hpp"
#include "firmware/drivers/stm32u5/clock.hpp"
#include "firmware/drivers/stm32u5/flash.hpp"
#include "firmware/layout.hpp"
#include "firmware/manifest/manifest.hpp"
#include "firmware/vault/ratchet.hpp"
#include "generated/vendor_key.hpp"

namespace microvisor::firmware {

const BootStage kThisStage = BootStage::Bootrom;

namespace {

using crypto::Verdict;
using manifest::ManifestError;

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

std::uint32_t security_ratchet() {
  return vault::count_ratchet(
      [](std::uint32_t address, storage::Row& row) { return stm32u5::probe_flash(address, row); });
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

/// Reads the manifest: everything after this looks at one copy in RAM.
std::span<const std::uint8_t> read_envelope(const KernelTrailer& trailer) {
  static std::array<std::uint8_t, kMaximumKernelManifest> bytes;
  const auto envelope = std::span(bytes).first(trailer.manifest_size);
  read_or_stop(kKernelTrailer + sizeof(KernelTrailer), envelope);
  return envelope;
}

Verdict signed_by_vendor(std::span<const std::uint8_t> envelope, manifest::KernelManifest& out) {
  Verdict verdict = Verdict::Invalid;
  const ManifestError error = manifest::check_kernel_manifest(envelope, kVendorKey, out, verdict);
  if (error != ManifestError::None) stop_for_good(code_of(error), static_cast<std::uint32_t>(error));
  return verdict;
}

/// A second reading of the manifest says the same.
Verdict read_alike(std::span<const std::uint8_t> envelope, const manifest::KernelManifest& first) {
  manifest::KernelManifest second;
  if (manifest::parse_trusted_kernel_manifest(envelope, second) != ManifestError::None)
    return Verdict::Invalid;
  const volatile std::uint32_t ratchets = first.security_ratchet ^ second.security_ratchet;
  return ratchets == 0 ? crypto::equal(first.kernel_hash, second.kernel_hash) : crypto::verdict_of(ratchets);
}

Verdict not_below_ratchet(const manifest::KernelManifest& manifest, std::uint32_t& ratchet) {
  ratchet = security_ratchet();
  const volatile std::uint32_t below = manifest.security_ratchet < ratchet ? 1 : 0;
  return crypto::verdict_of(below);
}

crypto::Digest hash_kernel(std::uint32_t size) {
  alignas(4) static std::array<std::uint8_t, 4096> buffer;
  crypto::StartupSha256 hash;
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
Verdict blank(std::uint32_t from, std::uint32_t to) {
  alignas(4) static std::array<std::uint8_t, 4096> buffer;
  // As in crypto::equal(): bytes still to be looked at below, bits that are not blank above.
  constexpr std::uint32_t kBytes = 0xFF'FFFF;
  volatile std::uint32_t left = to - from;
  while (const std::uint32_t remaining = left & kBytes) {
    const auto piece = std::span(buffer).first(std::min<std::uint32_t>(buffer.size(), remaining));
    read_or_stop(to - remaining, piece);
    std::uint32_t bits = 0;
    for (const std::uint8_t byte : piece) bits |= byte ^ 0xFFu;
    left = (left - static_cast<std::uint32_t>(piece.size())) | bits << 24;
  }
  return crypto::verdict_of(left);
}

}  // namespace

void stage_main() {
  report_boot(BootCode::Running);
  stm32u5::raise_clock();
  if (!crypto::start_for_boot()) stop_for_good(BootCode::NoPublicKeyUnit);

  Checks checks;
  const KernelTrailer trailer = read_trailer();
  const auto envelope = read_envelope(trailer);
  manifest::KernelManifest manifest;
  checks.require(signed_by_vendor(envelope, manifest), BootCode::KernelSignature);
  checks.require(read_alike(envelope, manifest), BootCode::KernelManifest);
  std::uint32_t ratchet = 0;
  checks.require(not_below_ratchet(manifest, ratchet), BootCode::KernelRatchet, ratchet);
  checks.require(not_below_ratchet(manifest, ratchet), BootCode::KernelRatchet, ratchet);
  checks.require(crypto::equal(hash_kernel(trailer.image_size), manifest.kernel_hash), BootCode::KernelHash);
  checks.require(blank(kKernel.address() + trailer.image_size, kKernelTrailer), BootCode::KernelPadding);
  checks.require(blank(kKernelTrailer + sizeof(KernelTrailer) + trailer.manifest_size, kKernel.end()),
                 BootCode::KernelPadding);
  const volatile std::uint32_t strange =
      looks_like_stage(kKernel.address(), kKernel.address() + trailer.image_size) ? 0 : 1;
  checks.require(crypto::verdict_of(strange), BootCode::KernelEntry);
  hide_and_enter(checks.require_all());
}

}  // namespace microvisor::firmware

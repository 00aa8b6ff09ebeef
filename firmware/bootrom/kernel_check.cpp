// `finding.code` names the check that is going on, so that a return says which one failed. A return that is
// jumped over leads on to the next check with a sum that can no longer come out right.
#include "firmware/bootrom/kernel_check.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "firmware/crypto/startup_hash.hpp"
#include "firmware/image_entry.hpp"
#include "firmware/storage/bytes.hpp"

namespace microvisor::firmware {

namespace {

using hardened::Checks;
using hardened::Verdict;
using manifest::ManifestError;

constexpr std::uint32_t kBufferSize = 4096;
alignas(4) std::array<std::uint8_t, kBufferSize> buffer;

class KernelCheck {
 public:
  KernelCheck(storage::Flash& flash, Pages pages, const crypto::PublicKey& key, RatchetReader ratchet)
      : flash_(flash), pages_(pages), key_(key), ratchet_(ratchet) {}

  KernelFinding run() {
    found_.accepted = check_all();
    return found_;
  }

 private:
  std::uint32_t check_all();

  /// Reads flash that must be readable; otherwise `code` says so from now on.
  bool read(std::uint32_t address, std::span<std::uint8_t> out) {
    if (flash_.read(address, out) == storage::FlashStatus::Ok) return true;
    unreadable_ = address;
    return false;
  }
  [[nodiscard]] std::uint32_t trailer_address() const { return pages_.end() - kKernelTrailerSize; }

  bool read_trailer();
  Verdict signed_by_vendor(std::span<const std::uint8_t> envelope);
  Verdict read_alike(std::span<const std::uint8_t> envelope);
  Verdict not_below_ratchet();
  Verdict hash_agrees();
  Verdict blank(std::uint32_t from, std::uint32_t to);
  Verdict entry_inside();
  /// The end at a check: `code` if it is not that the flash could not be read.
  std::uint32_t refuse(const Checks& checks) {
    if (unreadable_ != 0) {
      found_.code = BootCode::FlashUnreadable;
      found_.detail = unreadable_;
    }
    return checks.sum();
  }

  storage::Flash& flash_;
  Pages pages_;
  const crypto::PublicKey& key_;
  RatchetReader ratchet_;
  KernelTrailer trailer_{};
  std::uint32_t unreadable_ = 0;
  KernelFinding found_;
};

BootCode code_of(ManifestError error) {
  switch (error) {
    case ManifestError::Unsigned:
    case ManifestError::UnknownSigner: return BootCode::KernelSigner;
    case ManifestError::BadSignature: return BootCode::KernelSignature;
    default: return BootCode::KernelManifest;
  }
}

bool KernelCheck::read_trailer() {
  std::array<std::uint8_t, sizeof trailer_> bytes{};
  if (!read(trailer_address(), bytes)) return false;
  std::memcpy(&trailer_, bytes.data(), sizeof trailer_);
  found_.image_size = trailer_.image_size;
  return trailer_.magic == kKernelTrailerMagic && trailer_.image_size >= storage::kRowSize &&
         trailer_.image_size <= kKernelMaximumSize && trailer_.manifest_size != 0 &&
         trailer_.manifest_size <= kMaximumKernelManifest && trailer_.reserved == 0;
}

Verdict KernelCheck::signed_by_vendor(std::span<const std::uint8_t> envelope) {
  Verdict verdict = Verdict::Invalid;
  const ManifestError error = manifest::check_kernel_manifest(envelope, key_, found_.manifest, verdict);
  if (error == ManifestError::None) return verdict;
  found_.code = code_of(error);
  found_.detail = static_cast<std::uint32_t>(error);
  return Verdict::Invalid;
}

/// A second reading of the manifest says the same.
Verdict KernelCheck::read_alike(std::span<const std::uint8_t> envelope) {
  manifest::KernelManifest second;
  if (manifest::parse_trusted_kernel_manifest(envelope, second) != ManifestError::None)
    return Verdict::Invalid;
  const volatile std::uint32_t ratchets = found_.manifest.security_ratchet ^ second.security_ratchet;
  return ratchets == 0 ? hardened::equal(found_.manifest.kernel.hash, second.kernel.hash)
                       : hardened::verdict_of(ratchets);
}

Verdict KernelCheck::not_below_ratchet() {
  found_.detail = ratchet_();
  const volatile std::uint32_t below = found_.manifest.security_ratchet < found_.detail ? 1 : 0;
  return hardened::verdict_of(below);
}

Verdict KernelCheck::hash_agrees() {
  crypto::StartupSha256 hash;
  const std::uint32_t size = trailer_.image_size;
  for (std::uint32_t at = 0; at < size;) {
    const auto piece = std::span(buffer).first(std::min<std::uint32_t>(kBufferSize, size - at));
    if (!read(pages_.address() + at, piece)) return Verdict::Invalid;
    hash.update(piece);
    at += static_cast<std::uint32_t>(piece.size());
  }
  return hardened::equal(hash.finish(), found_.manifest.kernel.hash);
}

/// What is not measured must not be there.
Verdict KernelCheck::blank(std::uint32_t from, std::uint32_t to) {
  hardened::Remainder left(to - from);
  while (const std::uint32_t remaining = left.bytes()) {
    // Reads end at rows, which drivers copy by words.
    const std::uint32_t address = to - remaining;
    const std::uint32_t until_row = storage::kRowSize - address % storage::kRowSize;
    const std::uint32_t whole = until_row == storage::kRowSize ? kBufferSize : until_row;
    const auto piece = std::span(buffer).first(std::min(whole, remaining));
    if (!read(address, piece)) return Verdict::Invalid;
    std::uint8_t bits = 0;
    for (const std::uint8_t byte : piece) bits = static_cast<std::uint8_t>(bits | (byte ^ 0xFFu));
    left.take(static_cast<std::uint32_t>(piece.size()), bits);
  }
  return left.verdict();
}

Verdict KernelCheck::entry_inside() {
  storage::Row row{};
  if (!read(pages_.address(), row)) return Verdict::Invalid;
  const std::uint32_t begin = kKernel.address();
  const bool inside =
      is_image_entry(storage::get32(row, 0), storage::get32(row, 4), begin, begin + trailer_.image_size);
  const volatile std::uint32_t strange = inside ? 0 : 1;
  return hardened::verdict_of(strange);
}

std::uint32_t KernelCheck::check_all() {
  Checks checks;
  found_.code = BootCode::KernelTrailer;
  if (!read_trailer()) return refuse(checks);
  // One copy in RAM: everything after this looks at the same bytes.
  static std::array<std::uint8_t, kMaximumKernelManifest> bytes;
  const auto envelope = std::span(bytes).first(trailer_.manifest_size);
  if (!read(trailer_address() + sizeof(KernelTrailer), envelope)) return refuse(checks);
  found_.manifest_hash = crypto::sha256(envelope);
  found_.code = BootCode::KernelSignature;
  if (!checks.add(signed_by_vendor(envelope))) return refuse(checks);
  found_.code = BootCode::KernelManifest;
  if (!checks.add(read_alike(envelope))) return refuse(checks);
  found_.code = BootCode::KernelRatchet;
  if (!checks.add(not_below_ratchet())) return refuse(checks);
  if (!checks.add(not_below_ratchet())) return refuse(checks);
  found_.detail = 0;
  found_.code = BootCode::KernelHash;
  if (!checks.add(hash_agrees())) return refuse(checks);
  found_.code = BootCode::KernelPadding;
  if (!checks.add(blank(pages_.address() + trailer_.image_size, trailer_address()))) return refuse(checks);
  if (!checks.add(blank(trailer_address() + sizeof(KernelTrailer) + trailer_.manifest_size, pages_.end())))
    return refuse(checks);
  found_.code = BootCode::KernelEntry;
  if (!checks.add(entry_inside())) return refuse(checks);
  found_.code = BootCode::Running;
  return checks.sum();
}

}  // namespace

KernelFinding check_kernel(storage::Flash& flash, Pages pages, const crypto::PublicKey& vendor_key,
                           RatchetReader ratchet) {
  return KernelCheck(flash, pages, vendor_key, ratchet).run();
}

}  // namespace microvisor::firmware

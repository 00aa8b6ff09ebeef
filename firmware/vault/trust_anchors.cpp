// Page layout: a header of two rows (magic, generation, count, CRC-32 of these 12 bytes; sequence, number
// of removed keys, zeros), then the keys of 65 bytes each padded to whole rows, the ids of removed keys of 8
// bytes each padded likewise, then the closing row with the SHA-256's first 12 bytes
// over header and keys behind a magic. The closing row is written last.
#include "firmware/vault/trust_anchors.hpp"

#include <algorithm>
#include <cstring>

#include "firmware/layout.hpp"
#include "firmware/storage/bytes.hpp"

namespace microvisor::firmware::vault {

namespace {

using storage::FlashStatus;
using storage::kRowSize;

constexpr std::uint32_t kHeaderMagic = 0x4148'4354;   // "TCHA"
constexpr std::uint32_t kClosingMagic = 0x5A48'4354;  // "TCHZ"
constexpr std::size_t kHeaderSize = 2 * kRowSize;
constexpr std::size_t kKeySize = sizeof(crypto::PublicKey);

constexpr std::size_t round_up(std::size_t size) { return (size + kRowSize - 1) / kRowSize * kRowSize; }
constexpr std::size_t removed_at(std::uint32_t count) { return kHeaderSize + round_up(count * kKeySize); }
constexpr std::size_t encoded_size(std::uint32_t count, std::uint32_t removed) {
  return removed_at(count) + round_up(removed * sizeof(std::uint64_t)) + kRowSize;
}
constexpr std::size_t kMaximumEncoded = encoded_size(kMaximumManifestSigners, kRememberedSigners);

/// Decodes one page; false if it is blank, torn or decayed.
bool decode(storage::Flash& flash, std::uint32_t address, TrustAnchors& out) {
  std::array<std::uint8_t, kMaximumEncoded> bytes{};
  const auto header = std::span(bytes).first(kHeaderSize);
  if (flash.read(address, header) != FlashStatus::Ok) return false;
  const std::uint32_t count = storage::get32(header, 8);
  if (storage::get32(header, 0) != kHeaderMagic ||
      storage::get32(header, 12) != storage::crc32(header.first(12)) || count > kMaximumManifestSigners) {
    return false;
  }
  const std::uint32_t removed = storage::get32(header, 24);
  if (removed > kRememberedSigners) return false;
  const std::size_t size = encoded_size(count, removed);
  if (flash.read(address, std::span(bytes).first(size)) != FlashStatus::Ok) return false;
  const auto closing = std::span(bytes).subspan(size - kRowSize, kRowSize);
  const crypto::Digest digest = crypto::sha256(std::span(bytes).first(size - kRowSize));
  if (storage::get32(closing, 0) != kClosingMagic ||
      !std::equal(closing.begin() + 4, closing.end(), digest.begin())) {
    return false;
  }
  out = TrustAnchors{};
  out.generation = storage::get32(header, 4);
  out.sequence = storage::get64(bytes, kRowSize);
  out.count = count;
  for (std::uint32_t i = 0; i < count; ++i) {
    std::memcpy(out.manifest_signers[i].data(), bytes.data() + kHeaderSize + i * kKeySize, kKeySize);
  }
  out.removed_count = removed;
  for (std::uint32_t i = 0; i < removed; ++i)
    out.removed[i] = storage::get64(bytes, removed_at(count) + i * sizeof(std::uint64_t));
  return true;
}

/// The valid set with the highest generation, and the page it stands on (0: none).
std::uint32_t find_current(storage::Flash& flash, TrustAnchors& anchors) {
  std::uint32_t found = 0;
  for (std::uint32_t page = kVaultTrustAnchors.address(); page < kVaultTrustAnchors.end();
       page += kPageSize) {
    TrustAnchors candidate;
    if (!decode(flash, page, candidate)) continue;
    if (found != 0 && candidate.generation <= anchors.generation) continue;
    anchors = candidate;
    found = page;
  }
  return found;
}

}  // namespace

const crypto::PublicKey* TrustAnchors::find(std::uint64_t key_id) const {
  for (std::uint32_t i = 0; i < count; ++i) {
    if (crypto::manifest_key_id(manifest_signers[i]) == key_id) return &manifest_signers[i];
  }
  return nullptr;
}

void TrustAnchors::remember_removed(std::uint64_t key_id) {
  if (was_removed(key_id)) return;
  if (removed_count == removed.size()) {
    std::copy(removed.begin() + 1, removed.end(), removed.begin());
    --removed_count;
  }
  removed[removed_count++] = key_id;
}

bool TrustAnchors::was_removed(std::uint64_t key_id) const {
  const auto end = removed.begin() + removed_count;
  return std::find(removed.begin(), end, key_id) != end;
}

bool read_trust_anchors(storage::Flash& flash, TrustAnchors& anchors) {
  anchors = TrustAnchors{};
  return find_current(flash, anchors) != 0;
}

std::size_t encode_trust_anchors(const TrustAnchors& anchors, std::span<std::uint8_t> page) {
  if (anchors.count > kMaximumManifestSigners || anchors.removed_count > kRememberedSigners) return 0;
  const std::size_t size = encoded_size(anchors.count, anchors.removed_count);
  if (page.size() < size) return 0;
  std::fill_n(page.begin(), size, std::uint8_t{0});
  storage::put32(page, 0, kHeaderMagic);
  storage::put32(page, 4, anchors.generation);
  storage::put32(page, 8, anchors.count);
  storage::put32(page, 12, storage::crc32(page.first(12)));
  storage::put64(page, kRowSize, anchors.sequence);
  storage::put32(page, kRowSize + 8, anchors.removed_count);
  for (std::uint32_t i = 0; i < anchors.count; ++i) {
    std::memcpy(page.data() + kHeaderSize + i * kKeySize, anchors.manifest_signers[i].data(), kKeySize);
  }
  for (std::uint32_t i = 0; i < anchors.removed_count; ++i)
    storage::put64(page, removed_at(anchors.count) + i * sizeof(std::uint64_t), anchors.removed[i]);
  const auto closing = page.subspan(size - kRowSize, kRowSize);
  const crypto::Digest digest = crypto::sha256(page.first(size - kRowSize));
  storage::put32(closing, 0, kClosingMagic);
  std::copy_n(digest.begin(), kRowSize - 4, closing.begin() + 4);
  return size;
}

bool write_trust_anchors(storage::Flash& flash, TrustAnchors& anchors) {
  TrustAnchors current;
  const std::uint32_t page = find_current(flash, current);
  const std::uint32_t first = kVaultTrustAnchors.address();
  const std::uint32_t target = page == first ? first + kPageSize : first;
  anchors.generation = page == 0 ? 1 : current.generation + 1;
  std::array<std::uint8_t, kMaximumEncoded> bytes{};
  const std::size_t size = encode_trust_anchors(anchors, bytes);
  if (size == 0 || flash.erase_page(target) != FlashStatus::Ok) return false;
  for (std::size_t at = 0; at < size; at += kRowSize) {
    storage::Row row;
    std::memcpy(row.data(), bytes.data() + at, kRowSize);
    if (flash.program_row(target + static_cast<std::uint32_t>(at), row) != FlashStatus::Ok) return false;
  }
  TrustAnchors back;
  return decode(flash, target, back) && back.generation == anchors.generation;
}

}  // namespace microvisor::firmware::vault

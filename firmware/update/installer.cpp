// The part of an update that happens between reset and the application's start: bank 1 and the regions of the
// external flash that the update names are erased, programmed from the staging area and verified. What it
// does not name of the external flash is left as it is.
//
// Up to the record "Erasing" the old application is untouched and everything needed for the new one has been
// verified. From that record on there is only the way forward, and each step can be repeated from its start:
// a power cut during erasing or programming leads back to erasing all pages and sectors (one whose erasing
// was cut off may look blank without being so), one during verifying to verifying.
#include <algorithm>
#include <array>
#include <cstring>

#include "firmware/crypto/startup_hash.hpp"
#include "firmware/layout.hpp"
#include "firmware/storage/bytes.hpp"
#include "firmware/update/updater.hpp"

namespace microvisor::firmware::update {

namespace {

using manifest::Medium;
using storage::FlashStatus;
using storage::kNorPageSize;
using storage::kNorSectorSize;
using storage::kRowSize;
using vault::Key;
using vault::StoreStatus;

constexpr std::uint32_t kBurst = 128;  // of the internal flash
constexpr std::uint8_t kMaximumFailures = 3;

std::uint32_t word_at(const std::uint8_t* bytes) {
  std::uint32_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

/// Four words at a time: most of the bank is blank, and all of it is looked at.
bool all_blank(std::span<const std::uint8_t> bytes) {
  const std::uint8_t* at = bytes.data();
  const std::uint8_t* const end = at + bytes.size();
  for (; end - at >= 16; at += 16) {
    if ((word_at(at) & word_at(at + 4) & word_at(at + 8) & word_at(at + 12)) != 0xFFFF'FFFF) return false;
  }
  return std::all_of(at, end, [](std::uint8_t byte) { return byte == 0xFF; });
}

}  // namespace

UpdateError Updater::install_pending() {
  switch (record_.phase) {
    case Phase::Ready:
    case Phase::Erasing:
    case Phase::Programming:
    case Phase::Verifying: break;
    default: return UpdateError::None;
  }
  const Phase found = record_.phase;
  UpdateError error = prepare_installation();
  if (error != UpdateError::None) {
    // Something staged cannot be read any more. The target stays: it is fetched again. But an older copy has
    // not come about by itself: while the old application still stands, the update waits for its owner.
    return error == UpdateError::OldStaging && found == Phase::Ready ? give_up(error) : fetch_again(error);
  }
  if (found == Phase::Verifying && verify_installation() == UpdateError::None) return record_installation();
  bool skip_blank = found == Phase::Ready;
  for (;;) {
    error = install_once(skip_blank);
    if (error == UpdateError::None) return record_installation();
    Record record = record_;
    if (++record.failures >= kMaximumFailures) return give_up(error);
    if (!save_record(record)) return give_up(UpdateError::Storage);
    skip_blank = false;
  }
}

UpdateError Updater::prepare_installation() {
  // The signature was checked before the update became Ready; the hash in the journal stands for it.
  std::span<const std::uint8_t> envelope;
  const UpdateError error = read_manifest(envelope);
  if (error != UpdateError::None) {
    (void)staging_.drop(record_.target);
    return error;
  }
  if (manifest::parse_trusted_application_manifest(envelope, manifest_) != manifest::ManifestError::None) {
    return UpdateError::Manifest;
  }
  manifest_verdict_ = crypto::Verdict::Valid;
  for (std::uint32_t i = 0; i < manifest_.layer_count; ++i) {
    const manifest::Layer& layer = manifest_.layers[i];
    const crypto::Digest& hash = layer.plain_name();
    const StagingStatus status = staging_.verify(hash, layer.padded_size());
    if (status == StagingStatus::Ok) continue;
    (void)staging_.drop(hash);
    return status == StagingStatus::OldCopy ? UpdateError::OldStaging : UpdateError::Storage;
  }
  return UpdateError::None;
}

UpdateError Updater::install_once(bool skip_blank) {
  if (!set_phase(Phase::Erasing)) return UpdateError::Storage;
  installed_.reset();
  checked_ = crypto::Verdict::Invalid;
  measured_ = {};
  if (store_.remove(Key::InstalledApplication) != StoreStatus::Ok) return UpdateError::Storage;
  if (store_.remove(Key::InstalledManifest) != StoreStatus::Ok) return UpdateError::Storage;
  UpdateError error = erase_application(skip_blank);
  if (error != UpdateError::None) return error;
  if (!set_phase(Phase::Programming)) return UpdateError::Storage;
  for (std::uint32_t i = 0; i < manifest_.layer_count; ++i) {
    error = program_layer(manifest_.layers[i]);
    if (error != UpdateError::None) return error;
  }
  if (!set_phase(Phase::Verifying)) return UpdateError::Storage;
  return verify_installation();
}

UpdateError Updater::erase_application(bool skip_blank) {
  for (std::uint32_t at = 0; at < kApplicationFlashSize; at += kPageSize) {
    if (skip_blank && region_is_blank(Medium::InternalFlash, at, at + kPageSize)) continue;
    if (flash_.erase_page(kApplicationFlash + at) != FlashStatus::Ok) return UpdateError::Storage;
  }
  for (std::uint32_t i = 0; i < manifest_.layer_count; ++i) {
    if (manifest_.layers[i].medium != Medium::ExternalFlash) continue;
    const UpdateError error = erase_external(manifest_.layers[i], skip_blank);
    if (error != UpdateError::None) return error;
  }
  return UpdateError::None;
}

UpdateError Updater::erase_external(const manifest::Layer& layer, bool skip_blank) {
  for (std::uint32_t at = layer.start; at < layer.start + layer.size; at += kNorSectorSize) {
    if (skip_blank && region_is_blank(Medium::ExternalFlash, at, at + kNorSectorSize)) continue;
    if (!nor_.erase_sector(kApplicationNor + at)) return UpdateError::Storage;
  }
  return UpdateError::None;
}

UpdateError Updater::program_layer(const manifest::Layer& layer) {
  const std::optional<std::uint32_t> size = staging_.size_of(layer.plain_name());
  if (!size || *size > layer.size) return UpdateError::Storage;
  const std::uint32_t end = layer.start + *size;
  const std::uint32_t unit = layer.medium == Medium::InternalFlash ? kBurst : kNorPageSize;
  for (std::uint32_t window = layer.start / unit * unit; window < end; window += unit) {
    const std::uint32_t from = std::max(window, layer.start);
    const std::uint32_t to = std::min(window + unit, end);
    alignas(4) std::array<std::uint8_t, kNorPageSize> buffer;
    const auto data = std::span(buffer).first(unit);
    std::fill(data.begin(), data.end(), std::uint8_t{0xFF});
    const StagingStatus status =
        staging_.read(layer.plain_name(), from - layer.start, data.subspan(from - window, to - from));
    if (status != StagingStatus::Ok) return UpdateError::Storage;
    if (!all_blank(data) && !program_piece(layer, window, data)) return UpdateError::Storage;
  }
  return UpdateError::None;
}

/// `window` is the offset of a burst in bank 1, or of a page in the application's part of the NOR.
bool Updater::program_piece(const manifest::Layer& layer, std::uint32_t window,
                            std::span<const std::uint8_t> data) {
  if (layer.medium == Medium::ExternalFlash) return nor_.program(kApplicationNor + window, data);
  const std::uint32_t address = kApplicationFlash + window;
  const auto burst = data.first<kBurst>();
  // A burst programs all rows of the window; rows of a neighbouring layer must be left alone.
  const bool whole = window >= layer.start && window + kBurst <= layer.start + layer.size;
  const FlashStatus status =
      whole ? flash_.program_burst(address, burst) : flash_.Flash::program_burst(address, burst);
  return status == FlashStatus::Ok;
}

bool Updater::read_medium(Medium medium, std::uint32_t from, std::span<std::uint8_t> out) {
  if (medium == Medium::InternalFlash) return flash_.read(kApplicationFlash + from, out) == FlashStatus::Ok;
  yield();  // a region there may be large
  return nor_.read(kApplicationNor + from, out);
}

bool Updater::region_is_blank(Medium medium, std::uint32_t from, std::uint32_t to) {
  const auto buffer = staging_.scratch();
  while (from < to) {
    // Reads begin at a row, which the driver copies by words.
    const std::uint32_t base = from / kRowSize * kRowSize;
    const auto piece = buffer.first(std::min<std::size_t>(buffer.size(), to - base));
    if (!read_medium(medium, base, piece)) return false;
    if (!all_blank(piece.subspan(from - base))) return false;
    from = base + static_cast<std::uint32_t>(piece.size());
  }
  return true;
}

bool Updater::hash_region(Medium medium, std::uint32_t from, std::uint32_t to, crypto::Digest& digest) {
  const auto buffer = staging_.scratch();
  crypto::StartupSha256 hash;
  while (from < to) {
    const auto piece = buffer.first(std::min<std::size_t>(buffer.size(), to - from));
    if (!read_medium(medium, from, piece)) return false;
    hash.update(piece);
    from += static_cast<std::uint32_t>(piece.size());
  }
  digest = hash.finish();
  return true;
}

UpdateError Updater::verify_installation() {
  // The measurement of a region is the hash of the layer and the blank flash behind it. That the two hashes
  // in the manifest agree was found out before installing (measure_staged), so the layer's own hash and a
  // look at the rest say the same.
  for (std::uint32_t i = 0; i < manifest_.layer_count; ++i) {
    const manifest::Layer& layer = manifest_.layers[i];
    std::optional<std::uint32_t> size = staging_.size_of(layer.plain_name());
    if (!size || *size > layer.size) return UpdateError::Storage;
    if (layer.encrypted_with != 0) size = layer.size;  // its plain name is the whole region's hash
    crypto::Digest digest{};
    const bool good = hash_region(layer.medium, layer.start, layer.start + *size, digest) &&
                      crypto::equal(digest, layer.plain_name()) == crypto::Verdict::Valid &&
                      region_is_blank(layer.medium, layer.start + *size, layer.start + layer.size);
    if (!good) return UpdateError::Measurement;
    if (layer.medium == Medium::InternalFlash) measured_ = digest;
  }
  return UpdateError::None;
}

UpdateError Updater::record_installation() {
  InstalledApplication installed;
  installed.manifest_hash = record_.target;
  std::uint32_t regions_end = 0;
  for (std::uint32_t i = 0; i < manifest_.layer_count; ++i) {
    const manifest::Layer& layer = manifest_.layers[i];
    if (layer.medium != Medium::InternalFlash) continue;  // the application may write there from now on
    const std::uint32_t end = layer.start + staging_.size_of(layer.plain_name()).value_or(0);
    installed.extent = std::max(installed.extent, end);
    regions_end = std::max(regions_end, layer.start + layer.size);
  }
  const manifest::Layer& first = manifest_.layers[0];
  if (manifest_.layer_count == 1 && first.start == 0 && first.encrypted_with == 0) {
    installed.extent_hash = first.fetch_hash;  // the very hash that has just been verified
  } else if (!hash_region(Medium::InternalFlash, 0, installed.extent, installed.extent_hash)) {
    return give_up(UpdateError::Measurement);
  } else {
    measured_ = installed.extent_hash;
  }

  std::span<const std::uint8_t> envelope;
  const UpdateError error = read_manifest(envelope);
  if (error != UpdateError::None) return give_up(error);
  std::array<std::uint8_t, 8 + 32 + 32> value{};
  value[0] = 1;
  storage::put32(value, 4, installed.extent);
  std::copy(installed.manifest_hash.begin(), installed.manifest_hash.end(), value.begin() + 8);
  std::copy(installed.extent_hash.begin(), installed.extent_hash.end(), value.begin() + 40);
  if (store_.put(Key::InstalledManifest, envelope) != StoreStatus::Ok ||
      store_.put(Key::InstalledApplication, value) != StoreStatus::Ok) {
    return give_up(UpdateError::Storage);
  }
  installed_ = installed;
  if (!region_is_blank(Medium::InternalFlash, regions_end, kApplicationFlashSize))
    return give_up(UpdateError::Measurement);
  checked_ = crypto::Verdict::Valid;
  return set_phase(Phase::Installed) ? UpdateError::None : give_up(UpdateError::Storage);
}

crypto::Verdict Updater::check_application() {
  if (!installed_) return crypto::Verdict::Invalid;
  if (checked_ == crypto::Verdict::Valid) return crypto::Verdict::Valid;
  measured_ = {};
  if (!hash_region(Medium::InternalFlash, 0, installed_->extent, measured_)) return crypto::Verdict::Invalid;
  if (!region_is_blank(Medium::InternalFlash, installed_->extent, kApplicationFlashSize))
    return crypto::Verdict::Invalid;
  checked_ = crypto::equal(measured_, installed_->extent_hash);
  return checked_;
}

crypto::Verdict Updater::application_verdict() const {
  // SHA-256 comes to zeros for nothing known, so that a measurement left out is none.
  static constexpr crypto::Digest kNone{};
  if (!installed_ || measured_ == kNone) return crypto::Verdict::Invalid;
  return crypto::equal(measured_, installed_->extent_hash);
}

}  // namespace microvisor::firmware::update

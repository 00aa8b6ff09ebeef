// The part of an update that happens while the application runs: target, fetching, staging.
#include "firmware/update/updater.hpp"

#include <algorithm>
#include <cstring>

#include "firmware/layout.hpp"
#include "firmware/storage/bytes.hpp"

namespace microvisor::firmware::update {

namespace {

using manifest::ManifestError;
using vault::Key;
using vault::StoreStatus;

/// Of a manifest, before anything of it is believed.
constexpr std::uint32_t kReadings = 2;

// Key::UpdateState: format, phase, error, reported, failures, three zeros, target.
constexpr std::uint8_t kStateFormat = 1;
constexpr std::size_t kStateSize = 8 + 32;
// Key::InstalledApplication: format and three zeros, extent, manifest hash, extent hash.
constexpr std::uint8_t kInstalledFormat = 1;
constexpr std::size_t kInstalledSize = 8 + 32 + 32;

UpdateError error_of(ManifestError error) {
  switch (error) {
    case ManifestError::None: return UpdateError::None;
    case ManifestError::Unsigned:
    case ManifestError::BadSignature: return UpdateError::Signature;
    case ManifestError::UnknownSigner: return UpdateError::UnknownSigner;
    case ManifestError::RemovedSigner: return UpdateError::RemovedSigner;
    case ManifestError::OtherDevice: return UpdateError::OtherDevice;
    case ManifestError::KernelTooOld: return UpdateError::KernelTooOld;
    default: return UpdateError::Manifest;
  }
}

bool is_zero(const crypto::Digest& digest) {
  return std::all_of(digest.begin(), digest.end(), [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace

Updater::Updater(storage::Flash& flash, storage::Nor& nor, vault::Store& store,
                 const crypto::SealingKey& staging_key, std::uint32_t kernel_version, YieldHook hook)
    : flash_(flash),
      nor_(nor),
      store_(store),
      staging_(nor, store, staging_key, hook),
      decoding_(staging_, hook),
      transfer_(staging_, decoding_),
      kernel_version_(kernel_version),
      yield_(hook) {}

// ---- Records
// ---------------------------------------------------------------------------------------------------------

void Updater::mount() {
  staging_.mount();
  transfer_.forget();
  record_ = Record{};
  installed_.reset();
  checked_ = crypto::Verdict::Invalid;
  measured_ = {};
  manifest_verdict_ = crypto::Verdict::Invalid;
  std::size_t size = 0;
  std::array<std::uint8_t, kStateSize> state;
  if (store_.get(Key::UpdateState, state, size) == StoreStatus::Ok && size == kStateSize &&
      state[0] == kStateFormat && state[1] <= static_cast<std::uint8_t>(Phase::Failed)) {
    record_.phase = static_cast<Phase>(state[1]);
    record_.error = static_cast<UpdateError>(state[2]);
    record_.reported = state[3] != 0;
    record_.failures = state[4];
    std::copy_n(state.begin() + 8, 32, record_.target.begin());
  }
  std::array<std::uint8_t, kInstalledSize> value;
  if (store_.get(Key::InstalledApplication, value, size) == StoreStatus::Ok && size == kInstalledSize &&
      value[0] == kInstalledFormat) {
    InstalledApplication installed;
    installed.extent = std::min(storage::get32(value, 4), kApplicationFlashSize);
    std::copy_n(value.begin() + 8, 32, installed.manifest_hash.begin());
    std::copy_n(value.begin() + 40, 32, installed.extent_hash.begin());
    installed_ = installed;
  }
}

bool Updater::save_record(const Record& record) {
  std::array<std::uint8_t, kStateSize> state{};
  state[0] = kStateFormat;
  state[1] = static_cast<std::uint8_t>(record.phase);
  state[2] = static_cast<std::uint8_t>(record.error);
  state[3] = record.reported ? 1 : 0;
  state[4] = record.failures;
  std::copy(record.target.begin(), record.target.end(), state.begin() + 8);
  if (store_.put(Key::UpdateState, state) != StoreStatus::Ok) return false;
  record_ = record;
  return true;
}

bool Updater::set_phase(Phase phase) {
  Record record = record_;
  record.phase = phase;
  record.error = UpdateError::None;
  record.reported = phase != Phase::Installed;
  return save_record(record);
}

/// What is missing or cannot be read any more is fetched again; the cloud is told why.
UpdateError Updater::fetch_again(UpdateError error) {
  forget_replaced(error);
  Record record = record_;
  record.phase = Phase::Fetching;
  record.error = error;
  record.reported = false;
  manifest_verdict_ = crypto::Verdict::Invalid;
  return save_record(record) ? error : give_up(UpdateError::Storage);
}

/// Whoever has put an older copy back has not done so for one object alone.
void Updater::forget_replaced(UpdateError error) {
  if (error == UpdateError::OldStaging) (void)staging_.clear();
}

UpdateError Updater::give_up(UpdateError error) {
  forget_replaced(error);
  Record record = record_;
  record.phase = Phase::Failed;
  record.error = error;
  record.reported = false;
  manifest_verdict_ = crypto::Verdict::Invalid;
  // If the journal cannot be written either, the failure holds until the next reset.
  if (!save_record(record)) record_ = record;
  return error;
}

void Updater::fail(UpdateError error) { (void)give_up(error); }

void Updater::refuse_next(UpdateError error) {
  Record record;
  record.phase = Phase::Failed;
  record.error = error;  // and no target: begin() fills it in
  if (!save_record(record)) record_ = record;
}

void Updater::set_reported() {
  Record record = record_;
  record.reported = true;
  if (record.phase == Phase::Installed) record.phase = Phase::Idle;
  if (!save_record(record)) record_ = record;  // then it is reported once more after the next reset
}

// ---- Target and objects
// ----------------------------------------------------------------------------------------------

bool Updater::begin(const crypto::Digest& manifest_hash, const vault::TrustAnchors& anchors,
                    bool retry_failed) {
  anchors_ = &anchors;
  if (installed_ && installed_->manifest_hash == manifest_hash) {
    const bool other_target = record_.phase != Phase::Idle && record_.phase != Phase::Installed;
    if (other_target && !set_phase(Phase::Idle)) record_.phase = Phase::Idle;
    return false;
  }
  if (record_.target == manifest_hash && record_.phase != Phase::Idle && record_.phase != Phase::Installed) {
    if (record_.phase != Phase::Failed) return true;
    if (!retry_failed) return false;
  }
  if (record_.phase == Phase::Failed && is_zero(record_.target) && !retry_failed) {
    record_.target = manifest_hash;
    (void)give_up(record_.error);
    return false;
  }
  Record record;
  record.phase = Phase::Fetching;
  record.target = manifest_hash;
  manifest_verdict_ = crypto::Verdict::Invalid;
  if (save_record(record)) return true;
  record_ = record;
  (void)give_up(UpdateError::Storage);
  return false;
}

void Updater::signers_changed(const vault::TrustAnchors& anchors) {
  anchors_ = &anchors;
  const bool open = record_.phase >= Phase::Fetching && record_.phase <= Phase::Ready;
  if (!open || !staging_.is_complete(record_.target)) return;
  manifest_verdict_ = crypto::Verdict::Invalid;
  if (const UpdateError error = load_checked_manifest(); error != UpdateError::None) (void)give_up(error);
}

std::optional<ObjectRequest> Updater::next_object() {
  if (record_.phase != Phase::Fetching && record_.phase != Phase::Staging) return std::nullopt;
  if (!staging_.is_complete(record_.target)) {
    return ObjectRequest{record_.target, static_cast<std::uint32_t>(kMaximumManifestSize), 0, true};
  }
  const UpdateError error = load_checked_manifest();
  if (error != UpdateError::None) {
    (void)give_up(error);
    return std::nullopt;
  }
  for (std::uint32_t i = 0; i < manifest_.layer_count; ++i) {
    const manifest::Layer& layer = manifest_.layers[i];
    if (staging_.is_complete(layer.plain_name())) continue;
    if (staging_.is_complete(layer.fetch_hash)) {
      if (decrypt_staged(layer) == UpdateError::None) continue;
      return std::nullopt;
    }
    ObjectRequest request{layer.fetch_hash, layer.maximum_size(), layer.exact_size, false,
                          layer.encrypted_with == 0 && transfer_.accepts_encodings(layer.fetch_hash)};
    if (request.accepts_encodings) request.base = base_of(layer);
    return request;
  }
  return std::nullopt;
}

/// What must not give way to anything while this update goes on.
Updater::Names Updater::names_of_target() const {
  Names names;
  names.list[names.count++] = record_.target;
  for (std::uint32_t i = 0; manifest_loaded() && i < manifest_.layer_count; ++i) {
    const manifest::Layer& layer = manifest_.layers[i];
    names.list[names.count++] =
        staging_.is_complete(layer.plain_name()) ? layer.plain_name() : layer.fetch_hash;
  }
  return names;
}

std::optional<std::uint32_t> Updater::open_object(const ObjectRequest& request) {
  std::uint32_t offset = 0;
  if (transfer_.open(request, names_of_target().all(), offset) == StagingStatus::Ok) return offset;
  (void)give_up(UpdateError::Storage);
  return std::nullopt;
}

/// Nothing, unless bank 1 has been found to hold what was installed: all of its rows can be read then.
Base Updater::base_of(const manifest::Layer& layer) {
  if (layer.medium != manifest::Medium::InternalFlash || !installed_ || checked_ != crypto::Verdict::Valid)
    return {};
  if (layer.start >= installed_->extent) return {};
  const std::uint32_t address = kApplicationFlash + layer.start;
  return {installed_->extent_hash, address, flash_.in_place(address, installed_->extent - layer.start)};
}

UpdateError Updater::write(std::span<const std::uint8_t> data) {
  const ObjectTransfer::Result result = transfer_.write(data);
  return outcome(result, staging_.written());
}

UpdateError Updater::close_object() {
  const std::uint32_t size = staging_.written();
  const UpdateError error = outcome(transfer_.close(), size);
  if (error != UpdateError::None || !staging_.is_complete(record_.target)) return error;
  const UpdateError manifest_error = load_checked_manifest();
  return manifest_error == UpdateError::None ? manifest_error : give_up(manifest_error);
}

/// Of a step with an object of which `size` bytes had come.
UpdateError Updater::outcome(ObjectTransfer::Result result, std::uint32_t size) {
  if (result.status == StagingStatus::Ok) return UpdateError::None;
  return result.anew ? UpdateError::Hash : give_up(why_not(result.status, size));
}

/// What an object that is not what its hash says has become, as far as that can be told.
UpdateError Updater::why_not(StagingStatus status, std::uint32_t size) const {
  if (!manifest_loaded()) return error_of(status);  // the manifest itself
  if (status == StagingStatus::TooLarge) return UpdateError::LayerExtended;
  if (status != StagingStatus::WrongHash) return error_of(status);
  const auto* end = manifest_.layers.begin() + manifest_.layer_count;
  const bool swapped = std::any_of(manifest_.layers.begin(), end, [this](const manifest::Layer& layer) {
    return layer.fetch_hash == staging_.found();
  });
  if (swapped) return UpdateError::LayersSwapped;
  return size < transfer_.opened().exact_size ? UpdateError::LayerTruncated : UpdateError::Hash;
}

UpdateError Updater::read_manifest(std::span<const std::uint8_t>& envelope) {
  static_assert(kMaximumManifestSize <= kSealedSectorData);
  const UpdateError error = error_of(staging_.peek(record_.target, envelope));
  if (error != UpdateError::None) return error;
  // The NOR is outside: what was read counts only under the hash that the journal has.
  const crypto::Digest digest = crypto::sha256(envelope);
  return crypto::equal(digest, record_.target) == crypto::Verdict::Valid ? UpdateError::None
                                                                         : UpdateError::Hash;
}

/// What one disturbed instruction has made of one reading does not happen to the other: a manifest counts
/// when both have found nothing wrong (firmware/hardened), and its verdict is looked at twice.
UpdateError Updater::load_checked_manifest() {
  if (manifest_loaded()) return UpdateError::None;
  hardened::Checks readings;
  UpdateError error = UpdateError::None;
  for (unsigned i = 0; i < kReadings && error == UpdateError::None; ++i) {
    error = check_manifest();
    const volatile auto wrong = static_cast<std::uint32_t>(error);
    (void)readings.add(hardened::verdict_of(wrong));
  }
  manifest_verdict_ = hardened::equal_numbers(readings.sum(), hardened::Checks::sum_of_valid(kReadings));
  if (readings.sum() != hardened::Checks::sum_of_valid(kReadings))
    manifest_verdict_ = crypto::Verdict::Invalid;
  return error == UpdateError::None && !manifest_loaded() ? UpdateError::Signature : error;
}

/// Reads it and all that it is checked against anew.
UpdateError Updater::check_manifest() {
  if (anchors_ == nullptr) return UpdateError::Signature;
  std::span<const std::uint8_t> envelope;
  if (const UpdateError error = read_manifest(envelope); error != UpdateError::None) return error;
  const UpdateError error = error_of(
      manifest::check_application_manifest(envelope, *anchors_, device_sid_, kernel_version_, manifest_));
  return error != UpdateError::None ? error : check_layer_keys();
}

UpdateError Updater::measure_staged(const manifest::Layer& layer) {
  // One pass over the NOR gives both hashes: that of the layer as fetched, and that of the region as it will
  // read back.
  const std::optional<std::uint32_t> size = staging_.size_of(layer.plain_name());
  if (!size) return UpdateError::Storage;
  if (*size > layer.size) return UpdateError::Manifest;
  std::array<std::uint8_t, 256> buffer;
  crypto::Sha256 hash;
  for (std::uint32_t at = 0; at < *size;) {
    const auto piece = std::span(buffer).first(std::min<std::size_t>(buffer.size(), *size - at));
    const UpdateError error = error_of(staging_.read(layer.plain_name(), at, piece));
    if (error != UpdateError::None) return error;
    hash.update(piece);
    at += static_cast<std::uint32_t>(piece.size());
    yield();
  }
  crypto::Sha256 fetched = hash;
  const bool named_by_hash = layer.encrypted_with == 0;
  if (named_by_hash && crypto::equal(fetched.finish(), layer.fetch_hash) != crypto::Verdict::Valid)
    return UpdateError::Hash;
  constexpr std::uint32_t kPiece = 8192;
  for (std::uint32_t at = *size; at < layer.size;) {
    const std::uint32_t count = std::min(kPiece, layer.size - at);
    hash.update_blank(count);
    at += count;
    yield();
  }
  return crypto::equal(hash.finish(), layer.measurement_hash) == crypto::Verdict::Valid
             ? UpdateError::None
             : UpdateError::Measurement;
}

UpdateError Updater::mark_ready() {
  if (record_.phase == Phase::Ready) return UpdateError::None;
  if (record_.phase != Phase::Fetching && record_.phase != Phase::Staging) return UpdateError::Fetch;
  if (!set_phase(Phase::Staging)) return give_up(UpdateError::Storage);
  manifest_verdict_ = crypto::Verdict::Invalid;
  UpdateError error = load_checked_manifest();
  if (error == UpdateError::Hash) (void)staging_.drop(record_.target);
  for (std::uint32_t i = 0; error == UpdateError::None && i < manifest_.layer_count; ++i) {
    const manifest::Layer& layer = manifest_.layers[i];
    error = measure_staged(layer);
    // What no longer reads as it was stored is fetched anew, if the update is named again.
    if (error == UpdateError::Hash) (void)staging_.drop(layer.plain_name());
  }
  if (error != UpdateError::None) return give_up(error);
  return set_phase(Phase::Ready) ? UpdateError::None : give_up(UpdateError::Storage);
}

Progress Updater::progress() const {
  Progress progress;
  if (is_zero(record_.target) || !manifest_loaded()) return progress;
  for (std::uint32_t i = 0; i < manifest_.layer_count; ++i) {
    const std::optional<std::uint32_t> size = staging_.size_of(manifest_.layers[i].plain_name());
    progress.bytes_done += size.value_or(0);
    progress.bytes_total += size.value_or(manifest_.layers[i].maximum_size());
  }
  progress.bytes_done += staging_.written();
  return progress;
}

bool Updater::installed_manifest(manifest::ApplicationManifest& out) {
  const auto buffer = staging_.scratch();
  std::size_t size = 0;
  if (!installed_ || store_.get(Key::InstalledManifest, buffer, size) != StoreStatus::Ok) return false;
  return manifest::parse_trusted_application_manifest(buffer.first(size), out) == ManifestError::None;
}

}  // namespace microvisor::firmware::update

#include "firmware/upgrader/kernel_updater.hpp"

#include <array>

#include "firmware/bootrom/kernel_trailer.hpp"
#include "firmware/preboot/requests.hpp"
#include "firmware/update/decryption.hpp"
#include "firmware/upgrader/update_record.hpp"
#include "firmware/vault/boot_record.hpp"
#include "firmware/vault/layer_keys.hpp"

namespace microvisor::firmware::upgrader {

using update::StagingStatus;
using update::UpdateError;

namespace {

bool is_open(update::Phase phase) {
  return phase == update::Phase::Fetching || phase == update::Phase::Staging;
}

}  // namespace

void KernelUpdater::mount(const RunningKernel& running) {
  running_ = running;
  transfer_.forget();
  read_outcome();
}

void KernelUpdater::read_outcome() {
  UpdateRecord record = load_update(store_);
  if (record.reported) return;
  const bool asked = record.phase >= Phase::Requested && record.phase <= Phase::Installing;
  const vault::BootRecord boot = vault::read_boot_record(flash_);
  if (asked && phase_ != update::Phase::Ready && !boot.run_upgrader) {
    if (boot.restore) {  // preboot has tried both copies of the upgrader for long enough
      record.phase = Phase::Refused;
      record.error = UpdateError::UpgraderFailed;
    } else {  // the power failed between the two records of a request
      record.phase = Phase::Idle;
    }
    (void)save_update(store_, record);
  }
  switch (record.phase) {
    case Phase::Confirmed: phase_ = update::Phase::Installed; break;
    case Phase::Refused:
    case Phase::Returned: phase_ = update::Phase::Failed; break;
    default: return;
  }
  error_ = record.error;
  target_ = record.target;
  reported_ = false;
}

void KernelUpdater::set_reported() {
  reported_ = true;
  UpdateRecord record = load_update(store_);
  if (!record.reported && record.target == target_ && record.phase >= Phase::Confirmed) {
    record.reported = true;
    (void)save_update(store_, record);  // then it is reported once more after the next reset
  }
  if (phase_ == update::Phase::Installed) phase_ = update::Phase::Idle;
}

UpdateError KernelUpdater::give_up(UpdateError error) {
  withdraw();
  if (error == UpdateError::OldStaging) (void)staging_.clear();  // not one object alone was put back
  phase_ = update::Phase::Failed;
  error_ = error;
  reported_ = false;
  return error;
}

/// What was asked for is not to be done any more.
void KernelUpdater::withdraw() {
  if (phase_ != update::Phase::Ready || is_for_module()) return;
  UpdateRecord record = load_update(store_);
  record.phase = Phase::Idle;
  if (save_update(store_, record)) (void)cancel_upgrade(flash_);
}

bool KernelUpdater::begin(const crypto::Digest& manifest_hash, const vault::TrustAnchors& anchors,
                          bool retry_failed) {
  keys_sequence_ = anchors.sequence;
  if (manifest_hash == running_.manifest_hash) {
    if (is_open(phase_) || phase_ == update::Phase::Ready) {
      withdraw();
      phase_ = update::Phase::Idle;
    }
    return false;
  }
  if (manifest_hash == target_ && phase_ != update::Phase::Idle) {
    if (phase_ != update::Phase::Failed) return true;
    if (!retry_failed) return false;
  }
  withdraw();
  target_ = manifest_hash;
  phase_ = update::Phase::Fetching;
  error_ = UpdateError::None;
  reported_ = true;
  manifest_loaded_ = module_tried_ = false;
  return true;
}

std::array<ReleaseLayer, 3> KernelUpdater::layers() const {
  std::array<ReleaseLayer, 3> layers = layers_of(manifest_);
  if (is_for_module()) layers[0].maximum_size = module_.size;
  return layers;
}

std::optional<update::ObjectRequest> KernelUpdater::next_object() {
  if (!is_open(phase_)) return std::nullopt;
  if (!staging_.is_complete(target_)) {
    return update::ObjectRequest{
        .hash = target_, .maximum_size = kMaximumKernelManifest, .is_manifest = true};
  }
  if (const UpdateError error = load_checked_manifest(); error != UpdateError::None) {
    (void)give_up(error);
    return std::nullopt;
  }
  for (const ReleaseLayer& each : layers()) {
    const manifest::StageLayer& layer = each.layer;
    if (!layer.present || staging_.is_complete(layer.hash)) continue;
    const bool encrypted = layer.encrypted_with != 0;
    if (encrypted && staging_.is_complete(layer.fetch_hash)) {
      if (decrypt_staged(each) == UpdateError::None) continue;
      return std::nullopt;
    }
    return request_for(each);
  }
  return std::nullopt;
}

/// A kernel may come as a difference against the one that runs: nobody writes its pages but the upgrader. The
/// boot stages are hidden while a kernel runs (docs/boot.md), so theirs have no base.
update::ObjectRequest KernelUpdater::request_for(const ReleaseLayer& each) {
  const manifest::StageLayer& layer = each.layer;
  update::ObjectRequest request{.hash = layer.fetch_hash, .maximum_size = each.maximum_size};
  if (layer.encrypted_with != 0) {
    request.maximum_size += kEncryptedLayerOverhead;
    return request;
  }
  request.accepts_encodings = transfer_.accepts_encodings(layer.fetch_hash);
  const bool is_kernel = each.places == nullptr && !is_for_module();
  if (request.accepts_encodings && is_kernel && running_.image_size != 0) {
    const std::uint32_t address = kKernel.address();
    request.base = {running_.image_hash, address, flash_.in_place(address, running_.image_size)};
  }
  return request;
}

/// What must not give way to anything while this update goes on.
KernelUpdater::Names KernelUpdater::names_of_target() const {
  Names names;
  names.list[names.count++] = target_;
  if (!manifest_loaded_) return names;
  for (const ReleaseLayer& each : layers()) {
    if (!each.layer.present) continue;
    names.list[names.count++] =
        staging_.is_complete(each.layer.hash) ? each.layer.hash : each.layer.fetch_hash;
  }
  return names;
}

/// Without the key there is no point in fetching a layer.
UpdateError KernelUpdater::check_layer_keys() {
  for (const ReleaseLayer& each : layers()) {
    const std::uint64_t id = each.layer.encrypted_with;
    vault::LayerKey key;
    if (id != 0 && !vault::find_layer_key(store_, keys_sequence_, id, key)) return UpdateError::NoLayerKey;
  }
  return UpdateError::None;
}

UpdateError KernelUpdater::decrypt_staged(const ReleaseLayer& each) {
  const manifest::StageLayer& layer = each.layer;
  const update::EncryptedLayer encrypted{layer.fetch_hash, layer.encrypted_with, layer.hash,
                                         each.maximum_size, 0};
  UpdateError error = update::make_room(staging_, encrypted, names_of_target().all());
  if (error == UpdateError::None) error = update::decrypt_layer(staging_, store_, keys_sequence_, encrypted);
  if (error == UpdateError::None) return error;
  if (error == UpdateError::LayerTruncated || error == UpdateError::LayerExtended)
    error = UpdateError::LayerSize;
  return give_up(error);
}

std::optional<std::uint32_t> KernelUpdater::open_object(const update::ObjectRequest& request) {
  std::uint32_t offset = 0;
  if (transfer_.open(request, names_of_target().all(), offset) == StagingStatus::Ok) return offset;
  (void)give_up(UpdateError::Storage);
  return std::nullopt;
}

UpdateError KernelUpdater::write(std::span<const std::uint8_t> data) {
  return outcome(transfer_.write(data));
}

UpdateError KernelUpdater::close_object() {
  UpdateError error = outcome(transfer_.close());
  if (error != UpdateError::None || !staging_.is_complete(target_)) return error;
  error = load_checked_manifest();
  return error == UpdateError::None ? error : give_up(error);
}

UpdateError KernelUpdater::outcome(update::ObjectTransfer::Result result) {
  if (result.status == StagingStatus::Ok) return UpdateError::None;
  if (result.anew) return UpdateError::Hash;
  if (result.status != StagingStatus::TooLarge) return give_up(update::error_of(result.status));
  return give_up(manifest_loaded_ ? UpdateError::LayerSize : UpdateError::Manifest);
}

UpdateError KernelUpdater::load_checked_manifest() {
  if (manifest_loaded_) return UpdateError::None;
  std::span<const std::uint8_t> envelope;
  if (const UpdateError error = update::error_of(staging_.peek(target_, envelope));
      error != UpdateError::None)
    return error;
  if (envelope.size() > kMaximumKernelManifest) return UpdateError::Manifest;
  // The NOR is outside: what was read counts only under the hash that the cloud has named.
  if (crypto::equal(crypto::sha256(envelope), target_) != crypto::Verdict::Valid) return UpdateError::Hash;
  crypto::Verdict verdict = crypto::Verdict::Invalid;
  module_ = {};
  using manifest::ManifestError;
  ManifestError result = manifest::check_kernel_manifest(envelope, vendor_key_, manifest_, verdict);
  if (result == ManifestError::WrongDevice)
    result = manifest::check_module_manifest(envelope, vendor_key_, module_, verdict);
  if (const UpdateError error = error_of(result); error != UpdateError::None) return error;
  if (verdict != crypto::Verdict::Valid) return UpdateError::Signature;
  if (is_for_module()) {  // its image is fetched as a kernel would be
    manifest_.kernel = {true, module_.hash, 0, module_.hash};
    manifest_.bootrom.present = manifest_.upgrader.present = false;
  } else if (manifest_.security_ratchet < running_.ratchet) {
    return UpdateError::Downgrade;
  }
  manifest_loaded_ = true;
  return check_layer_keys();
}

UpdateError KernelUpdater::mark_ready() {
  if (phase_ == update::Phase::Ready) return UpdateError::None;
  if (!is_open(phase_)) return UpdateError::Fetch;
  phase_ = update::Phase::Staging;
  manifest_loaded_ = false;
  UpdateError error = load_checked_manifest();
  if (error == UpdateError::None) error = check_staged();
  if (error != UpdateError::None) return give_up(error);
  phase_ = update::Phase::Ready;
  return UpdateError::None;
}

UpdateError KernelUpdater::check_staged() {
  if (is_for_module()) {
    const UpdateError error = update::error_of(staging_.verify(module_.hash));
    const bool whole = staging_.size_of(module_.hash) == module_.size;
    return error == UpdateError::None && !whole ? UpdateError::LayerSize : error;
  }
  const UpdateError error = check_layers(staging_, manifest_);
  return error == UpdateError::None && !ask_for_it() ? UpdateError::Storage : error;
}

bool KernelUpdater::read_image(std::uint32_t offset, std::span<std::uint8_t> out) {
  if (staging_.read(module_.hash, offset, out) == StagingStatus::Ok) return true;
  (void)staging_.drop(module_.hash);
  return false;
}

void KernelUpdater::module_done(UpdateError error) {
  UpdateRecord record;
  record.phase = error == UpdateError::None ? Phase::Confirmed : Phase::Refused;
  record.error = error_ = error;
  record.target = target_;
  (void)save_update(store_, record);  // without it, it would be tried again after a reset
  phase_ = error == UpdateError::None ? update::Phase::Installed : update::Phase::Failed;
  reported_ = false;
}

bool KernelUpdater::ask_for_it() {
  if (vault::read_boot_record(flash_).on_trial) return false;  // its proof could not be written
  UpdateRecord record;
  record.phase = Phase::Requested;
  record.target = target_;
  return save_update(store_, record) && ask_for_upgrade(flash_);
}

update::Progress KernelUpdater::progress() const {
  update::Progress progress;
  progress.bytes_done = staging_.written();
  if (!manifest_loaded_) return progress;
  for (const ReleaseLayer& each : layers()) {
    if (!each.layer.present) continue;
    const std::optional<std::uint32_t> size = staging_.size_of(each.layer.hash);
    progress.bytes_done += size.value_or(0);
    progress.bytes_total += size.value_or(each.maximum_size);
  }
  return progress;
}

}  // namespace microvisor::firmware::upgrader

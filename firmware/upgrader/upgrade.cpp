#include "firmware/upgrader/upgrade.hpp"

#include <array>

#include "firmware/preboot/choice.hpp"
#include "firmware/upgrader/release.hpp"

namespace microvisor::firmware::upgrader {

namespace {

using manifest::ManifestError;
using update::UpdateError;

/// Times a new upgrader is given the word, and a kernel is written before it is given up.
constexpr std::uint8_t kHandOvers = 3;
constexpr unsigned kWritings = 3;
/// Manifest asked for, signed by the vendor, not below the ratchet.
constexpr std::uint32_t kRequestAccepted = hardened::Checks::sum_of_valid(3);

}  // namespace

Upgrade::Upgrade(storage::Flash& flash, vault::Store& store, update::Staging& staging, const Machine& machine)
    : flash_(flash),
      store_(store),
      staging_(staging),
      machine_(machine),
      pages_(flash, staging, machine.feed) {}

void Upgrade::run() {
  boot_ = vault::read_boot_record(flash_);
  update_ = load_update(store_);
  // The last start of a trial asks for the return even if preboot could not write it down.
  if (boot_.restore || (boot_.on_trial && boot_.starts_left == 0)) {
    restore();
  } else {
    update();
  }
}

bool Upgrade::kernel_is_good(Pages pages) {
  return accepted(check_kernel(flash_, pages, machine_.vendor_key, machine_.ratchet));
}

bool Upgrade::kernel_is_target() {
  const KernelFinding found = check_kernel(flash_, kKernel, machine_.vendor_key, machine_.ratchet);
  return accepted(found) && hardened::equal(found.manifest_hash, update_.target) == hardened::Verdict::Valid;
}

bool Upgrade::save(Phase phase) {
  update_.phase = phase;
  update_.reported = false;
  return save_update(store_, update_);
}

void Upgrade::leave(vault::Copy bootrom, bool on_trial, bool restored) {
  vault::BootRecord record;
  record.bootrom = bootrom;
  record.upgrader = machine_.own_copy;
  record.on_trial = on_trial;
  record.restore = restored;
  record.starts_left = on_trial ? kTrialStarts : std::uint8_t{0};
  (void)vault::write_boot_record(flash_, record);  // if it fails, the old one leads here again
}

// ---- Towards the new kernel

void Upgrade::update() {
  switch (update_.phase) {
    case Phase::Requested: raise_ratchet(); break;  // asked for by a kernel that has proven itself
    case Phase::Upgrader:
    case Phase::Saving:
    case Phase::Installing: break;
    case Phase::Trial: start_trial(); return;  // the power failed between the two records
    case Phase::Restoring: restore(); return;
    case Phase::Returned: leave(update_.bootrom, false, true); return;
    case Phase::Confirmed: settle_confirmed(); [[fallthrough]];
    default: leave(boot_.bootrom, false, false); return;  // nothing was asked for
  }
  UpdateError error = check_request();
  bool handed_over = false;
  if (error == UpdateError::None) error = replace_upgrader(handed_over);
  if (handed_over) return;
  if (error == UpdateError::None) error = replace_bootrom();
  if (error == UpdateError::None) error = replace_kernel();
  if (error == UpdateError::None) {
    start_trial();
  } else if (update_.phase == Phase::Installing) {
    update_.error = error;
    bring_previous_back();
  } else {
    refuse(error);
  }
}

UpdateError Upgrade::check_request() {
  const std::uint32_t size = staging_.size_of(update_.target).value_or(0);
  if (size == 0) return UpdateError::Storage;
  if (size > kMaximumKernelManifest) return UpdateError::Manifest;
  static std::array<std::uint8_t, kMaximumKernelManifest> bytes;
  const auto envelope = std::span(bytes).first(size);
  const UpdateError unreadable = update::error_of(staging_.read(update_.target, 0, envelope));
  if (unreadable != UpdateError::None) return unreadable;
  if (!request_.add(hardened::equal(crypto::sha256(envelope), update_.target))) return UpdateError::Hash;
  hardened::Verdict verdict = hardened::Verdict::Invalid;
  const ManifestError error =
      manifest::check_kernel_manifest(envelope, machine_.vendor_key, manifest_, verdict);
  if (error != ManifestError::None) return error_of(error);
  if (!request_.add(verdict)) return UpdateError::Signature;
  const volatile std::uint32_t below = manifest_.security_ratchet < machine_.ratchet() ? 1 : 0;
  if (!request_.add(hardened::verdict_of(below))) return UpdateError::Downgrade;
  return check_layers(staging_, manifest_);
}

bool Upgrade::request_is_accepted() const {
  const volatile std::uint32_t sum = request_.sum();
  if (sum != kRequestAccepted) return false;
  return sum == kRequestAccepted;
}

UpdateError Upgrade::replace_upgrader(bool& handed_over) {
  if (!manifest_.upgrader.present || update_.phase > Phase::Upgrader) return UpdateError::None;
  const crypto::Digest& layer = manifest_.upgrader.hash;
  if (pages_.holds_stage(layer, kUpgraderPlaces, machine_.own_copy)) return UpdateError::None;
  if (update_.attempts >= kHandOvers) return UpdateError::UpgraderFailed;
  if (!save(Phase::Upgrader)) return UpdateError::Storage;
  const vault::Copy copy = vault::other(machine_.own_copy);
  const UpdateError error = pages_.write_stage(layer, kUpgraderPlaces, copy);
  if (error != UpdateError::None) return error;
  if (!request_is_accepted() || !pages_.holds_stage(layer, kUpgraderPlaces, copy))
    return UpdateError::Signature;
  ++update_.attempts;
  if (!save(Phase::Upgrader)) return UpdateError::Storage;
  boot_.upgrader = copy;
  boot_.starts_left = kUpgraderStarts;
  boot_.other_upgrader_tried = false;
  handed_over = vault::write_boot_record(flash_, boot_);
  return handed_over ? UpdateError::None : UpdateError::Storage;
}

UpdateError Upgrade::replace_bootrom() {
  if (update_.phase == Phase::Installing) return UpdateError::None;  // done before that phase
  update_.bootrom = update_.old_bootrom = boot_.bootrom;
  if (!manifest_.bootrom.present) return UpdateError::None;
  const crypto::Digest& layer = manifest_.bootrom.hash;
  if (pages_.holds_stage(layer, kBootromPlaces, boot_.bootrom)) return UpdateError::None;
  const vault::Copy copy = vault::other(boot_.bootrom);
  const UpdateError error = pages_.write_stage(layer, kBootromPlaces, copy);
  if (error != UpdateError::None) return error;
  if (!request_is_accepted() || !pages_.holds_stage(layer, kBootromPlaces, copy))
    return UpdateError::Signature;
  update_.bootrom = copy;
  return UpdateError::None;
}

UpdateError Upgrade::replace_kernel() {
  if (update_.phase != Phase::Installing) {
    update_.kernel_replaced = !kernel_is_target();
    if (!update_.kernel_replaced) return UpdateError::None;
    const UpdateError error = save_kernel();
    if (error != UpdateError::None) return error;
    if (!save(Phase::Installing)) return UpdateError::Storage;
  }
  for (unsigned writing = 0; writing < kWritings; ++writing) {
    const UpdateError error = pages_.write_kernel(manifest_.kernel.hash, update_.target);
    if (error == UpdateError::None && kernel_is_target()) return UpdateError::None;
  }
  return UpdateError::Measurement;
}

UpdateError Upgrade::save_kernel() {
  // One that does not verify any more is not worth keeping, and must not replace a previous one that does.
  if (!kernel_is_good(kKernel)) return UpdateError::None;
  if (!save(Phase::Saving)) return UpdateError::Storage;
  const UpdateError error = pages_.copy_pages(kKernel, kPreviousKernel);
  if (error != UpdateError::None) return error;
  return kernel_is_good(kPreviousKernel) ? UpdateError::None : UpdateError::Measurement;
}

void Upgrade::refuse(UpdateError error) {
  update_.error = error;
  (void)save(Phase::Refused);
  leave(boot_.bootrom, false, false);
}

/// The ratchet follows a kernel that has proven itself.
void Upgrade::raise_ratchet() {
  const KernelFinding kernel = check_kernel(flash_, kKernel, machine_.vendor_key, machine_.ratchet);
  if (!accepted(kernel)) return;
  while (machine_.ratchet() < kernel.manifest.security_ratchet && machine_.raise_ratchet(flash_)) {
  }
}

/// If the previous kernel is below the ratchet, there is nothing to return to, and the kernel itself becomes
/// its own previous one, for the day on which a bit of it flips.
void Upgrade::settle_confirmed() {
  raise_ratchet();
  if (kernel_is_good(kPreviousKernel) || !kernel_is_good(kKernel)) return;
  (void)pages_.copy_pages(kKernel, kPreviousKernel);  // if it fails, it is no worse than before
}

void Upgrade::start_trial() {
  if (update_.phase != Phase::Trial && !save(Phase::Trial)) return;  // begun again
  leave(update_.bootrom, true, false);
}

// ---- Back to the previous one

bool Upgrade::must_restore() {
  const bool given_up = update_.phase == Phase::Trial || update_.phase == Phase::Installing;
  return (given_up && update_.kernel_replaced) || !kernel_is_good(kKernel);
}

void Upgrade::restore() {
  if (update_.phase == Phase::Restoring || must_restore()) {
    bring_previous_back();
  } else if (update_.phase == Phase::Trial) {
    leave_restored(UpdateError::TrialFailed);  // only the bootrom was new
  } else {
    // The kernel is good: whoever asked was disturbed, or has been answered already.
    leave(update_.phase == Phase::Returned ? update_.bootrom : boot_.bootrom, false, true);
  }
}

void Upgrade::bring_previous_back() {
  if (update_.phase != Phase::Restoring) {
    if (!kernel_is_good(kPreviousKernel)) {
      leave_restored(UpdateError::NoPreviousKernel);
      return;
    }
    if (update_.phase == Phase::Trial || update_.phase == Phase::Installing) {
      if (update_.error == UpdateError::None) update_.error = UpdateError::TrialFailed;
    } else {
      update_.error = UpdateError::Measurement;  // a proven kernel that has decayed
    }
    if (update_.phase != Phase::Trial) update_.old_bootrom = boot_.bootrom;
    if (!save(Phase::Restoring)) return;  // begun again
  }
  for (unsigned writing = 0; writing < kWritings; ++writing) {
    if (pages_.copy_pages(kPreviousKernel, kKernel) == UpdateError::None && kernel_is_good(kKernel)) break;
  }
  leave_restored(UpdateError::TrialFailed);
}

void Upgrade::leave_restored(UpdateError error) {
  if (update_.phase == Phase::Trial || update_.phase == Phase::Restoring) {
    update_.bootrom = update_.old_bootrom;
  } else {
    update_.bootrom = boot_.bootrom;
  }
  if (update_.error == UpdateError::None) update_.error = error;
  (void)save(Phase::Returned);
  leave(update_.bootrom, false, true);
}

}  // namespace microvisor::firmware::upgrader

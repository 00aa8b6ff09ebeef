// The upgrader's one run: it brings an update of Microvisor itself further, or the previous kernel back, and
// leaves a boot record that says what comes next. The caller then resets.
//
// It trusts no kernel: what the kernel has staged and asked for is checked anew, against the vendor's key
// that is compiled in. Order: the upgrader (the copy that does not run, then a reset into it), the bootrom
// (the copy not in use, which the record for the trial makes the one in use), the kernel (first the running
// one to the previous kernel's pages). Every phase that must not be repeated from another start is a record
// in the journal first (update_record.hpp), so a power cut at any point leads back to a step that can be done
// again from its start: until Installing the old kernel is untouched; from there on the previous one is
// there, verified. docs/boot.md has the table.
#pragma once

#include "firmware/bootrom/kernel_check.hpp"
#include "firmware/upgrader/pages.hpp"
#include "firmware/upgrader/update_record.hpp"

namespace microvisor::firmware::upgrader {

/// What the upgrader knows about itself and the chip.
struct Machine {
  vault::Copy own_copy;
  crypto::PublicKey vendor_key;
  RatchetReader ratchet;
  bool (*raise_ratchet)(storage::Flash&);  // by one; false if it cannot be raised
  void (*feed)();                          // the watchdog; may be null
};

class Upgrade {
 public:
  /// The store and the staging area are mounted.
  Upgrade(storage::Flash& flash, vault::Store& store, update::Staging& staging, const Machine& machine);

  /// Afterwards the boot record says what runs next.
  void run();

 private:
  // Towards the new kernel.
  void update();
  [[nodiscard]] update::UpdateError check_request();
  /// Looked at again before a boot stage comes into force, which nobody checks at each start as the bootrom
  /// checks the kernel.
  [[nodiscard]] bool request_is_accepted() const;
  [[nodiscard]] update::UpdateError replace_upgrader(bool& handed_over);
  [[nodiscard]] update::UpdateError replace_bootrom();
  [[nodiscard]] update::UpdateError replace_kernel();
  [[nodiscard]] update::UpdateError save_kernel();
  void refuse(update::UpdateError error);
  void raise_ratchet();
  void settle_confirmed();
  void start_trial();
  // Back to the previous one.
  void restore();
  [[nodiscard]] bool must_restore();
  void bring_previous_back();
  void leave_restored(update::UpdateError error);

  [[nodiscard]] bool kernel_is_good(Pages pages);
  [[nodiscard]] bool kernel_is_target();
  [[nodiscard]] bool save(Phase phase);
  /// The boot record for the bootrom in `bootrom`, everything else as a proven kernel has it.
  void leave(vault::Copy bootrom, bool on_trial, bool restored);

  storage::Flash& flash_;
  vault::Store& store_;
  update::Staging& staging_;
  const Machine& machine_;
  PageWriter pages_;
  vault::BootRecord boot_;
  UpdateRecord update_;
  manifest::KernelManifest manifest_;
  hardened::Checks request_;
};

}  // namespace microvisor::firmware::upgrader

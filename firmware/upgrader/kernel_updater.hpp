// The kernel's half of an update with one of the vendor's releases: fetches it into the staging area and
// checks it. One of Microvisor itself is checked as the upgrader will, and the upgrader is asked for; a
// module's firmware waits for the link, which gives it to the module (docs/module-firmware.md).
//
// Until then everything is kept in RAM but what the staging area has: after a reset the cloud names the
// target again. From the request on the state stands in the journal (update_record.hpp), and what became of
// it is read there. A release that is refused here has cost nothing but its transfer.
#pragma once

#include <array>
#include <span>

#include "firmware/storage/flash.hpp"
#include "firmware/update/download.hpp"
#include "firmware/update/object_transfer.hpp"
#include "firmware/upgrader/release.hpp"
#include "firmware/vault/store.hpp"

namespace microvisor::firmware::upgrader {

/// The kernel that runs.
struct RunningKernel {
  crypto::Digest manifest_hash{};
  std::uint32_t ratchet = 0;     // below which no release is accepted
  crypto::Digest image_hash{};   // of the bytes in its pages, as the bootrom has verified them
  std::uint32_t image_size = 0;  // bytes; 0: not known
};

class KernelUpdater final : public update::Download {
 public:
  KernelUpdater(storage::Flash& flash, vault::Store& store, update::Staging& staging,
                update::Decoding& decoding, const crypto::PublicKey& vendor_key)
      : flash_(flash),
        store_(store),
        staging_(staging),
        transfer_(staging, decoding),
        vendor_key_(vendor_key) {}

  /// Once, with store and staging area mounted.
  void mount(const RunningKernel& running);
  /// Reads from the journal how the last update has ended: at mount(), and when the kernel has proven itself.
  void read_outcome();

  [[nodiscard]] update::Phase phase() const override { return phase_; }
  [[nodiscard]] update::UpdateError error() const override { return error_; }
  [[nodiscard]] const crypto::Digest& target() const override { return target_; }
  [[nodiscard]] bool reported() const override { return reported_; }
  void set_reported() override;
  [[nodiscard]] bool begin(const crypto::Digest& manifest_hash, const vault::TrustAnchors& anchors,
                           bool retry_failed) override;
  [[nodiscard]] std::optional<update::ObjectRequest> next_object() override;
  [[nodiscard]] std::optional<std::uint32_t> open_object(const update::ObjectRequest& request) override;
  [[nodiscard]] bool begin_encoding(std::uint32_t version) override {
    return transfer_.begin_encoding(version);
  }
  [[nodiscard]] update::UpdateError write(std::span<const std::uint8_t> data) override;
  [[nodiscard]] update::UpdateError close_object() override;
  void interrupt_object() override { transfer_.interrupt(); }
  void fail(update::UpdateError error) override { (void)give_up(error); }
  [[nodiscard]] update::UpdateError mark_ready() override;
  [[nodiscard]] update::Progress progress() const override;

  // Of a release for a module (docs/module-firmware.md):

  /// What is staged and checked, and waits to be given to the module; null: nothing.
  [[nodiscard]] const manifest::ModuleManifest* for_module() const {
    return phase_ == update::Phase::Ready && is_for_module() ? &module_ : nullptr;
  }
  /// False: it has decayed, and is forgotten.
  [[nodiscard]] bool read_image(std::uint32_t offset, std::span<std::uint8_t> out);
  /// The module was started with it; since this device was.
  [[nodiscard]] bool module_tried() const { return module_tried_; }
  void set_module_tried() { module_tried_ = true; }
  /// It runs and stays, or will not be tried again: remembered until it has been reported.
  void module_done(update::UpdateError error);

 private:
  update::UpdateError give_up(update::UpdateError error);
  [[nodiscard]] update::UpdateError outcome(update::ObjectTransfer::Result result);
  void withdraw();
  [[nodiscard]] update::UpdateError load_checked_manifest();
  [[nodiscard]] update::UpdateError check_layer_keys();
  [[nodiscard]] update::UpdateError decrypt_staged(const ReleaseLayer& each);
  [[nodiscard]] update::ObjectRequest request_for(const ReleaseLayer& each);
  struct Names {
    std::array<crypto::Digest, 4> list{};
    std::size_t count = 0;
    [[nodiscard]] std::span<const crypto::Digest> all() const { return std::span(list).first(count); }
  };
  [[nodiscard]] Names names_of_target() const;
  [[nodiscard]] bool ask_for_it();
  [[nodiscard]] bool is_for_module() const { return module_.size != 0; }
  [[nodiscard]] std::array<ReleaseLayer, 3> layers() const;
  [[nodiscard]] update::UpdateError check_staged();

  storage::Flash& flash_;
  vault::Store& store_;
  update::Staging& staging_;
  update::ObjectTransfer transfer_;
  const crypto::PublicKey& vendor_key_;
  RunningKernel running_;
  update::Phase phase_ = update::Phase::Idle;
  update::UpdateError error_ = update::UpdateError::None;
  bool reported_ = true;
  crypto::Digest target_{};
  std::uint64_t keys_sequence_ = 0;  // which keys to encrypted layers count
  bool manifest_loaded_ = false;     // manifest_ is that of the target
  manifest::KernelManifest manifest_;
  manifest::ModuleManifest module_;  // if it is that of a module's firmware
  bool module_tried_ = false;
};

}  // namespace microvisor::firmware::upgrader

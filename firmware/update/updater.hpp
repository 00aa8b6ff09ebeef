// Over-the-air update of the application: what to fetch next, where it is staged, and the installation.
//
// One Updater owns the staging area in the external NOR flash and the update records in the vault's journal.
// The link drives it while the application runs (from begin() to mark_ready()); the kernel calls
// install_pending() between reset and the application's start, when the application's flash may be written.
// Every step that matters is a record in the journal first, so that after a power cut at any point mount()
// goes on where the record says: the device ends with the old or with the new application, never with a
// mixture. docs/update.md has phases, records and the reasoning.
//
// Nothing here waits in a busy loop for long without calling the yield hook.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "firmware/crypto/crypto.hpp"
#include "firmware/limits.hpp"
#include "firmware/manifest/manifest.hpp"
#include "firmware/storage/flash.hpp"
#include "firmware/update/decoding.hpp"
#include "firmware/update/decryption.hpp"
#include "firmware/update/download.hpp"
#include "firmware/update/object_transfer.hpp"
#include "firmware/update/staging.hpp"
#include "firmware/update/update_error.hpp"
#include "firmware/vault/store.hpp"

namespace microvisor::firmware::update {

/// What bank 1 holds. Stored in the journal.
struct InstalledApplication {
  crypto::Digest manifest_hash{};
  std::uint32_t extent = 0;      // bytes from the start up to the end of the last layer's data
  crypto::Digest extent_hash{};  // SHA-256 of those bytes
};

class Updater final : public Download {
 public:
  using YieldHook = void (*)();

  /// `staging_key` is looked at from mount() on.
  Updater(storage::Flash& flash, storage::Nor& nor, vault::Store& store,
          const crypto::SealingKey& staging_key, std::uint32_t kernel_version, YieldHook hook = nullptr);

  /// Reads the records. Call after Store::mount().
  void mount();
  /// Who this is, for manifests that are for one device only. `sid` must live as long as the updater.
  void set_device(std::string_view sid) { device_sid_ = sid; }

  /// Of this kernel: an application may want a newer one. From start-up, once.
  void set_kernel_version(std::uint32_t number) { kernel_version_ = number; }
  /// What is installed, if anything is.
  [[nodiscard]] const std::optional<InstalledApplication>& installed() const { return installed_; }
  /// Shared with the update of Microvisor itself.
  [[nodiscard]] Staging& staging() { return staging_; }
  [[nodiscard]] Decoding& decoding() { return decoding_; }

  // ---- While the application runs (Download)
  // --------------------------------------------------------------------------------

  [[nodiscard]] Phase phase() const override { return record_.phase; }
  [[nodiscard]] UpdateError error() const override { return record_.error; }
  [[nodiscard]] const crypto::Digest& target() const override { return record_.target; }
  [[nodiscard]] bool reported() const override { return record_.reported; }
  void set_reported() override;
  [[nodiscard]] bool begin(const crypto::Digest& manifest_hash, const vault::TrustAnchors& anchors,
                           bool retry_failed = false) override;
  [[nodiscard]] std::optional<ObjectRequest> next_object() override;
  [[nodiscard]] std::optional<std::uint32_t> open_object(const ObjectRequest& request) override;
  [[nodiscard]] bool begin_encoding(std::uint32_t version) override {
    return transfer_.begin_encoding(version);
  }
  [[nodiscard]] UpdateError write(std::span<const std::uint8_t> data) override;
  [[nodiscard]] UpdateError close_object() override;
  void interrupt_object() override { transfer_.interrupt(); }
  void fail(UpdateError error) override;
  [[nodiscard]] UpdateError mark_ready() override;
  [[nodiscard]] Progress progress() const override;

  /// Others sign from now on: a target whose signer is not among them any more is given up, however far it
  /// had come, as long as erasing has not begun.
  void signers_changed(const vault::TrustAnchors& anchors);
  /// There is no application any more, and a target that is named without `retry_failed` fails with `error`:
  /// the owner has to say that it should go on.
  void refuse_next(UpdateError error);

  // ---- Between reset and the application's start
  // --------------------------------------------------------------------

  /// Installs what is Ready, or finishes what a power cut has interrupted. None when done or nothing was to
  /// do. After an error the phase is Failed; if erasing had begun there is then no application.
  [[nodiscard]] UpdateError install_pending();

  /// Erases bank 1. The records of what it held are the caller's.
  [[nodiscard]] UpdateError erase_application_flash() { return erase_application(true); }

  /// Whether bank 1 holds exactly what was installed: hash over the programmed extent, the rest blank.
  /// Hardened.
  [[nodiscard]] crypto::Verdict check_application();

  /// What the last look at bank 1 has found, worked out once more for who starts the application: Valid if
  /// its extent had the hash of what was installed. Hardened.
  [[nodiscard]] crypto::Verdict application_verdict() const;

  /// The manifest of the installed application (policies). False if there is none or it cannot be read.
  [[nodiscard]] bool installed_manifest(manifest::ApplicationManifest& out);

 private:
  struct Record {  // Key::UpdateState
    Phase phase = Phase::Idle;
    UpdateError error = UpdateError::None;
    bool reported = true;
    std::uint8_t failures = 0;  // installations that did not verify
    crypto::Digest target{};
  };

  // updater.cpp
  [[nodiscard]] bool save_record(const Record& record);
  [[nodiscard]] bool set_phase(Phase phase);
  UpdateError give_up(UpdateError error);
  [[nodiscard]] UpdateError fetch_again(UpdateError error);
  void forget_replaced(UpdateError error);
  [[nodiscard]] UpdateError why_not(StagingStatus status, std::uint32_t size) const;
  [[nodiscard]] UpdateError read_manifest(std::span<const std::uint8_t>& envelope);
  [[nodiscard]] UpdateError load_checked_manifest();
  [[nodiscard]] UpdateError check_manifest();
  [[nodiscard]] bool manifest_loaded() const { return manifest_verdict_ == crypto::Verdict::Valid; }
  [[nodiscard]] UpdateError measure_staged(const manifest::Layer& layer);
  [[nodiscard]] Base base_of(const manifest::Layer& layer);
  [[nodiscard]] UpdateError outcome(ObjectTransfer::Result result, std::uint32_t size);
  struct Names {
    std::array<crypto::Digest, 1 + kMaximumLayers> list{};
    std::size_t count = 0;
    [[nodiscard]] std::span<const crypto::Digest> all() const { return std::span(list).first(count); }
  };
  [[nodiscard]] Names names_of_target() const;

  // decryption.cpp
  [[nodiscard]] UpdateError check_layer_keys();
  [[nodiscard]] UpdateError decrypt_staged(const manifest::Layer& layer);
  [[nodiscard]] UpdateError make_room(const EncryptedLayer& layer);

  // installer.cpp
  [[nodiscard]] UpdateError prepare_installation();
  [[nodiscard]] UpdateError install_once(bool skip_blank);
  [[nodiscard]] UpdateError erase_application(bool skip_blank);
  [[nodiscard]] UpdateError erase_external(const manifest::Layer& layer, bool skip_blank);
  [[nodiscard]] UpdateError program_layer(const manifest::Layer& layer);
  [[nodiscard]] bool program_piece(const manifest::Layer& layer, std::uint32_t window,
                                   std::span<const std::uint8_t> data);
  [[nodiscard]] UpdateError verify_installation();
  [[nodiscard]] UpdateError record_installation();
  [[nodiscard]] bool read_medium(manifest::Medium medium, std::uint32_t from, std::span<std::uint8_t> out);
  [[nodiscard]] bool region_is_blank(manifest::Medium medium, std::uint32_t from, std::uint32_t to);
  [[nodiscard]] bool hash_region(manifest::Medium medium, std::uint32_t from, std::uint32_t to,
                                 crypto::Digest& digest);
  void yield() const {
    if (yield_ != nullptr) yield_();
  }

  storage::Flash& flash_;
  storage::Nor& nor_;
  vault::Store& store_;
  Staging staging_;
  Decoding decoding_;
  ObjectTransfer transfer_;
  std::uint32_t kernel_version_;
  std::string_view device_sid_;
  YieldHook yield_;
  const vault::TrustAnchors* anchors_ = nullptr;
  Record record_;
  std::optional<InstalledApplication> installed_;
  crypto::Verdict checked_ = crypto::Verdict::Invalid;  // bank 1 was verified since the last mount()
  crypto::Digest measured_{};  // of the extent, as it was found there; zeros: not yet
  crypto::Verdict manifest_verdict_ = crypto::Verdict::Invalid;  // manifest_ is that of the target
  manifest::ApplicationManifest manifest_;
};

}  // namespace microvisor::firmware::update

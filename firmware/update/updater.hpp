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

#include "firmware/crypto/crypto.hpp"
#include "firmware/limits.hpp"
#include "firmware/manifest/manifest.hpp"
#include "firmware/storage/flash.hpp"
#include "firmware/update/decoding.hpp"
#include "firmware/update/staging.hpp"
#include "firmware/update/update_error.hpp"
#include "firmware/vault/store.hpp"

namespace microvisor::firmware::update {

/// How far the update to the current target has come. Stored in the journal: numbers are fixed.
enum class Phase : std::uint8_t {
  Idle = 0,         // no target but what is installed
  Fetching = 1,     // objects are being fetched into the staging area
  Staging = 2,      // all objects are there; they are read back and verified
  Ready = 3,        // verified; to be installed at the next reset
  Erasing = 4,      // the application's memories are being erased: from here on only forward
  Programming = 5,  // the layers are being programmed
  Verifying = 6,    // programmed; being measured
  Installed = 7,    // done; STARTING_NEW_APP and COMPLETE still to be reported
  Failed = 8,  // given up; error() says why. Reported or not, the target is not tried again until named anew
};

/// What bank 1 holds. Stored in the journal.
struct InstalledApplication {
  crypto::Digest manifest_hash{};
  std::uint32_t extent = 0;      // bytes from the start up to the end of the last layer's data
  crypto::Digest extent_hash{};  // SHA-256 of those bytes
};

/// What an object may come as a difference against: the part of the installed application from `address` on.
struct Base {
  crypto::Digest hash{};                  // of the whole installed application
  std::uint32_t address = 0;              // of the first of the bytes, and of the object once it is installed
  std::span<const std::uint8_t> bytes{};  // in place; empty: there is none
};

/// One object to fetch: the manifest or a layer.
struct ObjectRequest {
  crypto::Digest hash{};
  std::uint32_t maximum_size = 0;  // the object is refused beyond that
  bool is_manifest = false;
  bool accepts_encodings = false;  // it may come in a transfer encoding
  Base base{};                     // only if it may
};

struct Progress {
  std::uint32_t bytes_done = 0;
  std::uint32_t bytes_total = 0;  // upper bound until the layers' sizes are known
};

class Updater {
 public:
  using YieldHook = void (*)();

  /// `staging_key` is looked at from mount() on.
  Updater(storage::Flash& flash, storage::Nor& nor, vault::Store& store,
          const crypto::SealingKey& staging_key, std::uint32_t kernel_version, YieldHook hook = nullptr);

  /// Reads the records. Call after Store::mount().
  void mount();

  [[nodiscard]] Phase phase() const { return record_.phase; }
  [[nodiscard]] UpdateError error() const { return record_.error; }
  /// The manifest hash of the current target; all zeros when Idle.
  [[nodiscard]] const crypto::Digest& target() const { return record_.target; }
  /// What is installed, if anything is.
  [[nodiscard]] const std::optional<InstalledApplication>& installed() const { return installed_; }
  /// Whether the state of the update has been told to the cloud since it last changed (see set_reported()).
  [[nodiscard]] bool reported() const { return record_.reported; }

  // ---- While the application runs
  // -----------------------------------------------------------------------------------

  /// Names the target. Returns false if there is nothing to do: it is installed already, or it has failed
  /// before and `retry_failed` is not set. Otherwise the phase is Fetching (or still Ready, if this target
  /// was ready).
  [[nodiscard]] bool begin(const crypto::Digest& manifest_hash, const vault::TrustAnchors& anchors,
                           bool retry_failed = false);

  /// Others sign from now on: a target whose signer is not among them any more is given up, however far it
  /// had come, as long as erasing has not begun.
  void signers_changed(const vault::TrustAnchors& anchors);

  /// What to fetch next; nothing when all objects are staged (then call mark_ready()) or the update has
  /// failed.
  [[nodiscard]] std::optional<ObjectRequest> next_object();

  /// Opens `request` for writing. The offset to fetch from; nothing if there is no room or the storage
  /// failed.
  [[nodiscard]] std::optional<std::uint32_t> open_object(const ObjectRequest& request);

  /// What comes of the object that has just been opened is its transfer encoding, of this version of
  /// protocol/transfer/FORMAT.md. False: that was not asked for.
  [[nodiscard]] bool begin_encoding(std::uint32_t version);

  /// The next bytes of the open object, or of its encoding.
  [[nodiscard]] UpdateError write(std::span<const std::uint8_t> data);

  /// The object has come to its end: verifies its hash, and for the manifest its signature and contents. An
  /// error other than Fetch and Storage is final for this target: the phase is then Failed. But if the phase
  /// still is Fetching after an error of this or of write(), an encoding did not lead to the object, which is
  /// to be fetched anew and then is asked for as it is.
  [[nodiscard]] UpdateError close_object();

  /// The transfer broke off: what was written so far is kept for resuming.
  void interrupt_object();

  /// There is no application any more, and a target that is named without `retry_failed` fails with `error`:
  /// the owner has to say that it should go on.
  void refuse_next(UpdateError error);

  /// The target cannot be had, for example because the cloud does not know the object. Phase Failed.
  void fail(UpdateError error);

  /// Reads all objects back, verifies them, and marks the update Ready. The caller then resets the device.
  [[nodiscard]] UpdateError mark_ready();

  [[nodiscard]] Progress progress() const;

  /// The cloud has been told the state: Installed becomes Idle, Failed stays.
  void set_reported();

  // ---- Between reset and the application's start
  // --------------------------------------------------------------------

  /// Installs what is Ready, or finishes what a power cut has interrupted. None when done or nothing was to
  /// do. After an error the phase is Failed; if erasing had begun there is then no application.
  [[nodiscard]] UpdateError install_pending();

  /// Whether bank 1 holds exactly what was installed: hash over the programmed extent, the rest blank.
  /// Hardened.
  [[nodiscard]] crypto::Verdict check_application();

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
  [[nodiscard]] UpdateError read_manifest(std::span<const std::uint8_t>& envelope);
  [[nodiscard]] UpdateError load_checked_manifest();
  [[nodiscard]] UpdateError measure_staged(const manifest::Layer& layer);
  [[nodiscard]] Base base_of(const manifest::Layer& layer);
  [[nodiscard]] UpdateError fetch_plain();

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
  std::uint32_t kernel_version_;
  YieldHook yield_;
  const vault::TrustAnchors* anchors_ = nullptr;
  Record record_;
  std::optional<InstalledApplication> installed_;
  crypto::Verdict checked_ = crypto::Verdict::Invalid;  // bank 1 was verified since the last mount()
  ObjectRequest opened_;
  std::uint32_t opened_at_ = 0;   // bytes of it that were there
  bool doubtful_ = false;         // not all of the open object came as it is since it was opened
  crypto::Digest plain_only_{};   // the object that no encoding is accepted of any more
  bool manifest_loaded_ = false;  // manifest_ is that of the target
  manifest::ApplicationManifest manifest_;
};

}  // namespace microvisor::firmware::update

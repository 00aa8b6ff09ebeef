// An update as the link drives it: what to fetch next, where that goes, and what came of it.
//
// There are two, the application's (Updater) and that of Microvisor itself (upgrader/kernel_updater.hpp).
// They share the staging area, which has one object open at a time: whoever drives them fetches for one at a
// time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "firmware/crypto/crypto.hpp"
#include "firmware/update/update_error.hpp"
#include "firmware/vault/trust_anchors.hpp"

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
  std::uint32_t exact_size = 0;    // 0: not known
  bool is_manifest = false;
  bool accepts_encodings = false;  // it may come in a transfer encoding
  Base base{};                     // only if it may
};

struct Progress {
  std::uint32_t bytes_done = 0;
  std::uint32_t bytes_total = 0;  // upper bound until the layers' sizes are known
};

class Download {
 public:
  [[nodiscard]] virtual Phase phase() const = 0;
  [[nodiscard]] virtual UpdateError error() const = 0;
  /// The manifest hash of the current target; all zeros when there has been none.
  [[nodiscard]] virtual const crypto::Digest& target() const = 0;
  /// Whether the state of the update has been told to the cloud since it last changed (see set_reported()).
  [[nodiscard]] virtual bool reported() const = 0;
  /// The cloud has been told the state: Installed becomes Idle, Failed stays.
  virtual void set_reported() = 0;

  /// Names the target. Returns false if there is nothing to do: it is installed already, or it has failed
  /// before and `retry_failed` is not set. Otherwise the phase is Fetching (or still Ready, if this target
  /// was ready).
  [[nodiscard]] virtual bool begin(const crypto::Digest& manifest_hash, const vault::TrustAnchors& anchors,
                                   bool retry_failed) = 0;
  /// What to fetch next; nothing when all objects are staged (then call mark_ready()) or the update has
  /// failed.
  [[nodiscard]] virtual std::optional<ObjectRequest> next_object() = 0;
  /// Opens `request` for writing. The offset to fetch from; nothing if there is no room or the storage
  /// failed.
  [[nodiscard]] virtual std::optional<std::uint32_t> open_object(const ObjectRequest& request) = 0;
  /// What comes of the object that has just been opened is its transfer encoding, of this version of
  /// protocol/transfer/FORMAT.md. False: that was not asked for.
  [[nodiscard]] virtual bool begin_encoding(std::uint32_t version) = 0;
  /// The next bytes of the open object, or of its encoding.
  [[nodiscard]] virtual UpdateError write(std::span<const std::uint8_t> data) = 0;
  /// The object has come to its end: verifies its hash, and for the manifest its signature and contents. An
  /// error other than Fetch and Storage is final for this target: the phase is then Failed. But if the phase
  /// still is Fetching after an error of this or of write(), an encoding did not lead to the object, which is
  /// to be fetched anew and then is asked for as it is.
  [[nodiscard]] virtual UpdateError close_object() = 0;
  /// The transfer broke off: what was written so far is kept for resuming.
  virtual void interrupt_object() = 0;
  /// The target cannot be had, for example because the cloud does not know the object. Phase Failed.
  virtual void fail(UpdateError error) = 0;
  /// Reads all objects back, verifies them, and marks the update Ready. The caller then resets the device.
  [[nodiscard]] virtual UpdateError mark_ready() = 0;
  [[nodiscard]] virtual Progress progress() const = 0;

 protected:
  ~Download() = default;
};

}  // namespace microvisor::firmware::update

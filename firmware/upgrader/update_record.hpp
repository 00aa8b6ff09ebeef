// How far an update of Microvisor itself has come: one record in the vault's journal, written by the kernel
// that asks for it, by the upgrader, and by the kernel that has proven itself.
#pragma once

#include <optional>

#include "firmware/crypto/crypto.hpp"
#include "firmware/update/update_error.hpp"
#include "firmware/vault/boot_record.hpp"
#include "firmware/vault/store.hpp"

namespace microvisor::firmware::upgrader {

/// Stored: numbers are fixed.
enum class Phase : std::uint8_t {
  Idle = 0,
  Requested = 1,   // by the kernel: everything is staged
  Upgrader = 2,    // the other copy of the upgrader has been or is being replaced
  Saving = 3,      // the running kernel is being copied to the previous kernel's pages
  Installing = 4,  // the new kernel is being written: it, or the previous one, must come out
  Trial = 5,       // the new kernel has to prove itself
  Confirmed = 6,   // it has
  Refused = 7,     // nothing was changed that runs; the error says why
  Restoring = 8,   // the previous kernel is being copied back
  Returned = 9,    // the previous kernel runs again; the error says why
};

struct UpdateRecord {
  Phase phase = Phase::Idle;
  update::UpdateError error = update::UpdateError::None;
  vault::Copy bootrom = vault::Copy::A;      // which runs after this
  vault::Copy old_bootrom = vault::Copy::A;  // which ran before
  bool kernel_replaced = false;              // and not only boot stages
  bool reported = false;                     // the cloud knows how it ended
  std::uint8_t attempts = 0;                 // of handing over to a new upgrader
  crypto::Digest target{};                   // SHA-256 of the kernel manifest
  friend bool operator==(const UpdateRecord&, const UpdateRecord&) = default;
};

/// Idle if there is none, or none that this code understands.
[[nodiscard]] UpdateRecord load_update(vault::Store& store);
[[nodiscard]] bool save_update(vault::Store& store, const UpdateRecord& record);

}  // namespace microvisor::firmware::upgrader

// How others have preboot run the upgrader: by a row of the boot record. The caller then resets.
#pragma once

#include "firmware/storage/flash.hpp"

namespace microvisor::firmware {

/// For the bootrom, and for a kernel on trial that gives itself up: the previous kernel is to return. False
/// if that has been tried since a kernel last proved itself, or the flash failed: there is no use in asking
/// again.
[[nodiscard]] bool ask_for_previous_kernel(storage::Flash& flash);

/// Runs the upgrader for the update that stands in the journal. False: the flash failed.
[[nodiscard]] bool ask_for_upgrade(storage::Flash& flash);

/// It is not to run for that any more. False: the flash failed.
[[nodiscard]] bool cancel_upgrade(storage::Flash& flash);

/// The kernel that runs has proven itself; nothing is written if it had before. False: the flash failed.
[[nodiscard]] bool end_trial(storage::Flash& flash);

}  // namespace microvisor::firmware

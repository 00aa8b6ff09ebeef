// The security ratchet: how many rows of OTP are burnt, from the first on. Who burns one cannot take it back.
#pragma once

#include <cstdint>

#include "firmware/storage/flash.hpp"

namespace microvisor::firmware {

/// Reads it. A row that cannot be read was being burnt when the power failed: it counts, because the ratchet
/// never goes back. 0 to kRatchetRows.
[[nodiscard]] std::uint32_t security_ratchet();

/// Burns one more row. False if there is none left, or the flash refused. OTP belongs to no bank: it is
/// programmed through the Non-secure controller, at its one address (RM0456 section 7.3.2).
[[nodiscard]] bool raise_security_ratchet(storage::Flash& flash);

}  // namespace microvisor::firmware

// The security ratchet: how many rows of OTP are burnt, from the first on.
#pragma once

#include <cstdint>

namespace microvisor::firmware {

/// Reads it. A row that cannot be read was being burnt when the power failed: it counts, because the ratchet
/// never goes back. 0 to kRatchetRows.
[[nodiscard]] std::uint32_t security_ratchet();

}  // namespace microvisor::firmware

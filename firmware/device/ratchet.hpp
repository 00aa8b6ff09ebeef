// The chip's security ratchet (vault/ratchet.hpp), for every image that asks for it.
#pragma once

#include <cstdint>

#include "firmware/storage/flash.hpp"

namespace microvisor::firmware {

/// Reads it from OTP. 0 to kRatchetSteps.
[[nodiscard]] std::uint32_t security_ratchet();

/// Burns one more row. False if the ratchet is at its end or OTP takes no more.
[[nodiscard]] bool raise_security_ratchet(storage::Flash& flash);

}  // namespace microvisor::firmware

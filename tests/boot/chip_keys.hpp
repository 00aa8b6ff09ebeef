// The keys that the firmware derives on a virtual chip, worked out from outside: for tests that prepare or
// read what a device has sealed.
#pragma once

#include <cstdint>

#include "firmware/crypto/seal.hpp"

namespace microvisor::tests {

/// `seed` is the board's (BoardIdentity::seed); the option bytes are those of every Microvisor device.
[[nodiscard]] firmware::crypto::SealingKey chip_key(std::uint64_t seed, firmware::crypto::KeyUse use);

}  // namespace microvisor::tests

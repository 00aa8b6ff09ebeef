// The chip that host tests pretend to be: a number, or whatever tells its keys.
#pragma once

#include <functional>

#include "firmware/crypto/seal.hpp"

namespace microvisor::firmware::crypto {

/// From now on device_key() gives the keys of this chip. Not thread-safe.
void set_host_chip(std::uint8_t number);
void set_host_chip(std::function<SealingKey(KeyUse)> keys);

}  // namespace microvisor::firmware::crypto

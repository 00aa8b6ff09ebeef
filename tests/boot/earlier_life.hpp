// What an earlier life has left in a device that is not switched on yet, made on the host with the device's
// own code. All throw std::runtime_error if the memories do not take it.
#pragma once

#include <cstdint>
#include <span>

#include "firmware/crypto/crypto.hpp"
#include "firmware/upgrader/update_record.hpp"
#include "tests/boot/device.hpp"
#include "tests/boot/release.hpp"

namespace microvisor::tests {

/// Everything of the release is staged, and the upgrader asked for.
void ask_for(Device& device, const Release& release,
             firmware::upgrader::Phase phase = firmware::upgrader::Phase::Requested);

/// An application of `size` bytes with this hash has been installed. Bank 1 is not touched.
void record_application(Device& device, std::uint32_t size, const firmware::crypto::Digest& hash);

}  // namespace microvisor::tests

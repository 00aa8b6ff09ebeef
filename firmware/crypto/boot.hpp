// What a boot stage does before it can verify a signature. One of boot_hardware.cpp and boot_software.cpp is
// linked.
#pragma once

namespace microvisor::firmware::crypto {

/// Gets the public-key operations ready, with the clock already raised. False: they cannot be had.
[[nodiscard]] bool start_for_boot();

}  // namespace microvisor::firmware::crypto

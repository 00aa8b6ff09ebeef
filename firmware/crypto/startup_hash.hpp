// SHA-256 for what is measured between reset and the application's start: by the chip's HASH block, which is
// the application's afterwards. In host tests, and in images built with MICROVISOR_SOFTWARE_CRYPTO, by
// software.
//
// One message at a time; the interface is that of Sha256 without copies.
#pragma once

#include "firmware/crypto/crypto.hpp"
#if defined(MICROVISOR_HARDWARE_CRYPTO)
#include "firmware/drivers/stm32u5/hash.hpp"
#endif

namespace microvisor::firmware::crypto {

#if defined(MICROVISOR_HARDWARE_CRYPTO)
using StartupSha256 = stm32u5::HashMessage;
#else
using StartupSha256 = Sha256;
#endif

}  // namespace microvisor::firmware::crypto

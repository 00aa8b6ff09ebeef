// Random bytes on the device: the RNG peripheral.
#include "firmware/crypto/crypto.hpp"
#include "firmware/drivers/stm32u5/rng.hpp"

namespace microvisor::firmware::crypto {

bool random(std::span<std::uint8_t> out) { return stm32u5::read_rng(out); }

}  // namespace microvisor::firmware::crypto

// The root hardware unique key of a chip: a secret that SAES alone uses, to derive its DHUK from.
//
// A virtual chip gets it from its seed. It changes when read-out protection is first switched on: what was
// wrapped at RDP level 0 cannot be unwrapped above, as on silicon. (There all chips have the same key at
// level 0, RM0456 3.8.1; the virtual ones have their own at every level.)
#pragma once

#include <array>
#include <cstdint>

namespace microvisor::board {

/// `option_register` is FLASH_OPTR, for its RDP field.
[[nodiscard]] std::array<std::uint8_t, 32> root_key(std::uint64_t seed, std::uint32_t option_register);

}  // namespace microvisor::board

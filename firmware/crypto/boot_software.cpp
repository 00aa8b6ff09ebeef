// The boot stages verify with mbedTLS, which needs an arena.
#include <array>

#include "firmware/crypto/boot.hpp"
#include "firmware/crypto/crypto.hpp"
#include "firmware/sections.hpp"

namespace microvisor::firmware::crypto {

namespace {

// Big integers of one P-256 verification need less than 8 KiB at a time.
alignas(8) MV_NOINIT std::array<std::uint8_t, 16 * 1024> arena;

}  // namespace

bool start_for_boot() {
  initialise_memory(arena);
  return true;
}

}  // namespace microvisor::firmware::crypto

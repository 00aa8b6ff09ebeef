// Reading rows that may raise an ECC error.
//
// A double error sets ECCD and raises NMI, but only while both error flags are clear (RM0456 section 7.3.4).
// So the flags are cleared before, a probing read announces itself to the NMI handler, and the flag is looked
// at once more afterwards, because the NMI is not synchronous with the load. A corrected bit sets ECCC, which
// hides a double error that comes after it: what has been corrected is read once more, word by word.
#include <algorithm>
#include <cstddef>

#include "firmware/drivers/stm32u5/barrier.hpp"
#include "firmware/drivers/stm32u5/flash.hpp"
#include "firmware/sections.hpp"

namespace microvisor::firmware::stm32u5 {

namespace {

constexpr std::uint32_t kEccFlags = FlashController::kEccDetected | FlashController::kEccCorrected;

/// Whole words where both ends allow it: this reads the megabyte of the application at every start.
MV_RAM_CODE void copy(std::uint8_t* to, std::uint32_t from, std::size_t size) {
  std::size_t at = 0;
  if (reinterpret_cast<std::uintptr_t>(to) % 4 == 0 && from % 4 == 0) {
    const auto* source = reinterpret_cast<const volatile std::uint32_t*>(from);
    auto* target = reinterpret_cast<std::uint32_t*>(to);
    for (; size - at >= 16; at += 16) {
      const std::uint32_t a = source[at / 4];
      const std::uint32_t b = source[at / 4 + 1];
      const std::uint32_t c = source[at / 4 + 2];
      const std::uint32_t d = source[at / 4 + 3];
      target[at / 4] = a;
      target[at / 4 + 1] = b;
      target[at / 4 + 2] = c;
      target[at / 4 + 3] = d;
    }
  }
  for (; at < size; ++at) to[at] = *reinterpret_cast<const volatile std::uint8_t*>(from + at);
}

volatile bool probing = false;
volatile bool ecc_seen = false;

enum class Reading : std::uint8_t { Good, Corrected, Bad };

MV_RAM_CODE Reading read_once(std::uint32_t address, std::uint8_t* to, std::size_t size) {
  FlashController& flash = flash_controller();
  flash.eccr = kEccFlags;
  ecc_seen = false;
  probing = true;
  full_barrier();
  copy(to, address, size);
  full_barrier();
  const std::uint32_t flags = flash.eccr;
  probing = false;
  flash.eccr = kEccFlags;
  if (ecc_seen || (flags & FlashController::kEccDetected) != 0) return Reading::Bad;
  return (flags & FlashController::kEccCorrected) != 0 ? Reading::Corrected : Reading::Good;
}

}  // namespace

MV_RAM_CODE bool handle_flash_nmi() {
  FlashController& flash = flash_controller();
  if ((flash.eccr & FlashController::kEccDetected) == 0 || !probing) return false;
  flash.eccr = kEccFlags;
  ecc_seen = true;
  return true;
}

MV_RAM_CODE bool probe_flash(std::uint32_t address, std::span<std::uint8_t> out) {
  const Reading whole = read_once(address, out.data(), out.size());
  if (whole != Reading::Corrected) return whole == Reading::Good;
  for (std::size_t at = 0; at < out.size();) {
    const std::size_t piece = std::min<std::size_t>(out.size() - at, 4 - (address + at) % 4);
    if (read_once(address + at, out.data() + at, piece) == Reading::Bad) return false;
    at += piece;
  }
  return true;
}

}  // namespace microvisor::firmware::stm32u5

// Reading rows that may raise an ECC error.
//
// A double error sets ECCD and raises NMI, but only while both error flags are clear (RM0456 section 7.3.4).
// So the flags are cleared before, a probing read announces itself to the NMI handler, and the flag is looked
// at once more afterwards, because the NMI is not synchronous with the load.
#include <cstring>

#include "firmware/device/sections.hpp"
#include "firmware/drivers/stm32u5/barrier.hpp"
#include "firmware/drivers/stm32u5/flash.hpp"

namespace microvisor::firmware::stm32u5 {

namespace {

constexpr std::uint32_t kEccFlags = FlashController::kEccDetected | FlashController::kEccCorrected;

volatile bool probing = false;
volatile bool ecc_seen = false;

}  // namespace

MV_RAM_CODE bool handle_flash_nmi() {
  FlashController& flash = flash_controller();
  if ((flash.eccr & FlashController::kEccDetected) == 0 || !probing) return false;
  flash.eccr = kEccFlags;
  ecc_seen = true;
  return true;
}

bool probe_flash(std::uint32_t address, std::span<std::uint8_t> out) {
  FlashController& flash = flash_controller();
  flash.eccr = kEccFlags;
  ecc_seen = false;
  probing = true;
  full_barrier();
  std::memcpy(out.data(), reinterpret_cast<const void*>(address), out.size());
  full_barrier();
  const bool bad = ecc_seen || (flash.eccr & FlashController::kEccDetected) != 0;
  probing = false;
  if (bad) flash.eccr = kEccFlags;
  return !bad;
}

}  // namespace microvisor::firmware::stm32u5

// Setting HDP2_ACCDIS takes away the very flash this code came from (RM0456 section 7.5.3), so these
// instructions are copied to RAM at start-up (.ram_code), and call nothing.
#include "firmware/bootrom/handover.hpp"

#include "firmware/bootrom/kernel_check.hpp"
#include "firmware/drivers/stm32u5/flash.hpp"
#include "firmware/layout.hpp"
#include "firmware/sections.hpp"

namespace microvisor::firmware {

namespace {

constexpr std::uint32_t kVectorTableOffset = 0xE000'ED08;  // VTOR of the Secure state

}  // namespace

MV_RAM_CODE void hide_and_enter(std::uint32_t accepted) {
  while (accepted != kKernelAccepted) asm volatile("wfi");
  constexpr std::uint32_t vectors = kKernel.address();
  auto* const hide = reinterpret_cast<volatile std::uint32_t*>(stm32u5::FlashController::kBase +
                                                               offsetof(stm32u5::FlashController, sechdpcr));
  *hide = *hide | stm32u5::FlashController::kHideBank2;
  while ((*hide & stm32u5::FlashController::kHideBank2) == 0) {
  }
  *reinterpret_cast<volatile std::uint32_t*>(kVectorTableOffset) = vectors;
  asm volatile(
      "dsb\n"
      "isb\n"
      "ldr r1, [%0]\n"
      "ldr r2, [%0, #4]\n"
      "msr msp, r1\n"
      "bx r2\n"
      :
      : "r"(vectors)
      : "r1", "r2", "memory");
  __builtin_unreachable();
}

}  // namespace microvisor::firmware

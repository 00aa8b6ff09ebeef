// Order of steps as in RM0456 section 10.5.4 (raise the voltage first), 11.4.5 (PLL) and 7.3.3 (wait states
// before the faster clock). Nothing here needs the backup domain.
#include "firmware/drivers/stm32u5/clock.hpp"

#include "firmware/drivers/stm32u5/flash.hpp"
#include "firmware/drivers/stm32u5/icache.hpp"
#include "firmware/drivers/stm32u5/pwr.hpp"
#include "firmware/drivers/stm32u5/rcc.hpp"
#include "firmware/sections.hpp"

namespace microvisor::firmware::stm32u5 {

namespace {

constexpr std::uint32_t kFlashLatency = 4;  // 160 MHz in range 1 (RM0456 table 55)
constexpr std::uint32_t kPll1N = 80;
constexpr std::uint32_t kPll1R = 2;

MV_RAM_CODE void raise_voltage() {
  rcc().ahb3enr = rcc().ahb3enr | Rcc::kAhb3Pwr;
  (void)rcc().ahb3enr;  // the enable takes effect after a read-back
  pwr().vosr = (pwr().vosr & ~Pwr::kVosMask) | Pwr::kVosRange1;
  while ((pwr().vosr & Pwr::kVosReady) == 0) {
  }
}

MV_RAM_CODE void start_pll() {
  // Source first: the booster is clocked from the PLL's source (MSIS at 4 MHz, MBOOST 0: not divided).
  rcc().pll1cfgr = Rcc::kPllSourceMsis | Rcc::kPllREnable;
  rcc().pll1divr = (kPll1N - 1) | ((kPll1R - 1) << 24);
  rcc().pll1fracr = 0;
  pwr().vosr = pwr().vosr | Pwr::kBoostEnable;
  while ((pwr().vosr & Pwr::kBoostReady) == 0) {
  }
  rcc().cr = rcc().cr | Rcc::kPll1On;
  while ((rcc().cr & Rcc::kPll1Ready) == 0) {
  }
}

MV_RAM_CODE void set_flash_latency() {
  FlashController& flash = flash_controller();
  flash.acr = (flash.acr & ~FlashController::kLatencyMask) | kFlashLatency | FlashController::kPrefetch;
  while ((flash.acr & FlashController::kLatencyMask) != kFlashLatency) {
  }
}

}  // namespace

MV_RAM_CODE void raise_clock() {
  if ((rcc().cfgr1 & Rcc::kSwsMask) != Rcc::kSwsPll1) {
    raise_voltage();
    start_pll();
    set_flash_latency();
    rcc().cfgr1 = (rcc().cfgr1 & ~Rcc::kSwMask) | Rcc::kSwPll1;
    while ((rcc().cfgr1 & Rcc::kSwsMask) != Rcc::kSwsPll1) {
    }
  }
  icache_enable();
}

}  // namespace microvisor::firmware::stm32u5

// Upgrader: the boot stage that replaces boot stages and kernels.
//
// A thin image around upgrade.hpp: clocks, the chip's blocks, memories and the vault's journal, then one run,
// then a reset, by which preboot reads what the run has left. It never enters anything itself. The watchdog
// that preboot has started is fed by what makes progress only.
#include "firmware/upgrader/upgrade.hpp"

#include "firmware/crypto/boot.hpp"
#include "firmware/crypto/seal.hpp"
#include "firmware/device/ratchet.hpp"
#include "firmware/device/stage.hpp"
#include "firmware/drivers/stm32u5/clock.hpp"
#include "firmware/drivers/stm32u5/flash.hpp"
#include "firmware/drivers/stm32u5/gpio.hpp"
#include "firmware/drivers/stm32u5/iwdg.hpp"
#include "firmware/drivers/stm32u5/octospi.hpp"
#include "firmware/drivers/stm32u5/rcc.hpp"
#include "firmware/drivers/stm32u5/scb.hpp"
#include "firmware/sections.hpp"
#include "generated/vendor_key.hpp"

namespace microvisor::firmware {

const BootStage kThisStage = BootStage::Upgrader;

namespace {

stm32u5::InternalFlash flash;
stm32u5::NorFlash nor;
vault::Store store(flash);
crypto::SealingKey journal_key;
crypto::SealingKey staging_key;
update::Staging staging(nor, store, staging_key, stm32u5::feed_watchdog);

/// The copy that runs is known by its place.
vault::Copy own_copy() {
  return reinterpret_cast<std::uint32_t>(image_start) == kUpgraderA.address() ? vault::Copy::A
                                                                              : vault::Copy::B;
}

/// Clock, chip select and the two data lines of the NOR in single-line mode: PE10 to PE13, function 10 (data
/// sheet of the STM32U585, alternate functions). The other lines are the kernel's to set up
/// (kernel/board_table.hpp).
void connect_nor_pins() {
  constexpr char kPort = 'E';
  constexpr unsigned kFirst = 10, kLast = 13, kOctospi1 = 10;
  stm32u5::rcc().ahb2enr1 = stm32u5::rcc().ahb2enr1 | 1u << (kPort - 'A');
  (void)stm32u5::rcc().ahb2enr1;
  for (unsigned pin = kFirst; pin <= kLast; ++pin)
    stm32u5::configure_pin(kPort, pin, stm32u5::PinMode::Alternate, kOctospi1);
}

/// Without the chip's keys nothing staged can be read, as without the NOR.
void open_what_is_sealed() {
  journal_key = crypto::device_key(crypto::KeyUse::Journal);
  staging_key = crypto::device_key(crypto::KeyUse::Staging);
  store.seal_with(journal_key);
  (void)store.mount();
  staging.mount();
}

}  // namespace

void stage_main() {
  report_boot(BootCode::Running);
  stm32u5::raise_clock();
  if (!crypto::start_for_boot()) stop_for_good(BootCode::NoPublicKeyUnit);
  connect_nor_pins();
  (void)nor.start();  // without it nothing staged can be read, and the previous kernel can still return
  open_what_is_sealed();
  const upgrader::Machine machine{own_copy(), kVendorKey, security_ratchet, raise_security_ratchet,
                                  stm32u5::feed_watchdog};
  static upgrader::Upgrade upgrade(flash, store, staging, machine);
  upgrade.run();
  stm32u5::system_reset();
}

}  // namespace microvisor::firmware

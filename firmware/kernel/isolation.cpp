// The order matters little, because the application does not run yet; but whatever has a lock is locked in
// the end, so that even a mistake of ours later cannot open it (RM0456 sections 3.6, 5, 15; Arm: SAU, AIRCR,
// NSACR).
#include "firmware/kernel/isolation.hpp"

#include "firmware/drivers/stm32u5/barrier.hpp"
#include "firmware/drivers/stm32u5/exti.hpp"
#include "firmware/drivers/stm32u5/flash.hpp"
#include "firmware/drivers/stm32u5/gpio.hpp"
#include "firmware/drivers/stm32u5/gtzc.hpp"
#include "firmware/drivers/stm32u5/nvic.hpp"
#include "firmware/drivers/stm32u5/pwr.hpp"
#include "firmware/drivers/stm32u5/rcc.hpp"
#include "firmware/drivers/stm32u5/sau.hpp"
#include "firmware/drivers/stm32u5/scb.hpp"
#include "firmware/drivers/stm32u5/syscfg.hpp"
#include "firmware/drivers/stm32u5/tamp.hpp"
#include "firmware/kernel/board_table.hpp"
#include "firmware/kernel/resident/faults.hpp"
#include "firmware/layout.hpp"

namespace microvisor::firmware::kernel {

using namespace stm32u5;

namespace {

struct Region {
  std::uint32_t base;
  std::uint32_t last;  // inclusive
};

/// What the application may address. Nothing over the gates: a non-secure region there would make them
/// callable. The flash controller is left out between two regions.
constexpr Region kNonSecureRegions[] = {
    {kApplicationFlash, kApplicationFlash + kApplicationFlashSize - 1},
    {0x0BFA'0500, 0x0BFA'07FF},  // engineering data: package, unique id, calibration, flash size
    {kApplicationRam, kApplicationRam + kApplicationRamSize - 1},
    {kApplicationRam4, kApplicationRam4 + kApplicationRam4Size - 1},
    {0x4000'0000, 0x4002'1FFF},  // peripherals below FLASH
    {0x4002'2400, 0x4FFF'FFFF},  // and above
    {0x6000'0000, 0x8FFF'FFFF},  // FMC, OCTOSPI2
};
static_assert(sizeof(kNonSecureRegions) / sizeof(Region) <= Sau::kRegions);

void set_up_sau() {
  std::uint32_t number = 0;
  for (const Region& region : kNonSecureRegions) {
    sau().rnr = number++;
    sau().rbar = region.base;
    sau().rlar = (region.last & ~0x1Fu) | 1;
  }
  for (; number < Sau::kRegions; ++number) {
    sau().rnr = number;
    sau().rlar = 0;
  }
  sau().ctrl = Sau::kEnable;
  full_barrier();
}

void set_up_core() {
  Scb& s = scb();
  s.aircr = Scb::kKey | Scb::kPrioritiseSecure | Scb::kSystemResetSecureOnly;
  s.scr = s.scr | Scb::kSleepDeepSecureOnly;
  s.nsacr = Scb::kFpuNonSecure;
  s.cpacr = 0;  // the kernel has no business in the FPU
  s.shcsr = s.shcsr | Scb::kFaultEnables;
}

void set_up_ram(std::uint32_t base, unsigned superblocks, unsigned open) {
  Mpcbb& block = mpcbb(base);
  for (unsigned i = 0; i < superblocks; ++i) {
    block.seccfgr[i] = i < open ? 0 : 0xFFFF'FFFF;
    block.privcfgr[i] = i < open ? 0 : 0xFFFF'FFFF;
  }
  block.cfglockr1 = superblocks == 32 ? 0xFFFF'FFFF : (1u << superblocks) - 1;
  block.cr = Mpcbb::kAllowSecureAccess | Mpcbb::kLock;
}

void set_up_gtzc() {
  rcc().ahb1enr = rcc().ahb1enr | (1u << 24);  // GTZC1
  rcc().ahb3enr = rcc().ahb3enr | (1u << 12);  // GTZC2
  (void)rcc().ahb3enr;

  std::uint32_t security[2][3]{};
  std::uint32_t watch[2][4]{};
  for (const ReservedPeripheral& p : kReservedPeripherals) {
    const unsigned instance = p.controller - 1u;
    if (p.guard == Guard::Tzsc) security[instance][p.security_word] |= 1u << p.bit;
    if (p.on_touch == OnTouch::EndsApplication) watch[instance][p.flag_word] |= 1u << p.bit;
  }
  // Memories, and blocks whose harmless parts are the application's: an attempt on the rest is still an
  // attempt.
  watch[0][3] |= (1u << 2) | (1u << 16) | (1u << 18) | (1u << 24) | (1u << 26) | (1u << 28);
  watch[1][1] |= (1u << 24) | (1u << 3) | (1u << 4);

  // External memories begin closed; those that are the application's are opened.
  for (const unsigned place : {kFmcBank1, kFmcBank3, kOctospi2Memory}) {
    tzsc1().watermarks[place].region = Tzsc::kWholeMemory;
    tzsc1().watermarks[place].configuration = Tzsc::kRegionEnable;
  }
  for (unsigned i = 0; i < 3; ++i) tzsc1().seccfgr[i] = security[0][i];
  tzsc2().seccfgr[0] = security[1][0];
  tzsc1().cr = Tzsc::kLock;
  tzsc2().cr = Tzsc::kLock;

  set_up_ram(Mpcbb::kBase1, 12, 12);
  set_up_ram(Mpcbb::kBase2, 4, 4);
  set_up_ram(Mpcbb::kBase3, 32, 16);  // lower half the application's
  set_up_ram(Mpcbb::kBase4, 1, 1);

  for (unsigned i = 0; i < 4; ++i) tzic1().fcr[i] = 0xFFFF'FFFF;
  for (unsigned i = 0; i < 2; ++i) tzic2().fcr[i] = 0xFFFF'FFFF;
  for (unsigned i = 0; i < 4; ++i) tzic1().ier[i] = watch[0][i];
  for (unsigned i = 0; i < 2; ++i) tzic2().ier[i] = watch[1][i];
}

/// Blocks that divide themselves.
void set_up_own_bits() {
  rcc().apb3enr = rcc().apb3enr | (1u << 1) | (1u << 21);  // SYSCFG, RTC and TAMP
  rcc().ahb3enr = rcc().ahb3enr | Rcc::kAhb3Pwr;
  (void)rcc().apb3enr;
  pwr().dbpr = Pwr::kDisableBackupProtection;

  syscfg().seccfgr = Syscfg::kSecure | Syscfg::kClassBSecure;
  exti().seccfgr1 = 1u << 16;
  tamp().seccfgr = Tamp::kSecure | Tamp::kCounterSecure | Tamp::kSixteenBackupRegisters;
  core_register(kRtcSecurity) = kRtcSecureParts;
  pwr().svmcr = pwr().svmcr | (1u << 29);  // VDDIO2 is valid: port G (RM0456 section 10.4.2)
  pwr().seccfgr = 0xF080;                  // LPM, VDM, VB, APC, WKUP8
  rcc().seccfgr = 0x1FFF;                  // clock sources, SYSCLK, prescalers, PLLs, reset flags
}

void set_up_pins() {
  rcc().ahb2enr1 = rcc().ahb2enr1 | 0x1FF;  // ports A to I
  (void)rcc().ahb2enr1;
  gpio(kStatusLed.port).bsrr = 1u << kStatusLed.pin;  // off
  for (const ReservedPin& pin : kReservedPins) {
    const bool plain = pin.alternate == kPlainOutput;
    configure_pin(pin.port, pin.pin, plain ? PinMode::Output : PinMode::Alternate, plain ? 0 : pin.alternate);
  }
  restore_pin_security();
  // Ports with nothing of ours start without clock, as after reset; the others need theirs for good.
  for (char port = 'A'; port <= 'I'; ++port) {
    if (reserved_pins(port) == 0) rcc().ahb2enr1 = rcc().ahb2enr1 & ~(1u << (port - 'A'));
  }
}

void lock_core() {
  syscfg().cslckr = Syscfg::kLockVectorsAndPriorities | Syscfg::kLockMpu | Syscfg::kLockSau;
  full_barrier();
}

}  // namespace

void restore_pin_security() {
  const std::uint32_t clocks = rcc().ahb2enr1;
  rcc().ahb2enr1 = clocks | 0x1FF;  // without its clock a port does not take the write
  (void)rcc().ahb2enr1;
  for (char port = 'A'; port <= 'I'; ++port) gpio(port).seccfgr = reserved_pins(port);
  rcc().ahb2enr1 = clocks;
}

void restore_line_security() {
  for (unsigned word = 0; word < Nvic::kWords; ++word) {
    std::uint32_t open = 0;
    for (unsigned bit = 0; bit < 32 && 32 * word + bit < Nvic::kLines; ++bit) {
      if (!line_is_reserved(32 * word + bit)) open |= 1u << bit;
    }
    nvic().itns[word] = open;
  }
}

void isolate() {
  set_up_core();
  set_up_sau();
  set_up_gtzc();
  set_up_own_bits();
  set_up_pins();
  restore_line_security();
  lock_core();
}

bool lock_flash() {
  constexpr std::uint32_t kWrongKey = 0x5EC2'E7ED;
  FlashController& flash = flash_controller();
  const auto address = [](volatile std::uint32_t& r) { return reinterpret_cast<std::uint32_t>(&r); };
  // OPTKEYR listens only while NSCR is unlocked (RM0456 section 7.4.2).
  if ((flash.nscr & FlashController::kLock) != 0) {
    flash.nskeyr = FlashController::kKey1;
    flash.nskeyr = FlashController::kKey2;
  }
  (void)write_expecting_bus_fault(address(flash.optkeyr), kWrongKey);
  flash.nscr = FlashController::kLock;
  (void)write_expecting_bus_fault(address(flash.nskeyr), kWrongKey);
  // The right keys must have become useless.
  (void)write_expecting_bus_fault(address(flash.nskeyr), FlashController::kKey1);
  (void)write_expecting_bus_fault(address(flash.nskeyr), FlashController::kKey2);
  return (flash.nscr & FlashController::kLock) != 0;
}

const char* name_of_illegal_access(const std::uint32_t (&flags)[8]) {
  for (const ReservedPeripheral& p : kReservedPeripherals) {
    const unsigned word = (p.controller == 2 ? 4u : 0u) + p.flag_word;
    if (p.controller != 0 && (flags[word] & (1u << p.bit)) != 0) return p.name;
  }
  if ((flags[3] & (1u << 2)) != 0) return "flash memory";
  if ((flags[3] & (1u << 18)) != 0) return "BKPSRAM";
  if ((flags[3] & (1u << 16)) != 0) return "external flash";
  return "SRAM";
}

}  // namespace microvisor::firmware::kernel

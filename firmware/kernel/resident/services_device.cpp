// The hardware behind the call bodies: registers of the permission table, interrupt lines, LED, and the
// link's status.
#include "firmware/drivers/stm32u5/clock.hpp"
#include "firmware/drivers/stm32u5/flash.hpp"
#include "firmware/drivers/stm32u5/gpio.hpp"
#include "firmware/drivers/stm32u5/nvic.hpp"
#include "firmware/drivers/stm32u5/scb.hpp"
#include "firmware/kernel/board_table.hpp"
#include "firmware/kernel/resident/faults.hpp"
#include "firmware/kernel/resident/notifications.hpp"
#include "firmware/kernel/resident/platform.hpp"
#include "firmware/kernel/resident/scheduler.hpp"
#include "firmware/kernel/resident/services.hpp"
#include "firmware/kernel/worker.hpp"
#include "firmware/sections.hpp"

namespace microvisor::firmware::kernel {

using namespace stm32u5;

namespace {

constexpr std::uint32_t kSecureAlias = 0x1000'0000;
constexpr std::uint32_t kPortResets = 0x4602'0C64;  // RCC_AHB2RSTR1
constexpr std::uint32_t kPortClocks = 0x4602'0C8C;  // RCC_AHB2ENR1
constexpr std::uint32_t kPorts = 0x1FF;

StatusLed status_led;  // the tasklet's

/// A port that has been reset belongs to the Secure world again (GPIOx_SECCFGR resets to all ones, RM0456
/// section 13.4.13), so its pins are handed back to the application. Takes effect when the reset is let go
/// and the clock is on.
void give_ports_back() {
  const std::uint32_t usable =
      core_register(kPortClocks + kSecureAlias) & ~core_register(kPortResets + kSecureAlias);
  for (unsigned i = 0; i < Gpio::kPorts; ++i) {
    if ((usable & (1u << i)) == 0) continue;
    const char port = static_cast<char>('A' + i);
    gpio(port).seccfgr = reserved_pins(port);
  }
}

}  // namespace

std::uint32_t read_reserved_register(std::uint32_t address) { return core_register(address + kSecureAlias); }

void write_reserved_register(std::uint32_t address, std::uint32_t value) {
  core_register(address + kSecureAlias) = value;
  // The application uses the block at once: the enable takes effect with a read-back (RM0456
  // section 11.4.22).
  static_cast<void>(std::uint32_t{core_register(address + kSecureAlias)});
  if (address == kPortResets || address == kPortClocks) give_ports_back();
}

// Not WDW, data half handed over: the array is not at work yet, and the worker, which goes on with it, cannot
// while a handler waits.
bool flash_is_busy() { return (flash_controller().secsr & FlashController::kBusy) != 0; }

std::uint32_t system_clock_hertz() { return kSystemClock; }

bool line_belongs_to_application(std::uint32_t line) {
  return line < Nvic::kLines && line_is_nonsecure(line);
}
bool line_is_busy(std::uint32_t line) { return line_is_pending(line) || line_is_active(line); }
void pend_application_line(std::uint32_t line) { pend_line(line); }
void record_held_back() { schedule_tasklet(static_cast<std::uint32_t>(Notifications::kRetry)); }

void wake_link() { worker_wake(); }
MV_FLASH_CODE void storage_job_posted() { worker_request_errand(); }

MV_FLASH_CODE void status_changed() {
  if (services().indication() != status_led.indication()) pend_tasklet();
}

void show_status(std::uint64_t now) {
  status_led.show(services().indication(), now);
  gpio(kStatusLed.port).bsrr = 1u << (kStatusLed.pin + (status_led.lit() ? 16 : 0));  // active low
  if (status_led.changes_at() != StatusLed::kNever) {
    schedule_tasklet(static_cast<std::uint32_t>(status_led.changes_at() - now));
  }
}

}  // namespace microvisor::firmware::kernel

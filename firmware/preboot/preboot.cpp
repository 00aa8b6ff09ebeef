// Preboot: the first instructions after reset, in one write-protected page that no update can change.
//
// It only chooses and counts (choice.hpp). The boot record in the vault says which stage runs, and which copy
// of it; if that copy does not look like a stage at all (decayed, or never written) or cannot be read, the
// other one is taken. What the stages are worth is not judged here: they stand in pages that only the
// upgrader writes, from signed images, after reading them back. Whatever has yet to prove itself runs under
// the watchdog, which is started here because everything later can be new and wrong.
#include "firmware/preboot/choice.hpp"

#include <array>

#include "firmware/device/stage.hpp"
#include "firmware/drivers/stm32u5/flash.hpp"
#include "firmware/drivers/stm32u5/iwdg.hpp"
#include "firmware/drivers/stm32u5/rcc.hpp"
#include "firmware/layout.hpp"

namespace microvisor::firmware {

const BootStage kThisStage = BootStage::Preboot;

namespace {

using stm32u5::rcc;
using stm32u5::Rcc;

/// What a boot stage, or the kernel before it starts the watchdog itself, may take between two feedings.
constexpr std::uint32_t kWatchdogSeconds = 20;

Pages pages_of(BootStage stage, vault::Copy copy) {
  if (stage == BootStage::Upgrader) return copy == vault::Copy::A ? kUpgraderA : kUpgraderB;
  return copy == vault::Copy::A ? kBootromA : kBootromB;
}

/// An unreadable row anywhere in a stage would stop it with a fault half-way.
bool is_readable(Pages pages) {
  alignas(4) static std::array<std::uint8_t, 1024> buffer;
  for (std::uint32_t at = pages.address(); at < pages.end(); at += buffer.size()) {
    if (!stm32u5::probe_flash(at, buffer)) return false;
  }
  return true;
}

void enter_if_usable(const BootChoice& choice, std::uint32_t reset_cause, std::uint32_t record) {
  const Pages pages = pages_of(choice.stage, choice.copy);
  if (!looks_like_stage(pages.address(), pages.end()) || !is_readable(pages)) return;
  report_choice(static_cast<std::uint32_t>(choice.copy), reset_cause, record);
  if (choice.watched) stm32u5::start_watchdog(kWatchdogSeconds);
  enter_stage(pages.address());
}

/// Takes the causes of the reset. They add up until they are cleared, which is done only while starts are
/// counted: otherwise they are the application's to read and clear.
std::uint32_t take_reset_cause(const vault::BootRecord& record) {
  const std::uint32_t cause = rcc().csr & Rcc::kResetCauses;
  if (record.run_upgrader || record.on_trial) rcc().csr = rcc().csr | Rcc::kClearResetCauses;
  return cause;
}

}  // namespace

void stage_main() {
  report_boot(BootCode::Running);
  stm32u5::InternalFlash flash;
  const vault::BootRecord record = vault::read_boot_record(flash);
  const std::uint32_t reset_cause = take_reset_cause(record);
  BootChoice choice = choose_stage(flash, record, (reset_cause & Rcc::kPowerReset) != 0);
  const std::uint32_t flags = vault::boot_flags(record);
  enter_if_usable(choice, reset_cause, flags);
  choice.copy = vault::other(choice.copy);
  enter_if_usable(choice, reset_cause, flags);
  // No upgrader: what it was asked for cannot be done, and the bootrom decides with what there is.
  if (choice.stage == BootStage::Upgrader) {
    choice = {BootStage::Bootrom, record.bootrom, choice.watched};
    enter_if_usable(choice, reset_cause, flags);
    choice.copy = vault::other(choice.copy);
    enter_if_usable(choice, reset_cause, flags);
  }
  stop_for_good(BootCode::NoBootrom);
}

}  // namespace microvisor::firmware

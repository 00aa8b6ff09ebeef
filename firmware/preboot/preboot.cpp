// Preboot: the first instructions after reset, in one write-protected page that no update can change.
//
// It only chooses. The boot record in the vault says which copy of the bootrom runs; if that copy does not
// look like a stage at all (decayed, or never written) or cannot be read, the other one is taken. What the
// stages are worth is not judged here: they stand in pages that only the upgrader writes, from signed images,
// after reading them back.
#include <array>

#include "firmware/device/stage.hpp"
#include "firmware/drivers/stm32u5/flash.hpp"
#include "firmware/drivers/stm32u5/rcc.hpp"
#include "firmware/layout.hpp"
#include "firmware/vault/boot_record.hpp"

namespace microvisor::firmware {

const BootStage kThisStage = BootStage::Preboot;

namespace {

Pages bootrom_pages(vault::Copy copy) { return copy == vault::Copy::A ? kBootromA : kBootromB; }

vault::Copy other(vault::Copy copy) { return copy == vault::Copy::A ? vault::Copy::B : vault::Copy::A; }

/// An unreadable row anywhere in a stage would stop it with a fault half-way.
bool is_readable(Pages pages) {
  alignas(4) static std::array<std::uint8_t, 1024> buffer;
  for (std::uint32_t at = pages.address(); at < pages.end(); at += buffer.size()) {
    if (!stm32u5::probe_flash(at, buffer)) return false;
  }
  return true;
}

void enter_if_usable(vault::Copy copy) {
  const Pages pages = bootrom_pages(copy);
  if (!looks_like_stage(pages.address(), pages.end()) || !is_readable(pages)) return;
  report_choice(static_cast<std::uint32_t>(copy), stm32u5::rcc().csr & stm32u5::Rcc::kResetCauses);
  enter_stage(pages.address());
}

}  // namespace

void stage_main() {
  report_boot(BootCode::Running);
  stm32u5::ReadOnlyFlash flash;
  const vault::BootRecord record = vault::read_boot_record(flash);
  // An upgrade request leads to the bootrom too as long as there is no upgrader to run.
  enter_if_usable(record.bootrom);
  enter_if_usable(other(record.bootrom));
  stop_for_good(BootCode::NoBootrom);
}

}  // namespace microvisor::firmware

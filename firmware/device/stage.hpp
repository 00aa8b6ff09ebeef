// What preboot, bootrom and upgrader have in common: start-up, faults, the boot status, and the jump to the
// next stage.
//
// A boot stage runs with interrupts off from its first to its last instruction; the only exceptions it can
// take are NMI (a probing read of flash) and faults, which stop the device for good.
#pragma once

#include <cstdint>

#include "firmware/boot_status.hpp"

namespace microvisor::firmware {

/// Which image this is; defined by each stage.
extern const BootStage kThisStage;

/// The stage's body. Called with data and bss set up.
[[noreturn]] void stage_main();

/// Writes the boot status. `copy` and `reset_cause` keep what stands there unless this is the first report
/// after reset.
void report_boot(BootCode code, std::uint32_t detail = 0);

/// Reports and stops for good: no reset, because nothing would be different afterwards.
[[noreturn]] void stop_for_good(BootCode code, std::uint32_t detail = 0);

/// Notes what preboot found: which copy it chose, why the chip was reset, and the boot record's flags.
void report_choice(std::uint32_t copy, std::uint32_t reset_cause, std::uint32_t record);

/// Makes `vectors` the secure vector table and enters the stage it belongs to.
[[noreturn]] void enter_stage(std::uint32_t vectors);

/// Whether the first two words at `vectors` can be a stage that lies in [vectors, end): stack in our RAM,
/// entry inside.
[[nodiscard]] bool looks_like_stage(std::uint32_t vectors, std::uint32_t end);

}  // namespace microvisor::firmware

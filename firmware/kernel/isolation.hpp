// Divides the chip between Microvisor and the application. Once, at start-up; restored where the application
// can disturb it.
#pragma once

#include <cstdint>

namespace microvisor::firmware::kernel {

/// Regions of the SAU, GTZC, security bits of the blocks that have their own, pins, priorities and their
/// locks.
void isolate();

/// Closes the flash controller's non-secure side until reset: option bytes, then the application's pages.
/// Last step before the application. False: it did not take.
[[nodiscard]] bool lock_flash();

/// Pins, interrupt lines: what resetting a port or the end of an application has undone.
void restore_pin_security();
void restore_line_security();

/// A name for what an application touched, from the flags of TZIC (TZIC1 words 0 to 3, TZIC2 words 0 and 1).
[[nodiscard]] const char* name_of_illegal_access(const std::uint32_t (&flags)[8]);

}  // namespace microvisor::firmware::kernel

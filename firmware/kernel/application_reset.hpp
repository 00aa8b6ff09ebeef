// Gives the application a world as after a reset: no peripheral runs on, no interrupt is left, no byte of an
// earlier run or of the boot stages is in its memory.
#pragma once

namespace microvisor::firmware::kernel {

/// Thread mode, application not running. Resets the chip if the application has locked its vector table
/// elsewhere.
void reset_application_world();

}  // namespace microvisor::firmware::kernel

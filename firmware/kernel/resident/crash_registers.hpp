// The application's registers at its end, for the crash report.
#pragma once

#include <cstdint>

#include "firmware/kernel/resident/faults.hpp"
#include "firmware/kernel/resident/trap.hpp"

namespace microvisor::firmware::kernel {

/// Special registers and fault addresses. In the handler that found the end, before the status is cleared.
void note_special_registers(ApplicationEnd& end, std::uint32_t exc_return);

/// The registers of an exception frame of the application's.
void note_frame_registers(ApplicationEnd& end, const Frame& frame, std::uint32_t exc_return);

/// r4 to r11, once: `saved` points at them as they were when the end was found.
void note_callee_registers(ApplicationEnd& end, const std::uint32_t* saved);

}  // namespace microvisor::firmware::kernel

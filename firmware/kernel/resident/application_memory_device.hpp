// The device's side of application_memory.hpp: the trap handler says with whose eyes pointers are looked at.
#pragma once

namespace microvisor::firmware::kernel {

/// The calling code of the application is privileged (thread mode with CONTROL_NS.nPRIV = 0, or a handler).
inline bool caller_privileged = true;

}  // namespace microvisor::firmware::kernel

// The application's life: check, start, end, start again (docs/kernel.md).
//
// All of it happens in Secure thread mode, which the worker and every interrupt pre-empt: clearing half a
// megabyte of RAM costs nobody anything. The application itself runs in the same thread mode, on the other
// side of a BXNS; when it ends, the unwinding in exceptions.S comes back to application_ended().
#pragma once

#include <cstdint>

#include "abi/interface.hpp"
#include "firmware/kernel/link/link_host.hpp"

namespace microvisor::firmware::kernel {

/// First entry, from start-up. `reason` is what the application will be told.
[[noreturn]] void run_application(bool installed, abi::WakeReason reason);

/// The service wants the application to be started anew. Worker.
void restart_by_service();

/// Takes the oldest event for the log stream. Worker.
[[nodiscard]] bool take_event(link::DeviceEvent& event);

}  // namespace microvisor::firmware::kernel

// The application's life: check, start, end, start again (docs/kernel.md).
//
// All of it happens in Secure thread mode, which the worker and every interrupt pre-empt: clearing half a
// megabyte of RAM costs nobody anything. The application itself runs in the same thread mode, on the other
// side of a BXNS; when it ends, the unwinding in exceptions.S comes back to application_ended().
#pragma once

#include <cstdint>

#include "abi/interface.hpp"
#include "firmware/kernel/link/link_host.hpp"
#include "firmware/kernel/resident/retained.hpp"

namespace microvisor::firmware::kernel {

/// Reads what the bundle says of the application's life; before the worker exists. `reason` is what the
/// application will be told, `retained` what the run before the reset has left.
void prepare_application(bool installed, abi::WakeReason reason, const Retained& retained);
/// First entry, from start-up; the worker runs.
[[noreturn]] void run_application(const Retained& retained);

/// The service wants the application to be started anew. Worker.
void restart_by_service();

/// The debugger wants it, to halt before its first instruction or not. Worker.
void restart_by_debugger(bool halt);

/// An update is ready, to be applied at Services::update_due. Worker.
void update_is_ready();

/// Takes the oldest event for the log stream. Worker.
[[nodiscard]] bool take_event(link::DeviceEvent& event);
[[nodiscard]] bool event_waits();

}  // namespace microvisor::firmware::kernel

// The application as the debugger has it (firmware/debugger/application.hpp): the monitor, and its memory.
#pragma once

#include "firmware/debugger/application.hpp"
#include "firmware/kernel/link/link_host.hpp"

namespace microvisor::firmware::kernel {

/// The one there is. Worker.
[[nodiscard]] debugger::Application& debugged_application();

/// What the installed bundle says of debugging. Before the worker exists.
void set_debug_policy(const manifest::DebugPolicy& policy);
/// With whom, and about what, a session may be held now. Worker.
[[nodiscard]] link::DebugAdmission debug_admission();
[[nodiscard]] protocol::debug::Crypto& debug_crypto();

/// The application is about to start at `entry`. Thread mode.
void debugged_application_starts(std::uint32_t entry);

}  // namespace microvisor::firmware::kernel

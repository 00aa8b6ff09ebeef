// Stops, restarts and ends of sessions in words, and the signals that GDB knows for them.
#pragma once

#include <string>

#include "protocol/debug/messages.hpp"

namespace microvisor::cli::debug {

/// 0: as the reason of the halt says. Signals as GDB numbers them (include/gdb/signals.def).
[[nodiscard]] unsigned signal_of(const protocol::debug::Stopped& stop);
/// Faults and what else a user wants to be told beside what GDB prints; ends in a newline, or is empty.
[[nodiscard]] std::string describe_stop(const protocol::debug::Stopped& stop);
/// Why a command that nobody waited for could not be done.
[[nodiscard]] std::string describe_failure(const protocol::debug::Answer& failure);
[[nodiscard]] std::string describe_restart(std::uint8_t wake_reason);
[[nodiscard]] std::string describe_end(protocol::debug::EndReason reason);

}  // namespace microvisor::cli::debug

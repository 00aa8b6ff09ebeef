// What the call bodies ask of the hardware and of the rest of the kernel. The device's answers are in
// services_device.cpp; host tests bring their own.
#pragma once

#include <cstdint>

#include "abi/interface.hpp"

namespace microvisor::firmware::kernel {

/// Reads and writes a register of the permission table, named by its non-secure alias.
[[nodiscard]] std::uint32_t read_reserved_register(std::uint32_t address);
void write_reserved_register(std::uint32_t address, std::uint32_t value);

[[nodiscard]] std::uint32_t system_clock_hertz();

/// Our bank of the flash is being erased or programmed, so a fetch from it would stall. The end comes by
/// itself, whatever runs: also where a handler on top of the worker waits for it.
[[nodiscard]] bool flash_is_busy();

/// There is something new to send, or the wish to be connected has changed.
void wake_link();

/// services().storage_jobs has something to do for the worker.
void storage_job_posted();

/// Whether nothing of Microvisor's stands in the way of a Stop mode, Standby or Shutdown.
[[nodiscard]] bool ready_to_stop();
/// Sleeps until an enabled interrupt of the application's is pending, or Microvisor has something to do.
void power_save(abi::PowerSavingMode mode);
/// Does not return on the device: the way out is a reset.
void deep_sleep(abi::DeepSleepMode mode);

/// Asks for the end of the application; it is over before its next instruction.
enum class EndRequest : std::uint8_t { None, Restart, TestingComplete };
void request_application_end(EndRequest request);

/// What the status LED shows may have changed.
void status_changed();
/// Shows it, and comes again for the next change of its pattern. Tasklet.
void show_status(std::uint64_t now);

}  // namespace microvisor::firmware::kernel

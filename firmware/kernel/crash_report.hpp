// Crash reports: what was found when the application ended, encrypted to the key in its bundle and kept until
// the service has it (docs/crashes.md). Nothing of it exists in clear outside of the chip's RAM.
#pragma once

#include <span>

#include "firmware/kernel/resident/faults.hpp"
#include "firmware/manifest/manifest.hpp"

namespace microvisor::firmware::kernel {

/// The running application's policy; without a key there are no reports. Before the application starts.
void set_crash_policy(const manifest::CrashPolicy& policy);

/// Thread mode, after the application's end and before its memory is cleared: has the worker write the
/// report. Returns when that is done, or in vain if the worker does not come to it. `text`: the line of the
/// log stream.
void save_crash_report(const ApplicationEnd& end, std::span<const char> text);

/// The worker's part, between two things it waits for: writes the report if one is wanted.
void write_wanted_crash_report();

}  // namespace microvisor::firmware::kernel

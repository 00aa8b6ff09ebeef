// The memory in which the updater reads: an envelope while it is checked or parsed, or a piece of the
// application's flash. One function uses it at a time, and what is in it does not outlive the call of
// Updater's that put it there. Start-up code first, then the worker.
#pragma once

#include <array>
#include <cstdint>

#include "firmware/limits.hpp"

namespace microvisor::firmware::update {

// Word-aligned, for the fast path of the flash driver.
alignas(8) inline std::array<std::uint8_t, kMaximumManifestSize> work_buffer;

}  // namespace microvisor::firmware::update

// One line about how an application or the kernel ended, for people.
#pragma once

#include <cstddef>
#include <span>

#include "firmware/kernel/resident/faults.hpp"
#include "firmware/kernel/resident/retained.hpp"

namespace microvisor::firmware::kernel {

/// Writes the line without a terminator; returns its length. `touched` names the reserved resource, if that
/// was it.
std::size_t describe_end(const ApplicationEnd& end, const char* touched, std::span<char> line);

/// The same of a failure of the kernel, of which `reason` and what was retained tell.
std::size_t describe_kernel_failure(abi::WakeReason reason, const Retained& retained, std::span<char> line);

}  // namespace microvisor::firmware::kernel

// One line about how an application ended, for people.
#pragma once

#include <cstddef>
#include <span>

#include "firmware/kernel/resident/faults.hpp"

namespace microvisor::firmware::kernel {

/// Writes the line without a terminator; returns its length. `touched` names the reserved resource, if that
/// was it.
std::size_t describe_end(const ApplicationEnd& end, const char* touched, std::span<char> line);

}  // namespace microvisor::firmware::kernel

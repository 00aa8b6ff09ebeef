// Access point names as they are given on the command line.
#pragma once

#include <string>

#include "cli/failure.hpp"
#include "protocol/link/access_point_name.hpp"

namespace microvisor::cli {

inline constexpr const char* kDevicesAccessPointHelp =
    "Access point name (APN) that the device's modem dials with; without it the subscription's own";

/// Throws Failure if it is none.
inline void require_access_point_name(const std::string& name) {
  if (protocol::is_access_point_name(name)) return;
  throw Failure("not an access point name, which has 1 to " +
                std::to_string(protocol::kLongestAccessPointName) +
                " letters, digits, and hyphens and dots between them: " + name);
}

}  // namespace microvisor::cli

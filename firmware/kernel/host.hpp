// The kernel as the device link sees it.
#pragma once

#include "firmware/kernel/link/link_host.hpp"

namespace microvisor::firmware::kernel {

/// The one implementation; lives for ever.
[[nodiscard]] link::LinkHost& link_host();

}  // namespace microvisor::firmware::kernel

// The step from the bootrom into the kernel, which must not run from the pages it hides.
#pragma once

#include <cstdint>

namespace microvisor::firmware {

/// Closes the hidden pages (HDP) until the next reset and enters the kernel. Runs from RAM. Does neither
/// unless `accepted` is kKernelAccepted: whoever came here by accident stays.
[[noreturn]] void hide_and_enter(std::uint32_t accepted);

}  // namespace microvisor::firmware

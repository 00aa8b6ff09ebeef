// The step from the bootrom into the kernel, which must not run from the pages it hides.
#pragma once

#include <cstdint>

namespace microvisor::firmware {

/// Closes the hidden pages (HDP) until the next reset and enters the kernel at `vectors`. Runs from RAM.
[[noreturn]] void hide_and_enter(std::uint32_t vectors);

}  // namespace microvisor::firmware

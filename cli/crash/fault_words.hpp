// A fault in words: what was tried, at what address, what is there. From the status registers of the report
// (Armv8-M Architecture Reference Manual, D1.2: CFSR, HFSR, SFSR), the table of what is Microvisor's, and
// from the instruction at PC, if an ELF file tells it.
#pragma once

#include <string>

#include "cli/crash/known_memory.hpp"

namespace microvisor::cli {

/// What lies at an address of the application's side: "null pointer", "the application's RAM", "peripheral
/// IWDG, reserved for Microvisor".
[[nodiscard]] std::string describe_address(std::uint32_t address);

/// One sentence without a full stop.
[[nodiscard]] std::string explain_fault(const microvisor::crash::CrashReport& report,
                                        const KnownMemory& memory);

}  // namespace microvisor::cli

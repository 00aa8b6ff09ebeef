// An opened crash report for people and for programs: the fault in words, who had called whom, registers,
// fault status by its bits' names, and addresses by the names of the application's functions.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/crash/program.hpp"
#include "protocol/crash/crash_report.hpp"

namespace microvisor::cli {

/// "name+0x12" for an address of code, with or without Thumb bit; empty if `symbols` know nothing near it.
std::string name_of_code(const board::Symbols& symbols, std::uint32_t address);

/// Names of the bits that are set in CFSR, HFSR and SFSR, for example "UNDEFINSTR".
std::vector<std::string> fault_bits(const microvisor::crash::FaultStatus& faults);

/// Several lines, without a newline at the end.
std::string format_crash(const microvisor::crash::CrashReport& report, const Program& program);
nlohmann::json crash_as_json(const microvisor::crash::CrashReport& report, const Program& program);

}  // namespace microvisor::cli

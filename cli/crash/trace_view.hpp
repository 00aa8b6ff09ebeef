// A back-trace for people and for programs. Functions that the compiler has inlined have frames of their own.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "board/debug/elf_symbols.hpp"
#include "cli/crash/back_trace.hpp"

namespace microvisor::cli {

/// "name+0x12" for an address of code, with or without Thumb bit; empty if `symbols` know nothing near it.
std::string name_of_code(const board::Symbols& symbols, std::uint32_t address);

/// A line for each frame and one for the end, each with a newline in front.
std::string format_trace(const BackTrace& trace, const board::Symbols& symbols);
/// An array of frames.
nlohmann::json trace_as_json(const BackTrace& trace, const board::Symbols& symbols);

}  // namespace microvisor::cli

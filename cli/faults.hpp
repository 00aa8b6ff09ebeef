// Faults that a person asks of a board on the command line, and how the command ends when the power was cut.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "board/board.hpp"
#include "board/fault/fault.hpp"

namespace CLI {
class App;
}

namespace microvisor::cli {

/// Exit status of a command whose board lost its power because --cut said so.
inline constexpr int kPowerCutStatus = 3;

struct FaultArguments {
  std::vector<std::string> cuts;
  std::vector<std::uint64_t> skips, inversions;
};

/// Adds --cut, --skip and --invert-branch.
void add_fault_options(CLI::App& command, FaultArguments& arguments);
/// Throws Failure with one line for what cannot be understood.
[[nodiscard]] std::vector<board::Fault> parse_faults(const FaultArguments& arguments);

/// At the end of a run: says which cut ended it, and which faults have not happened.
void note_faults(const board::Board& board);
/// After RunEnd::PowerCut: ends the command with kPowerCutStatus, or with a Failure if it was no injected cut
/// but a board directory that can no longer be written.
[[noreturn]] void end_by_power_cut(board::Board& board);

}  // namespace microvisor::cli

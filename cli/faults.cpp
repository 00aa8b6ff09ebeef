#include "cli/faults.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "board/fault/fault_injector.hpp"
#include "cli/failure.hpp"
#include "cli/output.hpp"

namespace microvisor::cli {

void add_fault_options(CLI::App& command, FaultArguments& arguments) {
  command
      .add_option(
          "--cut", arguments.cuts,
          "Cut the power: instruction:N, flash:N:before|torn|after, nor:N:..., memory:N:... (both counted "
          "together), random:SEED[:LIMIT]; the command ends with status 3")
      ->type_name("WHEN")
      ->allow_extra_args(false);
  command.add_option("--skip", arguments.skips, "Do not execute the N-th instruction")
      ->type_name("N")
      ->allow_extra_args(false);
  command
      .add_option("--invert-branch", arguments.inversions,
                  "Let the N-th conditional branch go the other way (slow until it has come)")
      ->type_name("N")
      ->allow_extra_args(false);
}

std::vector<board::Fault> parse_faults(const FaultArguments& arguments) {
  std::vector<board::Fault> faults;
  const auto add = [&faults](const std::string& text, bool cuts_power) {
    const auto fault = board::parse_fault(text);
    if (!fault) throw Failure(fault.error().message);
    if (fault->cuts_power() != cuts_power) throw Failure("--cut cannot do this: " + text);
    faults.push_back(*fault);
  };
  for (const std::string& text : arguments.cuts) add(text, true);
  for (const std::uint64_t number : arguments.skips) add("skip:" + std::to_string(number), false);
  for (const std::uint64_t number : arguments.inversions) add("invert:" + std::to_string(number), false);
  return faults;
}

void note_faults(const board::Board& board) {
  if (board.faults() == nullptr) return;
  if (board.faults()->cut()) note("power cut " + board::to_string(*board.faults()->cut()));
  for (const board::Fault& fault : board.faults()->pending()) {
    note("fault " + board::to_string(fault) + ": the run was over before");
  }
}

void end_by_power_cut(board::Board& board) {
  if (board.faults() != nullptr && board.faults()->cut()) throw ExitStatus{kPowerCutStatus};
  throw Failure(board.memories().supply().reason());
}

}  // namespace microvisor::cli

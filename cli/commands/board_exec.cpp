// microvisor board exec: bare firmware on a chip with nothing else in it.
//
// The exit status is the firmware's own if it ends by semihosting; what else can end it has a status of its
// own (kOutOfInstructions ...), with one line that says so.
#include <fmt/core.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "board/board.hpp"
#include "board/debug/elf_image.hpp"
#include "board/snapshot/snapshot.hpp"
#include "cli/commands/board_tools.hpp"
#include "cli/commands/commands.hpp"
#include "cli/failure.hpp"
#include "cli/faults.hpp"
#include "cli/output.hpp"

namespace microvisor::cli {
namespace {

using nlohmann::json;

// As timeout(1) has it for the first.
constexpr int kOutOfInstructions = 124;
constexpr int kLockedUp = 125;
constexpr int kAsleepForGood = 126;

struct ExecArguments {
  std::string firmware;
  std::uint64_t max_instructions = ~std::uint64_t{0};
  bool semihosting = false;
  bool stats = false;
  bool state_hash = false;
  FaultArguments faults;
  ToolArguments tools;
};

void write_console(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

std::size_t read_console(std::span<char> buffer) {
  for (;;) {
    const ssize_t got = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return 0;
  }
}

/// Without power there is no state to hash.
void print_statistics(board::Board& board, bool with_hash) {
  const board::BoardStatistics statistics = board.statistics();
  json line{{"instructions", statistics.instructions},
            {"wall_s", statistics.wall_seconds},
            {"virtual_s", statistics.virtual_seconds}};
  if (with_hash) {
    if (const auto snapshot = board.snapshot()) line["state_hash"] = board::to_string((*snapshot)->hash());
  }
  fmt::print(stderr, "{}\n", line.dump());
}

/// The status for how the run ended, with a line if it was not the firmware's own end.
int report_end(board::RunEnd end, const board::Board& board) {
  switch (end) {
    case board::RunEnd::Exited: return board.exit_status();
    case board::RunEnd::Stopped: return 0;
    case board::RunEnd::PowerCut: return kPowerCutStatus;  // note_faults() says which
    case board::RunEnd::Limit:
      note("the firmware has not ended within --max-instructions");
      return kOutOfInstructions;
    case board::RunEnd::LockedUp: return kLockedUp;  // the board has said so
    case board::RunEnd::Idle:
      note("the core sleeps, and nothing is ever going to wake it");
      return kAsleepForGood;
  }
  return 1;
}

void execute(const ExecArguments& arguments) {
  const std::vector<board::Fault> faults = parse_faults(arguments.faults);
  const auto image = board::load_elf(arguments.firmware);
  if (!image) throw Failure(image.error().message);
  auto memories = board::BoardMemories::in_memory(board::BoardIdentity::from_seed(1));
  if (!memories) throw Failure(memories.error().message);
  std::unique_ptr<BoardTools> tools;
  board::BoardOptions options;
  options.semihosting = arguments.semihosting;
  options.report = [](std::string_view line) { note(line); };
  options.host_calls.command_line = arguments.firmware;
  options.host_calls.input = read_console;
  options.host_calls.console = [&tools](std::string_view text) {
    write_console(text);
    if (tools) tools->console(text);
  };
  auto made = board::Board::create(std::move(*memories), options);
  if (!made) throw Failure(made.error().message);
  board::Board& board = **made;
  if (const auto booted = board.boot_image(*image); !booted) {
    throw Failure(arguments.firmware + ": " + booted.error().message);
  }
  for (const board::Fault& fault : faults) board.inject(fault);
  tools = std::make_unique<BoardTools>(board, arguments.tools, true, arguments.firmware);
  const board::RunEnd end = board.run({.instructions = arguments.max_instructions});
  note_faults(board);
  const int status = report_end(end, board);
  tools->exited(status);
  tools->close();
  if (arguments.stats) print_statistics(board, arguments.state_hash);
  tools.reset();
  if (status != 0) throw ExitStatus{status};
}

}  // namespace

void add_board_exec(CLI::App& board) {
  auto arguments = std::make_shared<ExecArguments>();
  CLI::App* command =
      board.add_subcommand("exec", "Run bare secure-world firmware on an otherwise empty chip");
  command
      ->add_option("FIRMWARE", arguments->firmware, "ELF file; load segments go to their physical addresses")
      ->required();
  command->add_flag("--semihosting", arguments->semihosting,
                    "BKPT 0xAB reaches this console; its exit status is ours");
  command->add_option("--max-instructions", arguments->max_instructions,
                      "Stop after so many, with status 124");
  CLI::Option* stats =
      command->add_flag("--stats", arguments->stats, "Last line of stderr: instructions and times as JSON");
  command->add_flag("--state-hash", arguments->state_hash, "With --stats: the hash of the state it ends in")
      ->needs(stats);
  add_fault_options(*command, arguments->faults);
  add_tool_options(*command, arguments->tools);
  command->footer(
      "Exit status: the firmware's own; 3 after --cut, 124 out of instructions, 125 locked up, 126 asleep "
      "for good.");
  command->callback([arguments] { execute(*arguments); });
}

}  // namespace microvisor::cli

// microvisor board run: a board as a device that lives until it is interrupted.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "cli/bearers.hpp"
#include "cli/commands/board_tools.hpp"
#include "cli/commands/commands.hpp"
#include "cli/failure.hpp"
#include "cli/faults.hpp"
#include "cli/interrupt.hpp"
#include "cli/output.hpp"
#include "cli/signal_watch.hpp"
#include "cli/snapshots.hpp"
#include "cli/status_line.hpp"
#include "cli/virtual_device.hpp"

namespace microvisor::cli {
namespace {

struct RunArguments {
  std::string directory, duration, snapshot, save, record;
  bool fast = false;
  BearerArguments bearers;
  bool halt = false;
  bool direct = false;
  FaultArguments faults;
  ToolArguments tools;
};

/// The snapshot of the board in this directory, or null if none is asked for.
std::shared_ptr<const board::Snapshot> snapshot_of(const board::BoardMemories& memories,
                                                   const std::string& file) {
  if (file.empty()) return nullptr;
  auto snapshot = read_snapshot(file);
  const board::BoardIdentity& theirs = snapshot->contents().identity;
  if (theirs.sid == memories.identity().sid && theirs.uid == memories.identity().uid) return snapshot;
  throw Failure("snapshot " + file + " is of another board, " + theirs.sid + ", not of " +
                memories.identity().sid);
}

/// A device that ends by a failure of its own is recorded to that end.
void run_to_the_end(VirtualDevice& device, const BoardTools& tools, std::optional<double> seconds) {
  const SignalWatch watch(device);
  const StatusLine status(device, [&tools] { return tools.debugger_attached(); });
  try {
    device.run(seconds, true);
  } catch (...) {
    device.end_recording();
    throw;
  }
}

void run(const RunArguments& arguments) {
  const std::optional<double> seconds =
      arguments.duration.empty() ? std::nullopt : std::optional(parse_duration(arguments.duration));
  if (!arguments.record.empty() && !arguments.tools.gdb.empty())
    throw Failure("--record cannot be used with --gdb: what a debugger changes is not recorded");
  if (arguments.halt && arguments.tools.gdb.empty()) throw Failure("--halt needs --gdb");
  if (arguments.direct && any(arguments.bearers))
    throw Failure("--direct cannot be used with --link, --modem, --wifi or --ethernet: there is no network");
  VirtualDeviceOptions options;
  options.fast = arguments.fast;
  options.direct = arguments.direct;
  take_bearers(arguments.bearers, options);
  options.faults = parse_faults(arguments.faults);
  auto memories = board::BoardMemories::open(arguments.directory);
  if (!memories) throw Failure(memories.error().message);
  const std::string sid = memories->identity().sid;
  options.snapshot = snapshot_of(*memories, arguments.snapshot);
  const InterruptGuard interrupt;
  VirtualDevice device(std::move(*memories), options);
  device.on_report = [](const std::string& line) { note(line); };
  device.on_application_start = [] { note("the application starts"); };
  BoardTools tools(device.board(), arguments.tools, arguments.halt);
  note("device " + sid + (options.snapshot ? " goes on from the snapshot" : " is on"));
  if (arguments.direct) note("the modem's line is " + device.line());
  if (!arguments.record.empty()) device.record(arguments.record);
  run_to_the_end(device, tools, seconds);
  device.end_recording();
  if (!arguments.save.empty()) write_snapshot(device.board(), arguments.save);
  tools.exited(0);
  tools.close();
}

}  // namespace

void add_board_run(CLI::App& board) {
  auto arguments = std::make_shared<RunArguments>();
  CLI::App* command = board.add_subcommand("run", "Switch a board on and run it until interrupted");
  command->add_option("DIRECTORY", arguments->directory, "Board directory")->required();
  command->add_option("--for", arguments->duration,
                      "Board time from power-on, or from the snapshot, for example 30s");
  command->add_flag("--fast", arguments->fast, "As fast as this machine can, not in real time");
  add_bearer_options(*command, arguments->bearers);
  command
      ->add_flag("--direct", arguments->direct,
                 "A pseudo-terminal in the modem's place, for 'microvisor debug --direct'")
      ->excludes("--fast");
  command
      ->add_option("--snapshot", arguments->snapshot,
                   "Go on from this snapshot of the board, in memory: the directory stays as it is")
      ->excludes("--direct");
  command->add_option("--save", arguments->save, "Write a snapshot when the run ends")->excludes("--direct");
  command->add_option("--record", arguments->record, "Record all that comes from outside, for 'board replay'")
      ->excludes("--direct");
  add_fault_options(*command, arguments->faults);
  add_tool_options(*command, arguments->tools);
  command->add_flag("--halt", arguments->halt, "Do not start before the debugger of --gdb says so");
  command->callback([arguments] { run(*arguments); });
}

}  // namespace microvisor::cli

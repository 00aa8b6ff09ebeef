// microvisor board replay: a recorded board run again, alone or under GDB.
#include <fmt/core.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "board/replay/recording.hpp"
#include "board/replay/replay.hpp"
#include "board/replay/time_machine.hpp"
#include "board/snapshot/snapshot.hpp"
#include "cli/commands/commands.hpp"
#include "cli/debug/gdb_listener.hpp"
#include "cli/debug/replay_target.hpp"
#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/interrupt.hpp"
#include "cli/output.hpp"

namespace microvisor::cli {
namespace {

struct ReplayArguments {
  std::string file, gdb;
};

/// A recording and what its parts lie in.
struct Opened {
  protocol::Bytes bytes;
  board::Recording recording;
  std::shared_ptr<const board::Snapshot> beginning;
};

std::unique_ptr<Opened> open(const std::string& file) {
  auto opened = std::make_unique<Opened>();
  opened->bytes = read_file(file);
  auto recording = board::parse_recording(opened->bytes, file);
  if (!recording) throw Failure(recording.error().message);
  opened->recording = std::move(*recording);
  auto beginning = board::Snapshot::parse(opened->recording.snapshot, "in recording " + file);
  if (!beginning) throw Failure(beginning.error().message);
  opened->beginning = std::move(*beginning);
  return opened;
}

std::string extent(const board::Recording& recording) {
  return fmt::format("{} instructions, {:.6f} s of the board's time, {} from outside",
                     recording.end().instructions,
                     static_cast<double>(recording.end().time) / static_cast<double>(board::kTicksPerSecond),
                     recording.inputs.size());
}

void compare(const Opened& opened) {
  const board::Recording& recording = opened.recording;
  if (const auto replayed = board::replay(recording, *opened.beginning); !replayed)
    throw Failure(replayed.error().message);
  const std::string whole = "the replay equals its recording: " + extent(recording);
  if (recording.hash) return print_line(whole + ", state " + board::to_string(*recording.hash));
  if (recording.power_cut) return print_line(whole + ", ended by a power cut");
  print_line("the replay equals its recording up to the last whole entry, where it was cut off: " +
             extent(recording));
}

bool keep_going() { return !InterruptGuard::requested(); }

void serve(const Opened& opened, const std::string& where) {
  const InterruptGuard guard;
  auto machine = board::TimeMachine::open(opened.recording, opened.beginning);
  if (!machine) throw Failure(machine.error().message);
  auto listener = debug::GdbListener::listen(where);
  if (!listener) throw Failure(listener.error());
  debug::ReplayTarget target(**machine);
  note("GDB server listening on " + listener->address());
  if (opened.recording.cut_off()) note("the recording was cut off: it ends with its last whole entry");
  while (!target.killed()) {
    auto gdb = listener->wait(keep_going);
    if (!gdb) return;
    if (gdb->serve(target, target.descriptor(), keep_going, note_text) ==
        debug::GdbConnection::End::TargetOver)
      throw ExitStatus{1};
  }
}

}  // namespace

void add_board_replay(CLI::App& board) {
  auto arguments = std::make_shared<ReplayArguments>();
  CLI::App* command = board.add_subcommand(
      "replay", "Run a recording of 'board run --record' again, without any network, and compare the states");
  command->add_option("FILE", arguments->file, "Recording")->required();
  command->add_option(
      "--gdb", arguments->gdb,
      "Serve GDB with the recording instead, forward and back, at this port of 127.0.0.1, or at "
      "ADDRESS:PORT; port 0 picks one");
  command->callback([arguments] {
    const auto opened = open(arguments->file);
    if (arguments->gdb.empty()) return compare(*opened);
    serve(*opened, arguments->gdb);
  });
}

}  // namespace microvisor::cli

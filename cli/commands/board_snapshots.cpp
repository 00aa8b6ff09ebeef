// microvisor board snapshot, clone, hash: boards as files.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "board/board.hpp"
#include "board/debug/elf_image.hpp"
#include "board/snapshot/snapshot.hpp"
#include "cli/commands/commands.hpp"
#include "cli/failure.hpp"
#include "cli/output.hpp"
#include "cli/snapshots.hpp"

namespace microvisor::cli {
namespace {

using nlohmann::json;

/// What a board can be made of: its directory, a snapshot, or bare firmware.
struct Source {
  std::string path;
  bool semihosting = false;
};

/// A copy of the contents of a board directory, which is only read.
std::pair<board::BoardIdentity, board::MemoryImage> contents_of(const std::string& directory) {
  auto memories = board::BoardMemories::open(directory);
  if (!memories) throw Failure(memories.error().message);
  auto image = board::MemoryImage::blank();
  if (!image) throw Failure(image.error().message);
  if (auto copied = memories->copy_to(*image); !copied) throw Failure(copied.error().message);
  return {memories->identity(), std::move(*image)};
}

std::unique_ptr<board::Board> switch_on(board::BoardMemories memories, const board::BoardOptions& options) {
  auto made = board::Board::create(std::move(memories), options);
  if (!made) throw Failure(made.error().message);
  return std::move(*made);
}

std::unique_ptr<board::Board> boot(const std::string& firmware, const board::BoardOptions& options) {
  const auto image = board::load_elf(firmware);
  if (!image) throw Failure(image.error().message);
  auto memories = board::BoardMemories::in_memory(board::BoardIdentity::from_seed(1));
  if (!memories) throw Failure(memories.error().message);
  auto made = switch_on(std::move(*memories), options);
  if (const auto booted = made->boot_image(*image); !booted) throw Failure(booted.error().message);
  return made;
}

/// A board in memory, alone: no modem, no network.
std::unique_ptr<board::Board> make_board(const Source& source) {
  board::BoardOptions options;
  options.semihosting = source.semihosting;
  options.report = [](std::string_view line) { note(line); };
  options.host_calls.console = [](std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  };
  if (board::Snapshot::is_file(source.path)) {
    auto resumed = board::Board::resume(*read_snapshot(source.path), options);
    if (!resumed) throw Failure(resumed.error().message);
    return std::move(*resumed);
  }
  if (std::filesystem::is_regular_file(source.path)) return boot(source.path, options);
  const auto [identity, image] = contents_of(source.path);
  auto memories = board::BoardMemories::in_memory(identity, image);
  if (!memories) throw Failure(memories.error().message);
  return switch_on(std::move(*memories), options);
}

void add_source_options(CLI::App& command, Source& source) {
  command
      .add_option("SOURCE", source.path, "Board directory (a copy of it is run), snapshot, or bare firmware")
      ->required();
  command.add_flag("--semihosting", source.semihosting, "BKPT 0xAB reaches this console");
}

void add_snapshot(CLI::App& board) {
  struct Arguments {
    Source source;
    std::string file;
    std::uint64_t instructions = 0;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = board.add_subcommand(
      "snapshot", "Run a board alone and unpaced, and write what it has come to into a file");
  add_source_options(*command, arguments->source);
  command->add_option("FILE", arguments->file, "Made or replaced")->required();
  command->add_option("--instructions", arguments->instructions, "Run so many more first")
      ->capture_default_str();
  command->callback([arguments] {
    const auto machine = make_board(arguments->source);
    machine->run({.until = board::kNever, .instructions = arguments->instructions});
    write_snapshot(*machine, arguments->file);
  });
}

void add_clone(CLI::App& board) {
  auto source = std::make_shared<std::string>();
  auto directory = std::make_shared<std::string>();
  CLI::App* command = board.add_subcommand(
      "clone",
      "Make a board directory with the memories and the identity of another board, as if it were off");
  command->add_option("SOURCE", *source, "Board directory, or snapshot")->required();
  command->add_option("DIRECTORY", *directory, "Made")->required();
  command->callback([source, directory] {
    const auto make = [&](const board::BoardIdentity& identity, const board::MemoryImage& image) {
      const auto made = board::BoardMemories::create(*directory, identity, &image);
      if (!made) throw Failure(made.error().message);
    };
    if (std::filesystem::is_directory(*source)) {
      const auto [identity, image] = contents_of(*source);
      return make(identity, image);
    }
    const auto snapshot = read_snapshot(*source);
    make(snapshot->contents().identity, snapshot->contents().memories);
  });
}

void add_hash(CLI::App& board) {
  auto file = std::make_shared<std::string>();
  auto as_json = std::make_shared<bool>(false);
  CLI::App* command = board.add_subcommand("hash", "Show the state hash of a snapshot");
  command->add_option("FILE", *file, "Snapshot")->required();
  command->add_flag("--json", *as_json, "Print {\"sid\", \"instructions\", \"virtual_s\", \"state_hash\"}");
  command->callback([file, as_json] {
    const auto snapshot = read_snapshot(*file);
    const auto& contents = snapshot->contents();
    const std::string hash = board::to_string(snapshot->hash());
    if (!*as_json) return print_line(hash);
    print_line(json{
        {"sid", contents.identity.sid},
        {"instructions", contents.instructions},
        {"virtual_s", static_cast<double>(contents.time) / static_cast<double>(board::kTicksPerSecond)},
        {"state_hash",
         hash}}.dump());
  });
}

}  // namespace

void add_board_snapshots(CLI::App& board) {
  add_snapshot(board);
  add_clone(board);
  add_hash(board);
}

}  // namespace microvisor::cli

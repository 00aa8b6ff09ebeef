#include "cli/commands/board_tools.hpp"

#include <fmt/core.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstring>

#include "abi/gates.hpp"
#include "board/debug/elf_symbols.hpp"
#include "cli/failure.hpp"
#include "cli/output.hpp"

namespace microvisor::cli {
namespace {

/// Microvisor's gates, and what the files name.
board::Symbols symbols_of(const std::vector<std::string>& files) {
  board::Symbols symbols;
  for (const auto& [address, name] : abi::kGates) symbols.emplace(address, board::Symbol{.name = name});
  for (const std::string& file : files) {
    auto more = board::load_symbols(file);
    if (!more) throw Failure(more.error().message);
    symbols.merge(*more);
  }
  return symbols;
}

}  // namespace

void add_tool_options(CLI::App& command, ToolArguments& arguments) {
  command.add_option("--gdb", arguments.gdb,
                     "Wait for GDB at this port of 127.0.0.1, or at ADDRESS:PORT; port 0 picks one");
  command.add_option("--trace", arguments.trace,
                     "Write exceptions, changes of world, calls and sleep to a file for ui.perfetto.dev");
  command
      .add_option("--symbols", arguments.symbols,
                  "ELF file whose functions the trace names and follows; may be given more than once")
      ->type_name("ELF");
}

BoardTools::BoardTools(board::Board& board, const ToolArguments& arguments, bool wait,
                       const std::string& image)
    : board_(board), trace_file_(arguments.trace) {
  if (!arguments.symbols.empty() && arguments.trace.empty()) throw Failure("--symbols needs --trace");
  if (!arguments.trace.empty()) {
    std::vector<std::string> files = arguments.symbols;
    if (!image.empty()) files.insert(files.begin(), image);
    start_trace(files);
  }
  if (arguments.gdb.empty()) return;
  auto server = board::GdbServer::listen(arguments.gdb, board);
  if (!server) throw Failure(server.error());
  server_ = std::move(*server);
  note("GDB server listening on " + server_->address());
  if (server_->open_to_others()) note("whoever reaches that address can read and change this board");
  if (wait) board.halt(board::HaltReason::Reset);
}

BoardTools::~BoardTools() = default;

void BoardTools::start_trace(const std::vector<std::string>& symbols) {
  trace_ = std::make_unique<board::TraceWriter>(trace_file_, board_.core(), symbols_of(symbols));
  if (trace_->error() != 0) throw Failure(trace_file_ + ": " + std::strerror(trace_->error()));
}

void BoardTools::console(std::string_view text) {
  if (server_) server_->console(text);
}

void BoardTools::exited(int status) {
  if (server_) server_->exited(status);
}

void BoardTools::close() {
  if (!trace_) return;
  trace_->close();
  if (trace_->error() != 0) {
    throw Failure(fmt::format("{}: {}; the trace is not whole", trace_file_, std::strerror(trace_->error())));
  }
  if (const auto full = trace_->full_since()) {
    note(fmt::format("{}: the trace ends at {:.3f} s, where it had reached its largest size", trace_file_,
                     static_cast<double>(*full) / static_cast<double>(board::kTicksPerSecond)));
  }
}

}  // namespace microvisor::cli

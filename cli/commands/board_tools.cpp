#include "cli/commands/board_tools.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cerrno>
#include <cstring>

#include "abi/gates.hpp"
#include "board/debug/elf_symbols.hpp"
#include "cli/failure.hpp"
#include "cli/output.hpp"

namespace microvisor::cli {
namespace {

/// Microvisor's gates, and what the files name.
board::SymbolNames names_of(const std::vector<std::string>& files) {
  board::SymbolNames names;
  for (const auto& [address, name] : abi::kGates) names.emplace(address, name);
  for (const std::string& file : files) {
    auto more = board::load_symbols(file);
    if (!more) throw Failure(more.error().message);
    names.merge(*more);
  }
  return names;
}

}  // namespace

void add_tool_options(CLI::App& command, ToolArguments& arguments) {
  command.add_option("--gdb", arguments.gdb,
                     "Wait for GDB at this port of 127.0.0.1, or at ADDRESS:PORT; port 0 picks one");
  command.add_option(
      "--trace", arguments.trace,
      "Write exceptions, changes of world, system calls and sleep to a file for ui.perfetto.dev");
  command.add_option("--symbols", arguments.symbols, "ELF file that names the calls in the trace")
      ->type_name("ELF");
}

BoardTools::BoardTools(board::Board& board, const ToolArguments& arguments, bool wait)
    : board_(board), trace_file_(arguments.trace) {
  if (!arguments.symbols.empty() && arguments.trace.empty()) throw Failure("--symbols needs --trace");
  if (!arguments.trace.empty()) {
    auto name_of = [names = names_of(arguments.symbols)](std::uint32_t address) {
      const auto found = names.find(address);
      return found == names.end() ? std::string() : found->second;
    };
    trace_ = std::make_unique<board::TraceWriter>(trace_file_, board.scheduler(), std::move(name_of));
    if (!trace_->good()) throw Failure(trace_file_ + ": " + std::strerror(errno));
    board.core().tracer = trace_.get();
  }
  if (arguments.gdb.empty()) return;
  auto server = board::GdbServer::listen(arguments.gdb, board);
  if (!server) throw Failure(server.error());
  server_ = std::move(*server);
  note("GDB server listening on " + server_->address());
  if (server_->open_to_others()) note("whoever reaches that address can read and change this board");
  if (wait) board.halt(board::HaltReason::Reset);
}

BoardTools::~BoardTools() { board_.core().tracer = nullptr; }

void BoardTools::console(std::string_view text) {
  if (server_) server_->console(text);
}

void BoardTools::exited(int status) {
  if (server_) server_->exited(status);
}

void BoardTools::close() {
  if (trace_ && !trace_->close()) throw Failure(trace_file_ + ": cannot be written to its end");
}

}  // namespace microvisor::cli

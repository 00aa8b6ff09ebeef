// What `run`, `board run` and `board exec` offer to look inside: --gdb, --trace, --symbols.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "board/board.hpp"
#include "board/debug/gdb_server.hpp"
#include "board/debug/trace_writer.hpp"

namespace CLI {
class App;
}

namespace microvisor::cli {

struct ToolArguments {
  std::string gdb, trace;
  std::vector<std::string> symbols;
};
void add_tool_options(CLI::App& command, ToolArguments& arguments);

/// The tools that were asked for, at work on a board. Owned by the board's thread; to be destroyed before the
/// board, while it does not run.
class BoardTools {
 public:
  /// With `wait`, a board with --gdb does not start before a debugger lets it. `image`: the ELF file that is
  /// going to run, whose functions the trace names; may be empty. Throws Failure.
  BoardTools(board::Board& board, const ToolArguments& arguments, bool wait, const std::string& image = {});
  ~BoardTools();
  BoardTools(const BoardTools&) = delete;
  BoardTools& operator=(const BoardTools&) = delete;

  /// What the firmware writes by semihosting, for the debugger's console.
  void console(std::string_view text);
  /// The firmware has ended with this status.
  void exited(int status);
  /// Writes the rest of the trace. Throws Failure if not everything could be written.
  void close();
  /// From any thread.
  [[nodiscard]] bool debugger_attached() const { return server_ != nullptr && server_->attached(); }

 private:
  void start_trace(const std::vector<std::string>& symbols);

  board::Board& board_;
  std::string trace_file_;
  std::unique_ptr<board::GdbServer> server_;
  std::unique_ptr<board::TraceWriter> trace_;
};

}  // namespace microvisor::cli

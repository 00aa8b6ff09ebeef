// A program that a command of ours starts for its user: a build, a debugger.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace microvisor::cli {

/// One process, in our terminal and our process group, so that it hears Ctrl-C as we do. Belongs to the
/// command that runs; on its thread. What still runs is terminated and waited for.
class ChildProcess {
 public:
  enum class Output { Terminal, Diagnostics };  ///< its standard output is ours, or our standard error

  /// `words`: the program, found by PATH, and its arguments. Throws Failure if it cannot be started.
  explicit ChildProcess(const std::vector<std::string>& words, Output output = Output::Terminal);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// Its exit status, 128 + the signal that ended it; nothing: it runs.
  [[nodiscard]] std::optional<int> status();
  /// Waits for the end.
  int wait();

 private:
  [[nodiscard]] std::optional<int> look(int options);
  pid_t process_ = 0;
  std::optional<int> status_;
};

}  // namespace microvisor::cli

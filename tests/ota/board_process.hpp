// A board in a process of its own, to be killed. Owned by one thread.
#pragma once

#include <sys/types.h>

#include <filesystem>

namespace microvisor::tests {

class BoardProcess {
 public:
  BoardProcess(std::filesystem::path microvisor, std::filesystem::path directory);
  ~BoardProcess();
  BoardProcess(const BoardProcess&) = delete;
  BoardProcess& operator=(const BoardProcess&) = delete;

  /// Starts `microvisor board run`; its output goes to DIRECTORY.log.
  void start();
  /// SIGKILL, and waits until the process is gone. Throws if it had ended before.
  void kill();
  [[nodiscard]] bool running();

 private:
  std::filesystem::path microvisor_, directory_;
  pid_t pid_ = -1;
};

}  // namespace microvisor::tests

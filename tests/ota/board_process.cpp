#include "tests/ota/board_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>

namespace microvisor::tests {

namespace fs = std::filesystem;

BoardProcess::BoardProcess(fs::path microvisor, fs::path directory)
    : microvisor_(std::move(microvisor)), directory_(std::move(directory)) {}

BoardProcess::~BoardProcess() {
  if (running()) kill();
}

void BoardProcess::start() {
  const std::string log = directory_.string() + ".log";
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ > 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int output = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  execl(microvisor_.c_str(), microvisor_.c_str(), "board", "run", directory_.c_str(), nullptr);
  _exit(127);
}

bool BoardProcess::running() {
  if (pid_ <= 0) return false;
  if (waitpid(pid_, nullptr, WNOHANG) == 0) return true;
  pid_ = -1;
  return false;
}

void BoardProcess::kill() {
  if (!running())
    throw std::runtime_error("the board's process has ended by itself; see " + directory_.string() + ".log");
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

}  // namespace microvisor::tests

// See child_process.hpp.
#include "cli/child_process.hpp"

#include <fmt/core.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "cli/failure.hpp"

namespace microvisor::cli {
namespace {

/// What posix_spawn is told beside the words. The signals are the program's own again, whatever we do with
/// ours.
class Settings {
 public:
  explicit Settings(ChildProcess::Output output) {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    if (output == ChildProcess::Output::Diagnostics)
      posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    sigset_t defaults;
    sigemptyset(&defaults);
    for (const int signal : {SIGINT, SIGTERM, SIGPIPE}) sigaddset(&defaults, signal);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  }
  ~Settings() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  Settings(const Settings&) = delete;
  Settings& operator=(const Settings&) = delete;

  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
};

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& words, Output output) {
  std::vector<std::string> own = words;
  std::vector<char*> arguments(own.size() + 1, nullptr);
  std::transform(own.begin(), own.end(), arguments.begin(), [](std::string& word) { return word.data(); });
  const Settings settings(output);
  const int error = ::posix_spawnp(&process_, arguments.front(), &settings.actions, &settings.attributes,
                                   arguments.data(), environ);
  if (error != 0) throw Failure(fmt::format("cannot start {}: {}", words.front(), std::strerror(error)));
}

ChildProcess::~ChildProcess() {
  if (status()) return;
  ::kill(process_, SIGTERM);
  wait();
}

std::optional<int> ChildProcess::look(int options) {
  if (status_) return status_;
  int how = 0;
  pid_t ended = 0;
  do ended = ::waitpid(process_, &how, options);
  while (ended < 0 && errno == EINTR);
  if (ended == process_) status_ = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
  return status_;
}

std::optional<int> ChildProcess::status() { return look(WNOHANG); }

int ChildProcess::wait() { return look(0).value_or(1); }

}  // namespace microvisor::cli

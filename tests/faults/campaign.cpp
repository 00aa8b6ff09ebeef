#include "tests/faults/campaign.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <stdexcept>
#include <thread>
#include <utility>

namespace microvisor::tests {
namespace {

/// A case that runs this long on the host hangs.
constexpr unsigned kSecondsForOneCase = 600;

void write_all(int descriptor, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t written = write(descriptor, text.data() + done, text.size() - done);
    if (written <= 0) return;
    done += static_cast<std::size_t>(written);
  }
}

std::string read_all(int descriptor) {
  std::string text;
  char buffer[512];
  for (ssize_t count = 0; (count = read(descriptor, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(count));
  return text;
}

[[noreturn]] void run_child(int answer, const std::function<Verdict()>& variant) {
  alarm(kSecondsForOneCase);
  Verdict verdict;
  try {
    verdict = variant();
  } catch (const std::exception& error) {
    verdict = {false, error.what()};
  }
  write_all(answer, (verdict.good ? "+" : "-") + verdict.text);
  _exit(0);  // nothing is destroyed: it belongs to the parent
}

}  // namespace

Campaign::Campaign(CampaignOptions options)
    : options_(std::move(options)), processors_(std::max(1U, std::thread::hardware_concurrency())) {}

Campaign::~Campaign() {
  for (const auto& [pid, child] : children_) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    close(child.answer);
  }
}

bool Campaign::wants(const std::string& id) const {
  if (!options_.replay.empty() && id != options_.replay) return false;
  return !options_.limit || std::chrono::steady_clock::now() - started_ < *options_.limit;
}

void Campaign::branch(const std::string& id, const std::function<Verdict()>& variant) {
  if (!wants(id)) return;
  while (children_.size() >= processors_) reap_one();
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("no pipe");
  std::fflush(stdout);
  const pid_t pid = fork();
  if (pid < 0) throw std::runtime_error("no child process");
  if (pid == 0) {
    close(ends[0]);
    run_child(ends[1], variant);
  }
  close(ends[1]);
  children_[pid] = {id, ends[0]};
  ++cases_;
}

void Campaign::reap_one() {
  int status = 0;
  const pid_t pid = waitpid(-1, &status, 0);
  const auto found = children_.find(pid);
  if (found == children_.end()) return;
  const Child child = found->second;
  children_.erase(found);
  std::string answer = read_all(child.answer);
  close(child.answer);
  if (answer.empty()) answer = "-died of signal " + std::to_string(WTERMSIG(status));
  const std::string text = answer.substr(1);
  if (answer[0] == '+') {
    ++endings_[text];
    return;
  }
  ++failures_;
  std::printf("FAILED %s: %s\n  repeat: %s --replay %s\n", child.id.c_str(), text.c_str(),
              options_.command.c_str(), child.id.c_str());
  std::fflush(stdout);
}

int Campaign::finish() {
  while (!children_.empty()) reap_one();
  for (const auto& [text, count] : endings_)
    std::printf("%8llu %s\n", static_cast<unsigned long long>(count), text.c_str());
  std::printf("torture: %llu cases, %llu failed\n", static_cast<unsigned long long>(cases_),
              static_cast<unsigned long long>(failures_));
  if (cases_ == 0) std::printf("there is no such case: %s\n", options_.replay.c_str());
  return failures_ == 0 && cases_ != 0 ? 0 : 1;
}

CampaignArguments parse_arguments(
    int count, char** values,
    const std::function<bool(const std::string& option, const std::string& value)>& own) {
  CampaignArguments arguments;
  arguments.options.command = values[0];
  for (int i = 1; i < count; i += 2) {
    const std::string option = values[i];
    if (i + 1 >= count) throw std::runtime_error(option + " wants a value");
    const std::string value = values[i + 1];
    if (option == "--replay") {
      arguments.options.replay = value;
      continue;
    }
    if (option == "--for") {
      arguments.options.limit = std::chrono::seconds(std::stoul(value));
      continue;
    }
    if (option == "--seed") {
      arguments.seed = std::stoull(value);
    } else if (option == "--sample") {
      arguments.sample = std::stoull(value);
    } else if (!own(option, value)) {
      throw std::runtime_error("unknown option " + option);
    }
    arguments.options.command += " " + option + " " + value;
  }
  return arguments;
}

int main_of(const char* name, int (*run)(int, char**), int count, char** values) {
  try {
    return run(count, values);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
    return 2;
  }
}

}  // namespace microvisor::tests

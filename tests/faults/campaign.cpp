#include "tests/faults/campaign.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <exception>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

namespace microvisor::tests {
namespace {

/// A case that takes this much of a processor's time hangs. On a busy host it may well be there for longer.
constexpr rlimit kSecondsForOneCase{600, 600};

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
  setrlimit(RLIMIT_CPU, &kSecondsForOneCase);
  Verdict verdict;
  try {
    verdict = variant();
  } catch (const std::exception& error) {
    verdict = {false, error.what()};
  }
  write_all(answer, (verdict.good ? "+" : "-") + verdict.text);
  std::fflush(stdout);
  _exit(0);  // nothing is destroyed: it belongs to the parent
}

/// A child and the end of a pipe to it; in the child, pid 0 and the pipe's other end.
struct Fork {
  pid_t pid = -1;
  int answer = -1;
};

Fork fork_off() {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("no pipe");
  std::fflush(stdout);
  const pid_t pid = fork();
  if (pid < 0) throw std::runtime_error("no child process");
  close(ends[pid == 0 ? 0 : 1]);
  return {pid, ends[pid == 0 ? 1 : 0]};
}

}  // namespace

SharedSet::SharedSet() {
  void* memory =
      mmap(nullptr, kSlots * sizeof *slots_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("no shared memory");
  slots_ = static_cast<std::uint64_t*>(memory);
}

SharedSet::~SharedSet() { munmap(slots_, kSlots * sizeof *slots_); }

bool SharedSet::add(std::string_view text) {
  const std::uint64_t hash = std::hash<std::string_view>()(text) | 1;  // 0: a free slot
  for (std::size_t i = hash % kSlots;; i = (i + 1) % kSlots) {
    std::uint64_t found = 0;
    if (std::atomic_ref(slots_[i]).compare_exchange_strong(found, hash)) return true;
    if (found == hash) return false;
  }
}

Campaign::Campaign(CampaignOptions options)
    : options_(std::move(options)), processors_(std::max(1U, std::thread::hardware_concurrency())) {}

Campaign::~Campaign() {
  for (const auto& [pid, child] : children_) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    close(child.answer);
  }
}

bool Campaign::in_time() const {
  return !options_.limit || std::chrono::steady_clock::now() - started_ < *options_.limit;
}

bool Campaign::wants(const std::string& id) const {
  return (options_.replay.empty() || id == options_.replay) && in_time();
}

bool Campaign::wants_within(const std::string& id) const {
  return (options_.replay.empty() || options_.replay.starts_with(id + ",")) && in_time();
}

void Campaign::branch(const std::string& id, const std::function<Verdict()>& variant) {
  if (!wants(id)) return;
  while (children_.size() >= processors_) reap_one();
  const Fork child = fork_off();
  if (child.pid == 0) run_child(child.answer, variant);
  children_[child.pid] = {id, child.answer};
  ++cases_;
}

void Campaign::nest(const std::string& id, const std::function<void(Campaign&)>& sweep) {
  if (!wants_within(id)) return;
  reap_all();  // the processors are for the cases within
  const Fork child = fork_off();
  if (child.pid == 0) {
    Campaign within(options_);
    within.started_ = started_;
    try {
      sweep(within);
    } catch (const std::exception& error) {
      within.fail(id, error.what());
    }
    within.reap_all();
    within.tell(child.answer);
    std::fflush(stdout);
    _exit(0);  // nothing is destroyed: it belongs to the parent
  }
  const std::string told = read_all(child.answer);
  close(child.answer);
  waitpid(child.pid, nullptr, 0);
  add_told(id, told);
}

void Campaign::tell(int answer) {
  std::string text = std::to_string(cases_) + " " + std::to_string(failures_) + "\n";
  for (const auto& [ending, count] : endings_) text += std::to_string(count) + " " + ending + "\n";
  write_all(answer, text);
}

void Campaign::add_told(const std::string& id, const std::string& told) {
  std::istringstream lines(told);
  std::uint64_t cases = 0, failures = 0;
  if (!(lines >> cases >> failures)) return fail(id, "the sweep behind it died");
  cases_ += cases;
  failures_ += failures;
  std::uint64_t count = 0;
  for (std::string ending; lines >> count && std::getline(lines >> std::ws, ending);)
    endings_[ending] += count;
}

void Campaign::fail(const std::string& id, const std::string& text) {
  ++failures_;
  std::printf("FAILED %s: %s\n  repeat: %s --replay %s\n", id.c_str(), text.c_str(), options_.command.c_str(),
              id.c_str());
  std::fflush(stdout);
}

void Campaign::reap_all() {
  while (!children_.empty()) reap_one();
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
  fail(child.id, text);
}

int Campaign::finish() {
  reap_all();
  for (const auto& [text, count] : endings_)
    std::printf("%8llu %s\n", static_cast<unsigned long long>(count), text.c_str());
  std::printf("torture: %llu cases, %llu failed\n", static_cast<unsigned long long>(cases_),
              static_cast<unsigned long long>(failures_));
  if (cases_ == 0) std::printf("there is no such case: %s\n", options_.replay.c_str());
  return failures_ == 0 && cases_ != 0 ? 0 : 1;
}

std::string ahead(const std::function<std::string()>& work) {
  const Fork child = fork_off();
  if (child.pid == 0) run_child(child.answer, [&work] { return Verdict{true, work()}; });
  const std::string answer = read_all(child.answer);
  close(child.answer);
  waitpid(child.pid, nullptr, 0);
  if (answer.empty()) throw std::runtime_error("what was done ahead has died");
  if (answer[0] != '+') throw std::runtime_error(answer.substr(1));
  return answer.substr(1);
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

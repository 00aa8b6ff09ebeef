// Kills the board with SIGKILL in the middle of updates, and demands that it recovers by itself each time.
//
//   ota_kills MICROVISOR APP_A.elf APP_B.elf [--kills N] [--seed S] [--boards B]
//
// The kills are shared out to B boards, each in a process with a cloud of its own, that run at the same time:
// most of an update is waiting for the board's real time to pass.
//
// The moment is chosen by what the journal says, never by a time: the kill falls in a given phase of the
// update (fetching, staging, erasing, programming, in turn) after a random number of flash operations in it.
// The journal found after the kill must still be in that phase; otherwise the kill does not count and is
// tried again. Recovered means: with nothing done but switching on again, the cloud shows the new application
// up-to-date and its log lines come.
#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "cli/files.hpp"
#include "tests/ota/rig.hpp"

namespace microvisor::tests {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kPhases = {"Fetching", "Staging", "Erasing", "Programming"};
/// Flash operations of the phase to let pass before the kill, at most; fewer happen in short phases.
const std::map<std::string, unsigned> kDepth = {
    {"Fetching", 20}, {"Staging", 0}, {"Erasing", 25}, {"Programming", 1500}};

struct Arguments {
  fs::path microvisor;
  std::array<fs::path, 2> apps;
  unsigned kills = 50;
  unsigned boards = 4;  ///< at least 1
  std::uint64_t seed = std::random_device{}();
};

Arguments parse(int count, char** values) {
  if (count < 4)
    throw std::runtime_error(
        "usage: ota_kills MICROVISOR APP_A.elf APP_B.elf [--kills N] [--seed S] [--boards B]");
  Arguments arguments{values[1], {values[2], values[3]}};
  for (int i = 4; i + 1 < count; i += 2) {
    const std::string option = values[i];
    if (option == "--kills") arguments.kills = static_cast<unsigned>(std::stoul(values[i + 1]));
    if (option == "--boards") arguments.boards = static_cast<unsigned>(std::stoul(values[i + 1]));
    if (option == "--seed") arguments.seed = std::stoull(values[i + 1]);
  }
  return arguments;
}

/// A board that is killed on its way from one application to the other and back.
class Victim {
 public:
  Victim(const Arguments& arguments, const fs::path& scratch)
      : rig_(arguments.microvisor, scratch), random_(arguments.seed) {
    for (std::size_t i = 0; i < 2; ++i)
      apps_[i] = rig_.upload(cli::load_application(arguments.apps[i]), fmt::format("app-{}", i));
  }

  /// Brings the device to application 0, undisturbed.
  void prepare() {
    rig_.board().start();
    rig_.deploy(apps_[0]);
    rig_.require_running(apps_[0]);
  }

  /// One kill in `phase` on the way to the other application. Empty if recovered, else what is wrong.
  std::string kill_in(const std::string& phase) {
    const std::size_t next = 1 - current_;
    installed_ = rig_.flash().journal().installed;
    rig_.deploy(apps_[next]);
    const unsigned depth = kDepth.at(phase) == 0 ? 0 : static_cast<unsigned>(random_() % kDepth.at(phase));
    const bool hit = strike(phase, depth);
    rig_.board().start();
    rig_.require_running(apps_[next]);
    current_ = next;
    if (!hit) return "missed";
    return {};
  }

 private:
  /// What the journal says; read anew only if something has been written since.
  const firmware::image::JournalState& journal() {
    const std::uint64_t changes = rig_.flash().changes();
    if (changes != looked_at_) journal_ = rig_.flash().journal();
    looked_at_ = changes;
    return journal_;
  }

  /// Waits for the phase and `depth` flash operations in it, kills, and looks at what the journal says then.
  bool strike(const std::string& wanted, unsigned depth) {
    // On a busy machine a whole phase may pass between two looks: then this one does not count.
    const std::array<std::uint8_t, 32> none{};
    const auto passed = [&] { return journal().installed != installed_ && journal().installed != none; };
    if (!await(kGlance, [&] { return journal().phase == wanted || passed(); }))
      throw std::runtime_error("never saw " + wanted);
    const auto operations = [&] { return rig_.flash().operations(); };
    const std::uint64_t from = operations();
    if (!await(kGlance, [&] { return operations() >= from + depth || journal().phase != wanted; }))
      throw std::runtime_error("nothing happens in " + wanted);
    rig_.board().kill();
    return rig_.flash().journal().phase == wanted;
  }

  Rig rig_;
  std::mt19937_64 random_;
  std::array<std::string, 2> apps_;
  std::size_t current_ = 0;
  std::uint64_t looked_at_ = ~std::uint64_t{0};
  firmware::image::JournalState journal_;
  std::array<std::uint8_t, 32> installed_{};  ///< before the update under way
};

/// What one board's share came to.
struct Share {
  std::array<unsigned, 4> hits{};  ///< recoveries from a kill in each phase
  unsigned misses = 0;             ///< kills that fell outside of their phase
  unsigned failures = 0;           ///< 0 or 1: a share ends at its first
};

/// Kills `first`, `first` + boards, ... of all; on each board the phases take turns.
Share run_share(const Arguments& arguments, unsigned first) {
  Arguments own = arguments;
  own.seed += first;
  Scratch scratch;
  Share share;
  try {
    Victim victim(own, scratch.path());
    victim.prepare();
    for (unsigned turn = 0; first + turn * arguments.boards < arguments.kills;) {
      const std::size_t phase = (first + turn) % kPhases.size();
      if (victim.kill_in(kPhases[phase]).empty()) {
        ++share.hits[phase];
        fmt::print("board {}, kill {} in {}: recovered\n", first + 1, turn + 1, kPhases[phase]);
        ++turn;
      } else if (++share.misses > arguments.kills) {
        throw std::runtime_error("too many kills fell outside of their phase");
      }
      std::fflush(stdout);
    }
  } catch (const std::exception& error) {
    scratch.keep = true;
    share.failures = 1;
    fmt::print("FAILED: {}\n  kept in {}; replay with --seed {} --boards {}\n", error.what(),
               scratch.path().string(), arguments.seed, arguments.boards);
    std::fflush(stdout);
  }
  return share;
}

/// Has a child work off its share; gives the end of a pipe that will hold it.
int start_share(const Arguments& arguments, unsigned first) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  std::fflush(stdout);
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("no child process");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const Share share = run_share(arguments, first);
    const bool told = write(ends[1], &share, sizeof share) == static_cast<ssize_t>(sizeof share);
    _exit(told ? 0 : 1);
  }
  close(ends[1]);
  return ends[0];
}

int run(const Arguments& arguments) {
  fmt::print("seed {}\n", arguments.seed);
  std::vector<int> answers;
  for (unsigned first = 0; first < std::min(arguments.boards, arguments.kills); ++first)
    answers.push_back(start_share(arguments, first));
  Share all;
  for (const int answer : answers) {
    Share share;
    if (read(answer, &share, sizeof share) != static_cast<ssize_t>(sizeof share)) share.failures = 1;
    close(answer);
    for (std::size_t phase = 0; phase < all.hits.size(); ++phase) all.hits[phase] += share.hits[phase];
    all.misses += share.misses;
    all.failures += share.failures;
  }
  while (wait(nullptr) > 0) {
  }
  unsigned recovered = 0;
  for (std::size_t phase = 0; phase < all.hits.size(); ++phase) {
    fmt::print("{}: {}\n", kPhases[phase], all.hits[phase]);
    recovered += all.hits[phase];
  }
  fmt::print("{} kills outside of their phase were not counted\n", all.misses);
  fmt::print("torture: {} cases, {} failed\n", recovered + all.failures, all.failures);
  return all.failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace microvisor::tests

int main(int count, char** values) {
  try {
    return microvisor::tests::run(microvisor::tests::parse(count, values));
  } catch (const std::exception& error) {
    fmt::print(stderr, "ota_kills: {}\n", error.what());
    return 2;
  }
}

// Many variants of one deterministic run: the process goes forward once, and where a variant begins a child
// is forked off that continues differently from there.
//
// So each case costs only what comes after its fault. The children share the parent's memory as it was at
// that moment (boards must live in memory, not in a directory), run one a processor, and answer over a pipe.
// A child may be a campaign of its own, whose cases begin where the child did. Every failure is printed with
// its id and the command that repeats it; the last line counts the cases.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace microvisor::tests {

/// What a variant came to. `text` is a kind of ending, counted over all cases.
struct Verdict {
  bool good = false;
  std::string text;
};

struct CampaignOptions {
  std::string command;                        ///< what a person types to run this campaign, without --replay
  std::string replay;                         ///< if not empty, only the case of this id runs
  std::optional<std::chrono::seconds> limit;  ///< no new cases after this time
};

/// What processes of one campaign have seen, in memory they share.
class SharedSet {
 public:
  SharedSet();
  ~SharedSet();
  SharedSet(const SharedSet&) = delete;
  SharedSet& operator=(const SharedSet&) = delete;

  /// Enters `text`; true if nobody had entered it before. From any of the processes.
  bool add(std::string_view text);

 private:
  static constexpr std::size_t kSlots = 65'536;
  std::uint64_t* slots_;
};

class Campaign {
 public:
  explicit Campaign(CampaignOptions options);
  ~Campaign();
  Campaign(const Campaign&) = delete;
  Campaign& operator=(const Campaign&) = delete;

  /// False if branch() would do nothing for this id: another case is replayed, or the time is up.
  [[nodiscard]] bool wants(const std::string& id) const;
  /// The same of nest(): true also for a replayed case within it.
  [[nodiscard]] bool wants_within(const std::string& id) const;
  /// One case is replayed, nothing else runs.
  [[nodiscard]] bool replays() const { return !options_.replay.empty(); }
  /// Runs `variant` in a child; comes back when a processor is free. The child never returns from here.
  void branch(const std::string& id, const std::function<Verdict()>& variant);
  /// Runs `sweep` in a child with a campaign of its own, whose ids are to begin with `id` and a comma. Comes
  /// back when all of it is done. The child never returns from here.
  void nest(const std::string& id, const std::function<void(Campaign&)>& sweep);
  /// Cases so far, this one's number; the same in every run of the same campaign.
  [[nodiscard]] std::uint64_t cases() const { return cases_; }
  /// Waits for the children and prints the endings and "torture: N cases, M failed". The exit status.
  [[nodiscard]] int finish();

 private:
  struct Child {
    std::string id;
    int answer = -1;
  };
  void reap_one();
  void reap_all();
  void fail(const std::string& id, const std::string& text);
  [[nodiscard]] bool in_time() const;
  void tell(int answer);
  void add_told(const std::string& id, const std::string& told);

  CampaignOptions options_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  unsigned processors_;
  std::map<pid_t, Child> children_;
  std::map<std::string, std::uint64_t> endings_;
  std::uint64_t cases_ = 0;
  std::uint64_t failures_ = 0;
};

/// What `work` comes to when it is done ahead: in a child, so that nothing of this process moves on. Throws
/// std::runtime_error with the message of what it has thrown.
[[nodiscard]] std::string ahead(const std::function<std::string()>& work);

/// The options all campaigns share: --seed S, --sample N, --for SECONDS, --replay ID. Throws
/// std::runtime_error for others that `own` does not take.
struct CampaignArguments {
  std::uint64_t seed = 1;
  std::uint64_t sample = 0;  ///< cases to draw; 0: all
  CampaignOptions options;
};
[[nodiscard]] CampaignArguments parse_arguments(
    int count, char** values,
    const std::function<bool(const std::string& option, const std::string& value)>& own);

/// A campaign's main(): what `run` throws becomes one line on stderr and status 2.
[[nodiscard]] int main_of(const char* name, int (*run)(int, char**), int count, char** values);

}  // namespace microvisor::tests

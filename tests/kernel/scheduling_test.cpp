// Interrupts of the application beside the kernel: they come as on the bare chip, and whatever they do the
// device stays reachable.
#include <gtest/gtest.h>

#include <array>

#include "firmware/kernel/board_table.hpp"
#include "tests/kernel/chatter.hpp"
#include "tests/kernel/kernel_machine.hpp"
#include "tests/kernel/slice.hpp"

namespace microvisor::tests {
namespace {

constexpr const char* kSlices = "(anonymous namespace)::slices";

std::vector<std::string> lines_behind(const KernelMachine& machine, const std::string& head) {
  std::vector<std::string> result;
  bool found = false;
  for (const std::string& line : machine.lines()) {
    if (found && line.rfind("- ", 0) == 0) {
      result.push_back(line.substr(2));
    } else {
      found = line == head;
    }
  }
  return result;
}

// Armv8-M Architecture Reference Manual B3.9: the most urgent first, among equals the lowest number; a more
// urgent one pre-empts; BASEPRI holds off its own level and below.
TEST(Interrupts, ComeAsOnTheBareChip) {
  KernelMachine machine("lines");
  ASSERT_TRUE(machine.run_until_line("done", 3000));
  using Order = std::vector<std::string>;
  EXPECT_EQ(lines_behind(machine, "by priority"), (Order{"50", "41", "49", "51"}));
  EXPECT_EQ(lines_behind(machine, "nested"), (Order{"50", "52", "500", "41"}));
  EXPECT_EQ(lines_behind(machine, "masked"), (Order{"50", "600", "49"}));
  EXPECT_EQ(lines_behind(machine, "taken back"), (Order{"700"}));
}

/// Reserved lines read zero and ignore writes; ITNS is not there for the application.
TEST(Interrupts, LinesOfTheBoardTableAreNotThere) {
  KernelMachine machine("lines");
  ASSERT_TRUE(machine.run_until_line("done", 3000));
  std::array<std::uint32_t, 4> own{};
  for (unsigned line = 0; line < 126; ++line) {
    if (!firmware::kernel::line_is_reserved(line)) own[line / 32] |= 1u << (line % 32);
  }
  for (const std::string name : {"pend", "enable", "priority"}) {
    std::vector<std::uint32_t> words;
    for (const std::string& line : machine.lines()) {
      if (line.rfind(name + " ", 0) == 0) {
        words.push_back(static_cast<std::uint32_t>(std::stoul(line.substr(name.size() + 1), nullptr, 16)));
      }
    }
    EXPECT_EQ(words, std::vector<std::uint32_t>(own.begin(), own.end())) << name;
  }
  EXPECT_EQ(machine.count("itns 0"), 4u);
  EXPECT_EQ(machine.count("not cleared"), 0u);
}

// As in guests/storm.c.
enum Kind : std::uint32_t { kSpin, kStorm, kSleep, kCalls };

constexpr unsigned kTimer6 = 49;

/// The worker feeds the watchdog every second, so that many slices it has at least.
bool worker_lives(KernelMachine& machine, unsigned seconds) {
  const std::uint32_t before = machine.kernel_word(kSlices);
  machine.run(1000 * seconds + 100);
  return machine.kernel_word(kSlices) >= before + seconds;
}

/// In the middle of the worker's code, with none of the application's on its back.
bool worker_is_running(KernelMachine& machine) {
  return machine.word(kernel_symbol("worker_context")) != 0 && machine.board().core().state.ipsr == 14;
}

void begin_handler(KernelMachine& machine) {
  machine.board().core().set_line(kTimer6, true);
  machine.board().core().set_line(kTimer6, false);
}

/// A handler that never returns, begun in the middle of a slice or between two. True: the application was
/// ended.
bool handler_is_ended(std::uint32_t kind, std::uint32_t priority, bool on_the_worker) {
  SCOPED_TRACE(std::to_string(priority));
  KernelMachine machine("storm", {kind, priority, 0});
  EXPECT_TRUE(run_chattering(machine, "start", 3000));
  Chatter chatter(machine.board());
  for (unsigned i = 0; i < 10'000; ++i) {
    machine.board().run({.until = machine.board().scheduler().now() + board::kTicksPerMicrosecond});
    if (i > 1'000 && worker_is_running(machine) == on_the_worker) break;
    if (i % 50 == 0) chatter.say(static_cast<std::uint8_t>(i));
  }
  EXPECT_EQ(worker_is_running(machine), on_the_worker);
  begin_handler(machine);
  machine.run(6'000);
  EXPECT_TRUE(worker_lives(machine, 2));
  EXPECT_EQ(machine.board().resets(), 0u);
  const bool ended = machine.count("start 8") == 1;
  EXPECT_EQ(ended, machine.has_reported("an interrupt handler does not return"));
  return ended;
}

TEST(Interrupts, AHandlerThatNeverReturnsCannotHoldTheWorkerUp) {
  for (const std::uint32_t priority : {0x00u, 0x80u, 0xD0u}) {
    EXPECT_TRUE(handler_is_ended(kSleep, priority, true));
    EXPECT_FALSE(handler_is_ended(kSleep, priority, false));  // the worker gets round it
  }
  EXPECT_FALSE(handler_is_ended(kSleep, 0xF0, true));  // does not pre-empt the worker
  EXPECT_TRUE(handler_is_ended(kSpin, 0, true));
}

bool handler_is_active(KernelMachine& machine) {
  constexpr std::uint32_t kIabr = 0xE000'E300;
  return (machine.board().core().peek_ppb(kIabr + kTimer6 / 32 * 4, board::kSecure) & (1u << kTimer6 % 32)) !=
         0;
}

/// The handler begins after `instructions` of the slice. Empty if the worker gets round it or the application
/// is ended, in the time the watchdog needs to warn twice, and the chip is not reset.
std::string begin_after(const board::Snapshot& snapshot, std::uint64_t instructions) {
  KernelMachine machine(snapshot);
  if (instructions != 0) machine.board().run({.instructions = instructions});
  begin_handler(machine);
  const bool ended = machine.run_until_line("start 8", 6'000).has_value();
  if (machine.board().resets() != 0) return "the chip is reset";
  if (!worker_lives(machine, 2)) return "the worker is held up";
  if (handler_is_active(machine) == ended) return "neither held off nor ended";
  return {};
}

struct Endless {
  const char* name;
  Kind kind;
  std::uint32_t priority;
  std::uint64_t border;  // first and last instructions of the slice that are tried
  std::uint64_t parts;   // and moments in between
};

class EndlessHandler : public testing::TestWithParam<Endless> {};

/// From the exception's entry to its return: also before the worker's first instruction, behind its last, and
/// in the timer's handler on top of it.
TEST_P(EndlessHandler, IsMetWhereverItBegins) {
  KernelMachine machine("storm", {GetParam().kind, GetParam().priority, 0});
  go_to_a_slice(machine, "start 0");
  const auto snapshot = *machine.board().snapshot();
  const std::uint64_t length = length_of_slice(*snapshot);
  for (const std::uint64_t moment : moments_of_slice(length, GetParam().border, length / GetParam().parts)) {
    EXPECT_EQ(begin_after(*snapshot, moment), "") << moment << " of " << length;
  }
}

INSTANTIATE_TEST_SUITE_P(All, EndlessHandler,
                         testing::Values(Endless{"SleepsAt00", kSleep, 0x00, 8, 8},
                                         Endless{"SleepsAtD0", kSleep, 0xD0, 8, 8},
                                         Endless{"CallsAt00", kCalls, 0x00, 1, 2},
                                         Endless{"CallsAtD0", kCalls, 0xD0, 1, 2}),
                         [](const auto& endless) { return endless.param.name; });

/// An interrupt at the most urgent priority that comes again at once: the worker keeps its slices, the
/// application its life.
TEST(Interrupts, AStormLeavesTheWorkerItsSlices) {
  for (std::uint32_t first = 300; first < 302; ++first) {
    SCOPED_TRACE(first);
    KernelMachine machine("storm", {kStorm, 0, first});
    ASSERT_TRUE(run_chattering(machine, "start", 3000));
    (void)run_chattering(machine, "start 8", 30);
    machine.run(2'500);  // should it sit on the worker's back: until the watchdog warns
    EXPECT_TRUE(worker_lives(machine, 1));
    EXPECT_EQ(machine.board().resets(), 0u);
    EXPECT_EQ(machine.count("start 8"), 0u);
  }
}

}  // namespace
}  // namespace microvisor::tests

// Applications that switch context where that leaves the kernel's worker: it is found wherever it comes, the
// application is run in compatibility mode, and in that it is not harmed.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <set>

#include "board/cpu/quiet_tracer.hpp"
#include "board/cpu/system.hpp"
#include "protocol/bundle/manifest.hpp"
#include "tests/kernel/chatter.hpp"
#include "tests/kernel/kernel_machine.hpp"
#include "tests/kernel/slice.hpp"

namespace microvisor::tests {
namespace {

// As in guests/tasks.c.
enum Kind : std::uint32_t { kUsual, kSwitchInTick = 2, kSwitchOnDemand, kSwitchWithoutCalls };

constexpr unsigned kTimer6 = 49;
constexpr std::uint32_t kShcsr = 0xE000'ED24, kPendSvActive = 1u << 10;
constexpr std::uint32_t kPendSvPriority = 0xE000'ED22;  // the byte of SHPR3
constexpr const char* kSlices = "(anonymous namespace)::slices";
constexpr const char* kFirstTime = "background work, restarted in compatibility mode";
constexpr const char* kSecondTime = "background work, pc";

/// SHPR3 with PendSV and SysTick at this priority.
constexpr std::uint32_t both_at(std::uint32_t priority) { return priority << 24 | priority << 16 | 1; }

/// The machine of an application that switches at this priority; `asked`: its bundle asks for the mode.
KernelMachineSetup setup_of(Kind kind, std::uint32_t priority, bool asked = false) {
  KernelMachineSetup setup{.guest = "tasks", .parameters = {kind, 0, both_at(priority)}};
  protocol::BundleOptions bundle;
  bundle.compatibility_mode = true;
  if (asked) setup.manifest = protocol::make_manifest(std::array<std::uint8_t, 64>{}, bundle);
  return setup;
}

void expect_clean(const KernelMachine& machine) {
  EXPECT_EQ(machine.value_of("errors"), 0u);
  EXPECT_GE(machine.value_of("loops"), 10'000u);
  std::printf("timer interrupts of 5,000: %u\n", machine.value_of("timer"));
}

struct Switcher {
  const char* name;
  Kind kind;
  std::uint32_t priority;
};

class CompatibilityMode : public testing::TestWithParam<Switcher> {};

/// Nothing asked for: the kernel finds out, and the application starts anew.
TEST_P(CompatibilityMode, IsEnteredWhenTheApplicationNeedsIt) {
  KernelMachine machine(setup_of(GetParam().kind, GetParam().priority));
  ASSERT_TRUE(run_chattering(machine, "tasks done", 5000));
  expect_clean(machine);
  EXPECT_TRUE(machine.has_reported(kFirstTime));
  EXPECT_EQ(machine.count("start 8"), 1u);
  EXPECT_EQ(machine.board().resets(), 0u);
}

TEST_P(CompatibilityMode, CanBeAskedForInTheBundle) {
  KernelMachine machine(setup_of(GetParam().kind, GetParam().priority, true));
  ASSERT_TRUE(run_chattering(machine, "tasks done", 5000));
  expect_clean(machine);
  EXPECT_FALSE(machine.has_reported("compatibility"));
  EXPECT_GT(machine.kernel_word(kSlices), 200u);
  EXPECT_EQ(machine.board().resets(), 0u);
}

INSTANTIATE_TEST_SUITE_P(All, CompatibilityMode,
                         testing::Values(Switcher{"PendSvAtD0", kUsual, 0xD0},
                                         Switcher{"PendSvAt00", kUsual, 0},
                                         Switcher{"TickAtD0", kSwitchInTick, 0xD0},
                                         Switcher{"TickAt40", kSwitchInTick, 0x40}),
                         [](const auto& switcher) { return switcher.param.name; });

TEST(CompatibilityModeDefault, IsNotEnteredWithoutNeed) {
  for (const std::uint32_t priority : {0xE0u, 0xF0u}) {
    KernelMachine machine(setup_of(kUsual, priority));
    ASSERT_TRUE(run_chattering(machine, "tasks done", 5000));
    expect_clean(machine);
    EXPECT_FALSE(machine.has_reported("compatibility"));
  }
}

/// A reset of the chip does not make the application crash once more.
TEST(CompatibilityModeLearned, OutlivesAReset) {
  KernelMachine machine(setup_of(kSwitchInTick, 0x40));
  ASSERT_TRUE(run_chattering(machine, "start 8", 5000));
  machine.board().reset_pin();
  ASSERT_TRUE(run_chattering(machine, "tasks done", 5000));
  expect_clean(machine);
  EXPECT_EQ(machine.board().resets(), 1u);
  EXPECT_EQ(machine.count("start 0"), 2u);
  EXPECT_EQ(machine.count("start 8"), 1u);
  EXPECT_FALSE(machine.has_reported("compatibility"));
}

/// Whether the worker's exception was active when TIM6's handler was entered.
class SwitchWatch final : public board::QuietTracer {
 public:
  explicit SwitchWatch(board::Core& core) : core_(core) { core.tracer = this; }
  ~SwitchWatch() override { core_.tracer = nullptr; }
  void exception_entered(unsigned number, board::World, std::uint32_t) override {
    if (number != 16 + kTimer6) return;
    entered = true;
    in_slice = (core_.peek_ppb(kShcsr, board::kSecure) & kPendSvActive) != 0;
  }
  bool entered = false;
  bool in_slice = false;

 private:
  board::Core& core_;
};

void switch_contexts(KernelMachine& machine) {
  machine.board().core().set_line(kTimer6, true);
  machine.board().core().set_line(kTimer6, false);
}

/// In the mode no interrupt of the application's pre-empts the worker; here its priority is taken away from
/// outside.
TEST(CompatibilityModeDefault, IsNoHelpASecondTime) {
  KernelMachine machine(setup_of(kSwitchOnDemand, 0xF0, true));
  board::Core& core = machine.board().core();
  go_to_a_slice(machine, "start 0");
  switch_contexts(machine);
  machine.run(20);
  EXPECT_FALSE(machine.has_reported("crashed")) << "the mode protects";
  go_to_a_slice(machine, "start 0");
  ASSERT_TRUE(board::write_ppb(core, kPendSvPriority, 1, true, true, 0xF0));
  switch_contexts(machine);
  const double ended = machine.seconds();
  ASSERT_TRUE(run_chattering(machine, "start 8", 3000));
  EXPECT_TRUE(machine.has_reported(kSecondTime));
  EXPECT_FALSE(machine.has_reported(kFirstTime));
  EXPECT_GT(machine.seconds() - ended, 1.0) << "the pause after a crash";
  EXPECT_EQ(machine.board().resets(), 0u);
}

/// The application switches after `instructions` of the slice. Empty if it was found exactly if it was a
/// violation.
std::string switch_after(const board::Snapshot& snapshot, std::uint64_t instructions) {
  KernelMachine machine(snapshot);
  SwitchWatch watch(machine.board().core());
  if (instructions != 0) machine.board().run({.instructions = instructions});
  switch_contexts(machine);
  machine.run(1);
  Chatter(machine.board()).say(0);  // the scheduler has something to do
  machine.run(4);
  if (!watch.entered) return "the interrupt is lost";
  if (watch.in_slice == machine.has_reported(kFirstTime)) return {};
  return watch.in_slice ? "not found" : "found where there was none";
}

/// From the exception's entry to its return: also before the worker's first instruction, behind its last, and
/// in the timer's handler on top of it.
TEST(ContextSwitch, IsFoundWhereverItComesInASlice) {
  for (const Kind kind : {kSwitchOnDemand, kSwitchWithoutCalls}) {
    KernelMachine machine(setup_of(kind, 0xF0));
    go_to_a_slice(machine, "start 0");
    const auto snapshot = *machine.board().snapshot();
    const std::uint64_t length = length_of_slice(*snapshot);
    const std::set<std::uint64_t> moments = moments_of_slice(length, 150, 61);
    for (const std::uint64_t moment : moments) {
      EXPECT_EQ(switch_after(*snapshot, moment), "") << kind << ": " << moment << " of " << length;
    }
    std::printf("context switches in a slice of %llu instructions: %zu\n",
                static_cast<unsigned long long>(length), moments.size());
  }
}

}  // namespace
}  // namespace microvisor::tests

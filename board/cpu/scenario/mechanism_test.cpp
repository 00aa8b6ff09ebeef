// The kernel's mechanism on this core: trap gates stay clean under a task switcher and a background worker,
// secure gateways in their place do not. The interrupts come from outside at periods that have nothing in
// common.
#include "board/cpu/scenario/scenario_board.hpp"

namespace microvisor::board {
namespace {

/// Figures that the scenario logs, in this order.
enum Figure : std::size_t {
  kErrors,
  kCalls,
  kRestarts,
  kSlices,
  kParks,
  kWorkerLoops,
  kTaskSwitches,
  kTicks,
  kFigures
};

/// A pulse on an interrupt line every so many instructions.
class Pulse {
 public:
  Pulse(ScenarioBoard& board, unsigned line, std::uint64_t instructions)
      : board_(board), line_(line), ticks_(instructions * 1920), event_(board.scheduler, [this] { fire(); }) {
    event_.after(ticks_);
  }

 private:
  void fire() {
    board_.core.set_line(line_, true);
    board_.core.set_line(line_, false);
    event_.at(event_.due() + ticks_);
  }
  ScenarioBoard& board_;
  unsigned line_;
  Time ticks_;
  Scheduler::Event event_;
};

TEST(Mechanism, TrapGatesWorkerAndTaskSwitcherRunClean) {
  ScenarioBoard board(SCENARIO_DIRECTORY "/mechanism.elf");
  Pulse application(board, 5, 397);
  Pulse urgent(board, 1, 2861);
  ASSERT_TRUE(board.run(50'000'000)) << "PC " << std::hex << board.core.state.r[15];
  const std::vector<std::uint32_t> log = board.log();
  ASSERT_EQ(log.size(), kFigures) << std::hex << log.at(0) << " " << log.at(1);
  EXPECT_EQ(log[kErrors], 0u);
  EXPECT_EQ(log[kTicks], 2000u);
  EXPECT_GT(log[kCalls], 20'000u);
  EXPECT_GT(log[kRestarts], 1'000u);
  EXPECT_GT(log[kSlices], 1'000u);
  EXPECT_GT(log[kParks], 500u);
  EXPECT_GT(log[kWorkerLoops], 10'000u);
  EXPECT_GT(log[kTaskSwitches], 2'000u);
}

TEST(Mechanism, IsDeterministic) {
  std::vector<std::uint32_t> logs[2];
  for (auto& log : logs) {
    ScenarioBoard board(SCENARIO_DIRECTORY "/mechanism.elf");
    Pulse application(board, 5, 397);
    Pulse urgent(board, 1, 2861);
    ASSERT_TRUE(board.run(50'000'000));
    log = board.log();
  }
  EXPECT_EQ(logs[0], logs[1]);
}

TEST(Mechanism, SecureGatewaysUnderATaskSwitcherGoWrong) {
  ScenarioBoard board(SCENARIO_DIRECTORY "/mechanism_veneers.elf");
  Pulse application(board, 5, 151);
  Pulse urgent(board, 1, 2861);
  const bool ended = board.run(50'000'000);
  const std::vector<std::uint32_t> log = board.log();
  const bool crashed = !ended || log.size() != kFigures;
  EXPECT_TRUE(crashed || log[kErrors] != 0) << "no error in " << log[kCalls] << " calls";
}

}  // namespace
}  // namespace microvisor::board

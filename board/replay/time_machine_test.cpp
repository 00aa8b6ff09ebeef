// Going back. What is right is known from going forward: the same boundaries, with the same registers, in the
// opposite order.
#include "board/replay/time_machine.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "board/bus/archive.hpp"
#include "board/replay/recorded_board.hpp"

namespace microvisor::board {
namespace {

using testing::LiveBoard;
using testing::Recorded;

std::unique_ptr<TimeMachine> machine_of(const Recorded& recorded) {
  auto machine = TimeMachine::open(recorded.recording, recorded.beginning);
  EXPECT_TRUE(machine) << machine.error().message;
  return std::move(*machine);
}

Halt finish(TimeMachine& machine) {
  for (;;) {
    const auto halt = machine.work();
    EXPECT_TRUE(halt) << halt.error().message;
    if (!halt || *halt) return halt ? **halt : Halt{};
  }
}

Halt forward(TimeMachine& machine, bool stepping = false) {
  machine.go_on(stepping);
  return finish(machine);
}

Halt back(TimeMachine& machine, bool stepping = false) {
  machine.go_back(stepping);
  return finish(machine);
}

/// All registers that a program can see, and flags, as bytes.
std::vector<std::uint8_t> registers(TimeMachine& machine) {
  Archive archive;
  archive(machine.board().core().state);
  return archive.take();
}

struct Moment {
  Position position;
  std::vector<std::uint8_t> registers;
  friend bool operator==(const Moment&, const Moment&) = default;
};

Moment moment(TimeMachine& machine) { return {machine.position(), registers(machine)}; }

/// Of `program`, which must not end within them, with the chip's reset in the middle.
class Guest : public ::testing::TestWithParam<std::pair<std::string, std::uint64_t>> {
 protected:
  [[nodiscard]] static Recorded recorded() {
    return testing::record(GetParam().first, GetParam().second,
                           [](LiveBoard& live) { live.inlet.pull_reset_pin(); });
  }
};

TEST_P(Guest, StepsBackOverWhatItSteppedOver) {
  const Recorded recording = recorded();
  const auto machine = machine_of(recording);
  std::vector<Moment> way{moment(*machine)};
  while (forward(*machine, true).reason != HaltReason::RecordingEnds) way.push_back(moment(*machine));
  ASSERT_GT(way.size(), GetParam().second);
  // Behind the last step the recording may go on with a part of another.
  if (way.back().position != machine->position()) way.push_back(moment(*machine));
  for (std::size_t at = way.size() - 1; at > 0; --at) {
    ASSERT_NE(back(*machine, true).reason, HaltReason::RecordingBegins) << at;
    ASSERT_EQ(machine->position(), way[at - 1].position) << at;
    ASSERT_EQ(registers(*machine), way[at - 1].registers) << at;
  }
  EXPECT_EQ(back(*machine, true).reason, HaltReason::RecordingBegins);
  EXPECT_EQ(moment(*machine), way.front());
}

TEST_P(Guest, MeetsItsBreakpointsInTheOppositeOrder) {
  const Recorded recording = recorded();
  const auto machine = machine_of(recording);
  forward(*machine, true);
  for (int count = 0; count < 20; ++count) {
    forward(*machine, true);
    machine->set_breakpoint(machine->board().core().state.r[15]);
  }
  back(*machine);
  while (back(*machine).reason != HaltReason::RecordingBegins) continue;
  std::vector<Moment> way;
  while (forward(*machine).reason == HaltReason::Breakpoint) way.push_back(moment(*machine));
  ASSERT_GE(way.size(), 20u);
  while (!way.empty()) {
    const Halt halt = back(*machine);
    ASSERT_EQ(halt.reason, HaltReason::Breakpoint) << way.size();
    ASSERT_EQ(halt.pc, machine->board().core().state.r[15]);
    ASSERT_EQ(moment(*machine), way.back()) << way.size();
    way.pop_back();
  }
  EXPECT_EQ(back(*machine).reason, HaltReason::RecordingBegins);
}

INSTANTIATE_TEST_SUITE_P(TimeMachine, Guest,
                         ::testing::Values(std::pair{"sleep", 700}, std::pair{"worlds", 900},
                                           std::pair{"gates", 200}),
                         [](const auto& guest) { return guest.param.first; });

/// `ticks` of the guest "sleep", the only thing in its SRAM but the stack.
constexpr std::uint32_t kTicks = 0x3000'0000;

std::uint32_t ticks(TimeMachine& machine) {
  std::uint32_t value = 0;
  EXPECT_TRUE(machine.board().bus().peek(kTicks, 4, value));
  return value;
}

TEST(TimeMachine, GoesBackOverAWatchpointByWatchpoint) {
  const Recorded recording = testing::record("sleep", 700);
  const auto machine = machine_of(recording);
  machine->add_watch({.address = kTicks, .size = 4, .reads = false, .writes = true});
  EXPECT_EQ(forward(*machine).reason, HaltReason::Watchpoint);  // the zero at the beginning
  std::vector<Position> way;
  while (forward(*machine).reason == HaltReason::Watchpoint) way.push_back(machine->position());
  ASSERT_GT(way.size(), 10u);
  ASSERT_EQ(ticks(*machine), way.size());
  for (std::uint32_t before = ticks(*machine); before > 0; --before) {
    const Halt halt = back(*machine);
    ASSERT_EQ(halt.reason, HaltReason::Watchpoint);
    ASSERT_EQ(halt.watch.address, kTicks);
    ASSERT_EQ(machine->position(), way[before - 1]);  // behind the access
    ASSERT_EQ(ticks(*machine), before);
    back(*machine, true);  // as GDB does
    ASSERT_EQ(ticks(*machine), before - 1);
  }
}

TEST(TimeMachine, AWatchpointMetWhereThePresentIsIsToldOnce) {
  const Recorded recording = testing::record("sleep", 700);
  const auto machine = machine_of(recording);
  machine->add_watch({.address = kTicks, .size = 4, .reads = false, .writes = true});
  forward(*machine);
  forward(*machine);
  const Position second = machine->position();
  EXPECT_EQ(back(*machine).reason, HaltReason::Watchpoint);
  EXPECT_EQ(machine->position(), second);
  EXPECT_EQ(back(*machine).reason, HaltReason::Watchpoint);
  EXPECT_LT(machine->position(), second);
}

TEST(TimeMachine, EndsAtBothEnds) {
  const Recorded recording = testing::record("sleep", 500);
  const auto machine = machine_of(recording);
  const Moment beginning = moment(*machine);
  EXPECT_EQ(back(*machine).reason, HaltReason::RecordingBegins);
  EXPECT_EQ(back(*machine, true).reason, HaltReason::RecordingBegins);
  EXPECT_EQ(forward(*machine).reason, HaltReason::RecordingEnds);
  EXPECT_EQ(machine->position().instructions, recording.recording.end().instructions);
  EXPECT_EQ(to_string((*machine->board().snapshot())->hash()), to_string(*recording.recording.hash));
  EXPECT_EQ(forward(*machine).reason, HaltReason::RecordingEnds);
  EXPECT_EQ(forward(*machine, true).reason, HaltReason::RecordingEnds);
  EXPECT_EQ(back(*machine).reason, HaltReason::RecordingBegins);
  EXPECT_EQ(moment(*machine), beginning);
}

TEST(TimeMachine, TravelsToMoments) {
  const Recorded recording = testing::record("sleep", 500);
  const auto machine = machine_of(recording);
  const Time end = recording.recording.end().time;
  for (const Time time : {end, end / 2, end / 3, Time{0}, kNever}) {
    ASSERT_TRUE(machine->travel(time));
    EXPECT_GE(machine->position().time, std::min(time, end));
    EXPECT_LT(machine->position().time, std::min(time, end) + kTicksPerMicrosecond);
  }
}

TEST(TimeMachine, AnInterruptedWayBackEndsWhereItBegan) {
  const Recorded recording = testing::record("sleep", 500);
  const auto machine = machine_of(recording);
  forward(*machine);
  const Position end = machine->position();
  machine->set_breakpoint(0x0C00'F000);  // never met
  machine->go_back(false);
  machine->interrupt();
  EXPECT_EQ(finish(*machine).reason, HaltReason::Request);
  EXPECT_EQ(machine->position(), end);
  machine->interrupt();  // nothing is being done
  EXPECT_EQ(back(*machine).reason, HaltReason::RecordingBegins);
}

Checkpoint at(std::uint64_t instructions) {
  static const auto snapshot = std::make_shared<const Snapshot>(Snapshot::Contents{});
  return {{.instructions = instructions, .entries = 0, .time = instructions}, snapshot};
}

TEST(Checkpoints, AreThinnedOutAndKeepTheirDistance) {
  Checkpoints checkpoints(at(0));
  std::uint64_t now = 0;
  std::size_t most = 0;
  for (int count = 0; count < 400; ++count) {
    now += checkpoints.room(at(now).position);
    ASSERT_EQ(checkpoints.room(at(now).position), 0u);
    checkpoints.add(at(now));
    most = std::max(most, checkpoints.count());
  }
  EXPECT_LE(most, Checkpoints::kMost);
  EXPECT_GE(checkpoints.count(), Checkpoints::kMost / 2);
  const auto all = checkpoints.all_before(at(now + 1).position);
  EXPECT_EQ(all.front().position.instructions, 0u);
  EXPECT_EQ(checkpoints.before(at(now / 2).position).position.instructions,
            checkpoints.before(Time{now / 2}).position.instructions);
  for (std::size_t index = 1; index + 1 < all.size(); ++index) {
    EXPECT_EQ(all[index].position.instructions - all[index - 1].position.instructions,
              all[1].position.instructions);
  }
}

}  // namespace
}  // namespace microvisor::board

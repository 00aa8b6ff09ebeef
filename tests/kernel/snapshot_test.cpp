// Snapshots of the whole device: boot chain, kernel, an application in the other world, and a modem with its
// connection.
#include "board/snapshot/snapshot.hpp"

#include <gtest/gtest.h>

#include <random>

#include "tests/kernel/kernel_machine.hpp"

namespace microvisor::tests {
namespace {

constexpr std::uint64_t kOnwards = 3'000'000;

std::string hash_of(board::Board& machine) { return board::to_string((*machine.snapshot())->hash()); }

void run_for(KernelMachine& machine, std::uint64_t instructions) {
  machine.board().run({.instructions = instructions});
}

/// At several moments of one run, of which the first lie in the boot: whoever is made of the snapshot does
/// what the first one does.
void expect_same_course(KernelMachine& machine, std::uint64_t longest_step) {
  std::mt19937_64 random(11);
  for (int point = 0; point < 10; ++point) {
    run_for(machine, random() % longest_step);
    SCOPED_TRACE("after " + std::to_string(machine.board().core().retired) + " instructions");
    const auto snapshot = *machine.board().snapshot();
    const std::vector<std::string> lines = machine.lines();
    KernelMachine other(*snapshot);
    ASSERT_EQ(hash_of(other.board()), board::to_string(snapshot->hash()));
    run_for(machine, kOnwards);
    run_for(other, kOnwards);
    ASSERT_EQ(hash_of(other.board()), hash_of(machine.board()));
    // What the application has said since, the end of a half line included, is the same.
    const std::vector<std::string> since(machine.lines().begin() + static_cast<std::ptrdiff_t>(lines.size()),
                                         machine.lines().end());
    ASSERT_EQ(other.lines().size(), since.size());
    for (std::size_t i = 1; i < since.size(); ++i) EXPECT_EQ(other.lines()[i], since[i]);
  }
}

TEST(SnapshotOfTheDevice, CallsOfAnApplicationGoOn) {
  KernelMachine machine("calls");
  expect_same_course(machine, 6'000'000);
}

TEST(SnapshotOfTheDevice, TasksGoOnWhileTheModemDials) {
  KernelMachine machine("tasks");
  machine.attach_modem();
  expect_same_course(machine, 20'000'000);
}

}  // namespace
}  // namespace microvisor::tests

// Faults happen at the very instruction, operation or branch they name, and nothing else is different.
#include "board/fault/fault.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "board/fault/fault_injector.hpp"
#include "board/testing/machine.hpp"

namespace microvisor::board {
namespace {

namespace fs = std::filesystem;
using testing::Machine;

/// A run of a guest with one fault.
struct Ending {
  RunEnd end;
  int status;
  std::uint64_t instructions;
  std::vector<std::string> reports;
  friend bool operator==(const Ending&, const Ending&) = default;
};

Ending run_with(const std::string& program, const std::string& fault) {
  Machine machine(program);
  machine.board->inject(*parse_fault(fault));
  const RunEnd end = machine.board->run({.until = kTicksPerSecond, .instructions = 100'000});
  return {end, machine.board->exit_status(), machine.board->statistics().instructions, machine.reports};
}

std::uint64_t instructions_of(const std::string& program) {
  Machine machine(program);
  EXPECT_EQ(machine.run(), RunEnd::Exited);
  return machine.board->statistics().instructions;
}

// --- text
// ----------------------------------------------------------------------------------------------------------

TEST(Fault, TextIsReadAndWritten) {
  for (const std::string text : {"instruction:0", "instruction:123456789012", "flash:1:before",
                                 "flash:17:torn", "nor:3:after", "memory:2:torn", "skip:1", "invert:99"}) {
    const auto fault = parse_fault(text);
    ASSERT_TRUE(fault) << text;
    EXPECT_EQ(to_string(*fault), text);
  }
}

TEST(Fault, WhatCannotBeUnderstoodIsRefusedByName) {
  for (const std::string text :
       {"", ":", "flash", "flash:1", "flash:0:torn", "flash:1:later", "flash:1:torn:2", "skip:0", "skip:-1",
        "skip:1:2", "instruction:", "instruction:x", "instruction:1 ", "random:", "random:1:0",
        "random:1:2:3", "melt:3", "skip:99999999999999999999999"}) {
    const auto fault = parse_fault(text);
    ASSERT_FALSE(fault) << text;
    EXPECT_EQ(fault.error().kind, BoardError::Kind::BadFault);
    EXPECT_NE(fault.error().message.find("'" + text + "'"), std::string::npos);
  }
}

TEST(Fault, ARandomCutIsDrawnFromItsSeed) {
  std::set<std::uint64_t> drawn;
  for (int seed = 0; seed < 100; ++seed) {
    const std::string text = "random:" + std::to_string(seed) + ":1000";
    const auto fault = parse_fault(text);
    ASSERT_TRUE(fault);
    EXPECT_EQ(*fault, *parse_fault(text));
    EXPECT_EQ(fault->kind, Fault::Kind::CutAtInstruction);
    EXPECT_GE(fault->number, 1U);
    EXPECT_LE(fault->number, 1000U);
    drawn.insert(fault->number);
  }
  EXPECT_GT(drawn.size(), 80U);
}

// --- power cuts
// ----------------------------------------------------------------------------------------------------------

TEST(Fault, PowerIsCutAfterExactlySoManyInstructions) {
  const std::uint64_t all = instructions_of("sum");
  for (std::uint64_t number = 0; number < all; ++number) {
    const Ending outcome = run_with("sum", "instruction:" + std::to_string(number));
    EXPECT_EQ(outcome.end, RunEnd::PowerCut);
    EXPECT_EQ(outcome.instructions, number);
  }
  EXPECT_EQ(run_with("sum", "instruction:" + std::to_string(all + 1)).end, RunEnd::Exited);
}

TEST(Fault, NothingRunsAfterACutUntilPowerComesBack) {
  Machine machine("sum");
  machine.board->inject(*parse_fault("instruction:5"));
  EXPECT_EQ(machine.run(), RunEnd::PowerCut);
  EXPECT_EQ(machine.run(), RunEnd::PowerCut);
  EXPECT_EQ(machine.board->statistics().instructions, 5U);
  EXPECT_EQ(machine.board->memories().supply().reason(), "power cut instruction:5");
  EXPECT_EQ(to_string(*machine.board->faults()->cut()), "instruction:5");
  ASSERT_TRUE(machine.board->power_cycle());
  EXPECT_EQ(machine.run(), RunEnd::Exited);
  EXPECT_EQ(machine.board->exit_status(), 255);
}

/// The guest programs a row, erases the page, programs the row: three operations (guests/flash.c).
TEST(Fault, PowerIsCutAtEachMomentOfEachOperation) {
  const std::uint8_t contents[] = {0xFF, 0x00, 0xFF,
                                   0x00};  // first byte of the row before operation 1, 2, ...
  const FlashOperation operations[] = {FlashOperation::QuadWord, FlashOperation::PageErase,
                                       FlashOperation::QuadWord};
  for (unsigned number = 1; number <= 3; ++number) {
    for (const std::string moment : {"before", "torn", "after"}) {
      SCOPED_TRACE(std::to_string(number) + moment);
      Machine machine("flash");
      machine.board->inject(*parse_fault("flash:" + std::to_string(number) + ":" + moment));
      EXPECT_EQ(machine.run(), RunEnd::PowerCut);
      FlashCells& cells = machine.board->memories().flash();
      EXPECT_EQ(cells.in_progress().operation,
                moment == "torn" ? operations[number - 1] : FlashOperation::None);
      EXPECT_EQ(cells.row(0xE000)[0], contents[moment == "after" ? number : number - 1]);
      ASSERT_TRUE(machine.board->power_cycle());
      EXPECT_EQ(cells.cuts(), moment == "torn" ? 1U : 0U);
      EXPECT_EQ(cells.in_progress().operation, FlashOperation::None);
    }
  }
  EXPECT_EQ(run_with("flash", "flash:4:before").end, RunEnd::Exited);
}

TEST(Fault, OperationsOfOneMemoryOrOfBothAreCounted) {
  EXPECT_EQ(run_with("flash", "memory:3:torn").end, RunEnd::PowerCut);
  EXPECT_EQ(run_with("flash", "nor:1:before").end, RunEnd::Exited);
}

std::string bytes_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// The same moment once as an injected cut and once as the death of the process: the directories are the
/// same.
TEST(Fault, AnInjectedCutLeavesWhatTheDeathOfTheProcessLeaves) {
  std::string pattern = (fs::temp_directory_path() / "board-fault-XXXXXX").string();
  const fs::path root = mkdtemp(pattern.data());
  for (const OperationMoment moment :
       {OperationMoment::Before, OperationMoment::Torn, OperationMoment::After}) {
    for (const std::string name : {"injected", "killed"}) {
      fs::remove_all(root / name);
      ASSERT_TRUE(BoardMemories::create(root / name, BoardIdentity::from_seed(11)));
    }
    {
      Machine machine("flash", std::move(*BoardMemories::open(root / "injected")));
      machine.board->inject({.kind = Fault::Kind::CutAtOperation, .number = 2, .moment = moment});
      EXPECT_EQ(machine.run(), RunEnd::PowerCut);
    }
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      Machine machine("flash", std::move(*BoardMemories::open(root / "killed")));
      int begun = 0;
      machine.board->memories().supply().observe([&](const CellOperation&, OperationMoment reached) {
        begun += reached == OperationMoment::Before ? 1 : 0;
        if (begun == 2 && reached == moment) raise(SIGKILL);
      });
      machine.run();
      _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    for (const std::string file : {"flash.bin", "flash.state", "otp.bin", "nor.state", "backup.bin"})
      EXPECT_EQ(bytes_of(root / "injected" / file), bytes_of(root / "killed" / file)) << file;
  }
  fs::remove_all(root);
}

// --- instructions
// ----------------------------------------------------------------------------------------------------------

/// Each of the eight additions is missing once and only once (guests/sum.c): two of them are wide, two stand
/// in an IT block.
TEST(Fault, ASkippedInstructionIsTheOnlyOneMissing) {
  const std::uint64_t all = instructions_of("sum");
  std::map<int, int> seen;
  for (std::uint64_t number = 1; number <= all; ++number) {
    const Ending outcome = run_with("sum", "skip:" + std::to_string(number));
    ASSERT_EQ(outcome.reports.size() >= 1, true);
    EXPECT_TRUE(outcome.reports[0].starts_with("fault skip:" + std::to_string(number) + ": skipped"));
    if (outcome.end == RunEnd::Exited) ++seen[outcome.status];
    EXPECT_EQ(outcome, run_with("sum", "skip:" + std::to_string(number)));
  }
  for (unsigned bit = 0; bit < 8; ++bit) EXPECT_EQ(seen[255 - (1 << bit)], 1) << bit;
}

TEST(Fault, SkippingCountsAndTakesTimeLikeExecuting) {
  const std::uint64_t all = instructions_of("sum");
  const Ending outcome = run_with("sum", "skip:3");
  EXPECT_EQ(outcome.end, RunEnd::Exited);
  EXPECT_EQ(outcome.instructions, all);
}

/// Twelve conditional branches (guests/branches.c); inverting the n-th changes bit n - 1 and nothing else.
TEST(Fault, AnInvertedBranchGoesTheOtherWay) {
  constexpr int kTaken = 0b0010'1101'0101;
  Machine machine("branches");
  ASSERT_EQ(machine.run(), RunEnd::Exited);
  ASSERT_EQ(machine.board->exit_status(), kTaken);
  for (unsigned number = 1; number <= 12; ++number) {
    const Ending outcome = run_with("branches", "invert:" + std::to_string(number));
    EXPECT_EQ(outcome.end, RunEnd::Exited);
    EXPECT_EQ(outcome.status, kTaken ^ 1 << (number - 1)) << number;
  }
  EXPECT_EQ(run_with("branches", "invert:13").status, kTaken);
}

TEST(Fault, SeveralFaultsCanBeAskedFor) {
  Machine machine("branches");
  machine.board->inject(*parse_fault("invert:2"));
  machine.board->inject(*parse_fault("invert:4"));
  machine.board->inject(*parse_fault("flash:1:before"));
  EXPECT_EQ(machine.run(), RunEnd::Exited);
  EXPECT_EQ(machine.board->exit_status(), 0b0010'1101'0101 ^ 0b1010);
  ASSERT_EQ(machine.board->faults()->pending().size(), 1U);
  EXPECT_EQ(to_string(machine.board->faults()->pending()[0]), "flash:1:before");
}

}  // namespace
}  // namespace microvisor::board

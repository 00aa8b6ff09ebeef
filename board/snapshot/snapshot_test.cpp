// Snapshots: a board brought back does what the first one did next, to the last bit; equal runs have equal
// hashes, whatever runs beside them; a file that is not in order is refused in one line.
//
// Nothing here knows what the right state is: the board that was never interrupted says it.
#include "board/snapshot/snapshot.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <thread>

#include "board/fault/fault.hpp"
#include "board/peripherals/mcp9808.hpp"
#include "board/testing/machine.hpp"

namespace microvisor::board {
namespace {

using testing::Machine;
namespace fs = std::filesystem;

constexpr std::uint32_t kI2c1 = 0x4000'5400;

BoardOptions options_with(std::string& output) {
  BoardOptions options;
  options.semihosting = true;
  options.host_calls.console = [&output](std::string_view text) { output += text; };
  return options;
}

std::string hash_of(Board& board) {
  const auto snapshot = board.snapshot();
  EXPECT_TRUE(snapshot) << snapshot.error().message;
  return to_string((*snapshot)->hash());
}

RunEnd run_for(Board& board, std::uint64_t instructions) {
  return board.run({.until = 20 * kTicksPerSecond, .instructions = instructions});
}

class SnapshotOf : public ::testing::TestWithParam<const char*> {
 protected:
  /// Instructions of the whole program, at most a million.
  static std::uint64_t length(const char* program) {
    Machine whole(program);
    run_for(*whole.board, 1'000'000);
    return whole.board->core().retired;
  }
};

TEST_P(SnapshotOf, GuestGoesOnAsIfNothingHadBeen) {
  const std::uint64_t all = length(GetParam());
  std::mt19937_64 random(2024);
  for (int point = 0; point < 12; ++point) {
    const std::uint64_t before = random() % all;
    SCOPED_TRACE("after " + std::to_string(before) + " instructions");
    Machine first(GetParam());
    run_for(*first.board, before);
    const auto snapshot = first.board->snapshot();
    ASSERT_TRUE(snapshot) << snapshot.error().message;
    ASSERT_EQ((*snapshot)->contents().instructions, before);

    std::string output = first.output;
    auto second = Board::resume(**snapshot, options_with(output));
    ASSERT_TRUE(second) << second.error().message;
    ASSERT_EQ(hash_of(**second), to_string((*snapshot)->hash()));
    const std::uint64_t more = 1 + random() % (all - before);
    EXPECT_EQ(run_for(**second, more), run_for(*first.board, more));
    EXPECT_EQ(output, first.output);
    EXPECT_EQ((*second)->scheduler().now(), first.board->scheduler().now());
    ASSERT_EQ(hash_of(**second), hash_of(*first.board));
    // The end too: what was pending at the second look has to come out the same.
    EXPECT_EQ(run_for(**second, all), run_for(*first.board, all));
    EXPECT_EQ(output, first.output);
    ASSERT_EQ(hash_of(**second), hash_of(*first.board));
  }
}

INSTANTIATE_TEST_SUITE_P(Guests, SnapshotOf,
                         ::testing::Values("flash", "sleep", "reset", "torn", "options", "otp", "debug",
                                           "dma", "branches", "driver_clock", "driver_flash", "driver_timer",
                                           "driver_serial", "driver_edges"),
                         [](const auto& guest) { return std::string(guest.param); });

TEST(Snapshots, AreWholeInTheMiddleOfEveryChangeOfWorld) {
  Machine machine("worlds");
  Board& board = *machine.board;
  while (!board.core().nonsecure_seen && board.core().retired < 10'000) run_for(board, 1);
  Machine whole("worlds");
  ASSERT_EQ(run_for(*whole.board, 100'000), RunEnd::Exited);
  ASSERT_EQ(whole.board->exit_status(), 0);
  const std::string end = hash_of(*whole.board);

  std::set<std::pair<bool, bool>> seen;  // where snapshots were taken: world, Handler mode
  RunEnd here = RunEnd::Limit;
  for (int point = 0; here == RunEnd::Limit; ++point) {
    SCOPED_TRACE("after " + std::to_string(board.core().retired) + " instructions");
    const auto snapshot = *board.snapshot();
    seen.emplace(board.core().state.world == kSecure, board.core().state.handler_mode());
    std::string output;
    auto other = *Board::resume(*snapshot, options_with(output));
    ASSERT_EQ(run_for(*other, 100'000), RunEnd::Exited);
    ASSERT_EQ(hash_of(*other), end);
    // First every instruction, through one or two turns of each kind, then some of all.
    here = run_for(board, point < 120 ? 1 : 17);
  }
  EXPECT_EQ(seen.size(), 4U) << "either world, in Thread and in Handler mode";
}

TEST(Snapshots, PartsOutsideOfTheChipComeBackToo) {
  Machine first("driver_i2c");
  Mcp9808 sensor(30.25);
  first.board->i2c(kI2c1)->attach(0x18, &sensor);
  first.board->include("i2c1:18", [&](Archive& archive) { sensor.serialise(archive); });
  run_for(*first.board, 20'000);
  const auto snapshot = *first.board->snapshot();

  const auto without = Board::resume(*snapshot);
  ASSERT_FALSE(without);
  EXPECT_NE(without.error().message.find("i2c1:18"), std::string::npos);

  std::string output = first.output;
  Mcp9808 other;
  auto second = Board::resume(*snapshot, options_with(output), [&](Board& board) {
    board.i2c(kI2c1)->attach(0x18, &other);
    board.include("i2c1:18", [&](Archive& archive) { other.serialise(archive); });
  });
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(hash_of(**second), to_string(snapshot->hash()));
  run_for(*first.board, 200'000);
  run_for(**second, 200'000);
  EXPECT_EQ(hash_of(**second), hash_of(*first.board));
}

TEST(Snapshots, FaultsStillToComeComeAfterwards) {
  Machine first("driver_timer");
  first.board->inject({.kind = Fault::Kind::CutAtInstruction, .number = 900});
  run_for(*first.board, 500);
  const auto snapshot = *first.board->snapshot();
  std::string output;
  auto second = *Board::resume(*snapshot, options_with(output));
  EXPECT_EQ(run_for(*second, 1000), RunEnd::PowerCut);
  EXPECT_EQ(second->core().retired, 900U);
}

TEST(Snapshots, BoardsOfOneSnapshotShareNothingTheyWrite) {
  Machine first("sum");
  run_for(*first.board, 100);
  const auto snapshot = *first.board->snapshot();
  std::string output;
  auto one = *Board::resume(*snapshot, options_with(output));
  auto other = *Board::resume(*snapshot, options_with(output));
  for (const std::uint32_t address : {0x3000'8000U, 0x0C00'8000U}) {
    std::uint32_t value = 0;
    ASSERT_TRUE(one->bus().peek(address, 4, value));
    ASSERT_TRUE(one->bus().poke(address, 4, ~value));
    std::uint32_t elsewhere = 0;
    ASSERT_TRUE(other->bus().peek(address, 4, elsewhere));
    EXPECT_EQ(elsewhere, value);
  }
  one->memories().nor().array().poke(12'345, 0x5A);
  EXPECT_EQ(other->memories().nor().read(12'345), 0xFF);
  EXPECT_NE(hash_of(*one), hash_of(*other));
  EXPECT_EQ(hash_of(*other), to_string(snapshot->hash()));
}

// --- determinism
// -----------------------------------------------------------------------------------------------------------

/// What a board has come to after `instructions`.
std::string outcome(const char* program, std::uint64_t seed, std::uint64_t instructions) {
  Machine machine(program, seed);
  run_for(*machine.board, instructions);
  return std::to_string(machine.board->core().retired) + " " + hash_of(*machine.board);
}

TEST(Determinism, AloneBesideOthersAndAgainItIsTheSame) {
  constexpr const char* kProgram = "driver_timer";
  constexpr std::uint64_t kInstructions = 400'000;
  const std::string alone = outcome(kProgram, 7, kInstructions);
  EXPECT_EQ(outcome(kProgram, 7, kInstructions), alone);
  EXPECT_NE(outcome(kProgram, 8, kInstructions), alone) << "the seed is part of the state";
  for (int round = 0; round < 2; ++round) {
    std::vector<std::string> outcomes(8);
    std::vector<std::thread> threads;
    for (std::size_t index = 0; index < outcomes.size(); ++index) {
      threads.emplace_back([&outcomes, index] {
        // Every second one does something else, so that the neighbours are not in step.
        outcome("dma", index, 5'000 * index);
        outcomes[index] = outcome(kProgram, 7, kInstructions);
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const std::string& beside : outcomes) EXPECT_EQ(beside, alone);
  }
}

TEST(Determinism, HowARunIsCutIntoPiecesDoesNotMatter) {
  Machine pieces("driver_timer"), whole("driver_timer");
  std::mt19937_64 random(5);
  while (pieces.board->core().retired < 300'000) {
    const std::uint64_t rest = 300'000 - pieces.board->core().retired;
    run_for(*pieces.board, std::min<std::uint64_t>(rest, 1 + random() % 5'000));
  }
  run_for(*whole.board, 300'000);
  EXPECT_EQ(hash_of(*pieces.board), hash_of(*whole.board));
}

// --- files
// -----------------------------------------------------------------------------------------------------------

class SnapshotFile : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    Machine machine("driver_timer");
    run_for(*machine.board, 1'000);
    snapshot = *machine.board->snapshot();
    ASSERT_TRUE(snapshot->write(file));
    std::ifstream stream(file, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(stream), {});
  }
  void TearDown() override { fs::remove_all(folder_); }

  /// The one line with which reading `contents` is refused.
  BoardError refusal(const std::string& contents) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << contents;
    const auto read = Snapshot::read(file);
    EXPECT_FALSE(read);
    return read ? BoardError{BoardError::Kind::System, "it was taken"} : read.error();
  }

  const fs::path folder_ = fs::temp_directory_path() / ("snapshot_test." + std::to_string(getpid()));
  const fs::path file = folder_ / "board.snapshot";
  std::shared_ptr<const Snapshot> snapshot;
  std::string bytes;
};

TEST_F(SnapshotFile, HoldsTheSameBoard) {
  const auto read = Snapshot::read(file);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ((*read)->hash(), snapshot->hash());
  EXPECT_EQ((*read)->contents().instructions, 1'000U);
  std::string first, second;
  auto one = *Board::resume(**read, options_with(first));
  auto other = *Board::resume(*snapshot, options_with(second));
  EXPECT_EQ(run_for(*one, 500'000), run_for(*other, 500'000));
  EXPECT_EQ(first, second);
  EXPECT_EQ(hash_of(*one), hash_of(*other));
}

TEST_F(SnapshotFile, AnyFlippedBitIsNoticed) {
  std::mt19937_64 random(3);
  for (int trial = 0; trial < 50; ++trial) {
    std::string damaged = bytes;
    damaged[random() % damaged.size()] ^= static_cast<char>(1 << random() % 8);
    const BoardError error = refusal(damaged);
    EXPECT_NE(error.kind, BoardError::Kind::System) << error.message;
    EXPECT_EQ(error.message.find('\n'), std::string::npos);
  }
}

TEST_F(SnapshotFile, CutShortEmptyOrSomethingElse) {
  for (const std::size_t size : {bytes.size() - 1, bytes.size() / 2, std::size_t{57}, std::size_t{56}}) {
    EXPECT_NE(refusal(bytes.substr(0, size)).message.find("damaged"), std::string::npos);
  }
  for (const std::string& contents : {std::string(),
                                      std::string("\x7f"
                                                  "ELF and so on"),
                                      bytes.substr(0, 20)}) {
    EXPECT_NE(refusal(contents).message.find("is not a snapshot"), std::string::npos);
  }
  EXPECT_NE(refusal(bytes + "x").message.find("damaged"), std::string::npos);
}

TEST_F(SnapshotFile, AnotherVersionSaysSo) {
  std::string newer = bytes;
  ++newer[8];  // the lowest byte of the version
  EXPECT_EQ(refusal(newer).kind, BoardError::Kind::NewerVersion);
  std::string older = bytes;
  --older[8];
  EXPECT_EQ(refusal(older).kind, BoardError::Kind::OlderVersion);
}

TEST_F(SnapshotFile, MissingOrWhereNothingCanBeWritten) {
  const auto missing = Snapshot::read(folder_ / "none");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, BoardError::Kind::Missing);
  const auto directory = Snapshot::read(folder_);
  ASSERT_FALSE(directory);
  EXPECT_FALSE(snapshot->write(folder_ / "none" / "file"));
}

TEST_F(SnapshotFile, AFailedWriteLeavesTheOldOneAndNothingElse) {
  fs::create_directory(folder_ / "taken");
  const auto failed = snapshot->write(folder_ / "taken");  // a directory cannot be replaced by a file
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, BoardError::Kind::System);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 2);
  EXPECT_TRUE(Snapshot::read(file));
}

TEST_F(SnapshotFile, BecomesABoardDirectory) {
  const fs::path directory = folder_ / "board";
  ASSERT_TRUE(
      BoardMemories::create(directory, snapshot->contents().identity, &snapshot->contents().memories));
  auto opened = BoardMemories::open(directory);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->identity().sid, snapshot->contents().identity.sid);
  auto copy = *MemoryImage::blank();
  ASSERT_TRUE(opened->copy_to(copy));
  for (const Region region : {Region::FlashArray, Region::Otp, Region::FlashState, Region::NorArray,
                              Region::NorState, Region::BackupDomain}) {
    ASSERT_EQ(copy.pages(region), snapshot->contents().memories.pages(region));
    for (const std::uint32_t page : copy.pages(region)) {
      const auto here = copy.page(region, page), there = snapshot->contents().memories.page(region, page);
      EXPECT_TRUE(std::equal(here.begin(), here.end(), there.begin(), there.end()));
    }
  }
}

}  // namespace
}  // namespace microvisor::board

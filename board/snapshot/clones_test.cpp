// Many boards of one snapshot in one process, each on a thread of its own: they share decoded code, and none
// of them does anything else than it would do alone.
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "board/cpu/decode_cache.hpp"
#include "board/snapshot/snapshot.hpp"
#include "board/testing/machine.hpp"

namespace microvisor::board {
namespace {

using testing::Machine;

constexpr std::size_t kBoards = 8;

std::unique_ptr<Board> resume(const Snapshot& snapshot) {
  BoardOptions options;
  options.semihosting = true;
  auto board = Board::resume(snapshot, options);
  EXPECT_TRUE(board) << board.error().message;
  return std::move(*board);
}

std::string hash_of(Board& board) { return to_string((*board.snapshot())->hash()); }

class ClonesOf : public ::testing::TestWithParam<const char*> {};

TEST_P(ClonesOf, DoTheSameOnAnyThreadAndShareTheirCode) {
  Machine first(GetParam());
  first.board->run({.instructions = 500});
  const auto snapshot = *first.board->snapshot();
  // Several runs a board, of different lengths, so that some publish while others look for pages.
  const auto go_on = [](Board& board, std::size_t index) {
    for (std::uint64_t slice = 0; slice < 40; ++slice) board.run({.instructions = 100 + 37 * index});
    const std::uint64_t done = board.core().retired;
    if (done < 20'500) board.run({.instructions = 20'500 - done});
  };
  go_on(*first.board, 3);
  const std::string expected = hash_of(*first.board);

  std::vector<std::unique_ptr<Board>> boards;
  for (std::size_t index = 0; index < kBoards; ++index) boards.push_back(resume(*snapshot));
  std::vector<std::thread> threads;
  for (std::size_t index = 0; index < kBoards; ++index) {
    threads.emplace_back([&, index] { go_on(*boards[index], index); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& board : boards) EXPECT_EQ(hash_of(*board), expected);
}

INSTANTIATE_TEST_SUITE_P(Guests, ClonesOf, ::testing::Values("sleep", "driver_timer", "driver_edges", "sum"),
                         [](const auto& guest) { return std::string(guest.param); });

TEST(Clones, OfASleepingBoardHaveNoCodeOfTheirOwn) {
  Machine first("sleep");
  first.board->run({.until = 500'000 * kTicksPerMicrosecond});
  EXPECT_EQ(first.board->core().decoded->own_pages(), 0U);
  const std::size_t pages = SharedCode::instance().size();
  ASSERT_GT(pages, 0U);
  const auto snapshot = *first.board->snapshot();
  std::vector<std::unique_ptr<Board>> boards;
  for (std::size_t index = 0; index < kBoards; ++index) {
    boards.push_back(resume(*snapshot));
    boards.back()->run({.until = 600'000 * kTicksPerMicrosecond});
    EXPECT_EQ(boards.back()->core().decoded->own_pages(), 0U);
  }
  EXPECT_EQ(SharedCode::instance().size(), pages);
}

}  // namespace
}  // namespace microvisor::board

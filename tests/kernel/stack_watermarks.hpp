// How much of each of the kernel's stacks a board has used, beside what the build has computed as the most it
// can use (firmware/stack_check): the stacks are filled with a pattern before the board runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "board/board.hpp"

namespace microvisor::tests {

struct StackUse {
  std::string symbol;
  std::uint32_t size = 0;   // bytes, like those below
  std::uint32_t bound = 0;  // computed
  std::uint32_t used = 0;   // from the top to the lowest word that somebody has written
};

/// Fills the stacks; for a board that has not run yet.
void fill_stacks(board::Board& board);

/// Of each stack. Throws if the build has left no bounds.
[[nodiscard]] std::vector<StackUse> stack_use(board::Board& board);

/// A failure of the test for each stack of which more was used than computed; prints what was.
void expect_stacks_within_bounds(board::Board& board);

}  // namespace microvisor::tests

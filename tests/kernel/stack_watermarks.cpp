// See stack_watermarks.hpp.
#include "tests/kernel/stack_watermarks.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace microvisor::tests {
namespace {

constexpr std::uint32_t kPattern = 0xA5C3'5A3C;

struct Stack {
  std::string symbol;
  std::uint32_t address = 0;
  std::uint32_t bound = 0;
  std::uint32_t size = 0;
};

/// The lines of kernel.stacks that are not indented: symbol, address, bound, size.
const std::vector<Stack>& stacks() {
  static const std::vector<Stack> result = [] {
    std::vector<Stack> found;
    std::ifstream file(MICROVISOR_KERNEL_STACKS);
    for (std::string line; std::getline(file, line);) {
      Stack stack;
      if (line.starts_with(' ')) continue;
      std::istringstream(line) >> stack.symbol >> std::hex >> stack.address >> std::dec >> stack.bound >>
          stack.size;
      found.push_back(stack);
    }
    if (found.empty()) throw std::runtime_error("no stacks in " MICROVISOR_KERNEL_STACKS);
    return found;
  }();
  return result;
}

}  // namespace

void fill_stacks(board::Board& board) {
  for (const Stack& stack : stacks()) {
    for (std::uint32_t at = 0; at < stack.size; at += 4)
      ASSERT_TRUE(board.bus().poke(stack.address + at, 4, kPattern));
  }
}

std::vector<StackUse> stack_use(board::Board& board) {
  std::vector<StackUse> result;
  for (const Stack& stack : stacks()) {
    std::uint32_t untouched = 0;
    std::uint32_t word = kPattern;
    while (untouched < stack.size && board.bus().peek(stack.address + untouched, 4, word) && word == kPattern)
      untouched += 4;
    result.push_back({stack.symbol, stack.size, stack.bound, stack.size - untouched});
  }
  return result;
}

void expect_stacks_within_bounds(board::Board& board) {
  for (const StackUse& stack : stack_use(board)) {
    std::printf("%s: %u bytes used, at most %u, of %u\n", stack.symbol.c_str(), stack.used, stack.bound,
                stack.size);
    EXPECT_LE(stack.used, stack.bound) << stack.symbol;
    EXPECT_GE(stack.used, 64u) << stack.symbol << " is not the stack that is used";
  }
}

}  // namespace microvisor::tests

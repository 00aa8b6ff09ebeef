// Every system call uses no more of the kernel's stacks than the build has computed. What link, updates and
// crash reports use is looked at where those are tested (memory_test.cpp, tests/life).
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "tests/kernel/caller_machine.hpp"
#include "tests/kernel/stack_watermarks.hpp"

namespace microvisor::tests {
namespace {

TEST(KernelStacks, HoldEveryCallWithinTheirBounds) {
  std::map<std::string, StackUse> most;
  for (const abi::CallShape& call : abi::kCallShapes) {
    for (const Amount amount : {Amount::Typical, Amount::Largest}) {
      CallerMachine caller(call, amount);
      const CallImage image = caller.image_of(call, amount);
      static_cast<void>(caller.perform(image, CallerMachine::order_for(image, CONTEXT_HANDLER)));
      for (const StackUse& stack : stack_use(caller.board())) {
        EXPECT_LE(stack.used, stack.bound) << stack.symbol << " in " << call.name;
        StackUse& seen = most[stack.symbol];
        if (stack.used > seen.used) seen = stack;
      }
    }
  }
  for (const auto& [symbol, stack] : most) {
    std::printf("%s: %u bytes used, at most %u, of %u\n", symbol.c_str(), stack.used, stack.bound,
                stack.size);
  }
}

}  // namespace
}  // namespace microvisor::tests

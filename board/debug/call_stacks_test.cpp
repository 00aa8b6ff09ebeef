// Open functions, by hand: what a core would show at each point is set, and the nesting that follows from the
// rules at the head of call_stacks.hpp is expected.
#include "board/debug/call_stacks.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "board/cpu/exceptions.hpp"

namespace microvisor::board {
namespace {

constexpr std::uint32_t kTop = 0x3000'8000;   // of a stack
constexpr std::uint32_t kBack = 0x0C00'0102;  // a place to return to

class CallStacksTest : public ::testing::Test, private CallListener {
 protected:
  void function_began(unsigned track, std::string_view name) override {
    told.push_back(std::to_string(track) + " +" + std::string(name));
  }
  void function_ended(unsigned track, std::string_view name) override {
    told.push_back(std::to_string(track) + " -" + std::string(name));
  }
  void enter(std::string_view name, std::uint32_t stack_pointer, std::uint32_t return_address = kBack) {
    state.r[13] = stack_pointer;
    state.r[14] = return_address | 1;
    calls.entered(name);
  }
  void come_back(std::uint32_t stack_pointer, std::uint32_t address = kBack) {
    state.r[13] = stack_pointer;
    calls.returned(address);
  }
  /// Entry of an exception from Thread mode, with its frame below the process stack pointer.
  void interrupt(std::uint32_t process_stack) {
    state.stack[kSecure][kProcess] = process_stack - 0x20;
    state.ipsr = 16;
    state.r[13] = kTop;
    state.r[14] = kExcReturnOnes | kExcReturnThread | kExcReturnProcessStack | kExcReturnSecureStack;
    calls.handler_entered();
  }
  /// Return to Thread mode on this process stack.
  void resume(std::uint32_t process_stack) {
    state.stack[kSecure][kProcess] = process_stack - 0x20;
    calls.handler_ended();
    state.ipsr = 0;
    state.process_stack[kSecure] = true;
    state.r[13] = process_stack;
    calls.exception_returned();
  }

  CoreState state;
  CallStacks calls{state, *this};
  std::vector<std::string> told;
};

using Told = std::vector<std::string>;

TEST_F(CallStacksTest, OpenUntilTheReturnWithTheSameStackPointer) {
  enter("outer", kTop);
  enter("inner", kTop - 8, kBack + 0x20);
  come_back(kTop - 16, kBack + 0x20);  // a deeper call of the same line
  EXPECT_EQ(told, (Told{"1 +outer", "1 +inner"}));
  come_back(kTop - 8, kBack + 0x20);
  come_back(kTop);
  EXPECT_EQ(told, (Told{"1 +outer", "1 +inner", "1 -inner", "1 -outer"}));
}

TEST_F(CallStacksTest, RecursionIsAsDeepAsItIs) {
  enter("f", kTop);
  enter("f", kTop - 8, kBack + 0x20);
  enter("f", kTop - 16, kBack + 0x20);
  come_back(kTop - 16, kBack + 0x20);
  EXPECT_EQ(told.size(), 4U);
  come_back(kTop - 8, kBack + 0x20);
  come_back(kTop);
  EXPECT_EQ(told.size(), 6U);
}

TEST_F(CallStacksTest, ATailCallReturnsForBoth) {
  enter("first", kTop);
  enter("second", kTop);
  come_back(kTop);
  EXPECT_EQ(told, (Told{"1 +first", "1 +second", "1 -second", "1 -first"}));
}

TEST_F(CallStacksTest, TheFirstInstructionAgainIsNoCall) {
  enter("loop", kTop);
  enter("loop", kTop);
  EXPECT_EQ(told, (Told{"1 +loop"}));
}

TEST_F(CallStacksTest, AJumpOutOfFunctionsEndsThem) {
  enter("setter", kTop);
  enter("jumper", kTop - 0x40, kBack + 0x20);
  enter("next", kTop - 8, kBack + 0x40);  // longjmp() to setter, which calls on
  EXPECT_EQ(told, (Told{"1 +setter", "1 +jumper", "1 -jumper", "1 +next"}));
}

TEST_F(CallStacksTest, HandlersHaveTheirOwn) {
  enter("thread", kTop - 0x100);
  interrupt(kTop - 0x100);
  enter("handler", kTop, kExcReturnOnes);
  enter("helper", kTop - 8, kBack + 0x20);
  resume(kTop - 0x100);
  come_back(kTop - 0x100);
  EXPECT_EQ(told, (Told{"1 +thread", "0 +handler", "0 +helper", "0 -helper", "0 -handler", "1 -thread"}));
}

TEST_F(CallStacksTest, TasksAreToldApartByTheirStacks) {
  constexpr std::uint32_t kFirst = kTop - 0x100, kSecond = kTop - 0x200;
  enter("first task", kFirst);
  interrupt(kFirst);
  resume(kSecond);  // the scheduler begins the other one
  enter("second task", kSecond);
  interrupt(kSecond - 8);
  resume(kFirst);
  enter("first's helper", kFirst - 8, kBack + 0x20);
  interrupt(kFirst - 8);
  resume(kSecond - 8);
  come_back(kSecond);
  EXPECT_EQ(told, (Told{"1 +first task", "2 +second task", "1 +first's helper", "2 -second task"}));
}

TEST_F(CallStacksTest, ACallIntoTheOtherWorldEndsWithItsReturn) {
  enter("caller", kTop);
  state.world = kNonSecure;
  calls.crossed(0x2003'0000);
  enter("visited", 0x2003'8000, kFncReturn);
  state.world = kSecure;
  state.stack[kNonSecure][kMain] = 0x2003'7FF8;
  calls.crossed(0x0C00'1000);  // it enters a gateway
  EXPECT_EQ(told, (Told{"1 +caller", "1 +visited"}));
  state.stack[kNonSecure][kMain] = 0x2003'8000;
  calls.crossed(0x0C00'0200);  // FNC_RETURN leads there (DDI0553 B3.16)
  EXPECT_EQ(told, (Told{"1 +caller", "1 +visited", "1 -visited"}));
}

TEST_F(CallStacksTest, EndingAllLeavesNothingOpen) {
  enter("thread", kTop - 0x100);
  interrupt(kTop - 0x100);
  enter("handler", kTop);
  calls.end_all();
  EXPECT_EQ(told, (Told{"1 +thread", "0 +handler", "0 -handler", "1 -thread"}));
}

}  // namespace
}  // namespace microvisor::board

// What the trap handler makes of a stacked frame.
#include "firmware/kernel/resident/trap.hpp"

#include <gtest/gtest.h>

#include "firmware/kernel/resident/restarts.hpp"

namespace microvisor::firmware::kernel {
namespace {

TEST(GateSlot, OnlyTheStartsOfGatesCount) {
  EXPECT_EQ(gate_slot(0x0C1F'E000), 0U);
  EXPECT_EQ(gate_slot(0x0C1F'E0D8), 27U);  // mvNoOp
  EXPECT_EQ(gate_slot(0x0C1F'E248), 73U);
  EXPECT_FALSE(gate_slot(0x0C1F'E250));
  EXPECT_FALSE(gate_slot(0x0C1F'E004));
  EXPECT_FALSE(gate_slot(0x0C1F'E002));
  EXPECT_FALSE(gate_slot(0x0C1F'DFF8));
  EXPECT_FALSE(gate_slot(0));
  EXPECT_FALSE(gate_slot(0xFFFF'FFF8));
}

TEST(FinishCall, ReturnsBehindTheCallWithTheStatus) {
  Frame frame{1, 2, 3, 4, 5, 0x0800'1235, 0x0C1F'E0D8, 0x0100'0000};
  finish_call(frame, abi::Status::UNAVAILABLE, 0);
  EXPECT_EQ(frame.r0, 0x0AU);
  EXPECT_EQ(frame.pc, 0x0800'1234U);
  EXPECT_EQ(frame.lr, 0x0800'1235U);
  EXPECT_EQ(frame.xpsr, 0x0100'0000U);
  EXPECT_EQ(frame.r1, 2U);
}

TEST(FinishCall, RebuildsThumbAndIfThenBits) {
  // A branch with bit 0 clear leaves T = 0; an exception return can plant IT bits; flags and IPSR stay.
  Frame frame{0, 0, 0, 0, 0, 0x0800'1235, 0x0C1F'E0D8, 0x6600'FC31};
  finish_call(frame, abi::Status::OKAY, 0);
  EXPECT_EQ(frame.xpsr, 0x6100'0031U);
  frame.lr = 0x0800'1234;  // an even return address faults in the application, as without a gate
  finish_call(frame, abi::Status::OKAY, 0);
  EXPECT_EQ(frame.xpsr & kXpsrThumb, 0U);
}

TEST(FinishCall, HandlersWhoseLastActIsACallReturnThroughTheApplicationsCode) {
  Frame frame{0, 0, 0, 0, 0, 0xFFFF'FFBC, 0x0C1F'E0D8, 0x0100'002D};
  finish_call(frame, abi::Status::OKAY, 0x0800'0456);
  EXPECT_EQ(frame.pc, 0x0800'0456U);
  EXPECT_EQ(frame.lr, 0xFFFF'FFBCU);
  EXPECT_EQ(frame.xpsr, 0x0100'002DU);
}

TEST(Restarts, CallsAreFoundByWhatIdentifiesThem) {
  Restarts restarts;
  const Restarts::Key key{6, 0x2000'1000, 0x0800'0101, 1, 2, 3, 4};
  auto* entry = restarts.find_or_begin(key);
  ASSERT_NE(entry, nullptr);
  entry->progress = 1024;
  entry->object = 42;
  EXPECT_EQ(restarts.find_or_begin(key), entry);
  auto other = key;
  other.stack_pointer += 8;
  EXPECT_NE(restarts.find_or_begin(other), entry);
  restarts.abandon(42);
  EXPECT_EQ(restarts.find_or_begin(key)->progress, 0U);
}

TEST(Restarts, ThirtyTwoAreOpenAtMost) {
  Restarts restarts;
  for (std::uint32_t i = 0; i < Restarts::kOpen; ++i) {
    EXPECT_NE(restarts.find_or_begin({0, i, 0, 0, 0, 0, 0}), nullptr);
  }
  EXPECT_EQ(restarts.find_or_begin({0, 99, 0, 0, 0, 0, 0}), nullptr);
}

}  // namespace
}  // namespace microvisor::firmware::kernel

// What the trap handler makes of a stacked frame.
#include "firmware/kernel/resident/trap.hpp"

#include <gtest/gtest.h>

namespace microvisor::firmware::kernel {
namespace {

TEST(GateSlot, OnlyTheStartsOfGatesCount) {
  EXPECT_EQ(gate_slot(0x0C1F'E000), 0U);
  EXPECT_EQ(gate_slot(0x0C1F'E0D8), 27U);  // mvNoOp
  EXPECT_EQ(gate_slot(0x0C1F'E268), 77U);
  for (const std::uint32_t other :
       {0x0C1F'E270u, 0x0C1F'E004u, 0x0C1F'E002u, 0x0C1F'E001u, 0x0C1F'DFF8u, 0u, 0xFFFF'FFF8u}) {
    EXPECT_GE(gate_slot(other), abi::kGateCount) << other;
  }
}

TEST(FinishCall, ReturnsBehindTheCallWithTheStatus) {
  Frame frame{{{1, 2, 3, 4}}, 5, 0x0800'1235, 0x0C1F'E0D8, 0x0100'0000};
  finish_call(frame, frame.lr, abi::Status::UNAVAILABLE);
  EXPECT_EQ(frame.arguments.r[0], 0x0AU);
  EXPECT_EQ(frame.pc, 0x0800'1234U);
  EXPECT_EQ(frame.lr, 0x0800'1235U);
  EXPECT_EQ(frame.xpsr, 0x0100'0000U);
  EXPECT_EQ(frame.arguments.r[1], 2U);
}

TEST(FinishCall, RebuildsThumbAndIfThenBits) {
  // A branch with bit 0 clear leaves T = 0; an exception return can plant IT bits; flags and IPSR stay.
  Frame frame{{}, 0, 0x0800'1235, 0x0C1F'E0D8, 0x6600'FC31};
  finish_call(frame, 0x0800'1235, abi::Status::OKAY);
  EXPECT_EQ(frame.xpsr, 0x6100'0031U);
  // An even return address faults in the application, as without a gate.
  finish_call(frame, 0x0800'1234, abi::Status::OKAY);
  EXPECT_EQ(frame.xpsr & kXpsrThumb, 0U);
}

TEST(ReturnAddress, IsTheCallersUnlessItsLastActIsTheCall) {
  EXPECT_EQ(return_address(0x0800'1235, 0x0800'0456), 0x0800'1235U);
  EXPECT_EQ(return_address(0xFDFF'FFFF, 0x0800'0456), 0xFDFF'FFFFU);
  EXPECT_EQ(return_address(0xFFFF'FFBC, 0x0800'0456), 0x0800'0457U);  // EXC_RETURN
  EXPECT_EQ(return_address(0xFEFF'FFFF, 0x0800'0456), 0x0800'0457U);  // FNC_RETURN
}

}  // namespace
}  // namespace microvisor::firmware::kernel

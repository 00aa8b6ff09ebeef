// MRS, MSR and CPS. Expectations: Armv8-M ARM (DDI0553) C2.4, D1.2 CONTROL, BASEPRI, FAULTMASK, MSPLIM.
#include "board/cpu/system_test_bus.hpp"

namespace microvisor::board {
namespace {

class SpecialRegisters : public SystemTest {
 protected:
  enum : unsigned {
    kApsr = 0,
    kIpsr = 5,
    kEpsr = 6,
    kMsp = 8,
    kPsp = 9,
    kMspLim = 10,
    kPspLim = 11,
    kPrimask = 16,
    kBasepri = 17,
    kBasepriMax = 18,
    kFaultmask = 19,
    kControl = 20,
    kNs = 0x80,
    kSpNs = 0x98
  };
};

TEST_F(SpecialRegisters, ApsrByMask) {
  write_special(core, kApsr, 2, 0xFFFF'FFFF);
  EXPECT_EQ(read_special(core, kApsr), 0xF800'0000u);
  write_special(core, kApsr, 1, 0x0005'0000);
  EXPECT_EQ(read_special(core, kApsr), 0xF805'0000u);
  write_special(core, kApsr, 3, 0);
  EXPECT_EQ(read_special(core, kApsr), 0u);
  write_special(core, kIpsr, 3, 5);
  EXPECT_EQ(core.state.ipsr, 0u);
  EXPECT_EQ(read_special(core, kEpsr), 0u);
}

TEST_F(SpecialRegisters, StackPointersAliasTheOneInUse) {
  write_special(core, kPsp, 0, 0x3000'1003);
  EXPECT_EQ(read_special(core, kPsp), 0x3000'1000u);
  write_special(core, kMsp, 0, 0x3000'2000);
  EXPECT_EQ(core.state.r[13], 0x3000'2000u);
  write_special(core, kControl, 0, 2);
  EXPECT_EQ(core.state.r[13], 0x3000'1000u);
  EXPECT_EQ(read_special(core, kMsp), 0x3000'2000u);
  write_special(core, kPsp, 0, 0x3000'3000);
  EXPECT_EQ(core.state.r[13], 0x3000'3000u);
}

TEST_F(SpecialRegisters, NonSecureFormsAreSecureCodesOnly) {
  EXPECT_EQ(read_special(core, kNs | kMsp), kMspNs);
  write_special(core, kNs | kPsp, 0, 0x2000'1000);
  write_special(core, kNs | kControl, 0, 3);
  write_special(core, kNs | kPrimask, 0, 1);
  write_special(core, kNs | kBasepri, 0, 0x57);
  write_special(core, kNs | kFaultmask, 0, 1);
  EXPECT_EQ(read_special(core, kNs | kControl), 3u);
  EXPECT_EQ(read_special(core, kControl), 0u);
  EXPECT_EQ(read_special(core, kSpNs), 0x2000'1000u);
  EXPECT_EQ(read_special(core, kNs | kBasepri), 0x50u);
  EXPECT_TRUE(core.state.primask[kNonSecure]);
  EXPECT_TRUE(core.state.faultmask[kNonSecure]);
  EXPECT_FALSE(core.state.primask[kSecure]);
  run_thread(kNonSecure, kMain);
  EXPECT_EQ(read_special(core, kNs | kMsp), 0u);
  write_special(core, kNs | kMsp, 0, 0x1234'5678);
  EXPECT_EQ(core.state.r[13], kMspNs);
}

TEST_F(SpecialRegisters, SpNsRespectsItsLimit) {
  write_special(core, kNs | kMspLim, 0, 0x2000'1007);
  EXPECT_EQ(read_special(core, kNs | kMspLim), 0x2000'1000u);
  EXPECT_TRUE(write_special(core, kSpNs, 0, 0x2000'1000));
  EXPECT_FALSE(write_special(core, kSpNs, 0, 0x2000'0FFC));
  EXPECT_EQ(scs(0xED28), 1u << 20);
  EXPECT_TRUE(write_special(core, kNs | kMsp, 0, 0x2000'0000));  // MSR MSP is not checked
}

TEST_F(SpecialRegisters, BasepriMaxOnlyRaises) {
  write_special(core, kBasepriMax, 0, 0x40);
  EXPECT_EQ(read_special(core, kBasepri), 0x40u);
  write_special(core, kBasepriMax, 0, 0x60);
  EXPECT_EQ(read_special(core, kBasepri), 0x40u);
  write_special(core, kBasepriMax, 0, 0x00);
  EXPECT_EQ(read_special(core, kBasepri), 0x40u);
  write_special(core, kBasepriMax, 0, 0x20);
  EXPECT_EQ(read_special(core, kBasepri), 0x20u);
  write_special(core, kBasepri, 0, 0);
  EXPECT_EQ(read_special(core, kBasepri), 0u);
}

TEST_F(SpecialRegisters, UnprivilegedCodeReadsControlAndFlagsOnly) {
  run_thread(kNonSecure, kProcess, false);
  core.state.c = true;
  EXPECT_EQ(read_special(core, kApsr), 0x2000'0000u);
  EXPECT_EQ(read_special(core, kControl), 3u);
  EXPECT_EQ(read_special(core, kPsp), 0u);
  EXPECT_EQ(read_special(core, kPrimask), 0u);
  write_special(core, kControl, 0, 0);
  write_special(core, kPrimask, 0, 1);
  write_special(core, kPsp, 0, 0x2000'0000);
  change_processor_state(core, true, true, true);
  EXPECT_EQ(read_special(core, kControl), 3u);
  EXPECT_FALSE(core.state.primask[kNonSecure]);
  EXPECT_FALSE(core.state.faultmask[kNonSecure]);
  EXPECT_EQ(core.state.r[13], kPspNs);
  write_special(core, kApsr, 2, 0x8000'0000);
  EXPECT_TRUE(core.state.n);
}

TEST_F(SpecialRegisters, SpselHasNoEffectInHandlerModeAndIsOverwrittenByTheReturn) {
  pend_line(3, kSecure, 0x20);
  ASSERT_TRUE(take());
  write_special(core, kControl, 0, 2);
  EXPECT_EQ(core.state.r[13], kMspS - 0x20);
  write_special(core, kNs | kControl, 0, 2);  // of the other world it can
  EXPECT_EQ(read_special(core, kNs | kControl), 2u);
  ASSERT_TRUE(branch(core.state.r[14]));
  EXPECT_EQ(read_special(core, kControl), 0u);
  EXPECT_EQ(core.state.r[13], kMspS);
}

TEST_F(SpecialRegisters, FaultmaskCannotBeSetInHardFault) {
  core.raise_nmi();
  ASSERT_TRUE(take());
  write_special(core, kFaultmask, 0, 1);
  EXPECT_FALSE(core.state.faultmask[kSecure]);
}

TEST_F(SpecialRegisters, CpsWorksOnTheCurrentWorldAndLetsPendingThingsIn) {
  change_processor_state(core, true, true, false);
  EXPECT_TRUE(core.state.primask[kSecure]);
  EXPECT_FALSE(core.state.primask[kNonSecure]);
  pend_line(3, kSecure, 0x20);
  EXPECT_FALSE(core.attention);
  change_processor_state(core, false, true, false);
  EXPECT_TRUE(core.attention);
}

TEST_F(SpecialRegisters, SfpaIsShownToSecureCodeOnly) {
  core.state.fp_active = core.state.secure_fp_active = true;
  EXPECT_EQ(read_special(core, kControl), 0xCu);
  run_thread(kNonSecure, kMain);
  EXPECT_EQ(read_special(core, kControl), 4u);
}

TEST_F(SpecialRegisters, StackLimitOfTheStackInUse) {
  core.state.stack_limit = {{{0x100, 0x200}, {0x300, 0x400}}};
  EXPECT_EQ(stack_limit(core), 0x300u);
  run_thread(kSecure, kProcess);
  EXPECT_EQ(stack_limit(core), 0x400u);
  run_thread(kNonSecure, kProcess);
  EXPECT_EQ(stack_limit(core), 0x200u);
  core.state.faultmask[kNonSecure] = true;
  EXPECT_EQ(stack_limit(core), 0x200u);
  scs_ns(0xED14, 1u << 10);  // STKOFHFNMIGN
  EXPECT_EQ(stack_limit(core), 0u);
}

}  // namespace
}  // namespace microvisor::board

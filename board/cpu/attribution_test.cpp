// SAU, IDAU and MPU at their edges, and TT. Expectations: Armv8-M ARM (DDI0553) B8.2, B8.3, B5.5, C2.4 TT;
// RM0456 (IDAU).
#include "board/cpu/system_test_bus.hpp"

namespace microvisor::board {
namespace {

using Fault = Attribution::Fault;

class AttributionTest : public SystemTest {
 protected:
  Attribution as(World world, std::uint32_t address, AccessType type, bool privileged = true) {
    return attribute_as(core, address, type, world, privileged, true);
  }
  SecurityResult security(std::uint32_t address, bool fetch = false, World world = kSecure) {
    return check_security(core, address, fetch, world);
  }
  void set_mpu(World world, unsigned region, std::uint32_t first, std::uint32_t last, unsigned ap,
               bool never_executed) {
    const std::uint32_t base = world == kSecure ? kScs : kScsNs;
    write_ppb(core, base + 0xED98, 4, true, true, region);
    write_ppb(core, base + 0xED9C, 4, true, true, first | ap << 1 | (never_executed ? 1 : 0));
    write_ppb(core, base + 0xEDA0, 4, true, true, (last & ~0x1Fu) | 1);
    write_ppb(core, base + 0xEDC0, 4, true, true, 0x44);  // attribute 0: Normal, non-cacheable
  }
};

TEST_F(AttributionTest, SauOffIsAllSecureAndAllNsLeavesItToTheIdau) {
  scs(0xEDD0, 0);
  EXPECT_TRUE(security(0x0800'0000).secure);
  EXPECT_FALSE(security(0x0800'0000).callable);
  EXPECT_TRUE(security(0x0C00'0000).secure);
  EXPECT_FALSE(security(0x0C00'0000).callable);  // "no region" is Secure: the IDAU cannot open it
  scs(0xEDD0, 2);                                // ALLNS
  EXPECT_FALSE(security(0x0800'0000).secure);
  EXPECT_TRUE(security(0x0C00'0000).secure);
  EXPECT_TRUE(security(0x0C00'0000).callable);
}

TEST_F(AttributionTest, RegionEdges) {
  set_sau(2, 0x2001'0040, 0x2001'007F, false);
  struct {
    std::uint32_t address;
    bool secure;
  } const cases[] = {{0x2001'003C, true},  {0x2001'003E, true},  {0x2001'003F, true},  {0x2001'0040, false},
                     {0x2001'0041, false}, {0x2001'0042, false}, {0x2001'0044, false}, {0x2001'007C, false},
                     {0x2001'007E, false}, {0x2001'007F, false}, {0x2001'0080, true},  {0x2001'0081, true},
                     {0x2001'0082, true},  {0x2001'0084, true}};
  for (const auto& expected : cases) {
    EXPECT_EQ(security(expected.address).secure, expected.secure) << std::hex << expected.address;
  }
}

TEST_F(AttributionTest, LimitIsInclusiveOfItsGranule) {
  scs(0xEDD8, 2);
  scs(0xEDDC, 0x2002'0000);
  scs(0xEDE0, 0x2002'0000 | 1);  // 32 bytes
  EXPECT_FALSE(security(0x2002'001F).secure);
  EXPECT_TRUE(security(0x2002'0020).secure);
}

TEST_F(AttributionTest, OverlappingRegionsAreSecureWithoutNumber) {
  set_sau(2, 0x2000'1000, 0x2000'1FFF, true);
  EXPECT_FALSE(security(0x2000'0FFF).secure);
  EXPECT_TRUE(security(0x2000'1000).secure);
  EXPECT_FALSE(security(0x2000'1000).callable);
  EXPECT_FALSE(security(0x2000'1000).region_valid);
  EXPECT_FALSE(security(0x2000'2000).secure);
}

TEST_F(AttributionTest, NonSecureRegionOverSecureAliasIsCallableNotNonSecure) {
  set_sau(2, 0x0C00'8000, 0x0C00'8FFF, false);
  EXPECT_TRUE(security(0x0C00'8000).secure);
  EXPECT_TRUE(security(0x0C00'8000).callable);
  EXPECT_FALSE(security(0x0C00'7FFF).callable);
}

TEST_F(AttributionTest, CallableRegionWhereIdauIsNonSecureStaysCallable) {
  set_sau(2, 0x0801'0000, 0x0801'0FFF, true);
  EXPECT_TRUE(security(0x0801'0000).secure);
  EXPECT_TRUE(security(0x0801'0000).callable);
}

TEST_F(AttributionTest, PrivatePeripheralBusTakesTheStateOfTheAccess) {
  for (const std::uint32_t address : {0xE000'0000u, 0xE000'E010u, 0xE002'ED00u, 0xE004'4000u, 0xE00F'FFFFu}) {
    EXPECT_TRUE(security(address, false, kSecure).secure);
    EXPECT_FALSE(security(address, false, kNonSecure).secure);
  }
  EXPECT_TRUE(security(0xE010'0000, false, kNonSecure).secure);  // no SAU region there
  EXPECT_FALSE(security(0xE010'0000, true, kNonSecure).secure);  // exempt for fetches
  EXPECT_FALSE(security(0xEFFF'FFFF, true, kNonSecure).secure);
  EXPECT_TRUE(security(0xF000'0000, true, kNonSecure).secure);
  EXPECT_FALSE(security(0xF000'0000, true, kNonSecure).callable);
}

TEST_F(AttributionTest, FetchesFromF000UpAreSecureWhateverTheSauSays) {
  set_sau(2, 0xF000'0000, 0xF000'FFFF, false);
  EXPECT_FALSE(security(0xF000'0000, false, kNonSecure).secure);
  EXPECT_TRUE(security(0xF000'0000, true, kNonSecure).secure);
}

TEST_F(AttributionTest, AccessesAcrossWorlds) {
  EXPECT_EQ(as(kNonSecure, 0x3000'0000, AccessType::Read).fault, Fault::SecureData);
  EXPECT_EQ(as(kNonSecure, 0x3000'0000, AccessType::Write).fault, Fault::SecureData);
  EXPECT_EQ(as(kNonSecure, 0x0C00'0000, AccessType::Fetch).fault, Fault::SecureFetch);
  EXPECT_EQ(as(kSecure, 0x0800'0000, AccessType::Fetch).fault, Fault::SecureTransition);
  const Attribution data = as(kSecure, 0x2000'0000, AccessType::Write);
  EXPECT_EQ(data.fault, Fault::None);
  EXPECT_FALSE(data.bus_secure);  // the address decides, not the state
  EXPECT_TRUE(as(kSecure, 0x3000'0000, AccessType::Write).bus_secure);
}

TEST_F(AttributionTest, FetchFromCallableMemoryIsAllowedForTheInstructionToDecide) {
  set_sau(2, 0x0C00'8000, 0x0C00'8FFF, true);
  const Attribution fetch = as(kNonSecure, 0x0C00'8000, AccessType::Fetch);
  EXPECT_EQ(fetch.fault, Fault::None);
  EXPECT_TRUE(fetch.nonsecure_callable);
  EXPECT_TRUE(fetch.bus_secure);
  EXPECT_EQ(as(kNonSecure, 0x0C00'8000, AccessType::Read).fault, Fault::SecureData);
}

TEST_F(AttributionTest, CallableFetchIsCheckedByTheSecureMpu) {
  set_sau(2, 0x0C00'8000, 0x0C00'8FFF, true);
  set_mpu(kSecure, 0, 0x0C00'8000, 0x0C00'8FFF, 0, true);  // execute never
  scs(0xED94, 5);
  EXPECT_EQ(as(kNonSecure, 0x0C00'8000, AccessType::Fetch).fault, Fault::Mpu);
  EXPECT_EQ(as(kNonSecure, 0x0C00'0000, AccessType::Fetch).fault,
            Fault::SecureFetch);  // attribution comes first
}

TEST_F(AttributionTest, SpanReachesToTheNextEdge) {
  const Attribution inside = as(kNonSecure, 0x2000'1234, AccessType::Read);
  EXPECT_EQ(inside.base, 0x2000'0000u);
  EXPECT_EQ(inside.limit, 0x2000'FFFFu);
  const Attribution outside = as(kSecure, 0x2001'0000, AccessType::Read);
  EXPECT_EQ(outside.base, 0x2001'0000u);
  EXPECT_EQ(outside.limit, 0x2FFF'FFFFu);  // the IDAU's edge
}

TEST_F(AttributionTest, EveryAddressOfASpanHasTheSameAnswer) {
  set_sau(2, 0x2000'1000, 0x2000'10FF, true);
  set_sau(3, 0x2000'1080, 0x2000'117F, false);
  set_mpu(kNonSecure, 0, 0x2000'2000, 0x2000'20FF, 1, true);
  scs_ns(0xED94, 5);
  for (std::uint32_t address = 0x2000'0F00; address < 0x2000'2200; address += 0x10) {
    const Attribution here = as(kNonSecure, address, AccessType::Fetch);
    EXPECT_LE(here.base, address);
    EXPECT_GE(here.limit, address);
    for (const std::uint32_t edge : {here.base, here.limit}) {
      const Attribution there = as(kNonSecure, edge, AccessType::Fetch);
      EXPECT_EQ(there.fault, here.fault) << std::hex << address << " " << edge;
      EXPECT_EQ(there.nonsecure_callable, here.nonsecure_callable);
    }
  }
}

TEST_F(AttributionTest, DefaultMap) {
  EXPECT_EQ(as(kSecure, 0x4000'0000, AccessType::Fetch).fault, Fault::Mpu);
  EXPECT_TRUE(as(kSecure, 0x5FFF'FFFF, AccessType::Read).device);
  EXPECT_FALSE(as(kSecure, 0x6000'0000, AccessType::Read).device);
  EXPECT_EQ(as(kSecure, 0x6000'0000, AccessType::Fetch).fault, Fault::None);
  EXPECT_EQ(as(kSecure, 0xA000'0000, AccessType::Fetch).fault, Fault::Mpu);
  EXPECT_EQ(as(kSecure, 0xE000'E000, AccessType::Fetch).fault, Fault::Mpu);
  EXPECT_TRUE(as(kSecure, 0xE000'ED00, AccessType::Read).ppb);
  EXPECT_FALSE(as(kSecure, 0xE010'0000, AccessType::Read).ppb);
}

TEST_F(AttributionTest, MpuPermissions) {
  struct {
    unsigned ap;
    bool user_read, user_write, privileged_write;
  } const cases[] = {
      {0, false, false, true}, {1, true, true, true}, {2, false, false, false}, {3, true, false, false}};
  scs_ns(0xED94, 1);
  for (const auto& expected : cases) {
    set_mpu(kNonSecure, 0, 0x2000'0000, 0x2000'0FFF, expected.ap, false);
    const auto allowed = [&](AccessType type, bool privileged) {
      return as(kNonSecure, 0x2000'0800, type, privileged).fault == Fault::None;
    };
    EXPECT_EQ(allowed(AccessType::Read, false), expected.user_read) << expected.ap;
    EXPECT_EQ(allowed(AccessType::Write, false), expected.user_write) << expected.ap;
    EXPECT_TRUE(allowed(AccessType::Read, true)) << expected.ap;
    EXPECT_EQ(allowed(AccessType::Write, true), expected.privileged_write) << expected.ap;
  }
}

TEST_F(AttributionTest, MpuOverlapFaultsAndBackgroundIsForPrivilegedCode) {
  set_mpu(kNonSecure, 0, 0x2000'0000, 0x2000'0FFF, 1, false);
  set_mpu(kNonSecure, 1, 0x2000'0800, 0x2000'17FF, 1, false);
  scs_ns(0xED94, 5);
  EXPECT_EQ(as(kNonSecure, 0x2000'07FF, AccessType::Read).fault, Fault::None);
  EXPECT_EQ(as(kNonSecure, 0x2000'0800, AccessType::Read).fault, Fault::Mpu);
  EXPECT_EQ(as(kNonSecure, 0x2000'0FFF, AccessType::Read).fault, Fault::Mpu);
  EXPECT_EQ(as(kNonSecure, 0x2000'1000, AccessType::Read).fault, Fault::None);
  EXPECT_EQ(as(kNonSecure, 0x2000'1800, AccessType::Read, true).fault, Fault::None);
  EXPECT_EQ(as(kNonSecure, 0x2000'1800, AccessType::Read, false).fault, Fault::Mpu);
  scs_ns(0xED94, 1);
  EXPECT_EQ(as(kNonSecure, 0x2000'1800, AccessType::Read, true).fault, Fault::Mpu);
}

TEST_F(AttributionTest, MpuOfNegativePriorityIsOffWithoutHfnmiena) {
  scs_ns(0xED94, 1);  // no region at all: everything faults
  EXPECT_EQ(as(kNonSecure, 0x2000'0000, AccessType::Read).fault, Fault::Mpu);
  core.state.faultmask[kNonSecure] = true;
  EXPECT_EQ(as(kNonSecure, 0x2000'0000, AccessType::Read).fault, Fault::None);
  scs_ns(0xED94, 3);  // HFNMIENA
  EXPECT_EQ(as(kNonSecure, 0x2000'0000, AccessType::Read).fault, Fault::Mpu);
}

TEST_F(AttributionTest, MpuDoesNotRuleThePpb) {
  scs_ns(0xED94, 1);
  EXPECT_EQ(as(kNonSecure, 0xE000'ED00, AccessType::Read).fault, Fault::None);
  EXPECT_EQ(as(kNonSecure, 0xE000'ED00, AccessType::Fetch).fault, Fault::Mpu);
}

TEST_F(AttributionTest, MpuAliasesNameTheRegionsOfTheGroup) {
  scs(0xED98, 4);
  scs(0xEDA4, 0x3000'0020);      // RBAR_A1: region 5
  scs(0xEDBC - 4, 0x3000'00E1);  // RLAR_A3: region 7
  scs(0xED98, 5);
  EXPECT_EQ(scs(0xED9C), 0x3000'0020u);
  scs(0xED98, 7);
  EXPECT_EQ(scs(0xEDA0), 0x3000'00E1u);
}

TEST_F(AttributionTest, LocksFreezeTheUnits) {
  core.signals.lock_sau = true;
  core.signals.lock_nonsecure_mpu = true;
  scs(0xEDD0, 0);
  scs(0xEDD8, 3);
  EXPECT_EQ(scs(0xEDD0), 1u);
  EXPECT_EQ(scs(0xEDD8), 1u);
  scs_ns(0xED94, 1);
  EXPECT_EQ(scs_ns(0xED94), 0u);
  scs(0xED94, 4);
  EXPECT_EQ(scs(0xED94), 4u);
}

// --- TT ------------------------------------------------------------------------------------------------

constexpr unsigned kTt = 0, kTtt = 1, kTta = 2, kTtat = 3;

TEST_F(AttributionTest, TestTargetFromSecure) {
  // SREGION 1 valid, R, RW, NSR, NSRW; MPU off: no MREGION.
  EXPECT_EQ(test_target(core, 0x2000'0000, kTt), 0x003E'0100u);
  // Secure: S only, R and RW; no SAU region.
  EXPECT_EQ(test_target(core, 0x3000'0000, kTt), 0x004C'0000u);
}

TEST_F(AttributionTest, TestTargetFromNonSecureHidesSecurity) {
  run_thread(kNonSecure, kMain);
  EXPECT_EQ(test_target(core, 0x2000'0000, kTt), 0x000C'0000u);
  EXPECT_EQ(test_target(core, 0x3000'0000, kTt), 0x000C'0000u);
}

TEST_F(AttributionTest, TestTargetUnprivilegedSeesNoMpu) {
  run_thread(kNonSecure, kMain, false);
  EXPECT_EQ(test_target(core, 0x2000'0000, kTt), 0u);
}

TEST_F(AttributionTest, AlternateTestTargetUsesTheNonSecureMpu) {
  set_mpu(kNonSecure, 3, 0x2000'0000, 0x2000'0FFF, 2, false);  // privileged read-only
  scs_ns(0xED94, 1);
  EXPECT_EQ(test_target(core, 0x2000'0000, kTta), 0x0017'0103u);   // MREGION 3, SREGION 1, R, NSR
  EXPECT_EQ(test_target(core, 0x2000'0000, kTtat), 0x0003'0103u);  // unprivileged: not even read
  EXPECT_EQ(test_target(core, 0x2000'1000, kTta), 0x0002'0100u);   // no region, no background
  EXPECT_EQ(test_target(core, 0x2000'0000, kTtt), 0x003E'0100u);   // the Secure MPU is off
}

/// IsReqExcPriNeg(): FAULTMASK counts, of the world whose MPU it is.
TEST_F(AttributionTest, MpuIsOffUnderFaultmaskOfItsWorldWithoutHfnmiena) {
  set_mpu(kSecure, 0, 0x3000'0000, 0x3000'0FFF, 2, true);  // read-only
  write_ppb(core, kScs + 0xED94, 4, true, true, 1);
  EXPECT_EQ(as(kSecure, 0x3000'0000, AccessType::Write).fault, Fault::Mpu);
  core.state.faultmask[kNonSecure] = true;
  EXPECT_EQ(as(kSecure, 0x3000'0000, AccessType::Write).fault, Fault::Mpu);
  core.state.faultmask[kSecure] = true;
  EXPECT_EQ(as(kSecure, 0x3000'0000, AccessType::Write).fault, Fault::None);
  write_ppb(core, kScs + 0xED94, 4, true, true, 3);  // HFNMIENA
  EXPECT_EQ(as(kSecure, 0x3000'0000, AccessType::Write).fault, Fault::Mpu);
}

}  // namespace
}  // namespace microvisor::board

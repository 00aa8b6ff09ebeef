// Security and privilege of DMA channels. Expectations: RM0456 (Rev 6), by section in the tests.
#include "board/peripherals/dma_bench.hpp"

namespace microvisor::board {
namespace {

using namespace testing;

// --- security and privilege (17.4.14, 17.4.15, 17.8.1 to 17.8.5)
// ------------------------------------------------------------------------

TEST_F(DmaTest, ASecureChannelIsClosedToTheOtherWorld) {
  write(dma, kSeccfgr, bit(2));
  write(dma, channel(2) + kSar, 0x1234);
  EXPECT_EQ(read(dma, channel(2) + kSar, kNonSecure), 0U);
  EXPECT_EQ(illegal, 1U);
  write(dma, channel(2) + kSar, 0x5678, kNonSecure);
  EXPECT_EQ(illegal, 2U);
  EXPECT_EQ(reg(2, kSar), 0x1234U);
  EXPECT_EQ(read(dma, kSeccfgr, kNonSecure), bit(2));
  EXPECT_EQ(read(dma, kPrivcfgr, kNonSecure), 0U);
  EXPECT_EQ(read(dma, kRcfglockr, kNonSecure), 0U);
  EXPECT_EQ(illegal, 2U);
  write(dma, kSeccfgr, 0, kNonSecure);
  EXPECT_EQ(illegal, 3U);
  EXPECT_EQ(read(dma, kSeccfgr), bit(2));
}

TEST_F(DmaTest, ASecureChannelChoosesTheWorldOfEachSide) {
  write(dma, kSeccfgr, 0x7);
  copy(0, kMemory, kMemory + 0x100, 4, kWordCopy | kSsec);
  copy(1, kMemory, kMemory + 0x100, 4, kWordCopy | kDsec);
  settle();
  ASSERT_EQ(bus.log.size(), 4U);
  EXPECT_TRUE(bus.log[0].access.secure);
  EXPECT_FALSE(bus.log[1].access.secure);
  EXPECT_FALSE(bus.log[2].access.secure);
  EXPECT_TRUE(bus.log[3].access.secure);
  EXPECT_EQ(bus.log[0].access.master, Master::Gpdma);
}

TEST_F(DmaTest, ANonSecureChannelCannotCarryTheSecureBits) {
  copy(0, kMemory, kMemory + 0x100, 4, kWordCopy | kSsec | kDsec);
  EXPECT_EQ(reg(0, kTr1), kWordCopy);
  settle();
  for (const DmaBus::Log& entry : bus.log) EXPECT_FALSE(entry.access.secure);
}

TEST_F(DmaTest, LosingSecurityClearsTheBits) {
  write(dma, kSeccfgr, bit(0));
  write(dma, channel(0) + kTr1, kWordCopy | kSsec | kDsec);
  EXPECT_EQ(reg(0, kTr1), kWordCopy | kSsec | kDsec);
  write(dma, kSeccfgr, 0);
  EXPECT_EQ(reg(0, kTr1), kWordCopy);
}

TEST_F(DmaTest, LinksOfASecureChannelAreSecureAndMayBringTheBits) {
  write(dma, kSeccfgr, bit(0));
  bus.put(kMemory + 0x40, kWordCopy | kSsec | kDsec);
  bus.put(kMemory + 0x44, 4);
  write(dma, channel(0) + kLbar, kMemory);
  write(dma, channel(0) + kTr2, 4);
  write(dma, channel(0) + kLlr, kUt1 | kUb1 | 0x40);
  write(dma, channel(0) + kCr, kEnable);
  settle();
  ASSERT_EQ(bus.log.size(), 2U);
  EXPECT_TRUE(bus.log[0].access.secure);
  EXPECT_EQ(reg(0, kTr1), kWordCopy | kSsec | kDsec);
}

TEST_F(DmaTest, LinksOfANonSecureChannelCannotBringTheBits) {
  bus.put(kMemory + 0x40, kWordCopy | kSsec | kDsec);
  bus.put(kMemory + 0x44, 4);
  write(dma, channel(0) + kLbar, kMemory);
  write(dma, channel(0) + kTr2, 4);
  write(dma, channel(0) + kLlr, kUt1 | kUb1 | 0x40);
  write(dma, channel(0) + kCr, kEnable);
  settle();
  EXPECT_FALSE(bus.log.at(0).access.secure);
  EXPECT_EQ(reg(0, kTr1), kWordCopy);
}

TEST_F(DmaTest, PrivilegeClosesAChannelSilentlyAndTravelsWithIt) {
  write(dma, kPrivcfgr, bit(1));
  write(dma, channel(1) + kSar, 0x1234);
  EXPECT_EQ(read(dma, channel(1) + kSar, kUnprivileged), 0U);
  write(dma, channel(1) + kSar, 0, kUnprivileged);
  write(dma, kPrivcfgr, 0, kUnprivileged);
  EXPECT_EQ(read(dma, kPrivcfgr, kUnprivileged), bit(1));
  EXPECT_EQ(illegal, 0U);
  copy(0, kMemory, kMemory + 0x100, 4);
  settle();
  copy(1, kMemory, kMemory + 0x100, 4);
  settle();
  EXPECT_FALSE(bus.log.at(0).access.privileged);
  EXPECT_TRUE(bus.log.at(2).access.privileged);
}

TEST_F(DmaTest, PrivilegeOfASecureChannelIsNotForTheOtherWorld) {
  write(dma, kSeccfgr, bit(0));
  write(dma, kPrivcfgr, 0x3, kNonSecure);
  EXPECT_EQ(read(dma, kPrivcfgr), bit(1));
}

TEST_F(DmaTest, LocksFreezeSecurityAndPrivilegeUntilReset) {
  write(dma, kRcfglockr, bit(0), kNonSecure);
  EXPECT_EQ(read(dma, kRcfglockr), 0U);
  write(dma, kSeccfgr, bit(0));
  write(dma, kRcfglockr, bit(0));
  write(dma, kRcfglockr, 0);
  EXPECT_EQ(read(dma, kRcfglockr), bit(0));
  write(dma, kSeccfgr, bit(1));
  write(dma, kPrivcfgr, 0x3);
  EXPECT_EQ(read(dma, kSeccfgr), bit(0) | bit(1));
  EXPECT_EQ(read(dma, kPrivcfgr), bit(1));
  dma.reset(Reset::System);
  EXPECT_EQ(read(dma, kSeccfgr), 0U);
  EXPECT_EQ(read(dma, kRcfglockr), 0U);
}

TEST_F(DmaTest, MaskedInterruptsGoToTheWorldOfTheChannel) {
  write(dma, kSeccfgr, bit(1));
  copy(0, kMemory, kMemory + 0x100, 4, kWordCopy, kSoftware, kEnable | kTcf);
  copy(1, kMemory, kMemory + 0x100, 4, kWordCopy, kSoftware, kEnable | kTcf);
  settle();
  EXPECT_EQ(read(dma, kMisr), bit(0));
  EXPECT_EQ(read(dma, kSmisr), bit(1));
  EXPECT_EQ(read(dma, kMisr, kNonSecure), bit(0));
  EXPECT_EQ(read(dma, kSmisr, kNonSecure), 0U);
}

}  // namespace
}  // namespace microvisor::board

// Who asks the DMA controllers and whose turn it is: requests, triggers, arbitration, and LPDMA1, which
// serves others. Expectations: RM0456 (Rev 6) chapters 17 and 18; request and trigger numbers: tables 137 and
// 139 and the vendor's device header.
#include "board/peripherals/dma_bench.hpp"

namespace microvisor::board {
namespace {

using namespace testing;

// --- requests (17.3.3, 17.3.4, 17.4.11)
// ----------------------------------------------------------------------------------------------

TEST_F(DmaTest, ALevelIsServedAsLongAsItStands) {
  bus.incoming = {0x41, 0x42, 0x43};
  bus.after_device = [this] { request.set(!bus.incoming.empty()); };
  copy(5, kDevice, kMemory + 0x100, 8, kDinc, 26);
  settle();
  EXPECT_EQ(reg(5, kBr1), 8U);
  request.set(true);
  settle();
  EXPECT_EQ(reg(5, kBr1), 5U);
  EXPECT_EQ(bus.get(kMemory + 0x100), 0x0043'4241U);
}

TEST_F(DmaTest, ARequestTowardsADisabledChannelIsForgotten) {
  signals.pulse(DmaLine::Tim6Up);
  copy(0, kMemory, kMemory + 0x100, 4, kWordCopy, 4);
  settle();
  EXPECT_EQ(reg(0, kBr1), 4U);
  signals.pulse(DmaLine::Tim6Up);
  settle();
  EXPECT_EQ(reg(0, kBr1), 0U);
}

TEST_F(DmaTest, ARequestMovesOneBurst) {
  copy(0, kMemory, kMemory + 0x100, 32, kWordCopy | 3U << 4 | 3U << 20, 4);
  signals.pulse(DmaLine::Tim6Up);
  settle();
  EXPECT_EQ(reg(0, kBr1), 16U);
}

TEST_F(DmaTest, ABlockRequestMovesABlock) {
  copy(0, kMemory, kMemory + 0x100, 32, kWordCopy, 107 | kBlockRequest);
  signals.pulse(DmaLine::Lptim1Ue);
  settle();
  EXPECT_EQ(status(0), kIdle | kTcf | kHtf);
}

TEST_F(DmaTest, ADestinationIsFedFromTheSourcesBursts) {
  // Word bursts of two at the source, bytes at a device: one read serves eight requests.
  fill(kMemory, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16});
  copy(0, kMemory, kDevice, 16, widths(kWord, kByte) | kPack | kSinc | 1U << 4, 4 | kDestinationRequest);
  settle();
  EXPECT_TRUE(bus.log.empty());  // the first read waits for the request
  signals.pulse(DmaLine::Tim6Up);
  settle();
  EXPECT_EQ(bus.outgoing, (std::vector<std::uint32_t>{1}));
  EXPECT_EQ(reg(0, kBr1), 8U);
  EXPECT_EQ(reg(0, kSr) >> 16, 7U);  // FIFOL: bytes that wait
  for (unsigned byte = 1; byte < 16; ++byte) {
    signals.pulse(DmaLine::Tim6Up);
    settle();
  }
  EXPECT_EQ(bus.outgoing.size(), 16U);
  EXPECT_EQ(bus.outgoing.back(), 16U);
  EXPECT_EQ(status(0), kIdle | kTcf | kHtf);
}

TEST_F(DmaTest, TheEndOfTheChannelIsToldToTheBlockItServes) {
  unsigned ends = 0;
  signals.on_transfer_end(DmaLine::HashIn, [&] { ++ends; });
  copy(0, kMemory, kDevice, 8, kWord | kWord << 16 | kSinc, 89 | kDestinationRequest);
  signals.pulse(DmaLine::HashIn);
  settle();
  EXPECT_EQ(ends, 0U);
  signals.pulse(DmaLine::HashIn);
  settle();
  EXPECT_EQ(ends, 1U);
}

// --- triggers (17.4.12)
// -----------------------------------------------------------------------------------------------------------

constexpr std::uint32_t trigger(unsigned number, unsigned mode, unsigned polarity = 1) {
  return mode << 14 | number << 16 | polarity << 24;
}

TEST_F(DmaTest, ABlockWaitsForItsTrigger) {
  copy(0, kMemory, kMemory + 0x100, 8, kWordCopy, kSoftware | trigger(3, 0));
  settle();
  EXPECT_EQ(reg(0, kBr1), 8U);
  signals.set_trigger(numbered(DmaTrigger::Exti0, 2), true);
  settle();
  EXPECT_EQ(reg(0, kBr1), 8U);
  signals.set_trigger(numbered(DmaTrigger::Exti0, 3), true);
  settle();
  EXPECT_EQ(status(0), kIdle | kTcf | kHtf);
}

TEST_F(DmaTest, PolarityChoosesTheEdge) {
  copy(0, kMemory, kMemory + 0x100, 4, kWordCopy, kSoftware | trigger(3, 0, 2));
  signals.set_trigger(numbered(DmaTrigger::Exti0, 3), true);
  settle();
  EXPECT_EQ(reg(0, kBr1), 4U);
  signals.set_trigger(numbered(DmaTrigger::Exti0, 3), false);
  settle();
  EXPECT_EQ(reg(0, kBr1), 0U);
}

TEST_F(DmaTest, EachBurstWaitsForATrigger) {
  copy(0, kMemory, kMemory + 0x100, 12, kWordCopy, kSoftware | trigger(42, 3));
  signals.strobe(DmaTrigger::Tim2Trgo);
  settle();
  EXPECT_EQ(reg(0, kBr1), 8U);
}

TEST_F(DmaTest, OneHitIsRememberedAndAThirdIsAnOverrun) {
  copy(0, kMemory, kMemory + 0x100, 12, kWordCopy, 4 | trigger(42, 3));
  signals.strobe(DmaTrigger::Tim2Trgo);
  signals.strobe(DmaTrigger::Tim2Trgo);
  EXPECT_EQ(status(0), 0U);
  signals.strobe(DmaTrigger::Tim2Trgo);
  EXPECT_EQ(status(0), kTof);
  for (unsigned pulse = 0; pulse < 3; ++pulse) {
    signals.pulse(DmaLine::Tim6Up);
    settle();
  }
  EXPECT_EQ(reg(0, kBr1), 4U);  // two hits, two bursts
}

TEST_F(DmaTest, ALinkCanWaitForTheCompletionOfAnotherChannel) {
  write(dma, channel(0) + kLbar, kMemory);
  write(dma, channel(0) + kLlr, kUda | kUll | 0x40);
  bus.put(kMemory + 0x40, kMemory + 0x300);
  bus.put(kMemory + 0x44, 0);
  copy(0, kMemory, kMemory + 0x100, 4, kWordCopy, kSoftware | trigger(22 + 7, 2));
  settle();
  EXPECT_EQ(reg(0, kDar), kMemory + 0x104);  // the data moved, the link waits
  copy(7, kMemory, kMemory + 0x200, 4);
  settle();
  EXPECT_EQ(reg(0, kDar), kMemory + 0x304);
  EXPECT_EQ(status(0), kIdle | kTcf | kHtf);
}

// --- arbitration (17.4.11)
// --------------------------------------------------------------------------------------------------------

class DmaShares : public DmaTest {
 protected:
  /// Words that channels 0 and 1 have moved when `bursts` singles have been granted.
  std::pair<unsigned, unsigned> shares(std::uint32_t first, std::uint32_t second, unsigned bursts) {
    copy(0, kMemory, kMemory + 0x1000, 4096, kWordCopy, kSoftware, kEnable | first << 22);
    copy(1, kMemory, kMemory + 0x2000, 4096, kWordCopy, kSoftware, kEnable | second << 22);
    run_for(scheduler, bursts * 4 * kCycle);
    return {(4096 - reg(0, kBr1)) / 4, (4096 - reg(1, kBr1)) / 4};
  }
};

TEST_F(DmaShares, SamePriorityTakesTurns) { EXPECT_EQ(shares(2, 2, 48), std::pair(24U, 24U)); }

TEST_F(DmaShares, HighPriorityGoesFirst) {
  const auto [low, high] = shares(2, 3, 48);
  EXPECT_LE(low, 1U);  // what was on the bus when the other was enabled
  EXPECT_GE(high, 47U);
}

TEST_F(DmaShares, WeightsAreOneToThreeAndOneToFive) {
  // Example 1 of the section: priority 0 beside 1 gets a quarter. Beside 2: a sixth.
  const auto [zero, one] = shares(0, 1, 48);
  EXPECT_NEAR(zero, 12, 1);
  EXPECT_NEAR(one, 36, 1);
}

TEST_F(DmaShares, WeightsAreOneToFive) {
  const auto [zero, two] = shares(0, 2, 48);
  EXPECT_NEAR(zero, 8, 1);
  EXPECT_NEAR(two, 40, 1);
}

// --- LPDMA1 (chapter 18)
// ----------------------------------------------------------------------------------------------------------

class LpdmaTest : public DmaTest {
 protected:
  DmaSignals wires;
  Dma lpdma{Dma::kLpdma1, scheduler, clocks, bus, lines, wires, [this] { ++illegal; }};
};

TEST_F(LpdmaTest, HasSinglesOnlyAndServesBothDirections) {
  write(lpdma, channel(1) + kTr1, ~0U);
  EXPECT_EQ(read(lpdma, channel(1) + kTr1), 0x000B'080BU);
  write(lpdma, channel(1) + kTr2, ~0U);
  EXPECT_EQ(read(lpdma, channel(1) + kTr2), 0xC31F'CA1FU);
  write(lpdma, channel(4) + kSar, 1);
  EXPECT_EQ(read(lpdma, channel(4) + kSar), 0U);
  fill(kMemory, {0x55, 0x66});
  write(lpdma, channel(1) + kTr1, kSinc);
  write(lpdma, channel(1) + kTr2, 1);  // LPUART1 TX
  write(lpdma, channel(1) + kBr1, 2);
  write(lpdma, channel(1) + kSar, kMemory);
  write(lpdma, channel(1) + kDar, kDevice);
  write(lpdma, channel(1) + kCr, kEnable | kTcf);
  wires.pulse(DmaLine::Lpuart1Tx);
  settle();
  EXPECT_EQ(bus.outgoing, (std::vector<std::uint32_t>{0x55}));
  wires.pulse(DmaLine::Lpuart1Tx);
  settle();
  EXPECT_EQ(bus.outgoing, (std::vector<std::uint32_t>{0x55, 0x66}));
  EXPECT_TRUE(lines.level(115));
  EXPECT_EQ(bus.log.back().access.master, Master::Lpdma);
}

TEST(DmaLines, NumbersOfBothControllers) {
  EXPECT_EQ(gpdma_line(0), DmaLine::Adc1);
  EXPECT_EQ(gpdma_line(35), DmaLine::Lpuart1Tx);
  EXPECT_EQ(gpdma_line(60), DmaLine::Tim2Up);
  EXPECT_EQ(gpdma_line(66), DmaLine::Tim3Trg);
  EXPECT_EQ(gpdma_line(85), DmaLine::Tim17Up);
  EXPECT_EQ(gpdma_line(87), DmaLine::AesIn);
  EXPECT_EQ(gpdma_line(104), DmaLine::SaesOut);
  EXPECT_EQ(gpdma_line(113), DmaLine::Lptim3Ue);
  EXPECT_EQ(gpdma_line(114), std::nullopt);
  EXPECT_EQ(lpdma_line(0), DmaLine::Lpuart1Rx);
  EXPECT_EQ(lpdma_line(6), DmaLine::I2c3Evc);
  EXPECT_EQ(lpdma_line(10), DmaLine::Adf1Filter0);
  EXPECT_EQ(lpdma_line(16), DmaLine::Lptim3Ue);
  EXPECT_EQ(lpdma_line(17), std::nullopt);
  EXPECT_EQ(gpdma_trigger(20), DmaTrigger::RtcWakeup);
  EXPECT_EQ(gpdma_trigger(43), DmaTrigger::Tim15Trgo);
  EXPECT_EQ(lpdma_trigger(11), DmaTrigger::Lptim4Out);
  EXPECT_EQ(lpdma_trigger(14), DmaTrigger::RtcAlarmA);
  EXPECT_EQ(lpdma_trigger(29), numbered(DmaTrigger::Gpdma0Complete, 13));
  EXPECT_EQ(lpdma_trigger(31), DmaTrigger::Tim15Trgo);
}

}  // namespace
}  // namespace microvisor::board

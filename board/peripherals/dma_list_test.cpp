// Linked lists of the DMA controllers. Expectations: RM0456 (Rev 6) sections 17.4.5 to 17.4.8.
#include "board/peripherals/dma_bench.hpp"

namespace microvisor::board {
namespace {

using namespace testing;

// --- linked lists (17.4.5 to 17.4.8)
// ----------------------------------------------------------------------------------------------

class DmaList : public DmaTest {
 protected:
  /// A full item of a linear channel.
  void item(std::uint32_t where, std::uint32_t from, std::uint32_t to, std::uint32_t bytes,
            std::uint32_t next, std::uint32_t tr2 = kSoftware) {
    const std::uint32_t words[] = {kWordCopy, tr2, bytes, from, to, next};
    for (unsigned index = 0; index < 6; ++index) bus.put(where + 4 * index, words[index]);
  }
  /// As the vendor's driver starts a list: nothing in the register file but the link.
  void start(std::uint32_t first, std::uint32_t cr = kEnable) {
    write(dma, channel(0) + kLbar, kMemory);
    write(dma, channel(0) + kLlr, kAll | (first & 0xFFFF));
    write(dma, channel(0) + kCr, cr);
  }
  static constexpr std::uint32_t kFirst = kMemory + 0x8000, kSecond = kMemory + 0x8040;
};

TEST_F(DmaList, AnEmptyFirstItemFetchesTheListAndRaisesNothing) {
  item(kFirst, kMemory, kMemory + 0x100, 8, 0, 27);  // then waits for a request
  start(kFirst);
  settle();
  EXPECT_EQ(status(0), 0U);
  EXPECT_EQ(reg(0, kTr1), kWordCopy);
  EXPECT_EQ(reg(0, kBr1), 8U);
  EXPECT_EQ(reg(0, kLlr), 0U);
}

TEST_F(DmaList, ItemsAreWorkedOffOneAfterTheOther) {
  bus.put(kMemory, 0xAAAA'0001);
  bus.put(kMemory + 0x20, 0xAAAA'0002);
  item(kFirst, kMemory, kMemory + 0x100, 4, kAll | (kSecond & 0xFFFF));
  item(kSecond, kMemory + 0x20, kMemory + 0x104, 4, 0);
  start(kFirst);
  settle();
  EXPECT_EQ(bus.get(kMemory + 0x100), 0xAAAA'0001U);
  EXPECT_EQ(bus.get(kMemory + 0x104), 0xAAAA'0002U);
  EXPECT_EQ(status(0), kIdle | kTcf | kHtf);
}

TEST_F(DmaList, CompleteEventOfTheChannelComesOnce) {
  const std::uint32_t by_channel = 27 | complete_mode(3);
  item(kFirst, kMemory, kMemory + 0x100, 4, kAll | (kSecond & 0xFFFF), by_channel);
  item(kSecond, kMemory, kMemory + 0x104, 8, 0, by_channel);
  signals.connect(DmaLine::Usart2Tx, request);
  start(kFirst);
  settle();
  request.set(true);
  request.set(false);
  bus.log.clear();
  signals.pulse(DmaLine::Usart2Tx);  // the whole first item
  settle();
  EXPECT_EQ(reg(0, kBr1), 8U);
  EXPECT_EQ(status(0), 0U);
  signals.pulse(DmaLine::Usart2Tx);
  settle();
  EXPECT_EQ(status(0), kHtf);
  signals.pulse(DmaLine::Usart2Tx);
  settle();
  EXPECT_EQ(status(0), kIdle | kTcf | kHtf);
}

TEST_F(DmaList, CompleteEventOfAnItemFollowsItsLink) {
  item(kFirst, kMemory, kMemory + 0x100, 4, kAll | (kSecond & 0xFFFF), kSoftware | complete_mode(2));
  item(kSecond, kMemory, kMemory + 0x104, 4, 0, 27);
  start(kFirst);
  settle();
  EXPECT_EQ(reg(0, kTr2), 27U);
  EXPECT_EQ(status(0), kTcf | kHtf);
}

TEST_F(DmaList, AnItemHoldsOnlyWhatItsBitsName) {
  // UT2, UDA and ULL: three words in a row (17.4.5). BNDT comes back to what was programmed.
  bus.put(kMemory, 0x1234'5678);
  bus.put(kFirst, 27);
  bus.put(kFirst + 4, kMemory + 0x200);
  bus.put(kFirst + 8, 0);
  write(dma, channel(0) + kLbar, kMemory);
  write(dma, channel(0) + kLlr, kUt2 | kUda | kUll | (kFirst & 0xFFFF));
  copy(0, kMemory, kMemory + 0x100, 4);
  settle();
  EXPECT_EQ(bus.get(kMemory + 0x100), 0x1234'5678U);
  EXPECT_EQ(reg(0, kTr1), kWordCopy);
  EXPECT_EQ(reg(0, kTr2), 27U);
  EXPECT_EQ(reg(0, kBr1), 4U);
  EXPECT_EQ(reg(0, kSar), kMemory + 4);
  EXPECT_EQ(reg(0, kDar), kMemory + 0x200);
  EXPECT_EQ(reg(0, kLlr), 0U);
}

TEST_F(DmaList, ACircularBufferNeedsOnlyItsAddress) {
  // Figure 70: USA alone, ULL = 0: the link stays what it is.
  signals.connect(DmaLine::Usart2Tx, request);
  bus.put(kFirst, kMemory);
  fill(kMemory, {1, 2});
  write(dma, channel(0) + kLbar, kMemory);
  write(dma, channel(0) + kLlr, kUsa | (kFirst & 0xFFFF));
  copy(0, kMemory, kDevice, 2, kSinc, 27 | kDestinationRequest);
  for (unsigned byte = 0; byte < 5; ++byte) {
    signals.pulse(DmaLine::Usart2Tx);
    settle();
  }
  EXPECT_EQ(bus.outgoing, (std::vector<std::uint32_t>{1, 2, 1, 2, 1}));
  EXPECT_EQ(status(0), kTcf | kHtf);
  EXPECT_EQ(reg(0, kBr1), 1U);
}

TEST_F(DmaList, WithoutUpdatesTheLastItemRunsForEver) {
  write(dma, channel(0) + kLlr, 4);  // LA is not zero, all update bits are
  copy(0, kMemory, kMemory + 0x100, 4, kWordCopy, 27);
  signals.connect(DmaLine::Usart2Tx, request);
  for (unsigned lap = 0; lap < 3; ++lap) {
    signals.pulse(DmaLine::Usart2Tx);
    settle();
    EXPECT_EQ(reg(0, kBr1), 4U);
    EXPECT_EQ(reg(0, kDar), kMemory + 0x104 + 4 * lap);
  }
}

TEST_F(DmaList, LinkStepModeStopsAfterEachItemWithTheNextOneLoaded) {
  item(kFirst, kMemory, kMemory + 0x100, 4, kAll | (kSecond & 0xFFFF));
  item(kSecond, kMemory + 0x20, kMemory + 0x104, 8, 0);
  start(kFirst, kEnable | kLsm);
  settle();
  EXPECT_EQ(status(0), kIdle);
  EXPECT_EQ(reg(0, kCr), kLsm);
  EXPECT_EQ(reg(0, kBr1), 4U);
  write(dma, channel(0) + kCr, kEnable | kLsm);
  settle();
  EXPECT_EQ(status(0), kIdle | kTcf | kHtf);
  EXPECT_EQ(reg(0, kBr1), 8U);
  EXPECT_EQ(reg(0, kSar), kMemory + 0x20);
}

}  // namespace
}  // namespace microvisor::board

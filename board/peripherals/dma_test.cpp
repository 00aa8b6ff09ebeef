// The DMA controllers against a bus of test memory. Expectations: RM0456 chapters 17 and 18 (Rev 6), by
// section in the tests; request and trigger numbers: tables 137 and 139 and the vendor's device header.
#include "board/peripherals/dma.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <string>

#include "board/peripherals/test_bench.hpp"

namespace microvisor::board {
namespace {

using namespace testing;

constexpr std::uint32_t kMemory = 0x2000'0000;
constexpr std::uint32_t kDevice = 0x4000'4424;  // a data register
constexpr std::uint32_t kFault = 0x6000'0000;   // answers with an error
constexpr std::uint32_t kBusy = 0x0800'0000;    // stalls until a moment

// Registers
constexpr std::uint32_t kSeccfgr = 0x00, kPrivcfgr = 0x04, kRcfglockr = 0x08, kMisr = 0x0C, kSmisr = 0x10;
constexpr std::uint32_t channel(unsigned x) { return 0x50 + 0x80 * x; }
constexpr std::uint32_t kLbar = 0x00, kFcr = 0x0C, kSr = 0x10, kCr = 0x14, kTr1 = 0x40, kTr2 = 0x44,
                        kBr1 = 0x48, kSar = 0x4C, kDar = 0x50, kTr3 = 0x54, kBr2 = 0x58, kLlr = 0x7C;
// CxSR
constexpr std::uint32_t kIdle = bit(0), kTcf = bit(8), kHtf = bit(9), kDtef = bit(10), kUlef = bit(11),
                        kUsef = bit(12), kSuspf = bit(13), kTof = bit(14);
// CxCR
constexpr std::uint32_t kEnable = bit(0), kResetChannel = bit(1), kSuspend = bit(2), kLsm = bit(16);
// CxTR1
constexpr std::uint32_t kByte = 0, kHalf = 1, kWord = 2, kSinc = bit(3), kDinc = bit(19), kSsec = bit(15),
                        kDsec = bit(31);
constexpr std::uint32_t widths(std::uint32_t source, std::uint32_t destination) {
  return source | destination << 16;
}
constexpr std::uint32_t kWordCopy = kWord | kWord << 16 | kSinc | kDinc;
// CxTR2
constexpr std::uint32_t kSoftware = bit(9), kDestinationRequest = bit(10), kBlockRequest = bit(11);
constexpr std::uint32_t complete_mode(std::uint32_t mode) { return mode << 30; }
// CxLLR
constexpr std::uint32_t kUt1 = bit(31), kUt2 = bit(30), kUb1 = bit(29), kUsa = bit(28), kUda = bit(27),
                        kUll = bit(16);
constexpr std::uint32_t kAll = kUt1 | kUt2 | kUb1 | kUsa | kUda | kUll;

/// 64 KiB of memory, one data register, one place that fails and one that is busy. Remembers who came how.
class TestBus final : public Bus {
 public:
  struct Log {
    std::uint32_t address;
    unsigned size;
    bool write;
    Access access;
    std::uint32_t value;
  };
  explicit TestBus(Scheduler& scheduler) : scheduler_(scheduler) {}

  Outcome read(std::uint32_t address, unsigned size, const Access& access, std::uint32_t& value) override {
    value = 0;
    if (address - kBusy < 0x1000 && scheduler_.now() < busy_until) return Outcome::Stall;
    if (address == kFault) return Outcome::BusError;
    if (address == kDevice) {
      if (!incoming.empty()) {
        value = incoming.front();
        incoming.pop_front();
      }
      if (after_device) after_device();
    } else {
      std::memcpy(&value, at(address), size);
    }
    log.push_back({address, size, false, access, value});
    return Outcome::Ok;
  }
  Outcome write(std::uint32_t address, unsigned size, const Access& access, std::uint32_t value) override {
    if (address == kFault) return Outcome::BusError;
    log.push_back({address, size, true, access, value});
    if (address == kDevice) {
      outgoing.push_back(value);
      if (after_device) after_device();
    } else {
      std::memcpy(at(address), &value, size);
    }
    return Outcome::Ok;
  }
  std::optional<DirectSpan> direct(std::uint32_t, const Access&) override { return std::nullopt; }
  Time stalled_until() const override { return busy_until; }
  bool peek(std::uint32_t, unsigned, std::uint32_t&) const override { return false; }
  bool poke(std::uint32_t, unsigned, std::uint32_t) override { return false; }
  void set_observer(BusObserver*) override {}

  std::uint8_t* at(std::uint32_t address) { return memory.data() + (address & 0xFFFF); }
  void put(std::uint32_t address, std::uint32_t word) { std::memcpy(at(address), &word, 4); }
  std::uint32_t get(std::uint32_t address) {
    std::uint32_t word = 0;
    std::memcpy(&word, at(address), 4);
    return word;
  }

  std::array<std::uint8_t, 0x1'0000> memory{};
  std::deque<std::uint32_t> incoming;
  std::vector<std::uint32_t> outgoing;
  std::function<void()> after_device;
  std::vector<Log> log;
  Time busy_until = 0;

 private:
  Scheduler& scheduler_;
};

class DmaTest : public ::testing::Test {
 protected:
  DmaTest() { signals.connect(DmaLine::Usart2Rx, request); }

  static constexpr Time kCycle = kTicksPerSecond / 160'000'000;

  /// Plain copy by channel `x`, enabled at once.
  void copy(unsigned x, std::uint32_t from, std::uint32_t to, std::uint32_t bytes,
            std::uint32_t tr1 = kWordCopy, std::uint32_t tr2 = kSoftware, std::uint32_t cr = kEnable) {
    set_up(x, from, to, bytes, tr1, tr2);
    write(dma, channel(x) + kCr, cr);
  }
  void set_up(unsigned x, std::uint32_t from, std::uint32_t to, std::uint32_t bytes, std::uint32_t tr1,
              std::uint32_t tr2) {
    write(dma, channel(x) + kTr1, tr1);
    write(dma, channel(x) + kTr2, tr2);
    write(dma, channel(x) + kBr1, bytes);
    write(dma, channel(x) + kSar, from);
    write(dma, channel(x) + kDar, to);
  }
  std::uint32_t reg(unsigned x, std::uint32_t offset) { return read(dma, channel(x) + offset); }
  std::uint32_t status(unsigned x) { return reg(x, kSr) & 0xFFFF; }
  void settle() { run_for(scheduler, milliseconds(10)); }
  void fill(std::uint32_t address, std::initializer_list<std::uint8_t> bytes) {
    std::copy(bytes.begin(), bytes.end(), bus.at(address));
  }

  Scheduler scheduler;
  FixedClocks clocks;
  RecordedLines lines;
  TestBus bus{scheduler};
  DmaSignals signals;
  DmaRequest request;
  unsigned illegal = 0;
  Dma dma{Dma::kGpdma1, scheduler, clocks, bus, lines, signals, [this] { ++illegal; }};
};

// --- one block (17.4.2, 17.8.8 to 17.8.15)
// -------------------------------------------------------------------------------------------------------

TEST_F(DmaTest, CopiesABlockOfMemoryAndEnds) {
  for (unsigned word = 0; word < 4; ++word) bus.put(kMemory + 4 * word, 0x1111'0000 + word);
  EXPECT_EQ(status(3), kIdle);
  copy(3, kMemory, kMemory + 0x100, 16);
  EXPECT_EQ(status(3), 0U);
  EXPECT_EQ(reg(3, kCr), kEnable);
  settle();
  for (unsigned word = 0; word < 4; ++word)
    EXPECT_EQ(bus.get(kMemory + 0x100 + 4 * word), 0x1111'0000 + word);
  EXPECT_EQ(status(3), kIdle | kTcf | kHtf);
  EXPECT_EQ(reg(3, kCr), 0U);
  EXPECT_EQ(reg(3, kBr1), 0U);
  EXPECT_EQ(reg(3, kSar), kMemory + 16);
  EXPECT_EQ(reg(3, kDar), kMemory + 0x110);
}

TEST_F(DmaTest, ASingleTakesAnAddressAndADataPhaseOnEachSide) {
  copy(0, kMemory, kMemory + 0x100, 16);
  run_for(scheduler, 16 * kCycle - 1);
  EXPECT_EQ(reg(0, kBr1), 4U);
  run_for(scheduler, 1);
  EXPECT_EQ(reg(0, kBr1), 0U);
}

TEST_F(DmaTest, ABurstSavesAddressPhases) {
  // Four beats from and four beats to: 5 + 5 cycles.
  copy(0, kMemory, kMemory + 0x100, 16, kWordCopy | 3U << 4 | 3U << 20);
  run_for(scheduler, 10 * kCycle - 1);
  EXPECT_EQ(reg(0, kBr1), 16U);
  run_for(scheduler, 1);
  EXPECT_EQ(reg(0, kBr1), 0U);
}

TEST_F(DmaTest, RegistersOfAnEnabledChannelAreReadOnly) {
  copy(0, kMemory, kMemory + 0x100, 16, kWordCopy, 27);  // waits for a request
  write(dma, channel(0) + kBr1, 4);
  write(dma, channel(0) + kSar, 0);
  write(dma, channel(0) + kLlr, kUll | 4);
  write(dma, channel(0) + kCr, 3U << 22 | kLsm);
  EXPECT_EQ(reg(0, kBr1), 16U);
  EXPECT_EQ(reg(0, kSar), kMemory);
  EXPECT_EQ(reg(0, kLlr), 0U);
  EXPECT_EQ(reg(0, kCr), kEnable);  // EN cannot be written to 0 either
}

TEST_F(DmaTest, HalfIsRoundedUpToTheSourceBytesThatHaveArrived) {
  copy(0, kMemory, kMemory + 0x100, 5, kSinc | kDinc);
  run_for(scheduler, 2 * 4 * kCycle);
  EXPECT_EQ(status(0) & kHtf, 0U);
  run_for(scheduler, 4 * kCycle);  // the third of five bytes
  EXPECT_EQ(status(0), kHtf);
}

TEST_F(DmaTest, InterruptLevelFollowsFlagsAndEnables) {
  write(dma, channel(9) + kCr, kHtf | kTcf);
  copy(9, kMemory, kMemory + 0x100, 8, kWordCopy, kSoftware, kEnable | kTcf);
  settle();
  EXPECT_TRUE(lines.level(81));  // channels 8 to 15 have lines 80 to 87
  EXPECT_EQ(read(dma, kMisr), bit(9));
  write(dma, channel(9) + kFcr, kTcf);
  EXPECT_FALSE(lines.level(81));
  EXPECT_EQ(status(9), kIdle | kHtf);
  EXPECT_EQ(reg(9, kFcr), 0U);
  EXPECT_EQ(read(dma, kMisr), 0U);
}

// --- data handling (17.4.10, table 141)
// -----------------------------------------------------------------------------------------

struct Handling {
  const char* name;
  std::uint32_t tr1;
  std::vector<std::uint8_t> expected;  ///< what lies at the destination, lowest address first
};

class DmaHandling : public DmaTest, public ::testing::WithParamInterface<Handling> {};

TEST_P(DmaHandling, StreamIsThatOfTheTable) {
  fill(kMemory, {0x81, 0x12, 0x93, 0xA4, 0x35, 0xC6, 0x57, 0xE8});
  copy(0, kMemory, kMemory + 0x100, 8, GetParam().tr1 | kSinc | kDinc);
  settle();
  const std::vector<std::uint8_t> got(bus.at(kMemory + 0x100),
                                      bus.at(kMemory + 0x100) + GetParam().expected.size());
  EXPECT_EQ(got, GetParam().expected);
  EXPECT_EQ(status(0), kIdle | kTcf | kHtf);
}

constexpr std::uint32_t kPam1 = 1U << 11, kPack = 2U << 11, kSbx = bit(13), kDbx = bit(26), kDhx = bit(27);

INSTANTIATE_TEST_SUITE_P(
    Table141, DmaHandling,
    ::testing::Values(
        Handling{"byte_to_half_padded", widths(kByte, kHalf), {0x81, 0, 0x12, 0, 0x93, 0, 0xA4, 0}},
        Handling{"byte_to_half_swapped", widths(kByte, kHalf) | kDbx, {0, 0x81, 0, 0x12, 0, 0x93}},
        Handling{"byte_to_half_signed", widths(kByte, kHalf) | kPam1, {0x81, 0xFF, 0x12, 0, 0x93, 0xFF}},
        Handling{"byte_to_half_packed", widths(kByte, kHalf) | kPack, {0x81, 0x12, 0x93, 0xA4, 0x35, 0xC6}},
        Handling{"byte_to_word_padded", widths(kByte, kWord), {0x81, 0, 0, 0, 0x12, 0, 0, 0}},
        Handling{"byte_to_word_halves_swapped", widths(kByte, kWord) | kDhx, {0, 0, 0x81, 0, 0, 0, 0x12, 0}},
        Handling{
            "byte_to_word_signed", widths(kByte, kWord) | kPam1, {0x81, 0xFF, 0xFF, 0xFF, 0x12, 0, 0, 0}},
        Handling{"byte_to_word_packed_both_swaps",
                 widths(kByte, kWord) | kPack | kDbx | kDhx,
                 {0xA4, 0x93, 0x12, 0x81, 0xE8, 0x57, 0xC6, 0x35}},
        Handling{"half_to_byte_low", widths(kHalf, kByte), {0x81, 0x93, 0x35, 0x57}},
        Handling{"half_to_byte_high", widths(kHalf, kByte) | kPam1, {0x12, 0xA4, 0xC6, 0xE8}},
        Handling{"half_to_byte_unpacked", widths(kHalf, kByte) | kPack, {0x81, 0x12, 0x93, 0xA4, 0x35, 0xC6}},
        Handling{
            "half_to_word_signed", widths(kHalf, kWord) | kPam1, {0x81, 0x12, 0, 0, 0x93, 0xA4, 0xFF, 0xFF}},
        Handling{"word_to_byte_low", widths(kWord, kByte), {0x81, 0x35}},
        Handling{"word_to_byte_high", widths(kWord, kByte) | kPam1, {0xA4, 0xE8}},
        Handling{"word_to_half_high", widths(kWord, kHalf) | kPam1, {0x93, 0xA4, 0x57, 0xE8}},
        Handling{
            "word_to_half_high_after_sbx", widths(kWord, kHalf) | kPam1 | kSbx, {0x12, 0xA4, 0xC6, 0xE8}},
        Handling{"word_to_word_sbx",
                 widths(kWord, kWord) | kSbx,
                 {0x81, 0x93, 0x12, 0xA4, 0x35, 0x57, 0xC6, 0xE8}},
        Handling{
            "word_to_word_bytes_swapped", widths(kWord, kWord) | kDbx, {0x12, 0x81, 0xA4, 0x93, 0xC6, 0x35}},
        Handling{"word_to_byte_unpacked", widths(kWord, kByte) | kPack, {0x81, 0x12, 0x93, 0xA4, 0x35}}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_F(DmaTest, FixedAddressesStayWhereTheyAre) {
  bus.incoming = {7, 8, 9};
  copy(0, kDevice, kMemory + 0x100, 3, kDinc);
  settle();
  EXPECT_EQ(bus.get(kMemory + 0x100), 0x0009'0807U);
  EXPECT_EQ(reg(0, kSar), kDevice);
  copy(1, kMemory + 0x100, kDevice, 3, kSinc);
  settle();
  EXPECT_EQ(bus.outgoing, (std::vector<std::uint32_t>{7, 8, 9}));
}

// --- two dimensions (17.8.13, 17.8.16, 17.8.17)
// ------------------------------------------------------------------------------------

TEST_F(DmaTest, OffsetsAreAddedAfterEachWholeBurst) {
  for (unsigned word = 0; word < 9; ++word) bus.put(kMemory + 4 * word, word);
  // Bursts of two words with a gap of two words at the source; three bursts, the last cut to one word.
  write(dma, channel(12) + kTr3, 8);
  copy(12, kMemory, kMemory + 0x100, 20, kWordCopy | 1U << 4 | 1U << 20);
  settle();
  const std::uint32_t expected[] = {0, 1, 4, 5, 8};
  for (unsigned word = 0; word < 5; ++word) EXPECT_EQ(bus.get(kMemory + 0x100 + 4 * word), expected[word]);
  // Two whole bursts moved it by 8 + 8, the shortened third by one word and no gap.
  EXPECT_EQ(reg(12, kSar), kMemory + 2 * 16 + 4);
}

TEST_F(DmaTest, BlocksRepeatWithOffsetsAndCountDown) {
  for (unsigned byte = 0; byte < 4; ++byte) *bus.at(kMemory + byte) = static_cast<std::uint8_t>(0x10 + byte);
  // The same four bytes three times, four bytes apart: source goes back by 4, destination ahead by 4.
  write(dma, channel(13) + kBr2, 4U << 16 | 4);
  copy(13, kMemory, kMemory + 0x100, 4 | 2U << 16 | bit(30), kSinc | kDinc, kSoftware | complete_mode(1));
  run_for(scheduler, 4 * 4 * kCycle);
  EXPECT_EQ(reg(13, kBr1), 4U | 1U << 16 | bit(30));
  EXPECT_EQ(status(13), 0U);
  run_for(scheduler, 4 * 4 * kCycle);
  EXPECT_EQ(status(13), kHtf);  // two of three blocks are half, rounded up
  run_for(scheduler, 4 * 4 * kCycle);
  EXPECT_EQ(status(13), kIdle | kTcf | kHtf);
  for (unsigned block = 0; block < 3; ++block) EXPECT_EQ(bus.get(kMemory + 0x100 + 8 * block), 0x1312'1110U);
  EXPECT_EQ(reg(13, kBr1), bit(30));
}

TEST_F(DmaTest, CompleteEventOfEachBlockInModeZero) {
  copy(14, kMemory, kMemory + 0x100, 4 | 1U << 16, kSinc | kDinc);
  run_for(scheduler, 4 * 4 * kCycle);
  EXPECT_EQ(status(14), kTcf | kHtf);
}

TEST_F(DmaTest, LinearChannelsHaveNoSecondDimension) {
  write(dma, channel(11) + kTr3, ~0U);
  write(dma, channel(11) + kBr2, ~0U);
  write(dma, channel(11) + kBr1, ~0U);
  EXPECT_EQ(reg(11, kTr3), 0U);
  EXPECT_EQ(reg(11, kBr2), 0U);
  EXPECT_EQ(reg(11, kBr1), 0xFFFFU);
}

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

// --- errors (17.4.16)
// -------------------------------------------------------------------------------------------------------

TEST_F(DmaTest, BusErrorOfTheDataEndsTheChannel) {
  copy(0, kFault, kMemory, 4, kWord | kWord << 16, kSoftware, kEnable | kDtef);
  copy(1, kMemory, kFault, 4, kWord | kWord << 16);
  settle();
  EXPECT_EQ(status(0), kIdle | kDtef);
  EXPECT_EQ(status(1), kIdle | kDtef);
  EXPECT_EQ(reg(0, kCr), kDtef);
  EXPECT_TRUE(lines.level(29));
}

TEST_F(DmaTest, BusErrorOfTheLinkEndsTheChannel) {
  write(dma, channel(0) + kLbar, kFault);
  write(dma, channel(0) + kLlr, kUb1);
  write(dma, channel(0) + kCr, kEnable);
  settle();
  EXPECT_EQ(status(0), kIdle | kUlef);
}

struct BadSetting {
  const char* name;
  std::uint32_t tr1 = kWordCopy, bytes = 8, from = kMemory, to = kMemory + 0x100, tr3 = 0, br2 = 0;
};

class DmaSettings : public DmaTest, public ::testing::WithParamInterface<BadSetting> {};

TEST_P(DmaSettings, AreRefusedAtOnce) {
  const BadSetting& bad = GetParam();
  write(dma, channel(12) + kTr3, bad.tr3);
  write(dma, channel(12) + kBr2, bad.br2);
  copy(12, bad.from, bad.to, bad.bytes, bad.tr1);
  EXPECT_EQ(status(12), kIdle | kUsef);
  EXPECT_EQ(reg(12, kCr), 0U);
  settle();
  EXPECT_TRUE(bus.log.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Section17_4_16, DmaSettings,
    ::testing::Values(BadSetting{.name = "no_bytes_and_no_link", .bytes = 0},
                      BadSetting{.name = "size_not_in_source_widths", .bytes = 6},
                      BadSetting{.name = "packed_size_not_in_destination_widths",
                                 .tr1 = widths(kByte, kWord) | kPack,
                                 .bytes = 6},
                      BadSetting{.name = "source_unaligned", .from = kMemory + 2},
                      BadSetting{.name = "destination_unaligned", .to = kMemory + 1},
                      BadSetting{.name = "source_offset_unaligned", .tr3 = 2},
                      BadSetting{.name = "destination_offset_unaligned", .tr3 = 2U << 16},
                      BadSetting{.name = "repeated_source_offset_unaligned", .br2 = 1},
                      BadSetting{.name = "repeated_destination_offset_unaligned", .br2 = 1U << 16},
                      BadSetting{.name = "double_word_source", .tr1 = widths(3, kWord)},
                      BadSetting{.name = "double_word_destination", .tr1 = widths(kWord, 3)}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_F(DmaTest, SizeInHalvesOfAPaddedDestinationIsFine) {
  copy(0, kMemory, kMemory + 0x100, 6, widths(kHalf, kWord) | kSinc | kDinc);
  settle();
  EXPECT_EQ(status(0), kIdle | kTcf | kHtf);
}

TEST_F(DmaTest, ALoadedItemWithoutDataIsASettingError) {
  write(dma, channel(0) + kLbar, kMemory);
  write(dma, channel(0) + kLlr, kUb1 | 0x40);
  bus.put(kMemory + 0x40, 0);
  write(dma, channel(0) + kCr, kEnable);
  settle();
  EXPECT_EQ(status(0), kIdle | kUsef);
}

// --- suspend, resume, abort (17.4.3, 17.4.4)
// ---------------------------------------------------------------------------------------------

TEST_F(DmaTest, SuspendsWhileWaitingAndGoesOn) {
  signals.connect(DmaLine::Usart2Rx, request);
  copy(0, kDevice, kMemory, 2, kDinc, 26);
  write(dma, channel(0) + kCr, kEnable | kSuspend | kSuspf);
  EXPECT_EQ(status(0), kIdle | kSuspf);
  EXPECT_TRUE(lines.level(29));
  EXPECT_EQ(reg(0, kCr), kEnable | kSuspend | kSuspf);
  request.set(true);
  settle();
  EXPECT_EQ(reg(0, kBr1), 2U);
  write(dma, channel(0) + kCr, kEnable);
  write(dma, channel(0) + kFcr, kSuspf);
  settle();
  EXPECT_EQ(status(0), kIdle | kTcf | kHtf);
}

TEST_F(DmaTest, ResetAfterSuspendEndsTheChannelAndKeepsItsConfiguration) {
  copy(0, kDevice, kMemory, 2, kDinc, 26);
  write(dma, channel(0) + kCr, kEnable | kSuspend);
  write(dma, channel(0) + kCr, kResetChannel | kSuspend | kEnable);
  EXPECT_EQ(reg(0, kCr), 0U);
  EXPECT_EQ(reg(0, kBr1), 2U);
  EXPECT_EQ(reg(0, kSar), kDevice);
  EXPECT_EQ(status(0), kIdle | kSuspf);
}

TEST_F(DmaTest, DisablingByTheVendorsDriverWorksOnARunningChannel) {
  copy(0, kMemory, kMemory + 0x100, 1024);
  run_for(scheduler, 100 * kCycle);
  write(dma, channel(0) + kCr, reg(0, kCr) | kSuspend | kResetChannel);
  EXPECT_EQ(reg(0, kCr) & kEnable, 0U);
  const std::uint32_t left = reg(0, kBr1);
  EXPECT_EQ(left, 1024U - 25 * 4);
  settle();
  EXPECT_EQ(reg(0, kBr1), left);
}

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
  for (const TestBus::Log& entry : bus.log) EXPECT_FALSE(entry.access.secure);
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

// --- time and memory
// --------------------------------------------------------------------------------------------------

TEST_F(DmaTest, ABusyTargetIsWaitedForInTheMiddleOfABurst) {
  bus.put(kBusy, 0xCAFE'F00D);
  bus.busy_until = microseconds(50);
  copy(0, kBusy, kMemory + 0x100, 8, kWordCopy | 1U << 4 | 1U << 20);
  run_for(scheduler, microseconds(49));
  EXPECT_EQ(reg(0, kBr1), 8U);
  settle();
  EXPECT_EQ(bus.get(kMemory + 0x100), 0xCAFE'F00DU);
  EXPECT_EQ(status(0), kIdle | kTcf | kHtf);
}

TEST_F(DmaTest, AChannelThatResetsItselfIsGone) {
  bus.put(kMemory, 0x5A5A'5A5A);
  copy(0, kMemory, kDevice, 8, kWord | kWord << 16 | kSinc);
  bus.after_device = [this] { write(dma, channel(0) + kCr, kResetChannel); };
  settle();
  EXPECT_EQ(bus.outgoing.size(), 1U);
  EXPECT_EQ(status(0), kIdle);
}

TEST_F(DmaTest, ASnapshotInTheMiddleGoesOnElsewhere) {
  for (unsigned word = 0; word < 16; ++word) bus.put(kMemory + 4 * word, word);
  copy(0, kMemory, kMemory + 0x100, 64);
  run_for(scheduler, 22 * kCycle);
  Archive saved;
  dma.serialise(saved);
  write(dma, channel(0) + kCr, kResetChannel);
  DmaSignals others;
  Dma other(Dma::kGpdma1, scheduler, clocks, bus, lines, others, [] {});
  Archive loaded(saved.bytes());
  other.serialise(loaded);
  settle();
  EXPECT_EQ(read(other, channel(0) + kSr) & 0xFFFF, kIdle | kTcf | kHtf);
  for (unsigned word = 0; word < 16; ++word) EXPECT_EQ(bus.get(kMemory + 0x100 + 4 * word), word);
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

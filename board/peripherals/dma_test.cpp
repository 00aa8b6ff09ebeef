// Blocks on the DMA controllers: what is moved, how it is packed, errors, suspension, time. Expectations:
// RM0456 (Rev 6) chapter 17, by section in the tests.
#include "board/peripherals/dma_bench.hpp"

#include <string>

namespace microvisor::board {
namespace {

using namespace testing;

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

}  // namespace
}  // namespace microvisor::board

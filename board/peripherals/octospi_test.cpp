// Expectations: RM0456 chapter 28, MX25LM51245G data sheet, and the order in which the vendor's driver and
// board support package write the registers.
#include "board/peripherals/octospi.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "board/memory/board_memories.hpp"
#include "board/peripherals/nor_sfdp.hpp"
#include "board/peripherals/test_bench.hpp"

namespace microvisor::board {
namespace {

using namespace testing;

constexpr std::uint32_t kCr = 0, kDcr1 = 8, kDcr2 = 0xC, kSr = 0x20, kFcr = 0x24, kDlr = 0x40, kAr = 0x48,
                        kDr = 0x50, kPsmkr = 0x80, kPsmar = 0x88, kPir = 0x90, kCcr = 0x100, kTcr = 0x108,
                        kIr = 0x110, kWccr = 0x180, kWir = 0x190;
constexpr std::uint32_t kTef = 1, kTcf = 2, kFtf = 4, kSmf = 8, kBusy = 32;
constexpr std::uint32_t kRead = 1U << 28, kPoll = 2U << 28, kMapped = 3U << 28;
// CCR for one line: instruction, + 32-bit address, + data.
constexpr std::uint32_t kPlain = 1, kAddressed = 1 | (1U << 8) | (3U << 12), kData = 1U << 24;
// CCR for eight lines, 16-bit instruction, 32-bit address, single and double rate.
constexpr std::uint32_t kOctal = 4 | (1U << 4) | (4U << 8) | (3U << 12), kOctalData = 4U << 24;
constexpr std::uint32_t kDouble = bit(3) | bit(11), kDoubleData = bit(27) | bit(29);

class OctospiTest : public ::testing::Test {
 protected:
  Scheduler scheduler;
  FixedClocks clocks;
  RecordedLines lines;
  BoardMemories memories = *BoardMemories::in_memory(BoardIdentity::from_seed(3));
  NorArray cells = memories.nor().array();
  NorFlash nor{scheduler, memories.nor()};
  OctospiManager manager{nor};
  Octospi spi{Octospi::kControllers[0], scheduler, clocks, lines, [this] { return manager.device_of(0); }};

  void SetUp() override {
    write(spi, kDcr1, (25U << 16) | (1U << 24));
    write(spi, kDcr2, 3);  // 40 MHz
    write(spi, kCr, 1);
  }
  bool wait(std::uint32_t flag, bool set = true) {
    for (int i = 0; i < 400'000; ++i) {
      if (((read(spi, kSr) & flag) != 0) == set) return true;
      run_for(scheduler, microseconds(1));
    }
    return false;
  }
  /// Vendor driver: FMODE 0, CCR, TCR, DLR, IR, AR.
  void command(std::uint32_t ccr, std::uint32_t instruction, std::uint32_t address = 0,
               std::uint32_t length = 0, std::uint32_t dummy = 0) {
    ASSERT_TRUE(wait(kBusy, false));
    write(spi, kCr, 1);
    write(spi, kCcr, ccr);
    write(spi, kTcr, dummy);
    if (length != 0) write(spi, kDlr, length - 1);
    write(spi, kIr, instruction);
    if (bits(ccr, 10, 8) != 0) write(spi, kAr, address);
    if (length != 0) return;
    ASSERT_TRUE(wait(kTcf));
    write(spi, kFcr, kTcf);
  }
  std::vector<std::uint8_t> receive(std::size_t length) {
    const std::uint32_t address = read(spi, kAr), instruction = read(spi, kIr);
    write(spi, kCr, 1 | kRead);
    if (bits(read(spi, kCcr), 10, 8) != 0) {
      write(spi, kAr, address);
    } else {
      write(spi, kIr, instruction);
    }
    std::vector<std::uint8_t> data;
    for (std::size_t i = 0; i < length; ++i) {
      EXPECT_TRUE(wait(kFtf | kTcf));
      data.push_back(static_cast<std::uint8_t>(read(spi, kDr, kSecure, 1)));
    }
    EXPECT_TRUE(wait(kTcf));
    write(spi, kFcr, kTcf);
    EXPECT_TRUE(wait(kBusy, false));
    return data;
  }
  void transmit(const std::vector<std::uint8_t>& data) {
    for (const std::uint8_t byte : data) {
      ASSERT_TRUE(wait(kFtf));
      write(spi, kDr, byte, kSecure, 1);
    }
    ASSERT_TRUE(wait(kTcf));
    write(spi, kFcr, kTcf);
  }
  std::uint8_t status() {
    command(kPlain | kData, 0x05, 0, 1);
    return receive(1)[0];
  }
  void poll_ready(std::uint32_t ccr = kPlain | kData, std::uint32_t instruction = 5,
                  std::uint32_t length = 1) {
    write(spi, kPsmkr, 1);
    write(spi, kPsmar, 0);
    write(spi, kPir, 0x10);
    command(ccr, instruction, 0, length, bits(ccr, 10, 8) != 0 ? 4 : 0);
    write(spi, kCr, 1 | kPoll | bit(22));
    if (bits(ccr, 10, 8) != 0) {
      write(spi, kAr, 0);
    } else {
      write(spi, kIr, instruction);
    }
    ASSERT_TRUE(wait(kSmf));
    write(spi, kFcr, kSmf);
    ASSERT_EQ(read(spi, kSr) & kBusy, 0U);
  }
  void program(std::uint32_t address, const std::vector<std::uint8_t>& data) {
    command(kPlain, 0x06);
    command(kAddressed | kData, 0x12, address, static_cast<std::uint32_t>(data.size()));
    transmit(data);
  }
  std::vector<std::uint8_t> read_array(std::uint32_t address, std::uint32_t length) {
    command(kAddressed | kData, 0x13, address, length);
    return receive(length);
  }
  static std::vector<std::uint8_t> sequence(std::size_t length, std::uint8_t first = 0) {
    std::vector<std::uint8_t> data(length);
    std::iota(data.begin(), data.end(), first);
    return data;
  }
};

TEST_F(OctospiTest, ReadsIdentification) {
  command(kPlain | kData, 0x9F, 0, 3);
  EXPECT_EQ(receive(3), (std::vector<std::uint8_t>{0xC2, 0x85, 0x3A}));
}

TEST_F(OctospiTest, WriteEnableLatch) {
  EXPECT_EQ(status(), 0);
  command(kPlain, 0x06);
  EXPECT_EQ(status(), 2);
  command(kPlain, 0x04);
  EXPECT_EQ(status(), 0);
}

TEST_F(OctospiTest, ProgramTakesTimeAndReadsBack) {
  const auto data = sequence(256);
  program(0x1000, data);
  EXPECT_EQ(status() & 3, 3);
  const Time begin = scheduler.now();
  poll_ready();
  EXPECT_GT(scheduler.now() - begin, microseconds(100));
  EXPECT_LT(scheduler.now() - begin, microseconds(200));
  EXPECT_EQ(status(), 0);
  EXPECT_EQ(read_array(0x1000, 256), data);
}

TEST_F(OctospiTest, ProgramWithoutWriteEnableDoesNothing) {
  command(kAddressed | kData, 0x12, 0, 4);
  transmit({1, 2, 3, 4});
  EXPECT_EQ(status(), 0);
  EXPECT_EQ(read_array(0, 4), (std::vector<std::uint8_t>(4, 0xFF)));
}

TEST_F(OctospiTest, ProgramWrapsInsideThePageAndOnlyClears) {
  program(0x20FE, {0x0F, 0x33, 0x55});
  poll_ready();
  EXPECT_EQ(cells.read(0x20FE), 0x0F);
  EXPECT_EQ(cells.read(0x20FF), 0x33);
  EXPECT_EQ(cells.read(0x2000), 0x55);
  program(0x20FE, {0xF1});
  poll_ready();
  EXPECT_EQ(cells.read(0x20FE), 0x01);
}

TEST_F(OctospiTest, EraseSizes) {
  for (const std::uint32_t address : {0x0FFFU, 0x1000U, 0x1FFFU, 0x2000U, 0xFFFFU, 0x1'0000U})
    cells.program(address, 0);
  command(kPlain, 0x06);
  command(kAddressed, 0x21, 0x1234);
  poll_ready();
  EXPECT_EQ(cells.read(0x0FFF), 0);
  EXPECT_EQ(cells.read(0x1000), 0xFF);
  EXPECT_EQ(cells.read(0x1FFF), 0xFF);
  EXPECT_EQ(cells.read(0x2000), 0);
  command(kPlain, 0x06);
  const Time begin = scheduler.now();
  command(kAddressed, 0xDC, 0x1234);
  poll_ready();
  EXPECT_GE(scheduler.now() - begin, milliseconds(220));
  EXPECT_LT(scheduler.now() - begin, milliseconds(221));
  EXPECT_EQ(cells.read(0xFFFF), 0xFF);
  EXPECT_EQ(cells.read(0x1'0000), 0);
}

TEST_F(OctospiTest, PowerCutInTheMiddleLeavesMixedBits) {
  for (std::uint32_t i = 0; i < 4096; ++i) cells.program(0x3000 + i, 0x5A);
  command(kPlain, 0x06);
  command(kAddressed, 0x21, 0x3000);
  run_for(scheduler, milliseconds(10));
  nor.power_on();
  run_for(scheduler, seconds(1));
  unsigned erased = 0, kept = 0;
  for (std::uint32_t i = 0; i < 4096; ++i) {
    erased += cells.read(0x3000 + i) == 0xFF ? 1 : 0;
    kept += cells.read(0x3000 + i) != 0xFF ? 1 : 0;
  }
  EXPECT_GT(kept, 0U);
  EXPECT_GT(erased, 0U);
  EXPECT_EQ(status(), 0);
  EXPECT_EQ(memories.nor().cuts(), 1U);
  EXPECT_EQ(memories.nor().erases(3), 0U);

  program(0x8000, std::vector<std::uint8_t>(256, 0));
  nor.power_on();
  unsigned complete = 0;
  for (std::uint32_t i = 0; i < 256; ++i) complete += cells.read(0x8000 + i) == 0 ? 1 : 0;
  EXPECT_LT(complete, 256U);
}

TEST_F(OctospiTest, SoftwareResetCutsTheOperationShort) {
  for (std::uint32_t i = 0; i < 4096; ++i) cells.program(i, 0);
  command(kPlain, 0x06);
  command(kAddressed, 0x21, 0);
  run_for(scheduler, milliseconds(10));
  command(kPlain, 0x66);
  command(kPlain, 0x99);
  const Time reset = scheduler.now();
  poll_ready();
  EXPECT_GE(scheduler.now() - reset, milliseconds(99));  // recovery after an erase: 100 ms
  EXPECT_EQ(memories.nor().last_cut().operation, NorOperation::Erase);
  EXPECT_EQ(status(), 0);
}

TEST_F(OctospiTest, WearIsCountedBySector) {
  for (int i = 0; i < 3; ++i) {
    command(kPlain, 0x06);
    command(kAddressed, 0x21, 0x2345);
    poll_ready();
  }
  command(kPlain, 0x06);
  command(kAddressed, 0xDC, 0);
  poll_ready();
  EXPECT_EQ(memories.nor().erases(2), 4U);
  EXPECT_EQ(memories.nor().erases(15), 1U);
  EXPECT_EQ(memories.nor().erases(16), 0U);
}

TEST_F(OctospiTest, ProtectionIsKeptWithoutPower) {
  command(kPlain, 0x06);
  command(kPlain | kData, 0x01, 0, 2);  // WRSR: BP0, and TB in the configuration register
  transmit({0x04, 0x0F});
  poll_ready();
  nor.power_on();
  EXPECT_EQ(status(), 0x04);
  command(kPlain | kData, 0x15, 0, 1);
  EXPECT_EQ(receive(1)[0], 0x0F);
  program(0x100, {0});  // in the first block, which is protected from the bottom
  poll_ready();
  EXPECT_EQ(cells.read(0x100), 0xFF);
  command(kPlain | kData, 0x2B, 0, 1);
  EXPECT_EQ(receive(1)[0], 0x20);  // P_FAIL
  EXPECT_EQ(status(), 0x04);       // and WEL is gone
}

TEST_F(OctospiTest, TheProtocolAfterPowerOnCanBeChosenOnce) {
  write(spi, kDcr1, (31U << 16) | (1U << 24));  // the register's address lies beyond the array
  command(kPlain, 0x06);
  command(kAddressed | kData, 0x72, 0x4000'0000, 1);
  transmit({0x02});  // bit 0 cleared: SOPI
  poll_ready();
  EXPECT_EQ(nor.protocol(), NorFlash::Protocol::Spi);
  nor.power_on();
  EXPECT_EQ(nor.protocol(), NorFlash::Protocol::OctalStr);
}

TEST_F(OctospiTest, PowerDownEndsThirtyMicrosecondsAfterItsRelease) {
  cells.program(0, 0x12);
  command(kPlain, 0xB9);
  EXPECT_EQ(read_array(0, 1)[0], 0xFF);
  command(kPlain, 0xAB);
  const Time released = scheduler.now();
  poll_ready();
  EXPECT_GE(scheduler.now() - released, microseconds(29));
  EXPECT_EQ(read_array(0, 1)[0], 0x12);
}

TEST_F(OctospiTest, AddressLengthFollowsTheCommandAndTheMode) {
  constexpr std::uint32_t kShort = 1 | (1U << 8) | (2U << 12);  // 24-bit address
  cells.program(0x12, 0x34);
  command(kShort | kData, 0x03, 0x12, 1);
  EXPECT_EQ(receive(1)[0], 0x34);
  command(kAddressed | kData, 0x03, 0x12, 1);
  EXPECT_EQ(receive(1)[0], 0xFF);  // not understood
  command(kPlain, 0xB7);           // 4-byte address mode
  command(kAddressed | kData, 0x03, 0x12, 1);
  EXPECT_EQ(receive(1)[0], 0x34);
  command(kPlain | kData, 0x15, 0, 1);
  EXPECT_EQ(receive(1)[0], 0x27);
  command(kPlain, 0xE9);
  command(kShort | kData, 0x0B, 0x12, 1, 8);
  EXPECT_EQ(receive(1)[0], 0x34);
}

/// What a driver that knows nothing of the chip reads: JESD216B, sections 6.1 to 6.4.
TEST_F(OctospiTest, ParametersDescribeTheChip) {
  constexpr std::uint32_t kShort = 1 | (1U << 8) | (2U << 12);
  const auto parameters = [this](std::uint32_t address, std::uint32_t words) {
    command(kShort | kData, 0x5A, address, words * 4, 8);
    const std::vector<std::uint8_t> bytes = receive(words * 4);
    std::vector<std::uint32_t> result;
    for (std::size_t i = 0; i < bytes.size(); i += 4) {
      result.push_back(bytes[i] | bytes[i + 1] << 8 | bytes[i + 2] << 16 |
                       static_cast<std::uint32_t>(bytes[i + 3]) << 24);
    }
    return result;
  };
  const auto header = parameters(0, 6);
  EXPECT_EQ(header[0], 0x5044'4653U);      // "SFDP"
  ASSERT_EQ(bits(header[1], 23, 16), 1U);  // two parameter headers
  EXPECT_EQ(header[2] & 0xFF, 0x00U);
  EXPECT_EQ(header[4] & 0xFF, 0x84U);
  const auto basic = parameters(header[3] & 0xFF'FFFF, header[2] >> 24);
  ASSERT_GE(basic.size(), 16U);
  EXPECT_EQ(basic[1] + 1, 512U << 20);  // density in bits
  EXPECT_EQ(basic[0] & 3, 1U);          // 4 KiB erase throughout
  EXPECT_EQ(bits(basic[0], 15, 8), 0x20U);
  EXPECT_EQ(1U << bits(basic[7], 7, 0), 4096U);
  EXPECT_EQ(1U << bits(basic[7], 23, 16), 65'536U);
  EXPECT_EQ(bits(basic[7], 31, 24), 0xD8U);
  EXPECT_EQ(1U << bits(basic[10], 7, 4), 256U);       // page
  EXPECT_EQ((bits(basic[9], 8, 4) + 1) * 1, 25U);     // sector erase, ms
  EXPECT_EQ((bits(basic[10], 12, 8) + 1) * 8, 152U);  // page program, us
  EXPECT_EQ(bits(basic[15], 12, 12), 1U);             // 66h 99h
  const auto four = parameters(header[5] & 0xFF'FFFF, header[4] >> 24);
  ASSERT_EQ(four.size(), 2U);
  EXPECT_EQ(four[0] & 0x43, 0x43U);      // 13h, 0Ch, 12h
  EXPECT_EQ(four[1] & 0xFFFF, 0xDC21U);  // sector and block erase
}

TEST_F(OctospiTest, OctalSingleRateWithParameters) {
  command(kPlain, 0x06);
  command(kAddressed | kData, 0x72, 0, 1);
  transmit({1});
  ASSERT_EQ(nor.protocol(), NorFlash::Protocol::OctalStr);
  const std::uint32_t octal = kOctal | kOctalData;
  command(octal, 0x9F60, 0, 3, 4);
  EXPECT_EQ(receive(3), (std::vector<std::uint8_t>{0xC2, 0x85, 0x3A}));
  command(octal, 0x5AA5, 0, 4, 20);
  EXPECT_EQ(receive(4), (std::vector<std::uint8_t>{'S', 'F', 'D', 'P'}));
  command(kOctal & 0xFF, 0x06F9);
  command(octal, 0x12ED, 0x4000, 8);
  transmit(sequence(8, 0x10));
  poll_ready(octal, 0x05FA, 1);
  command(octal, 0xEC13, 0x4000, 8, 20);  // 20 dummy cycles are the reset value
  EXPECT_EQ(receive(8), sequence(8, 0x10));
  command(octal, 0xEC13, 0x4000, 8, 18);  // two too few: late bytes of the address come first
  EXPECT_NE(receive(8), sequence(8, 0x10));
  command(kOctal & 0xFF, 0x06F9);
  command(kOctal, 0x21DE, 0x4000);
  poll_ready(octal, 0x05FA, 1);
  EXPECT_EQ(cells.read(0x4000), 0xFF);
}

TEST_F(OctospiTest, ArrayIsUnreadableWhileBusy) {
  program(0, {1, 2, 3, 4});
  EXPECT_EQ(read_array(0x10, 2), (std::vector<std::uint8_t>{0xFF, 0xFF}));
  command(kPlain | kData, 0x05, 0, 1);
  EXPECT_TRUE(test(receive(1)[0], 0));
}

TEST_F(OctospiTest, LongReadIsPacedByTheFifo) {
  for (std::uint32_t i = 0; i < 1000; ++i) cells.program(i, static_cast<std::uint8_t>(i * 7));
  command(kAddressed | kData, 0x13, 0, 1000);
  write(spi, kCr, 1 | kRead | (3U << 8));
  write(spi, kAr, 0);
  run_for(scheduler, milliseconds(10));
  EXPECT_EQ(bits(read(spi, kSr), 13, 8), 32U);  // full, clock stopped
  EXPECT_EQ(read(spi, kSr) & kTcf, 0U);
  for (std::uint32_t i = 0; i < 1000; i += 4) {
    ASSERT_TRUE(wait(kFtf));
    const std::uint32_t word = read(spi, kDr);
    for (std::uint32_t j = 0; j < 4; ++j)
      ASSERT_EQ(static_cast<std::uint8_t>(word >> (8 * j)), static_cast<std::uint8_t>((i + j) * 7));
  }
  EXPECT_TRUE(wait(kTcf));
  EXPECT_EQ(read(spi, kSr) & kBusy, 0U);
}

TEST_F(OctospiTest, TransferTimeFollowsClockAndLines) {
  const Time begin = scheduler.now();
  write(spi, kCr, 1 | (3U << 8));
  write(spi, kCcr, kAddressed | kData);
  write(spi, kDlr, 255);
  write(spi, kIr, 0x02);
  write(spi, kAr, 0);
  EXPECT_EQ(read(spi, kSr) & kBusy, 0U);  // a write waits for its data
  for (int i = 0; i < 64; ++i) {
    while ((read(spi, kSr) & kFtf) == 0) run_for(scheduler, 48);
    write(spi, kDr, 0);
  }
  ASSERT_TRUE(wait(kTcf));
  // (8 + 32 + 256 * 8) cycles of 40 MHz = 52.2 us.
  EXPECT_GE(scheduler.now() - begin, microseconds(52));
  EXPECT_LE(scheduler.now() - begin, microseconds(54));
}

TEST_F(OctospiTest, AddressBeyondTheDeviceIsAnError) {
  command(kAddressed | kData, 0x13, 0, 4);
  write(spi, kCr, 1 | kRead | bit(16));
  write(spi, kAr, 0x400'0000);
  EXPECT_NE(read(spi, kSr) & kTef, 0U);
  EXPECT_EQ(read(spi, kSr) & kBusy, 0U);
  EXPECT_TRUE(lines.level(76));
  write(spi, kFcr, kTef);
  EXPECT_FALSE(lines.level(76));
}

TEST_F(OctospiTest, AbortEndsAnything) {
  write(spi, kPsmkr, 1);
  write(spi, kPsmar, 1);  // never: the chip is not busy
  write(spi, kCr, 1 | kPoll | bit(22));
  write(spi, kCcr, kPlain | kData);
  write(spi, kDlr, 0);
  write(spi, kIr, 5);
  run_for(scheduler, milliseconds(1));
  EXPECT_NE(read(spi, kSr) & kBusy, 0U);
  set_bits(spi, kCr, 2);
  EXPECT_EQ(read(spi, kSr) & (kBusy | kTcf), kTcf);
  EXPECT_EQ(read(spi, kCr) & 2, 0U);
}

TEST_F(OctospiTest, TransferCompleteInterrupt) {
  write(spi, kCr, 1 | bit(17));
  write(spi, kCcr, kPlain);
  write(spi, kIr, 6);
  EXPECT_FALSE(lines.level(76));
  run_for(scheduler, microseconds(1));
  EXPECT_TRUE(lines.level(76));
  write(spi, kFcr, kTcf);
  EXPECT_FALSE(lines.level(76));
}

TEST_F(OctospiTest, OctalDoubleRateTheVendorWay) {
  // Board support package: reset in all protocols, dummy cycles 6, DTR, poll, read back, memory-mapped.
  for (const std::uint32_t ccr : {kPlain, kOctal & 0xFF, (kOctal & 0xFF) | bit(3)}) {
    const bool octal = ccr != kPlain;
    command(ccr, octal ? 0x6699 : 0x66);
    command(ccr, octal ? 0x9966 : 0x99);
  }
  run_for(scheduler, milliseconds(100));
  command(kPlain, 0x06);
  command(kAddressed | kData, 0x72, 0x300, 1);
  transmit({7});
  command(kPlain, 0x06);
  command(kAddressed | kData, 0x72, 0, 1);
  transmit({2});
  EXPECT_EQ(nor.protocol(), NorFlash::Protocol::OctalDtr);
  const std::uint32_t dtr = kOctal | kDouble | kOctalData | kDoubleData;
  poll_ready(dtr, 0x05FA, 2);
  command(dtr, 0x718E, 0, 2, 5);
  EXPECT_EQ(receive(2)[0], 2);

  command((kOctal & 0xFF) | bit(3), 0x06F9);
  command(dtr, 0x12ED, 0x10000, 64);
  transmit(sequence(64, 0x80));
  poll_ready(dtr, 0x05FA, 2);
  command(dtr, 0xEE11, 0x10000, 64, 6);
  EXPECT_EQ(receive(64), sequence(64, 0x80));

  write(spi, kCcr, dtr);
  write(spi, kTcr, 6);
  write(spi, kIr, 0xEE11);
  write(spi, kCr, 1 | kMapped);
  std::uint32_t word = 0;
  ExternalMemory& window = spi;
  EXPECT_EQ(window.read(0x10004, 4, word), Outcome::Ok);
  EXPECT_EQ(word, 0x8786'8584U);
  EXPECT_NE(read(spi, kSr) & kBusy, 0U);
  EXPECT_EQ(window.read(0x400'0000, 4, word), Outcome::BusError);
  set_bits(spi, kCr, 2);
  EXPECT_EQ(read(spi, kSr) & kBusy, 0U);
}

TEST_F(OctospiTest, WrongDummyCyclesShiftTheData) {
  for (std::uint32_t i = 0; i < 16; ++i) cells.program(i, static_cast<std::uint8_t>(i));
  command(kAddressed | kData, 0x0C, 0, 4, 8);
  EXPECT_EQ(receive(4), sequence(4));
  command(kAddressed | kData, 0x0C, 0, 4, 16);
  EXPECT_EQ(receive(4), sequence(4, 1));
}

TEST_F(OctospiTest, CommandsOfTheWrongProtocolAreIgnored) {
  command(kOctal & 0xFF, 0x06F9);
  EXPECT_EQ(status(), 0);
}

TEST_F(OctospiTest, SuspendAndResume) {
  command(kPlain, 0x06);
  command(kAddressed, 0xDC, 0);
  run_for(scheduler, milliseconds(100));
  command(kPlain, 0xB0);
  EXPECT_EQ(status() & 1, 0);
  command(kPlain | kData, 0x2B, 0, 1);
  EXPECT_EQ(receive(1)[0], 0x08);
  EXPECT_EQ(read_array(0x10'0000, 1)[0], 0xFF);
  command(kPlain, 0x30);
  const Time resumed = scheduler.now();
  poll_ready();
  EXPECT_GT(scheduler.now() - resumed, milliseconds(119));
}

TEST_F(OctospiTest, ManagerRoutesChipSelect) {
  Octospi second{Octospi::kControllers[1], scheduler, clocks, lines, [this] { return manager.device_of(1); }};
  EXPECT_EQ(manager.device_of(1), nullptr);
  write(manager, 4, 0x0705'0333);
  EXPECT_EQ(manager.device_of(0), nullptr);
  EXPECT_EQ(manager.device_of(1), &nor);
  // Clock, chip select and the low IO lines all have to come from the controller (RM0456 29.5.2).
  for (const std::uint32_t missing : {1U << 0, 1U << 8, 1U << 16}) {
    write(manager, 4, 0x0301'0111 & ~missing);
    EXPECT_EQ(manager.device_of(0), nullptr);
  }
  write(manager, 4, 0x0303'0111);  // IO[3:0] of the port are the controller's upper lines
  EXPECT_EQ(manager.device_of(0), nullptr);
  manager.reset(Reset::System);
  EXPECT_EQ(read(manager, 4), 0x0301'0111U);
}

TEST_F(OctospiTest, WindowLeftAloneReleasesChipSelectAfterItsTimeout) {
  write(spi, kCcr, kAddressed | kData);
  write(spi, kIr, 0x13);
  write(spi, 0x130, 400);  // LPTR: 400 cycles of 40 MHz = 10 us
  write(spi, kCr, 1 | kMapped | bit(3) | bit(20));
  std::uint32_t word = 0;
  EXPECT_EQ(static_cast<ExternalMemory&>(spi).read(0, 4, word), Outcome::Ok);
  run_for(scheduler, microseconds(9));
  EXPECT_EQ(read(spi, kSr) & (kBusy | 16), kBusy);
  EXPECT_EQ(static_cast<ExternalMemory&>(spi).read(4, 4, word), Outcome::Ok);  // counts from here again
  run_for(scheduler, microseconds(9));
  EXPECT_EQ(read(spi, kSr) & (kBusy | 16), kBusy);
  EXPECT_FALSE(lines.level(76));
  run_for(scheduler, microseconds(2));
  EXPECT_EQ(read(spi, kSr) & (kBusy | 16), 16U);  // TOF
  EXPECT_TRUE(lines.level(76));
  write(spi, kFcr, 16);
  EXPECT_FALSE(lines.level(76));
}

TEST_F(OctospiTest, MappedWriteNeedsWriteEnable) {
  write(spi, kCcr, kAddressed | kData);
  write(spi, kIr, 0x13);
  write(spi, kWccr, kAddressed | kData);
  write(spi, kWir, 0x12);
  ExternalMemory& window = spi;
  std::uint32_t word = 0;
  EXPECT_EQ(window.read(0, 4, word), Outcome::BusError);
  write(spi, kCr, 1 | kMapped);
  EXPECT_EQ(window.write(0, 4, 0), Outcome::Ok);
  EXPECT_EQ(window.read(0, 4, word), Outcome::Ok);
  EXPECT_EQ(word, 0xFFFF'FFFFU);
}

}  // namespace
}  // namespace microvisor::board

// Expectations: the check values of published CRC parameter sets for the message "123456789".
#include "board/peripherals/crc.hpp"

#include <gtest/gtest.h>

#include <string_view>

#include "board/peripherals/test_bench.hpp"

namespace microvisor::board {
namespace {

using namespace testing;

constexpr std::string_view kMessage = "123456789";

std::uint32_t run(std::uint32_t control, std::uint32_t polynomial, std::uint32_t initial) {
  Crc crc;
  write(crc, 0x14, polynomial);
  write(crc, 0x10, initial);
  write(crc, 0x08, control | 1);
  for (const char c : kMessage) write(crc, 0, static_cast<std::uint8_t>(c), kSecure, 1);
  EXPECT_EQ(read(crc, 0x08) & 1, 0U);
  return read(crc, 0);
}

TEST(CrcTest, PublishedCheckValues) {
  EXPECT_EQ(run(0, 0x04C1'1DB7, 0xFFFF'FFFF), 0x0376'E6E7U);                                 // CRC-32/MPEG-2
  EXPECT_EQ(run((1U << 5) | bit(7), 0x04C1'1DB7, 0xFFFF'FFFF) ^ 0xFFFF'FFFF, 0xCBF4'3926U);  // CRC-32
  EXPECT_EQ(run(1U << 3, 0x1021, 0xFFFF), 0x29B1U);  // CRC-16/CCITT-FALSE
  EXPECT_EQ(run(2U << 3, 0x07, 0), 0xF4U);           // CRC-8
  EXPECT_EQ(run(3U << 3, 0x09, 0), 0x75U);           // CRC-7/MMC
}

TEST(CrcTest, WordsCarryFourBytesMostSignificantFirst) {
  Crc crc;
  write(crc, 0x08, 1);
  write(crc, 0, 0x3132'3334);
  write(crc, 0, 0x3536'3738);
  write(crc, 0, 0x39, kSecure, 1);
  EXPECT_EQ(read(crc, 0), 0x0376'E6E7U);
}

TEST(CrcTest, ResetKeepsTheIndependentRegister) {
  Crc crc;
  write(crc, 0x04, 0xA5A5'A5A5);
  write(crc, 0x08, 1);
  EXPECT_EQ(read(crc, 0x04), 0xA5A5'A5A5U);
  EXPECT_EQ(read(crc, 0), 0xFFFF'FFFFU);
}

}  // namespace
}  // namespace microvisor::board

// Cryptographic blocks on the whole chip, fed by GPDMA from SRAM: request lines, the sign that a transfer has
// ended, and what the bus lets through. Register sequences: RM0456 sections 17.4, 49.4.17 and 51.4.9;
// vectors: FIPS 180-4 examples and NIST SP 800-38A F.2.1.
#include <gtest/gtest.h>

#include "board/board.hpp"
#include "board/peripherals/hex.hpp"
#include "board/peripherals/register_block.hpp"
#include "board/peripherals/test_bench.hpp"

namespace microvisor::board {
namespace {

using namespace testing;

constexpr Access kSecureMaster = testing::kSecure, kNonSecureMaster = testing::kNonSecure;

constexpr std::uint32_t kRcc = 0x5602'0C00, kGpdma = 0x5002'0000, kAes = 0x520C'0000, kHash = 0x520C'0400,
                        kTzsc = 0x5003'2400;
constexpr std::uint32_t kInput = 0x3000'0000, kOutput = 0x3000'8000;
constexpr std::uint32_t kAesIn = 87, kAesOut = 88, kHashIn = 89;

class Cryptography : public ::testing::Test {
 protected:
  Cryptography() {
    auto memories = std::move(*BoardMemories::in_memory(BoardIdentity::from_seed(1)));
    board = std::move(*Board::create(std::move(memories)));
    put(kRcc + 0x88, get(kRcc + 0x88) | 1 | bit(24));        // GPDMA1, GTZC1
    put(kRcc + 0x8C, get(kRcc + 0x8C) | bit(16) | bit(17));  // AES, HASH
  }
  void put(std::uint32_t address, std::uint32_t value) {
    EXPECT_EQ(board->bus().write(address, 4, kSecureMaster, value), Outcome::Ok);
  }
  std::uint32_t get(std::uint32_t address, const Access& access = kSecureMaster) {
    std::uint32_t value = 0;
    EXPECT_EQ(board->bus().read(address, 4, access, value), Outcome::Ok);
    return value;
  }
  void place(const Bytes& data) {
    for (std::uint32_t at = 0; at < data.size(); at += 4) put(kInput + at, word_at(data, at));
  }
  /// Words between memory and a data register on a secure channel, paced by the block's request.
  void start(std::uint32_t channel, std::uint32_t from, std::uint32_t to, std::uint32_t bytes,
             std::uint32_t request, bool to_block) {
    const std::uint32_t base = kGpdma + 0x50 + 0x80 * channel;
    put(kGpdma, get(kGpdma) | bit(channel));
    put(kGpdma + 4, get(kGpdma + 4) | bit(channel));
    put(base + 0x40, 2 | 2U << 16 | bit(15) | bit(31) | (to_block ? bit(3) : bit(19)));
    put(base + 0x44, request | (to_block ? bit(10) : 0));
    put(base + 0x48, bytes);
    put(base + 0x4C, from);
    put(base + 0x50, to);
    put(base + 0x14, 1);
  }
  std::unique_ptr<Board> board;
};

TEST_F(Cryptography, DmaFeedsHashAndItsEndClosesTheMessage) {
  place(Bytes(1'000'000 / 16, 'a'));  // what fits into SRAM1
  put(kHash, 3U << 17 | 2U << 4 | bit(13) | bit(2));
  for (unsigned part = 0; part < 16; ++part) {
    if (part == 15) put(kHash, get(kHash) & ~bit(13));
    put(kHash, get(kHash) | bit(3));
    start(0, kInput, kHash + 4, 62'500, kHashIn, true);
    run_for(board->scheduler(), milliseconds(100));
    ASSERT_NE(get(kGpdma + 0x60) & bit(8), 0U) << part;  // TCF
    put(kGpdma + 0x5C, 0x7F00);
  }
  ASSERT_NE(get(kHash + 0x24) & bit(1), 0U);
  EXPECT_EQ(get(kHash + 0x310), 0xCDC7'6E5CU);  // FIPS 180-4: a million times "a"
  EXPECT_EQ(get(kHash + 0x32C), 0xC711'2CD0U);
}

TEST_F(Cryptography, DmaFeedsAndEmptiesAes) {
  place(
      from_hex("6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51"
               "30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710"));
  put(kAes, 2U << 1 | 1U << 5 | bit(11) | bit(12));
  constexpr std::uint32_t kKey[] = {0x09CF'4F3C, 0xABF7'1588, 0x28AE'D2A6, 0x2B7E'1516};
  constexpr std::uint32_t kIv[] = {0x0C0D'0E0F, 0x0809'0A0B, 0x0405'0607, 0x0001'0203};
  for (std::uint32_t i = 0; i < 4; ++i) {
    put(kAes + 0x10 + 4 * i, kKey[i]);
    put(kAes + 0x20 + 4 * i, kIv[i]);
  }
  start(1, kAes + 0xC, kOutput, 64, kAesOut, false);
  start(0, kInput, kAes + 8, 64, kAesIn, true);
  put(kAes, get(kAes) | 1);
  run_for(board->scheduler(), milliseconds(1));
  Bytes out;
  for (std::uint32_t at = 0; at < 64; at += 4) append_word(out, get(kOutput + at));
  EXPECT_EQ(to_hex(out),
            "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
            "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7");
}

TEST_F(Cryptography, SecureBlocksAreClosedToTheOtherWorld) {
  put(kHash, 3U << 17 | bit(2));
  EXPECT_EQ(get(kHash & ~0x1000'0000U, kNonSecureMaster), 3U << 17);
  put(kTzsc + 0x18, bit(12));  // HASH
  EXPECT_EQ(get(kHash & ~0x1000'0000U, kNonSecureMaster), 0U);
  put(kRcc + 0x64, bit(17));  // HASHRST
  EXPECT_EQ(get(kHash), 0U);
  put(kRcc + 0x8C, get(kRcc + 0x8C) & ~bit(17));
  EXPECT_EQ(get(kHash + 0x24), 0U);  // no clock, no registers
}

}  // namespace
}  // namespace microvisor::board

// What must hold of hardened decisions without any disturbance; what they withstand is tried on the board
// (tests/faults).
#include "firmware/hardened/hardened.hpp"

#include <gtest/gtest.h>

#include <bit>

namespace microvisor::firmware::hardened {
namespace {

constexpr auto kValid = static_cast<std::uint32_t>(Verdict::Valid);
constexpr auto kInvalid = static_cast<std::uint32_t>(Verdict::Invalid);

TEST(Hardened, VerdictsAreFarFromEachOtherAndFromWhatMemoryHolds) {
  EXPECT_EQ(std::popcount(kValid ^ kInvalid), 32);
  for (const std::uint32_t common : {0u, 0xFFFF'FFFFu}) {
    EXPECT_GE(std::popcount(kValid ^ common), 12);
    EXPECT_GE(std::popcount(kInvalid ^ common), 12);
  }
}

TEST(Hardened, EverySingleBitOfADifferenceIsARefusal) {
  const std::uint32_t none = 0;
  EXPECT_EQ(verdict_of(none), Verdict::Valid);
  for (unsigned bit = 0; bit < 32; ++bit) {
    const std::uint32_t one = 1u << bit;
    EXPECT_EQ(verdict_of(one), Verdict::Invalid) << bit;
  }
  EXPECT_EQ(equal_numbers(7, 7), Verdict::Valid);
  for (unsigned bit = 0; bit < 32; ++bit) EXPECT_EQ(equal_numbers(7, 7 ^ 1u << bit), Verdict::Invalid);
}

TEST(Hardened, EqualSeesEveryBitOfTheDigest) {
  std::array<std::uint8_t, 32> a{};
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<std::uint8_t>(i * 37);
  EXPECT_EQ(equal(a, a), Verdict::Valid);
  for (unsigned bit = 0; bit < 256; ++bit) {
    std::array<std::uint8_t, 32> b = a;
    b[bit / 8] = static_cast<std::uint8_t>(b[bit / 8] ^ 1u << bit % 8);
    EXPECT_EQ(equal(a, b), Verdict::Invalid) << bit;
  }
}

TEST(Hardened, ALoopLeftEarlyLeavesSomethingOver) {
  Remainder whole(1000);
  whole.take(600, 0);
  EXPECT_EQ(whole.bytes(), 400u);
  EXPECT_EQ(whole.verdict(), Verdict::Invalid);
  whole.take(400, 0);
  EXPECT_EQ(whole.bytes(), 0u);
  EXPECT_EQ(whole.verdict(), Verdict::Valid);
}

TEST(Hardened, WhatWasWrongOnceStaysWrong) {
  for (unsigned bit = 0; bit < 8; ++bit) {
    Remainder left(2);
    left.take(1, static_cast<std::uint8_t>(1u << bit));
    left.take(1, 0);
    EXPECT_EQ(left.bytes(), 0u);
    EXPECT_EQ(left.verdict(), Verdict::Invalid);
  }
}

TEST(Hardened, ChecksAddUpOnlyIfAllWereMadeAndAllAreValid) {
  // All ways to make, fail or leave out each of eight checks: 3^8.
  constexpr unsigned kCount = 8;
  unsigned accepted = 0;
  for (unsigned way = 0; way < 6561; ++way) {
    Checks checks;
    for (unsigned i = 0, rest = way; i < kCount; ++i, rest /= 3) {
      if (rest % 3 == 2) continue;
      const bool good = rest % 3 == 0;
      EXPECT_EQ(checks.add(good ? Verdict::Valid : Verdict::Invalid), good);
    }
    if (checks.sum() == Checks::sum_of_valid(kCount)) ++accepted;
  }
  EXPECT_EQ(accepted, 1u);
}

}  // namespace
}  // namespace microvisor::firmware::hardened

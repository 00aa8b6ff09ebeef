// Floating point at its corners. Expectations follow from IEEE 754 and the rules of DDI0553 for flushing and
// NaNs; the host's arithmetic is the reference for ordinary numbers.
#include "board/cpu/soft_float.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

namespace microvisor::board {
namespace {

constexpr std::uint32_t kOne = 0x3F80'0000, kInfinity = 0x7F80'0000, kNan = 0x7FC0'0000,
                        kLargest = 0x7F7F'FFFF;
constexpr std::uint32_t kSmallestNormal = 0x0080'0000, kSmallest = 1, kMinusZero = 0x8000'0000;
constexpr std::uint32_t kUp = 1u << 22, kDown = 2u << 22, kZero = 3u << 22;

TEST(SoftFloat, AgreesWithTheHostOnRandomNumbers) {
  std::mt19937 random(5);
  for (int round = 0; round < 200'000; ++round) {
    const std::uint32_t a = random(), b = random(), c = random();
    std::uint32_t fpscr = kFpDefaultNan;
    const auto x = std::bit_cast<float>(a), y = std::bit_cast<float>(b), z = std::bit_cast<float>(c);
    const auto expect = [&](std::uint32_t ours, float theirs, const char* operation) {
      if (std::isnan(theirs)) {
        ASSERT_EQ(ours, kNan) << operation << std::hex << " " << a << " " << b;
      } else {
        ASSERT_EQ(ours, std::bit_cast<std::uint32_t>(theirs))
            << operation << std::hex << " " << a << " " << b;
      }
    };
    expect(float_add(a, b, fpscr), x + y, "add");
    expect(float_multiply(a, b, fpscr), x * y, "multiply");
    expect(float_divide(a, b, fpscr), x / y, "divide");
    expect(float_square_root(a, fpscr), std::sqrt(x), "square root");
    expect(float_multiply_add(c, a, b, fpscr), std::fma(x, y, z), "multiply and add");
  }
}

TEST(SoftFloat, RoundingModesDifferInTheLastPlace) {
  const auto third = [](std::uint32_t mode) {
    std::uint32_t fpscr = mode;
    return float_divide(kOne, 0x4040'0000, fpscr);
  };
  EXPECT_EQ(third(0), 0x3EAA'AAABu);
  EXPECT_EQ(third(kUp), 0x3EAA'AAABu);
  EXPECT_EQ(third(kDown), 0x3EAA'AAAAu);
  EXPECT_EQ(third(kZero), 0x3EAA'AAAAu);
}

TEST(SoftFloat, OverflowFollowsTheRounding) {
  std::uint32_t fpscr = 0;
  EXPECT_EQ(float_add(kLargest, kLargest, fpscr), kInfinity);
  EXPECT_EQ(fpscr, kFpOverflow | kFpInexact);
  fpscr = kZero;
  EXPECT_EQ(float_add(kLargest, kLargest, fpscr), kLargest);
  fpscr = kDown;
  EXPECT_EQ(float_add(negate_float(kLargest), negate_float(kLargest), fpscr), negate_float(kInfinity));
}

TEST(SoftFloat, UnderflowNeedsInexactness) {
  std::uint32_t fpscr = 0;
  // Half of the smallest normal number is an exact denormal.
  EXPECT_EQ(float_multiply(kSmallestNormal, 0x3F00'0000, fpscr), 0x0040'0000u);
  EXPECT_EQ(fpscr, 0u);
  EXPECT_EQ(float_multiply(kSmallest, 0x3F00'0000, fpscr), 0u);
  EXPECT_EQ(fpscr, kFpUnderflow | kFpInexact);
}

TEST(SoftFloat, FlushToZero) {
  std::uint32_t fpscr = kFpFlushToZero;
  EXPECT_EQ(float_add(kSmallest, 0, fpscr), 0u);
  EXPECT_EQ(fpscr, kFpFlushToZero | kFpInputDenormal);
  fpscr = kFpFlushToZero;
  EXPECT_EQ(float_multiply(kSmallestNormal, 0xBF00'0000, fpscr), kMinusZero);
  EXPECT_EQ(fpscr, kFpFlushToZero | kFpUnderflow);
}

TEST(SoftFloat, NansAreQuietedAndPassedOn) {
  std::uint32_t fpscr = 0;
  EXPECT_EQ(float_add(0x7FC0'0001, 0xFFC0'0002, fpscr), 0x7FC0'0001u);
  EXPECT_EQ(fpscr, 0u);
  EXPECT_EQ(float_add(0x7FC0'0001, 0xFF80'0002, fpscr), 0xFFC0'0002u) << "the signalling one comes first";
  EXPECT_EQ(fpscr, kFpInvalid);
  fpscr = kFpDefaultNan;
  EXPECT_EQ(float_add(0x7FC0'0001, kOne, fpscr), kNan);
}

TEST(SoftFloat, InvalidOperations) {
  for (const auto& operation :
       {+[](std::uint32_t& f) { return float_add(kInfinity, negate_float(kInfinity), f); },
        +[](std::uint32_t& f) { return float_multiply(0, kInfinity, f); },
        +[](std::uint32_t& f) { return float_divide(0, 0, f); },
        +[](std::uint32_t& f) { return float_square_root(negate_float(kOne), f); },
        +[](std::uint32_t& f) { return float_multiply_add(kNan, 0, kInfinity, f); }}) {
    std::uint32_t fpscr = 0;
    EXPECT_EQ(operation(fpscr), kNan);
    EXPECT_EQ(fpscr, kFpInvalid);
  }
}

TEST(SoftFloat, DivisionByZero) {
  std::uint32_t fpscr = 0;
  EXPECT_EQ(float_divide(kOne, kMinusZero, fpscr), negate_float(kInfinity));
  EXPECT_EQ(fpscr, kFpDivideByZero);
}

TEST(SoftFloat, SignOfAZeroSum) {
  std::uint32_t fpscr = 0;
  EXPECT_EQ(float_add(kOne, negate_float(kOne), fpscr), 0u);
  fpscr = kDown;
  EXPECT_EQ(float_add(kOne, negate_float(kOne), fpscr), kMinusZero);
  EXPECT_EQ(float_add(kMinusZero, kMinusZero, fpscr), kMinusZero);
}

TEST(SoftFloat, ConversionsSaturate) {
  std::uint32_t fpscr = 0;
  EXPECT_EQ(float_to_fixed(0x4F00'0000, 32, 0, true, Rounding::Zero, fpscr), 0x7FFF'FFFFu);  // 2^31
  EXPECT_EQ(float_to_fixed(0xBF80'0000, 32, 0, false, Rounding::Zero, fpscr), 0u);
  EXPECT_EQ(fpscr, kFpInvalid);
  fpscr = 0;
  EXPECT_EQ(float_to_fixed(0xCF00'0000, 32, 0, true, Rounding::Zero, fpscr), 0x8000'0000u);
  EXPECT_EQ(fpscr, 0u);
  EXPECT_EQ(float_to_fixed(0x4020'0000, 32, 0, true, Rounding::Nearest, fpscr), 2u) << "2.5 to even";
  EXPECT_EQ(float_to_fixed(0x4020'0000, 32, 0, true, Rounding::TiesAway, fpscr), 3u);
  EXPECT_EQ(fpscr, kFpInexact);
  EXPECT_EQ(fixed_to_float(-1, 1, Rounding::Nearest, fpscr), 0xBF00'0000u);
}

TEST(SoftFloat, Comparisons) {
  std::uint32_t fpscr = 0;
  EXPECT_EQ(float_compare(0, kMinusZero, false, fpscr), 6u << 28);
  EXPECT_EQ(float_compare(negate_float(kOne), kSmallest, false, fpscr), 8u << 28);
  EXPECT_EQ(float_compare(kOne, kNan, false, fpscr), 3u << 28);
  EXPECT_EQ(fpscr, 0u);
  EXPECT_EQ(float_compare(kOne, kNan, true, fpscr), 3u << 28);
  EXPECT_EQ(fpscr, kFpInvalid);
}

TEST(SoftFloat, MaximumPrefersNumbers) {
  std::uint32_t fpscr = 0;
  EXPECT_EQ(float_maximum(kNan, kOne, false, fpscr), kOne);
  EXPECT_EQ(float_maximum(kMinusZero, 0, false, fpscr), 0u);
  EXPECT_EQ(float_maximum(0, kMinusZero, true, fpscr), kMinusZero);
  EXPECT_EQ(fpscr, 0u);
}

TEST(SoftFloat, HalfPrecision) {
  std::uint32_t fpscr = 0;
  EXPECT_EQ(half_to_float(0x3C00, fpscr), kOne);
  EXPECT_EQ(half_to_float(0x0001, fpscr), 0x3380'0000u) << "2^-24";
  EXPECT_EQ(float_to_half(kOne, fpscr), 0x3C00u);
  EXPECT_EQ(float_to_half(0x3380'0000, fpscr), 1u);
  EXPECT_EQ(fpscr, 0u);
  EXPECT_EQ(float_to_half(0x4780'0000, fpscr), 0x7C00u) << "65536";
  EXPECT_EQ(fpscr, kFpOverflow | kFpInexact);
  fpscr = kFpAlternativeHalf;
  EXPECT_EQ(float_to_half(0x4780'0000, fpscr), 0x7C00u) << "a number in the alternative format";
  EXPECT_EQ(half_to_float(0x7C00, fpscr), 0x4780'0000u);
  EXPECT_EQ(fpscr, kFpAlternativeHalf);
}

}  // namespace
}  // namespace microvisor::board

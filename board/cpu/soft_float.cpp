// A number under way is sign, exponent and an integer mantissa: value = mantissa * 2^exponent. Results are
// computed with more bits than they need; bits that fall off the end stay visible in the lowest one
// ("sticky"), and one function rounds them all.
#include "board/cpu/soft_float.hpp"

#include <bit>

namespace microvisor::board {
namespace {

constexpr std::uint32_t kSign = 0x8000'0000, kInfinity = 0x7F80'0000, kQuietBit = 0x0040'0000;
constexpr std::uint32_t kDefaultNanValue = 0x7FC0'0000, kFraction = 0x007F'FFFF;

enum class Kind : std::uint8_t { Zero, Finite, Infinity, Quiet, Signalling };

struct Number {
  Kind kind = Kind::Zero;
  bool negative = false;
  int exponent = 0;
  std::uint64_t mantissa = 0;  ///< 24 bits, the highest set
};

/// FPUnpack(): denormal inputs are flushed if FPSCR says so.
Number unpack(std::uint32_t bits, std::uint32_t& fpscr) {
  const std::uint32_t fraction = bits & kFraction;
  const int biased = static_cast<int>(bits >> 23 & 0xFF);
  Number number{.kind = Kind::Zero, .negative = (bits & kSign) != 0, .exponent = 0, .mantissa = 0};
  if (biased == 0xFF) {
    number.kind = fraction == 0                 ? Kind::Infinity
                  : (fraction & kQuietBit) != 0 ? Kind::Quiet
                                                : Kind::Signalling;
  } else if (biased != 0) {
    number = {Kind::Finite, number.negative, biased - 150, fraction | 0x0080'0000u};
  } else if (fraction != 0) {
    if ((fpscr & kFpFlushToZero) != 0) {
      fpscr |= kFpInputDenormal;
      return number;
    }
    const int shift = std::countl_zero(fraction) - 8;
    number = {Kind::Finite, number.negative, -149 - shift, std::uint64_t{fraction} << shift};
  }
  return number;
}

bool is_nan(const Number& number) { return number.kind >= Kind::Quiet; }
std::uint32_t zero(bool negative) { return negative ? kSign : 0; }
std::uint32_t infinity(bool negative) { return zero(negative) | kInfinity; }

std::uint32_t invalid(std::uint32_t& fpscr) {
  fpscr |= kFpInvalid;
  return kDefaultNanValue;
}

/// FPProcessNaN()
std::uint32_t pass_nan(const Number& number, std::uint32_t bits, std::uint32_t& fpscr) {
  if (number.kind == Kind::Signalling) fpscr |= kFpInvalid;
  return (fpscr & kFpDefaultNan) != 0 ? kDefaultNanValue : bits | kQuietBit;
}

/// FPProcessNaNs(): signalling ones first, then in order.
std::uint32_t pass_nans(const Number& a, std::uint32_t a_bits, const Number& b, std::uint32_t b_bits,
                        std::uint32_t& fpscr) {
  if (a.kind == Kind::Signalling) return pass_nan(a, a_bits, fpscr);
  if (b.kind == Kind::Signalling) return pass_nan(b, b_bits, fpscr);
  return is_nan(a) ? pass_nan(a, a_bits, fpscr) : pass_nan(b, b_bits, fpscr);
}

/// Shifts right; what falls off stays in the lowest bit.
template <typename T>
T shift_sticky(T value, int by) {
  if (by <= 0) return value;
  constexpr int kWidth = static_cast<int>(sizeof(T) * 8);
  if (by >= kWidth) return value != 0 ? 1 : 0;
  const T lost = value & ((T{1} << by) - 1);
  return value >> by | (lost != 0 ? 1 : 0);
}

/// Whether a mantissa with `rest` behind it (in units of 2 * half) is rounded up.
bool rounds_up(bool negative, std::uint64_t kept, std::uint64_t rest, std::uint64_t half, Rounding rounding) {
  switch (rounding) {
    case Rounding::Nearest: return rest > half || (rest == half && (kept & 1) != 0);
    case Rounding::TiesAway: return rest >= half;
    case Rounding::Up: return rest != 0 && !negative;
    case Rounding::Down: return rest != 0 && negative;
    case Rounding::Zero: return false;
  }
  return false;
}

/// A binary format: bits of the fraction and of the exponent.
struct Format {
  int fraction_bits;
  int exponent_bits;
  [[nodiscard]] int bias() const { return (1 << (exponent_bits - 1)) - 1; }
  [[nodiscard]] int top_exponent() const { return (1 << exponent_bits) - 1; }
};
constexpr Format kSingle{23, 8}, kHalf{10, 5};

struct Packed {
  std::uint64_t magnitude;  ///< exponent and fraction, without the sign
  bool overflow;
};

/// FPRound() up to the overflow: mantissa * 2^exponent, mantissa not 0, its lowest bit sticky.
Packed round_to(const Format& format, bool negative, int exponent, std::uint64_t mantissa, Rounding rounding,
                bool flush, std::uint32_t& fpscr) {
  const int shift = std::countl_zero(mantissa);
  mantissa <<= shift;
  int biased = exponent - shift + 63 + format.bias();
  int drop = 63 - format.fraction_bits;
  const bool tiny = biased < 1;
  if (tiny && flush) {
    fpscr |= kFpUnderflow;
    return {0, false};
  }
  if (tiny) {
    drop += 1 - biased;
    biased = 1;
    if (drop > 63) mantissa = shift_sticky(mantissa, drop - 63), drop = 63;
  }
  const std::uint64_t kept = mantissa >> drop, rest = mantissa & ((std::uint64_t{1} << drop) - 1);
  if (rest != 0) fpscr |= kFpInexact | (tiny ? kFpUnderflow : 0u);
  const std::uint64_t up = rounds_up(negative, kept, rest, std::uint64_t{1} << (drop - 1), rounding) ? 1 : 0;
  // A carry out of the fraction raises the exponent; the implicit bit is taken off (a denormal has none).
  const std::uint64_t base = static_cast<std::uint64_t>(biased - 1) << format.fraction_bits;
  const std::uint64_t magnitude = base + kept + up;
  return {magnitude, static_cast<int>(magnitude >> format.fraction_bits) >= format.top_exponent()};
}

/// The result when the exponent is too large: infinity, or the largest number if the rounding points away
/// from it.
std::uint32_t overflowed(bool negative, Rounding rounding, std::uint32_t& fpscr) {
  fpscr |= kFpOverflow | kFpInexact;
  const bool largest = rounding == Rounding::Zero || (rounding == Rounding::Up && negative) ||
                       (rounding == Rounding::Down && !negative);
  return largest ? infinity(negative) - 1 : infinity(negative);
}

std::uint32_t pack(bool negative, int exponent, std::uint64_t mantissa, Rounding rounding,
                   std::uint32_t& fpscr) {
  const bool flush = (fpscr & kFpFlushToZero) != 0;
  const Packed packed = round_to(kSingle, negative, exponent, mantissa, rounding, flush, fpscr);
  if (packed.overflow) return overflowed(negative, rounding, fpscr);
  return zero(negative) | static_cast<std::uint32_t>(packed.magnitude);
}

std::uint32_t pack(bool negative, int exponent, std::uint64_t mantissa, std::uint32_t& fpscr) {
  return pack(negative, exponent, mantissa, rounding_of(fpscr), fpscr);
}

/// An exact zero as the sum of opposite numbers.
std::uint32_t cancelled(std::uint32_t fpscr) { return zero(rounding_of(fpscr) == Rounding::Down); }

using Wide = unsigned __int128;

/// The sum of two terms of up to 118 bits, rounded once.
std::uint32_t add_terms(bool a_negative, int a_exponent, Wide a, bool b_negative, int b_exponent, Wide b,
                        std::uint32_t& fpscr) {
  const int exponent = a_exponent > b_exponent ? a_exponent : b_exponent;
  a = shift_sticky(a, exponent - a_exponent);
  b = shift_sticky(b, exponent - b_exponent);
  bool negative = a_negative;
  Wide sum = a + b;
  if (a_negative != b_negative) {
    if (a == b) return cancelled(fpscr);
    negative = a > b ? a_negative : b_negative;
    sum = a > b ? a - b : b - a;
  }
  const auto high = static_cast<std::uint64_t>(sum >> 64);
  const int narrow = high == 0 ? 0 : 64 - std::countl_zero(high);
  return pack(negative, exponent + narrow, static_cast<std::uint64_t>(shift_sticky(sum, narrow)), fpscr);
}

}  // namespace

std::uint32_t float_add(std::uint32_t a_bits, std::uint32_t b_bits, std::uint32_t& fpscr) {
  const Number a = unpack(a_bits, fpscr), b = unpack(b_bits, fpscr);
  if (is_nan(a) || is_nan(b)) return pass_nans(a, a_bits, b, b_bits, fpscr);
  if (a.kind == Kind::Infinity) {
    return b.kind == Kind::Infinity && a.negative != b.negative ? invalid(fpscr) : infinity(a.negative);
  }
  if (b.kind == Kind::Infinity) return infinity(b.negative);
  if (a.kind == Kind::Zero && b.kind == Kind::Zero) {
    return a.negative == b.negative ? zero(a.negative) : cancelled(fpscr);
  }
  if (a.kind == Kind::Zero) return pack(b.negative, b.exponent, b.mantissa, fpscr);
  if (b.kind == Kind::Zero) return pack(a.negative, a.exponent, a.mantissa, fpscr);
  constexpr int kGuard = 90;
  return add_terms(a.negative, a.exponent - kGuard, Wide{a.mantissa} << kGuard, b.negative,
                   b.exponent - kGuard, Wide{b.mantissa} << kGuard, fpscr);
}

std::uint32_t float_multiply(std::uint32_t a_bits, std::uint32_t b_bits, std::uint32_t& fpscr) {
  const Number a = unpack(a_bits, fpscr), b = unpack(b_bits, fpscr);
  if (is_nan(a) || is_nan(b)) return pass_nans(a, a_bits, b, b_bits, fpscr);
  const bool negative = a.negative != b.negative;
  if (a.kind == Kind::Infinity || b.kind == Kind::Infinity) {
    return a.kind == Kind::Zero || b.kind == Kind::Zero ? invalid(fpscr) : infinity(negative);
  }
  if (a.kind == Kind::Zero || b.kind == Kind::Zero) return zero(negative);
  return pack(negative, a.exponent + b.exponent, a.mantissa * b.mantissa, fpscr);
}

std::uint32_t float_multiply_add(std::uint32_t addend_bits, std::uint32_t a_bits, std::uint32_t b_bits,
                                 std::uint32_t& fpscr) {
  const Number c = unpack(addend_bits, fpscr), a = unpack(a_bits, fpscr), b = unpack(b_bits, fpscr);
  const bool impossible = (a.kind == Kind::Infinity && b.kind == Kind::Zero) ||
                          (a.kind == Kind::Zero && b.kind == Kind::Infinity);
  if (c.kind == Kind::Quiet && impossible) return invalid(fpscr);
  if (is_nan(c) || is_nan(a) || is_nan(b)) {
    if (c.kind == Kind::Signalling) return pass_nan(c, addend_bits, fpscr);
    const bool later_signals = a.kind == Kind::Signalling || b.kind == Kind::Signalling;
    if (is_nan(c) && !later_signals) return pass_nan(c, addend_bits, fpscr);
    return pass_nans(a, a_bits, b, b_bits, fpscr);
  }
  const bool negative = a.negative != b.negative;
  const bool infinite = a.kind == Kind::Infinity || b.kind == Kind::Infinity;
  if (impossible || (c.kind == Kind::Infinity && infinite && c.negative != negative)) return invalid(fpscr);
  if (infinite) return infinity(negative);
  if (c.kind == Kind::Infinity) return infinity(c.negative);
  if (a.kind == Kind::Zero || b.kind == Kind::Zero) {
    if (c.kind != Kind::Zero) return pack(c.negative, c.exponent, c.mantissa, fpscr);
    return c.negative == negative ? zero(negative) : cancelled(fpscr);
  }
  const int exponent = a.exponent + b.exponent;
  const std::uint64_t product = a.mantissa * b.mantissa;
  if (c.kind == Kind::Zero) return pack(negative, exponent, product, fpscr);
  constexpr int kProductGuard = 66, kAddendGuard = 90;
  return add_terms(negative, exponent - kProductGuard, Wide{product} << kProductGuard, c.negative,
                   c.exponent - kAddendGuard, Wide{c.mantissa} << kAddendGuard, fpscr);
}

std::uint32_t float_divide(std::uint32_t a_bits, std::uint32_t b_bits, std::uint32_t& fpscr) {
  const Number a = unpack(a_bits, fpscr), b = unpack(b_bits, fpscr);
  if (is_nan(a) || is_nan(b)) return pass_nans(a, a_bits, b, b_bits, fpscr);
  const bool negative = a.negative != b.negative;
  if (a.kind == b.kind && a.kind != Kind::Finite) return invalid(fpscr);
  if (a.kind == Kind::Infinity) return infinity(negative);
  if (b.kind == Kind::Zero) {
    fpscr |= kFpDivideByZero;
    return infinity(negative);
  }
  if (a.kind == Kind::Zero || b.kind == Kind::Infinity) return zero(negative);
  constexpr int kShift = 38;
  const std::uint64_t dividend = a.mantissa << kShift;
  const std::uint64_t quotient = dividend / b.mantissa | (dividend % b.mantissa != 0 ? 1 : 0);
  return pack(negative, a.exponent - kShift - b.exponent, quotient, fpscr);
}

std::uint32_t float_square_root(std::uint32_t bits, std::uint32_t& fpscr) {
  const Number a = unpack(bits, fpscr);
  if (is_nan(a)) return pass_nan(a, bits, fpscr);
  if (a.kind == Kind::Zero) return zero(a.negative);
  if (a.negative) return invalid(fpscr);
  if (a.kind == Kind::Infinity) return infinity(false);
  const int shift = (a.exponent & 1) != 0 ? 39 : 38;
  const std::uint64_t radicand = a.mantissa << shift;
  std::uint64_t root = 0;
  for (int position = 31; position >= 0; --position) {
    const std::uint64_t trial = root | std::uint64_t{1} << position;
    if (trial * trial <= radicand) root = trial;
  }
  // One more bit makes room for the sticky one.
  const std::uint64_t sticky = root * root != radicand ? 1 : 0;
  return pack(false, (a.exponent - shift) / 2 - 1, root << 1 | sticky, fpscr);
}

std::uint32_t float_maximum(std::uint32_t a_bits, std::uint32_t b_bits, bool minimum, std::uint32_t& fpscr) {
  const Number a = unpack(a_bits, fpscr), b = unpack(b_bits, fpscr);
  if (a.kind == Kind::Quiet && !is_nan(b)) return b.kind == Kind::Zero ? zero(b.negative) : b_bits;
  if (b.kind == Kind::Quiet && !is_nan(a)) return a.kind == Kind::Zero ? zero(a.negative) : a_bits;
  if (is_nan(a) || is_nan(b)) return pass_nans(a, a_bits, b, b_bits, fpscr);
  // Flushed inputs are zeros from here on.
  const std::uint32_t x = a.kind == Kind::Zero ? zero(a.negative) : a_bits;
  const std::uint32_t y = b.kind == Kind::Zero ? zero(b.negative) : b_bits;
  const auto key = [](std::uint32_t value) {
    const auto magnitude = static_cast<std::int64_t>(value & ~kSign);
    return (value & kSign) != 0 ? -magnitude - 1 : magnitude;  // -0 below +0
  };
  return (key(x) > key(y)) != minimum ? x : y;
}

std::uint32_t float_compare(std::uint32_t a_bits, std::uint32_t b_bits, bool signal_quiet,
                            std::uint32_t& fpscr) {
  constexpr std::uint32_t kUnordered = 3u << 28, kEqual = 6u << 28, kLess = 8u << 28, kGreater = 2u << 28;
  const Number a = unpack(a_bits, fpscr), b = unpack(b_bits, fpscr);
  if (is_nan(a) || is_nan(b)) {
    if (signal_quiet || a.kind == Kind::Signalling || b.kind == Kind::Signalling) fpscr |= kFpInvalid;
    return kUnordered;
  }
  const auto key = [](const Number& number, std::uint32_t value) {
    if (number.kind == Kind::Zero) return std::int64_t{0};
    const auto magnitude = static_cast<std::int64_t>(value & ~kSign);
    return number.negative ? -magnitude : magnitude;
  };
  const std::int64_t x = key(a, a_bits), y = key(b, b_bits);
  return x == y ? kEqual : x < y ? kLess : kGreater;
}

namespace {

struct Integral {
  std::uint64_t magnitude;
  bool exact;
};

/// mantissa * 2^exponent as an integer; exponents beyond 63 - 24 saturate to a magnitude that is too large
/// for all.
Integral to_integer(const Number& number, int exponent, Rounding rounding) {
  if (exponent > 38) return {std::uint64_t{1} << 62, true};
  if (exponent >= 0) return {number.mantissa << exponent, true};
  const int drop = -exponent;
  if (drop > 62) {
    return {rounds_up(number.negative, 0, 1, 2, rounding) ? std::uint64_t{1} : 0, false};
  }
  const std::uint64_t kept = number.mantissa >> drop,
                      rest = number.mantissa & ((std::uint64_t{1} << drop) - 1);
  const bool up = rounds_up(number.negative, kept, rest, std::uint64_t{1} << (drop - 1), rounding);
  return {kept + (up ? 1 : 0), rest == 0};
}

}  // namespace

std::uint32_t float_round(std::uint32_t bits, Rounding rounding, bool exact, std::uint32_t& fpscr) {
  const Number a = unpack(bits, fpscr);
  if (is_nan(a)) return pass_nan(a, bits, fpscr);
  if (a.kind == Kind::Infinity) return infinity(a.negative);
  if (a.kind == Kind::Zero) return zero(a.negative);
  if (a.exponent >= 0) return bits;
  const Integral integral = to_integer(a, a.exponent, rounding);
  if (!integral.exact && exact) fpscr |= kFpInexact;
  if (integral.magnitude == 0) return zero(a.negative);
  return pack(a.negative, 0, integral.magnitude, Rounding::Zero, fpscr);
}

std::uint32_t float_to_fixed(std::uint32_t bits, unsigned width, unsigned fraction, bool is_signed,
                             Rounding rounding, std::uint32_t& fpscr) {
  const Number a = unpack(bits, fpscr);
  if (is_nan(a)) {
    fpscr |= kFpInvalid;
    return 0;
  }
  if (a.kind == Kind::Zero) return 0;
  const std::int64_t high = is_signed ? (std::int64_t{1} << (width - 1)) - 1 : (std::int64_t{1} << width) - 1;
  const std::int64_t low = is_signed ? -high - 1 : 0;
  Integral integral{std::uint64_t{1} << 62, true};
  if (a.kind == Kind::Finite) integral = to_integer(a, a.exponent + static_cast<int>(fraction), rounding);
  const auto magnitude = static_cast<std::int64_t>(integral.magnitude);
  const std::int64_t value = a.negative ? -magnitude : magnitude;
  if (value > high || value < low) {
    fpscr |= kFpInvalid;
    return static_cast<std::uint32_t>(value > high ? high : low);
  }
  if (!integral.exact) fpscr |= kFpInexact;
  return static_cast<std::uint32_t>(value);
}

std::uint32_t fixed_to_float(std::int64_t value, unsigned fraction, Rounding rounding, std::uint32_t& fpscr) {
  if (value == 0) return 0;
  const bool negative = value < 0;
  const auto magnitude = static_cast<std::uint64_t>(negative ? -value : value);
  return pack(negative, -static_cast<int>(fraction), magnitude, rounding, fpscr);
}

std::uint32_t half_to_float(std::uint32_t half, std::uint32_t& fpscr) {
  const bool negative = (half & 0x8000) != 0;
  const int biased = static_cast<int>(half >> 10 & 0x1F);
  const std::uint32_t fraction = half & 0x3FF;
  if (biased == 0x1F && (fpscr & kFpAlternativeHalf) == 0) {
    if (fraction == 0) return infinity(negative);
    const std::uint32_t wide = infinity(negative) | fraction << 13;
    return pass_nan({.kind = (fraction & 0x200) != 0 ? Kind::Quiet : Kind::Signalling}, wide, fpscr);
  }
  if (biased == 0 && fraction == 0) return zero(negative);
  // Exact in single precision, also what is denormal as a half.
  if (biased == 0) return pack(negative, -24, fraction, fpscr);
  return zero(negative) | static_cast<std::uint32_t>(biased - 15 + 127) << 23 | fraction << 13;
}

std::uint32_t float_to_half(std::uint32_t bits, std::uint32_t& fpscr) {
  const Number a = unpack(bits, fpscr);
  const std::uint32_t sign = a.negative ? 0x8000 : 0;
  const bool alternative = (fpscr & kFpAlternativeHalf) != 0;
  if (is_nan(a)) {
    if (alternative) {
      fpscr |= kFpInvalid;
      return sign;
    }
    const std::uint32_t passed = pass_nan(a, bits, fpscr);
    return (passed >> 16 & 0x8000) | 0x7E00 | (passed >> 13 & 0x1FF);
  }
  if (a.kind == Kind::Zero) return sign;
  if (a.kind == Kind::Infinity) {
    if (!alternative) return sign | 0x7C00;
    fpscr |= kFpInvalid;
    return sign | 0x7FFF;
  }
  const std::uint32_t before = fpscr;
  const Packed packed = round_to(kHalf, a.negative, a.exponent, a.mantissa, rounding_of(fpscr), false, fpscr);
  if (alternative) {
    // One more binade instead of infinities and NaNs.
    if (packed.magnitude < 0x8000) return sign | static_cast<std::uint32_t>(packed.magnitude);
    fpscr = before | kFpInvalid;
    return sign | 0x7FFF;
  }
  if (!packed.overflow) return sign | static_cast<std::uint32_t>(packed.magnitude);
  return sign | ((overflowed(a.negative, rounding_of(fpscr), fpscr) & 1) != 0 ? 0x7BFFu : 0x7C00u);
}

}  // namespace microvisor::board

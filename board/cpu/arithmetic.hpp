// Arithmetic of the instruction set that the host has no operator for: shifts with carry, saturation, lanes.
//
// Pure functions, named after the pseudocode of DDI0553 part E where there is a name.
#pragma once

#include <bit>
#include <cstdint>

namespace microvisor::board {

enum class Shift : std::uint8_t { Lsl, Lsr, Asr, Ror, Rrx };

struct Shifted {
  std::uint32_t value;
  std::uint32_t carry;
};

/// Shift_C() by an amount from a register, 0 to 255.
constexpr Shifted shift_by_register(Shift kind, std::uint32_t value, std::uint32_t amount,
                                    std::uint32_t carry) {
  if (amount == 0) return {value, carry};
  switch (kind) {
    case Shift::Lsl:
      if (amount > 32) return {0, 0};
      if (amount == 32) return {0, value & 1};
      return {value << amount, value >> (32 - amount) & 1};
    case Shift::Lsr:
      if (amount > 32) return {0, 0};
      if (amount == 32) return {0, value >> 31};
      return {value >> amount, value >> (amount - 1) & 1};
    case Shift::Asr: {
      const auto wide = static_cast<std::int64_t>(static_cast<std::int32_t>(value));
      const std::uint32_t by = amount > 32 ? 32 : amount;
      return {static_cast<std::uint32_t>(wide >> by), static_cast<std::uint32_t>(wide >> (by - 1)) & 1};
    }
    case Shift::Ror: {
      const std::uint32_t turned = std::rotr(value, static_cast<int>(amount & 31));
      return {turned, turned >> 31};
    }
    case Shift::Rrx: return {carry << 31 | value >> 1, value & 1};
  }
  return {value, carry};
}

struct Saturated {
  std::uint32_t value;
  bool saturated;
};

/// SignedSatQ(): to `width` bits, 1 to 32.
constexpr Saturated saturate_signed(std::int64_t value, unsigned width) {
  const std::int64_t high = (std::int64_t{1} << (width - 1)) - 1;
  const std::int64_t low = -high - 1;
  if (value > high) return {static_cast<std::uint32_t>(high), true};
  if (value < low) return {static_cast<std::uint32_t>(low), true};
  return {static_cast<std::uint32_t>(value), false};
}

/// UnsignedSatQ(): to `width` bits, 0 to 31.
constexpr Saturated saturate_unsigned(std::int64_t value, unsigned width) {
  const std::int64_t high = (std::int64_t{1} << width) - 1;
  if (value > high) return {static_cast<std::uint32_t>(high), true};
  if (value < 0) return {0, true};
  return {static_cast<std::uint32_t>(value), false};
}

constexpr std::int32_t as_signed(std::uint32_t value) { return static_cast<std::int32_t>(value); }
constexpr std::uint32_t as_unsigned(std::int64_t value) { return static_cast<std::uint32_t>(value); }

/// Signed halfword: 0 the bottom, 1 the top one.
constexpr std::int32_t half(std::uint32_t value, unsigned top) {
  return static_cast<std::int16_t>(value >> (top != 0 ? 16 : 0));
}

/// The six flavours of parallel addition and subtraction (op2 of the encoding).
enum class Flavour : std::uint8_t {
  Signed,
  Saturating,
  Halving,
  Unsigned,
  UnsignedSaturating,
  UnsignedHalving
};

struct Lane {
  std::uint32_t value;  ///< result, `width` bits
  bool ge;              ///< for the GE flags of the plain flavours
};

/// One lane of `width` bits (8 or 16) of a parallel addition or subtraction.
constexpr Lane lane(Flavour flavour, unsigned width, bool subtract, std::uint32_t a, std::uint32_t b) {
  const bool is_signed = flavour <= Flavour::Halving;
  const std::uint32_t mask = (1u << width) - 1;
  const auto widen = [&](std::uint32_t x) {
    const unsigned shift = 32 - width;
    return is_signed ? as_signed(x << shift) >> shift : as_signed(x & mask);
  };
  const std::int32_t sum = subtract ? widen(a) - widen(b) : widen(a) + widen(b);
  switch (flavour) {
    case Flavour::Signed: return {as_unsigned(sum) & mask, sum >= 0};
    case Flavour::Unsigned: return {as_unsigned(sum) & mask, subtract ? sum >= 0 : sum > as_signed(mask)};
    case Flavour::Saturating: return {saturate_signed(sum, width).value & mask, false};
    case Flavour::UnsignedSaturating: return {saturate_unsigned(sum, width).value, false};
    case Flavour::Halving:
    case Flavour::UnsignedHalving: return {as_unsigned(sum >> 1) & mask, false};
  }
  return {0, false};
}

constexpr std::uint32_t reverse_bytes(std::uint32_t value) { return __builtin_bswap32(value); }
constexpr std::uint32_t reverse_bytes_in_halves(std::uint32_t value) {
  return (value & 0x00FF00FF) << 8 | (value >> 8 & 0x00FF00FF);
}
constexpr std::uint32_t reverse_bits(std::uint32_t value) {
  value = (value >> 1 & 0x5555'5555) | (value & 0x5555'5555) << 1;
  value = (value >> 2 & 0x3333'3333) | (value & 0x3333'3333) << 2;
  value = (value >> 4 & 0x0F0F'0F0F) | (value & 0x0F0F'0F0F) << 4;
  return reverse_bytes(value);
}

}  // namespace microvisor::board

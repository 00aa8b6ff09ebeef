// Single-precision floating point as FPv5 does it: rounding modes, flush to zero, default NaN, cumulative
// flags.
//
// Numbers are bit patterns. Every function takes the FPSCR, obeys its control bits and sets its exception
// bits (DDI0553, pseudocode FPAdd, FPMul, FPMulAdd, FPRound and their kin).
#pragma once

#include <cstdint>

namespace microvisor::board {

/// FPSCR fields.
enum : std::uint32_t {
  kFpInvalid = 1u << 0,
  kFpDivideByZero = 1u << 1,
  kFpOverflow = 1u << 2,
  kFpUnderflow = 1u << 3,
  kFpInexact = 1u << 4,
  kFpInputDenormal = 1u << 7,
  kFpRounding = 3u << 22,
  kFpFlushToZero = 1u << 24,
  kFpDefaultNan = 1u << 25,
  kFpAlternativeHalf = 1u << 26,
  kFpFlags = 0xFu << 28,
  /// What exists of it without MVE.
  kFpscrMask = kFpFlags | kFpAlternativeHalf | kFpDefaultNan | kFpFlushToZero | kFpRounding | 0x9Fu,
};

enum class Rounding : std::uint8_t { Nearest, Up, Down, Zero, TiesAway };

constexpr Rounding rounding_of(std::uint32_t fpscr) { return static_cast<Rounding>(fpscr >> 22 & 3); }
constexpr std::uint32_t negate_float(std::uint32_t value) { return value ^ 0x8000'0000; }

std::uint32_t float_add(std::uint32_t a, std::uint32_t b, std::uint32_t& fpscr);
std::uint32_t float_multiply(std::uint32_t a, std::uint32_t b, std::uint32_t& fpscr);
std::uint32_t float_divide(std::uint32_t a, std::uint32_t b, std::uint32_t& fpscr);
std::uint32_t float_square_root(std::uint32_t a, std::uint32_t& fpscr);
/// addend + a * b with one rounding.
std::uint32_t float_multiply_add(std::uint32_t addend, std::uint32_t a, std::uint32_t b,
                                 std::uint32_t& fpscr);
/// VMAXNM and VMINNM: a quiet NaN loses against a number.
std::uint32_t float_maximum(std::uint32_t a, std::uint32_t b, bool minimum, std::uint32_t& fpscr);
/// N, Z, C, V for bits 31:28 of FPSCR. `signal_quiet`: quiet NaNs are invalid operands too (VCMPE).
std::uint32_t float_compare(std::uint32_t a, std::uint32_t b, bool signal_quiet, std::uint32_t& fpscr);
/// To an integral number in floating point; `exact` sets the inexact flag (VRINTX).
std::uint32_t float_round(std::uint32_t a, Rounding rounding, bool exact, std::uint32_t& fpscr);
/// To an integer of `width` bits with `fraction` bits behind the point; saturates.
std::uint32_t float_to_fixed(std::uint32_t a, unsigned width, unsigned fraction, bool is_signed,
                             Rounding rounding, std::uint32_t& fpscr);
/// From an integer (already extended to 64 bits) with `fraction` bits behind the point.
std::uint32_t fixed_to_float(std::int64_t value, unsigned fraction, Rounding rounding, std::uint32_t& fpscr);
std::uint32_t half_to_float(std::uint32_t half, std::uint32_t& fpscr);
std::uint32_t float_to_half(std::uint32_t a, std::uint32_t& fpscr);

}  // namespace microvisor::board

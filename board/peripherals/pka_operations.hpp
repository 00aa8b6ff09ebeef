// The operations of PKA: where each finds its operands in the RAM, what it leaves there, and how long it
// takes (RM0456 section 53.4 and 53.5). A number lies in words, the least significant first; lengths are in
// bits.
//
// Results are written with zeros behind them up to the largest size of their kind, because drivers look for
// the first word that is not zero from there down. The operations that RM0456 calls protected erase the RAM
// except for their results.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "board/peripherals/big_number.hpp"

namespace microvisor::board {

class PkaRam {
 public:
  static constexpr std::uint32_t kStart = 0x400;  ///< offset of the RAM in the block
  static constexpr std::uint32_t kWords = 1334;
  static constexpr std::uint32_t kEnd = kStart + kWords * 4;
  static constexpr unsigned kMaximumBits = 4160;      ///< RSA and arithmetic
  static constexpr unsigned kMaximumCurveBits = 640;  ///< operations on curves

  [[nodiscard]] std::uint32_t word(std::uint32_t offset) const { return words_[(offset - kStart) / 4]; }
  void set_word(std::uint32_t offset, std::uint32_t value) { words_[(offset - kStart) / 4] = value; }
  /// The number of `bits` bits at `offset`.
  [[nodiscard]] Number number(std::uint32_t offset, unsigned bits) const;
  /// Writes `number` into `words` words at `offset`.
  void set_number(std::uint32_t offset, const Number& number, unsigned words);
  /// A status or another value of 64 bits.
  void set_value(std::uint32_t offset, std::uint32_t value);
  void erase() { words_.fill(0); }

  std::array<std::uint32_t, kWords>& words() { return words_; }

 private:
  std::array<std::uint32_t, kWords> words_{};
};

/// What the operations report in the RAM (RM0456 tables 499 to 520).
enum PkaStatus : std::uint32_t {
  kPkaDone = 0xD60D,
  kPkaFailed = 0xCBC9,
  kPkaNo = 0xA3B7,       ///< invalid signature, point not on the curve or at infinity, r is 0
  kPkaOutside = 0xF946,  ///< a coordinate is not below the modulus, s is 0
  kPkaEqual = 0xED2C,
  kPkaGreater = 0x7AF8,
  kPkaLess = 0x916A,
};

struct PkaOperation {
  enum class Result : std::uint8_t {
    Done,
    BadParameters,  ///< a length is out of range: OPERRF
    Fault,          ///< done, and the block reports a tamper event: the point was not on the curve
  };
  std::uint8_t mode;
  std::string_view name;
  Result (*run)(PkaRam& ram);
  /// AHB clocks.
  std::uint64_t (*clocks)(const PkaRam& ram);
};

/// nullptr if MODE has no such operation.
[[nodiscard]] const PkaOperation* pka_operation(unsigned mode);

/// The two halves of the table: pka_arithmetic.cpp and pka_curves.cpp.
[[nodiscard]] std::span<const PkaOperation> pka_arithmetic();
[[nodiscard]] std::span<const PkaOperation> pka_curves();

/// One measured point of a table of RM0456: a length in bits and the clocks it takes.
struct PkaTime {
  unsigned bits;
  std::uint64_t clocks;
};
/// Between the points of the table in proportion, below the first as if from zero, above the last by the last
/// slope.
[[nodiscard]] std::uint64_t pka_clocks(std::span<const PkaTime> table, unsigned bits);

}  // namespace microvisor::board

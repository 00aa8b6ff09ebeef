// Integers and RSA on PKA (RM0456 sections 53.4.2 to 53.4.13).
#include <algorithm>

#include "board/peripherals/pka_operations.hpp"

namespace microvisor::board {
namespace {

using Result = PkaOperation::Result;

// Where operands lie. Most operations share a place for a length, two operands, a modulus and a result.
enum Place : std::uint32_t {
  kExponentBits = 0x400,  ///< also the length of an operand that is to be reduced
  kBits = 0x408,
  kOperandA = 0xA50,
  kOperandB = 0xC68,
  kResult = 0xE78,
  kModulus = 0x1088,
  kMontgomery = 0x620,  ///< R^2 mod n
  kPower = 0x838,
  kBase = 0xC68,
  kExponent = 0xE78,
  // protected exponentiation
  kProtectedBase = 0x16C8,
  kProtectedExponent = 0x14B8,
  kProtectedModulus = 0x838,
  kProtectedStatus = 0x1298,
  // exponentiation by the Chinese remainder theorem
  kCrtDp = 0x730,
  kCrtDq = 0xE78,
  kCrtQinv = 0x948,
  kCrtP = 0xB60,
  kCrtQ = 0x1088,
  kCrtBase = 0x12A0,
};

/// The largest number and the two words behind it that software clears after an operand.
constexpr unsigned kResultWords = PkaRam::kMaximumBits / 32 + 2;

bool in_range(unsigned bits) { return bits != 0 && bits <= PkaRam::kMaximumBits; }
constexpr unsigned words_of(unsigned bits) { return (bits + 31) / 32; }

/// R = 2^(64 * limbs): the radix of Montgomery's multiplication for a modulus of `bits` bits.
Number radix(unsigned bits) { return Number::power_of_two((bits + 63) / 64 * 64); }

// --- exponentiation

Result montgomery_parameter(PkaRam& ram) {
  const unsigned bits = ram.word(kBits);
  if (!in_range(bits)) return Result::BadParameters;
  const Number r = radix(bits);
  ram.set_number(kMontgomery, r * r % ram.number(kModulus, bits), kResultWords);
  return Result::Done;
}

Result exponentiate(PkaRam& ram) {
  const unsigned bits = ram.word(kBits), exponent_bits = ram.word(kExponentBits);
  if (!in_range(bits) || !in_range(exponent_bits)) return Result::BadParameters;
  const Number modulus = ram.number(kModulus, bits);
  const Number result = power(ram.number(kBase, bits), ram.number(kExponent, exponent_bits), modulus);
  ram.set_number(kPower, result, kResultWords);
  return Result::Done;
}

/// As the above, but the operand is brought into Montgomery's form with the R^2 that software has loaded: a
/// wrong one gives a wrong result.
Result exponentiate_fast(PkaRam& ram) {
  const unsigned bits = ram.word(kBits), exponent_bits = ram.word(kExponentBits);
  if (!in_range(bits) || !in_range(exponent_bits)) return Result::BadParameters;
  const Number modulus = ram.number(kModulus, bits);
  const Number r = inverse(radix(bits), modulus);
  const Number factor = ram.number(kMontgomery, bits) * r * r;
  const Number base = ram.number(kBase, bits) * factor % modulus;
  ram.set_number(kPower, power(base, ram.number(kExponent, exponent_bits), modulus), kResultWords);
  return Result::Done;
}

Result exponentiate_protected(PkaRam& ram) {
  const unsigned bits = ram.word(kBits), exponent_bits = ram.word(kExponentBits);
  if (!in_range(bits) || !in_range(exponent_bits)) return Result::BadParameters;
  const Number modulus = ram.number(kProtectedModulus, bits);
  const Number exponent = ram.number(kProtectedExponent, exponent_bits);
  const Number result = power(ram.number(kProtectedBase, bits), exponent, modulus);
  ram.erase();
  ram.set_number(kPower, result, kResultWords);
  ram.set_value(kProtectedStatus, modulus.odd() ? kPkaDone : kPkaFailed);
  return Result::Done;
}

Result exponentiate_crt(PkaRam& ram) {
  const unsigned bits = ram.word(kBits);
  if (!in_range(bits)) return Result::BadParameters;
  const unsigned half = (bits + 1) / 2;
  const Number p = ram.number(kCrtP, half), q = ram.number(kCrtQ, half);
  const Number base = ram.number(kCrtBase, bits);
  const Number m1 = power(base, ram.number(kCrtDp, half), p);
  const Number m2 = power(base, ram.number(kCrtDq, half), q);
  const Number h = ram.number(kCrtQinv, half) * (m1 - m2) % p;
  ram.set_number(kPower, m2 + h * q, kResultWords);
  return Result::Done;
}

// --- integers

/// An operation on operands of the same length, with the modulus at `modulus`, or without one.
struct Operands {
  unsigned bits;
  Number a, b;
};
Operands operands(const PkaRam& ram) {
  const unsigned bits = ram.word(kBits);
  return {bits, ram.number(kOperandA, bits), ram.number(kOperandB, bits)};
}

template <typename Operation>
Result with_operands(PkaRam& ram, Operation operation) {
  if (!in_range(ram.word(kBits))) return Result::BadParameters;
  const Operands given = operands(ram);
  ram.set_number(kResult, operation(given, ram.number(kModulus, given.bits)), kResultWords);
  return Result::Done;
}

Result add(PkaRam& ram) {
  return with_operands(ram, [](const Operands& o, const Number&) { return o.a + o.b; });
}

/// A negative difference comes as its complement to whole words, with one more word of ones.
Result subtract(PkaRam& ram) {
  return with_operands(ram, [](const Operands& o, const Number&) {
    return o.a < o.b ? Number::power_of_two((words_of(o.bits) + 1) * 32) + o.a - o.b : o.a - o.b;
  });
}

Result multiply(PkaRam& ram) {
  const unsigned bits = ram.word(kBits);
  if (!in_range(bits)) return Result::BadParameters;
  const Operands given = operands(ram);
  ram.set_number(kResult, given.a * given.b, std::max(2 * words_of(bits), kResultWords));
  return Result::Done;
}

Result compare(PkaRam& ram) {
  if (!in_range(ram.word(kBits))) return Result::BadParameters;
  const Operands given = operands(ram);
  ram.set_value(kResult, given.a == given.b ? kPkaEqual : given.a < given.b ? kPkaLess : kPkaGreater);
  return Result::Done;
}

Result modular_add(PkaRam& ram) {
  return with_operands(ram, [](const Operands& o, const Number& n) { return (o.a + o.b) % n; });
}

Result modular_subtract(PkaRam& ram) {
  return with_operands(ram, [](const Operands& o, const Number& n) { return (o.a - o.b) % n; });
}

/// A * B / R mod n.
Result montgomery_multiply(PkaRam& ram) {
  return with_operands(
      ram, [](const Operands& o, const Number& n) { return o.a * o.b * inverse(radix(o.bits), n) % n; });
}

Result modular_inversion(PkaRam& ram) {
  return with_operands(ram, [](const Operands& o, const Number&) { return inverse(o.a, o.b); });
}

Result modular_reduction(PkaRam& ram) {
  const unsigned bits = ram.word(kBits), operand_bits = ram.word(kExponentBits);
  if (!in_range(bits) || !in_range(operand_bits)) return Result::BadParameters;
  ram.set_number(kResult, ram.number(kOperandA, operand_bits) % ram.number(kOperandB, bits), kResultWords);
  return Result::Done;
}

// --- time (RM0456 table 521, whose figures these three parts give within 3 %)

/// Finding R^2 for a modulus; what an exponentiation costs besides; one multiplication.
constexpr PkaTime kParameter[] = {{1024, 101'900}, {2048, 409'000}, {3072, 506'000}, {4096, 822'200}};
constexpr PkaTime kEntry[] = {{1024, 15'200}, {2048, 54'800}, {3072, 118'900}, {4096, 208'400}};
constexpr PkaTime kMultiplication[] = {{1024, 3'750}, {2048, 13'608}, {3072, 29'571}, {4096, 51'289}};
/// A bit of the exponent, whatever its value.
constexpr PkaTime kProtectedBit[] = {{1024, 9'725}, {2048, 31'195}, {3072, 64'910}, {4096, 110'919}};
constexpr PkaTime kCrt[] = {{1024, 1'775'000}, {2048, 11'670'000}, {3072, 36'886'000}, {4096, 84'577'000}};

/// A length as software has given it, but no longer than there is room for.
unsigned length(const PkaRam& ram, std::uint32_t offset) {
  return std::min<unsigned>(ram.word(offset), PkaRam::kMaximumBits);
}

std::uint64_t parameter_clocks(const PkaRam& ram) { return pka_clocks(kParameter, length(ram, kBits)); }

/// A square for each bit of the exponent behind the first one, a product for each of them that is set.
std::uint64_t fast_clocks(const PkaRam& ram) {
  const Number exponent = ram.number(kExponent, length(ram, kExponentBits));
  std::uint64_t multiplications = 0;
  for (unsigned i = 0; i + 1 < exponent.bits(); ++i) multiplications += exponent.bit(i) ? 2 : 1;
  const unsigned bits = length(ram, kBits);
  return pka_clocks(kEntry, bits) + multiplications * pka_clocks(kMultiplication, bits);
}
std::uint64_t normal_clocks(const PkaRam& ram) { return parameter_clocks(ram) + fast_clocks(ram); }
std::uint64_t protected_clocks(const PkaRam& ram) {
  return length(ram, kExponentBits) * pka_clocks(kProtectedBit, length(ram, kBits));
}
std::uint64_t crt_clocks(const PkaRam& ram) { return pka_clocks(kCrt, length(ram, kBits)); }

/// The manual gives no times for single operations on integers: a few clocks a limb of 64 bits, or, where
/// every pair of limbs meets, a pair.
std::uint64_t linear_clocks(const PkaRam& ram) { return 100 + length(ram, kBits) / 16; }
std::uint64_t quadratic_clocks(const PkaRam& ram) {
  const std::uint64_t limbs = (length(ram, kBits) + 63) / 64;
  return 200 + 4 * limbs * limbs;
}
std::uint64_t inversion_clocks(const PkaRam& ram) { return 600 * std::uint64_t{length(ram, kBits)}; }

constexpr PkaOperation kOperations[] = {
    {0x00, "modular exponentiation", exponentiate, normal_clocks},
    {0x01, "Montgomery parameter", montgomery_parameter, parameter_clocks},
    {0x02, "modular exponentiation, fast", exponentiate_fast, fast_clocks},
    {0x03, "modular exponentiation, protected", exponentiate_protected, protected_clocks},
    {0x07, "RSA CRT exponentiation", exponentiate_crt, crt_clocks},
    {0x08, "modular inversion", modular_inversion, inversion_clocks},
    {0x09, "arithmetic addition", add, linear_clocks},
    {0x0A, "arithmetic subtraction", subtract, linear_clocks},
    {0x0B, "arithmetic multiplication", multiply, quadratic_clocks},
    {0x0C, "arithmetic comparison", compare, linear_clocks},
    {0x0D, "modular reduction", modular_reduction, quadratic_clocks},
    {0x0E, "modular addition", modular_add, linear_clocks},
    {0x0F, "modular subtraction", modular_subtract, linear_clocks},
    {0x10, "Montgomery multiplication", montgomery_multiply, quadratic_clocks},
};

}  // namespace

std::span<const PkaOperation> pka_arithmetic() { return kOperations; }

}  // namespace microvisor::board

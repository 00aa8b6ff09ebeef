#include "board/peripherals/big_number.hpp"

#include <openssl/err.h>

#include <algorithm>
#include <new>
#include <vector>

namespace microvisor::board {
namespace {

void check(bool done) {
  if (!done) throw std::bad_alloc();
}

}  // namespace

BN_CTX* number_context() {
  struct Free {
    void operator()(BN_CTX* context) const { BN_CTX_free(context); }
  };
  static thread_local const std::unique_ptr<BN_CTX, Free> context(BN_CTX_new());
  check(context != nullptr);
  return context.get();
}

Number::Number(std::uint64_t value) : value_(BN_new()) {
  check(value_ != nullptr && BN_set_word(value_.get(), value) == 1);
}

Number::Number(std::span<const std::uint32_t> words) {
  std::vector<unsigned char> bytes(words.size() * 4);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<unsigned char>(words[i / 4] >> (8 * (i % 4)));
  }
  value_.reset(BN_lebin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  check(value_ != nullptr);
}

Number::Number(const Number& other) : value_(BN_dup(other.get())) { check(value_ != nullptr); }

Number& Number::operator=(const Number& other) {
  if (this != &other) *this = Number(other);
  return *this;
}

Number Number::power_of_two(unsigned exponent) {
  Number result;
  check(BN_set_bit(result.get(), static_cast<int>(exponent)) == 1);
  return result;
}

void Number::copy_to(std::span<std::uint32_t> words) const {
  std::ranges::fill(words, 0);
  std::vector<unsigned char> bytes(std::max<std::size_t>(words.size() * 4, (bits() + 7) / 8));
  check(BN_bn2lebinpad(get(), bytes.data(), static_cast<int>(bytes.size())) >= 0);
  for (std::size_t i = 0; i < words.size() * 4; ++i) {
    words[i / 4] |= std::uint32_t{bytes[i]} << (8 * (i % 4));
  }
}

Number Number::low_bits(unsigned count) const {
  Number result(*this);
  if (count < bits()) check(BN_mask_bits(result.get(), static_cast<int>(count)) == 1);
  return result;
}

Number operator+(const Number& a, const Number& b) {
  Number result;
  check(BN_add(result.get(), a.get(), b.get()) == 1);
  return result;
}

Number operator-(const Number& a, const Number& b) {
  Number result;
  check(BN_sub(result.get(), a.get(), b.get()) == 1);
  return result;
}

Number operator*(const Number& a, const Number& b) {
  Number result;
  check(BN_mul(result.get(), a.get(), b.get(), number_context()) == 1);
  return result;
}

Number operator%(const Number& a, const Number& modulus) {
  Number result;
  if (!modulus.zero()) check(BN_nnmod(result.get(), a.get(), modulus.get(), number_context()) == 1);
  return result;
}

Number power(const Number& base, const Number& exponent, const Number& modulus) {
  Number result;
  if (modulus.zero()) return result;
  const Number reduced = base % modulus;
  check(BN_mod_exp(result.get(), reduced.get(), exponent.get(), modulus.get(), number_context()) == 1);
  return result;
}

Number inverse(const Number& a, const Number& modulus) {
  Number result;
  if (modulus.zero()) return result;
  if (BN_mod_inverse(result.get(), a.get(), modulus.get(), number_context()) == nullptr) {
    ERR_clear_error();
    return Number();
  }
  return result;
}

}  // namespace microvisor::board

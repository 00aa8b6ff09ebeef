// Numbers of any size for PKA: OpenSSL's BIGNUM with an owner, and the operations PKA is made of.
//
// Results are new numbers. What cannot fail but for want of memory throws std::bad_alloc.
#pragma once

#include <openssl/bn.h>

#include <cstdint>
#include <memory>
#include <span>

namespace microvisor::board {

class Number {
 public:
  Number(std::uint64_t value = 0);  // NOLINT(google-explicit-constructor): small numbers are numbers
  /// From words, the least significant first.
  explicit Number(std::span<const std::uint32_t> words);
  Number(const Number& other);
  Number(Number&&) noexcept = default;
  Number& operator=(const Number& other);
  Number& operator=(Number&&) noexcept = default;
  ~Number() = default;

  [[nodiscard]] static Number power_of_two(unsigned exponent);
  /// The low words of the number; those beyond it are zero.
  void copy_to(std::span<std::uint32_t> words) const;

  [[nodiscard]] bool zero() const { return BN_is_zero(value_.get()) != 0; }
  [[nodiscard]] bool odd() const { return BN_is_odd(value_.get()) != 0; }
  [[nodiscard]] unsigned bits() const { return static_cast<unsigned>(BN_num_bits(value_.get())); }
  [[nodiscard]] bool bit(unsigned index) const {
    return BN_is_bit_set(value_.get(), static_cast<int>(index)) != 0;
  }
  /// Cleared to its last `count` bits.
  [[nodiscard]] Number low_bits(unsigned count) const;

  friend Number operator+(const Number& a, const Number& b);
  friend Number operator-(const Number& a, const Number& b);
  friend Number operator*(const Number& a, const Number& b);
  /// The least non-negative remainder; zero if `modulus` is zero.
  friend Number operator%(const Number& a, const Number& modulus);
  friend bool operator==(const Number& a, const Number& b) { return BN_cmp(a.get(), b.get()) == 0; }
  friend bool operator<(const Number& a, const Number& b) { return BN_cmp(a.get(), b.get()) < 0; }

  [[nodiscard]] BIGNUM* get() const { return value_.get(); }

 private:
  struct Free {
    void operator()(BIGNUM* number) const { BN_clear_free(number); }
  };
  std::unique_ptr<BIGNUM, Free> value_;
};

/// base ^ exponent mod modulus; zero if the modulus is.
[[nodiscard]] Number power(const Number& base, const Number& exponent, const Number& modulus);
/// The inverse of `a` mod `modulus`; zero if there is none.
[[nodiscard]] Number inverse(const Number& a, const Number& modulus);

/// Scratch space of the calling thread.
[[nodiscard]] BN_CTX* number_context();

}  // namespace microvisor::board

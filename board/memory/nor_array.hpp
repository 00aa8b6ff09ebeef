// The cells of a NOR flash chip.
//
// They are stored inverted: a stored 0 is an erased 0xFF. So an unused chip of 64 MiB is a hole in a file or
// a page of zeros that nobody has touched, and thousands of boards cost what they have written.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

namespace microvisor::board {

class NorArray {
 public:
  NorArray() = default;
  explicit NorArray(std::span<std::uint8_t> inverted) : inverted_(inverted) {}

  [[nodiscard]] std::size_t size() const { return inverted_.size(); }
  [[nodiscard]] std::uint8_t read(std::size_t offset) const {
    return static_cast<std::uint8_t>(~inverted_[offset]);
  }
  /// Programming takes bits from 1 to 0 only.
  void program(std::size_t offset, std::uint8_t value) {
    inverted_[offset] = static_cast<std::uint8_t>(inverted_[offset] | ~value);
  }
  /// All of [offset, offset + size) to 0xFF.
  void erase(std::size_t offset, std::size_t size) { std::ranges::fill(inverted_.subspan(offset, size), 0); }
  /// Sets a byte to any value: power-cut leftovers, factory images.
  void poke(std::size_t offset, std::uint8_t value) { inverted_[offset] = static_cast<std::uint8_t>(~value); }

 private:
  std::span<std::uint8_t> inverted_;
};

}  // namespace microvisor::board

// The cells of a NOR flash chip.
//
// They are stored inverted: a stored 0 is an erased 0xFF. So an unused chip of 64 MiB is a hole in a file or
// a page of zeros that nobody has touched, and thousands of boards cost what they have written. Holes are not
// even read (Mapping::pages_in_use says why).
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "board/memory/mapping.hpp"

namespace microvisor::board {

class NorArray {
 public:
  NorArray() = default;
  /// `in_use`: the host pages that are no holes; null if all may be touched. Holes of a file are backed
  /// before program().
  explicit NorArray(std::span<std::uint8_t> inverted, std::vector<bool>* in_use = nullptr)
      : inverted_(inverted), in_use_(in_use) {}

  [[nodiscard]] std::size_t size() const { return inverted_.size(); }
  [[nodiscard]] std::uint8_t read(std::size_t offset) const {
    return hole(offset) ? 0xFF : static_cast<std::uint8_t>(~inverted_[offset]);
  }
  /// All of [offset, offset + size) reads 0xFF.
  [[nodiscard]] bool blank(std::size_t offset, std::size_t size) const {
    for (const std::size_t end = offset + size; offset < end;) {
      const std::size_t piece = rest_of_page(offset, end);
      const auto cells = inverted_.subspan(offset, piece);
      if (!hole(offset) && std::ranges::any_of(cells, [](std::uint8_t byte) { return byte != 0; }))
        return false;
      offset += piece;
    }
    return true;
  }
  /// Programming takes bits from 1 to 0 only.
  void program(std::size_t offset, std::uint8_t value) {
    note_in_use(offset);
    inverted_[offset] = static_cast<std::uint8_t>(inverted_[offset] | ~value);
  }
  /// All of [offset, offset + size) to 0xFF. Host pages that are erased already stay untouched.
  void erase(std::size_t offset, std::size_t size) {
    for (const std::size_t end = offset + size; offset < end;) {
      const std::size_t piece = rest_of_page(offset, end);
      if (!blank(offset, piece)) std::ranges::fill(inverted_.subspan(offset, piece), std::uint8_t{0});
      offset += piece;
    }
  }
  /// Sets a byte to any value: power-cut leftovers, factory images.
  void poke(std::size_t offset, std::uint8_t value) {
    note_in_use(offset);
    inverted_[offset] = static_cast<std::uint8_t>(~value);
  }

 private:
  [[nodiscard]] bool hole(std::size_t offset) const {
    return in_use_ != nullptr && !(*in_use_)[offset / kHostPage];
  }
  void note_in_use(std::size_t offset) {
    if (in_use_ != nullptr) (*in_use_)[offset / kHostPage] = true;
  }
  [[nodiscard]] static std::size_t rest_of_page(std::size_t offset, std::size_t end) {
    return std::min(end, (offset / kHostPage + 1) * kHostPage) - offset;
  }

  std::span<std::uint8_t> inverted_;
  std::vector<bool>* in_use_ = nullptr;
};

}  // namespace microvisor::board

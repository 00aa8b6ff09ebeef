// What the debug comparators have an eye on, as the fetch and data paths need it.
//
// One rule: the fast paths know nothing of this. A page with watched instructions has marks in its records,
// and watched data is never in the translations, so both come to the slow paths, which ask here. While no
// comparator is armed there are no ranges and nothing is asked.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace microvisor::board {

/// Addresses, both ends inclusive.
struct AddressRange {
  std::uint32_t first = 0, last = 0;
  [[nodiscard]] constexpr bool overlaps(std::uint32_t from, std::uint32_t to) const {
    return first <= to && from <= last;
  }
  bool operator==(const AddressRange&) const = default;
};

/// Worked out from the registers of FPB and DWT whenever they change (debug_events.cpp).
struct DebugWatch {
  std::array<AddressRange, 12> code_ranges{};  ///< eight breakpoints, four DWT comparators
  std::array<AddressRange, 4> data_ranges{};
  std::uint8_t code_count = 0, data_count = 0;

  [[nodiscard]] std::span<const AddressRange> code() const { return {code_ranges.data(), code_count}; }
  [[nodiscard]] std::span<const AddressRange> data() const { return {data_ranges.data(), data_count}; }
  void watch_code(AddressRange range) { code_ranges.at(code_count++) = range; }
  void watch_data(AddressRange range) { data_ranges.at(data_count++) = range; }
  bool operator==(const DebugWatch&) const = default;
};

}  // namespace microvisor::board

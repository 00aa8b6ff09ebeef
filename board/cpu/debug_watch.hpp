// What the debug comparators have an eye on, as the fetch and data paths need it.
//
// One rule: the fast paths know nothing of this. A page with watched instructions has marks in its records,
// and watched data is never in the translations, so both come to the slow paths, which ask here. While no
// comparator is armed there are no ranges and nothing is asked.
#pragma once

#include <cstdint>
#include <vector>

namespace microvisor::board {

/// Addresses, both ends inclusive.
struct AddressRange {
  std::uint32_t first = 0, last = 0;
  [[nodiscard]] constexpr bool overlaps(std::uint32_t from, std::uint32_t to) const {
    return first <= to && from <= last;
  }
  bool operator==(const AddressRange&) const = default;
};

/// Worked out from the registers of FPB and DWT and from what a debugger outside of the chip wants
/// (halting.hpp) whenever one of them changes (debug_events.cpp).
struct DebugWatch {
  std::vector<AddressRange> code_ranges, data_ranges;

  [[nodiscard]] const std::vector<AddressRange>& code() const { return code_ranges; }
  [[nodiscard]] const std::vector<AddressRange>& data() const { return data_ranges; }
  void watch_code(AddressRange range) { code_ranges.push_back(range); }
  void watch_data(AddressRange range) { data_ranges.push_back(range); }
  bool operator==(const DebugWatch&) const = default;
};

}  // namespace microvisor::board

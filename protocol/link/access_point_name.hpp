// What an access point name (APN) of a cellular network may be, for everybody who takes one: 3GPP TS 23.003
// section 9.1.
//
// Labels of letters, digits and hyphens, with dots between them; a label begins and ends with a letter or a
// digit. The whole is at most 100 characters. Freestanding: part of the kernel too.
#pragma once

#include <cstddef>
#include <string_view>

namespace microvisor::protocol {

inline constexpr std::size_t kLongestAccessPointName = 100;  ///< characters

constexpr bool is_access_point_name(std::string_view name) {
  char previous = '.';
  for (const char c : name) {
    const bool inner = c == '.' || c == '-';
    const bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
    if (!inner && !letter && (c < '0' || c > '9')) return false;
    if (inner && (previous == '.' || (previous == '-' && c == '.'))) return false;
    previous = c;
  }
  return previous != '.' && previous != '-' && name.size() <= kLongestAccessPointName;
}

}  // namespace microvisor::protocol

// Helpers shared by the translators.
#pragma once

#include "board/cpu/decode_cache.hpp"
#include "board/cpu/decoder.hpp"
#include "board/cpu/handlers_control.hpp"
#include "board/cpu/handlers_data.hpp"

namespace microvisor::board {

/// SP or PC: not allowed as a destination or operand of most 32-bit instructions (UNPREDICTABLE; made
/// UNDEFINED here).
constexpr bool is_special(std::uint32_t number) { return number == 13 || number == 15; }

/// True if a branch over `distance` bytes from the instruction stays in its page.
constexpr bool stays_in_page(const Place& place, std::int32_t distance) {
  if (place.slot == Place::kNoPage) return false;
  const std::int64_t target = std::int64_t{place.slot} * 2 + distance;
  return target >= 0 && target < kPageBytes;
}

/// Fills `imm` with the distance of a branch, in records if it is near.
template <class Near, class Far>
void set_branch(Record& record, const Place& place, std::int32_t distance) {
  const bool near = stays_in_page(place, distance);
  record.imm = static_cast<std::uint32_t>(near ? distance / 2 : distance);
  if (near) {
    set<Near>(record);
  } else {
    set<Far>(record);
  }
}

/// Bcc with a condition known at run time.
void set_conditional_branch(Record& record, const Place& place, unsigned condition, std::int32_t distance);

/// A branch may only be the last instruction of an IT block.
constexpr bool branch_allowed(const Place& place) { return !place.in_it() || place.last_in_it(); }

/// Sets the operation for loads with a mode; T is the type in memory.
template <class Plain, class ToSp, class ToPc>
bool set_load(Record& record, const Place& place, bool word) {
  if (record.d == 15) {
    if (!word || !branch_allowed(place)) return false;
    set<ToPc>(record);
  } else if (record.d == 13) {
    if (!word) return false;
    set<ToSp>(record);
  } else {
    set<Plain>(record);
  }
  return true;
}

}  // namespace microvisor::board

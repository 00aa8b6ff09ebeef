// What the read-out protection lets a debugger do: the only place that says so.
//
// One row a level of RDP, for TZEN = 1: the inputs DBGEN, NIDEN, SPIDEN and SPNIDEN of the core, and how sure
// we are. What follows from them is the core's business (board/cpu/debug_events.cpp): above all, watchpoints
// and the cycle counter are dead without DBGEN and NIDEN, breakpoints and steps of a secure monitor are not.
#pragma once

#include "board/bus/illegal_access.hpp"
#include "board/cpu/core.hpp"
#include "board/memory/option_bytes.hpp"

namespace microvisor::board {

struct DebugPolicy {
  DebugAuthentication inputs;
  Confidence confidence;
};

constexpr DebugPolicy debug_policy_of(std::uint32_t rdp) {
  using enum Confidence;
  constexpr DebugAuthentication kEverything{true, true, true, true};
  constexpr DebugAuthentication kNonSecure{true, true, false, false};
  constexpr DebugAuthentication kNothing{false, false, false, false};
  switch (rdp) {
    case optr::kRdpLevel0: return {kEverything, Manual};
    case optr::kRdpLevel0_5:
      return {kNonSecure, Manual};  // DS13086 3.4.1: Secure debug is forbidden
    // The port is closed; that the inputs of the core are low then is not said anywhere. Firmware tries a
    // comparator before it promises watchpoints.
    case optr::kRdpLevel2: return {kNothing, Inferred};
    default: return {kNonSecure, Manual};  // level 1: flash is out of reach, Non-secure debug as such is not
  }
}

}  // namespace microvisor::board

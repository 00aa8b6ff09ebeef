// What `--link` says of the air between a virtual board's modem and its network.
#pragma once

#include <string>

#include "board/modem/absence.hpp"
#include "board/modem/radio_link.hpp"

namespace microvisor::cli {

inline constexpr const char* kRadioHelp =
    "What the air is like: delay=150ms (one way), loss=5%, rate=10k (bit/s), outage=5s/60s (none of a minute "
    "passes in its first five seconds), separated by commas; behind cellular: or wifi: for one of the two";

/// Throws Failure.
board::RadioConditions parse_radio(const std::string& text);
/// "20s/60s". Throws Failure.
board::AbsenceTimes parse_absence(const std::string& text);

}  // namespace microvisor::cli

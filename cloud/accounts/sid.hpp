// Resource identifiers: two letters and 32 hex digits, issued at random in lower case.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace microvisor::cloud {

inline constexpr std::string_view kAccountPrefix = "AC";
inline constexpr std::string_view kKeyPrefix = "SK";
inline constexpr std::string_view kAppPrefix = "KA";
inline constexpr std::string_view kDevicePrefix = "UV";

std::string make_sid(std::string_view prefix);
/// True for `prefix` and 32 hex digits of either case.
bool is_sid(std::string_view prefix, std::string_view text);
/// Hex digits in lower case, so that lookups match what was issued.
std::string lower_sid(std::string_view sid);

/// `bytes` random bytes from the system's generator, as lower-case hex.
std::string random_hex(std::size_t bytes);

}  // namespace microvisor::cloud

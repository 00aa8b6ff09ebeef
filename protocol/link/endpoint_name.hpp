// Names of the endpoints of opaque channels, and what a device is told of them (protocol/LINK.md, "Channel").
//
// A device has no room for the names of its account's endpoints; it gets a hash of each. That is enough to
// tell an application at once that there is no such endpoint; whether there really is one the gateway says,
// who gets the name. Freestanding: part of the kernel too.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace microvisor::protocol {

inline constexpr std::size_t kLongestEndpointName = 31;  ///< bytes
inline constexpr std::size_t kMaximumEndpoints = 16;     ///< of an account
inline constexpr std::string_view kLogEndpoint = "log";  ///< is always there

/// 1 to 31 printable ASCII characters, none a space.
constexpr bool is_endpoint_name(std::string_view name) {
  return !name.empty() && name.size() <= kLongestEndpointName &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

inline constexpr std::uint32_t kEndpointHashStart = 0x811C'9DC5;

/// FNV-1a of 32 bits; of a part behind others whose hash is `hash`.
constexpr std::uint32_t endpoint_hash(std::string_view name, std::uint32_t hash = kEndpointHashStart) {
  for (const char c : name) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x0100'0193;
  return hash;
}

}  // namespace microvisor::protocol

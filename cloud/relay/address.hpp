// IP addresses, and which of them are the public internet.
//
// One table of what is not, from IANA's registries of special-purpose addresses: what it does not name may be
// connected to. Of IPv6 it is the other way round: only global unicast is public, less what the table takes
// away. Addresses that carry another one inside (mapped, translated, 6to4, Teredo) are never public: whatever
// they carry can be reached by its own name. Plain values, any thread.
#pragma once

#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>

namespace microvisor::cloud {

struct IpAddress {
  bool v6 = false;
  std::array<std::uint8_t, 16> bytes{};  ///< network order; of IPv4 the first four
  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

/// Empty: of another family.
[[nodiscard]] std::optional<IpAddress> ip_address(const sockaddr& address);
/// As inet_pton takes it: "192.0.2.1" with four decimal numbers, "2001:db8::1" without a zone.
[[nodiscard]] std::optional<IpAddress> parse_ip_address(const std::string& text);
[[nodiscard]] std::string to_text(const IpAddress& address);

[[nodiscard]] bool is_public(const IpAddress& address);

}  // namespace microvisor::cloud

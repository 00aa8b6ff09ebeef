// Ranges are compared bit by bit from the front, whatever their family.
#include "cloud/relay/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace microvisor::cloud {
namespace {

struct Range {
  const char* first;
  unsigned bits;
};

constexpr Range kNotPublic4[] = {
    {"0.0.0.0", 8},         // this network; 0.0.0.0 itself is this host (RFC 791)
    {"10.0.0.0", 8},        // private (RFC 1918)
    {"100.64.0.0", 10},     // behind a provider's NAT (RFC 6598)
    {"127.0.0.0", 8},       // loopback (RFC 1122)
    {"168.63.129.16", 32},  // the platform's own services on one large cloud, in a public range
    {"169.254.0.0", 16},    // link-local (RFC 3927); where most clouds have their metadata
    {"172.16.0.0", 12},     // private (RFC 1918)
    {"192.0.0.0", 24},      // protocol assignments (RFC 6890)
    {"192.0.2.0", 24},      // documentation (RFC 5737)
    {"192.31.196.0", 24},   // AS112: whoever is nearest answers (RFC 7535)
    {"192.52.193.0", 24},   // AMT relays, likewise (RFC 7450)
    {"192.88.99.0", 24},    // 6to4 relays (RFC 7526)
    {"192.168.0.0", 16},    // private (RFC 1918)
    {"192.175.48.0", 24},   // AS112 (RFC 7534)
    {"198.18.0.0", 15},     // benchmarks (RFC 2544)
    {"198.51.100.0", 24},   // documentation (RFC 5737)
    {"203.0.113.0", 24},    // documentation (RFC 5737)
    {"224.0.0.0", 4},       // multicast (RFC 5771)
    {"240.0.0.0", 4},       // reserved (RFC 1112), and broadcast
};

/// All that is public lies in here (RFC 4291, section 2.4, and IANA's allocations). Outside are loopback,
/// unspecified, mapped (::ffff:0:0/96), translated (64:ff9b::/96, 64:ff9b:1::/48), discard-only, unique local
/// (fc00::/7), link-local, site-local, multicast and segment identifiers.
constexpr Range kGlobal6 = {"2000::", 3};

constexpr Range kNotPublic6[] = {
    {"2001::", 23},          // protocol assignments (RFC 2928): Teredo, benchmarks, ORCHID, AMT
    {"2001:db8::", 32},      // documentation (RFC 3849)
    {"2002::", 16},          // 6to4 (RFC 3056)
    {"2620:4f:8000::", 48},  // AS112 (RFC 7534)
    {"3ffe::", 16},          // the first test network, given back (RFC 3701)
    {"3fff::", 20},          // documentation (RFC 9637)
};

bool is_within(const IpAddress& address, const Range& range) {
  const IpAddress first = *parse_ip_address(range.first);
  const unsigned whole = range.bits / 8;
  if (!std::equal(first.bytes.begin(), first.bytes.begin() + whole, address.bytes.begin())) return false;
  if (range.bits % 8 == 0) return true;
  const unsigned unused = 8 - range.bits % 8;
  return first.bytes[whole] >> unused == address.bytes[whole] >> unused;
}

}  // namespace

std::optional<IpAddress> ip_address(const sockaddr& address) {
  IpAddress result;
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    std::memcpy(result.bytes.data(), &v4.sin_addr, sizeof v4.sin_addr);
    return result;
  }
  if (address.sa_family != AF_INET6) return std::nullopt;
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address, sizeof v6);
  result.v6 = true;
  std::memcpy(result.bytes.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
  return result;
}

std::optional<IpAddress> parse_ip_address(const std::string& text) {
  IpAddress result;
  if (inet_pton(AF_INET, text.c_str(), result.bytes.data()) == 1) return result;
  result.v6 = true;
  if (inet_pton(AF_INET6, text.c_str(), result.bytes.data()) == 1) return result;
  return std::nullopt;
}

std::string to_text(const IpAddress& address) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(address.v6 ? AF_INET6 : AF_INET, address.bytes.data(), text, sizeof text);
  return text;
}

bool is_public(const IpAddress& address) {
  const auto contains = [&](const Range& range) { return is_within(address, range); };
  if (!address.v6) return std::none_of(std::begin(kNotPublic4), std::end(kNotPublic4), contains);
  return is_within(address, kGlobal6) &&
         std::none_of(std::begin(kNotPublic6), std::end(kNotPublic6), contains);
}

}  // namespace microvisor::cloud

// Which addresses, names and entries of allow-lists are let through: each range at both of its borders, from
// the registries of IANA.
#include "cloud/relay/policy.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

namespace microvisor::cloud {
namespace {

using namespace std::string_literals;

/// A socket address as name resolution gives it.
struct SocketAddress {
  sockaddr_storage storage{};
  explicit SocketAddress(const std::string& text, std::uint16_t port = 443) {
    const IpAddress ip = *parse_ip_address(text);
    if (ip.v6) {
      sockaddr_in6 v6{};
      v6.sin6_family = AF_INET6;
      v6.sin6_port = htons(port);
      std::memcpy(&v6.sin6_addr, ip.bytes.data(), 16);
      std::memcpy(&storage, &v6, sizeof v6);
    } else {
      sockaddr_in v4{};
      v4.sin_family = AF_INET;
      v4.sin_port = htons(port);
      std::memcpy(&v4.sin_addr, ip.bytes.data(), 4);
      std::memcpy(&storage, &v4, sizeof v4);
    }
  }
  [[nodiscard]] const sockaddr& get() const { return reinterpret_cast<const sockaddr&>(storage); }
};

RelayPolicy policy_with(const std::vector<std::string>& resolve) { return *RelayPolicy::make({resolve, {}}); }

TEST(RelayAddress, ReadsSocketAddresses) {
  EXPECT_EQ(to_text(*ip_address(SocketAddress("192.0.2.7").get())), "192.0.2.7");
  EXPECT_EQ(to_text(*ip_address(SocketAddress("2001:db8::7").get())), "2001:db8::7");
  sockaddr other{};
  other.sa_family = AF_UNIX;
  EXPECT_FALSE(ip_address(other));
  EXPECT_FALSE(policy_with({}).may_connect("host", 443, other));
}

TEST(RelayAddress, TextsThatAreNoAddresses) {
  for (const char* text : {"", "1.2.3", "0x7f.1", "2130706433", "127.1", "1.2.3.4.5", "256.1.1.1",
                           "fe80::1%eth0", "[::1]", "::g", "01.2.3.4"})
    EXPECT_FALSE(parse_ip_address(text)) << text;
}

struct Border {
  const char* address;
  bool is_public;
};

void expect_borders(std::initializer_list<Border> borders) {
  const RelayPolicy policy = policy_with({});
  for (const Border& border : borders) {
    EXPECT_EQ(is_public(*parse_ip_address(border.address)), border.is_public) << border.address;
    EXPECT_EQ(policy.may_connect("host.example", 443, SocketAddress(border.address).get()), border.is_public)
        << border.address;
  }
}

TEST(RelayAddress, OfIpv4IsPublicOrNotAtEachBorder) {
  expect_borders({{"0.0.0.0", false},         {"0.255.255.255", false},   {"1.0.0.0", true},
                  {"9.255.255.255", true},    {"10.0.0.0", false},        {"10.255.255.255", false},
                  {"11.0.0.0", true},         {"100.63.255.255", true},   {"100.64.0.0", false},
                  {"100.100.100.200", false}, {"100.127.255.255", false}, {"100.128.0.0", true},
                  {"126.255.255.255", true},  {"127.0.0.0", false},       {"127.0.0.1", false},
                  {"127.255.255.255", false}, {"128.0.0.0", true},        {"168.63.129.15", true},
                  {"168.63.129.16", false},   {"168.63.129.17", true},    {"169.253.255.255", true},
                  {"169.254.0.0", false},     {"169.254.169.254", false}, {"169.254.255.255", false},
                  {"169.255.0.0", true},      {"172.15.255.255", true},   {"172.16.0.0", false},
                  {"172.31.255.255", false},  {"172.32.0.0", true},       {"191.255.255.255", true},
                  {"192.0.0.0", false},       {"192.0.0.192", false},     {"192.0.0.255", false},
                  {"192.0.1.0", true},        {"192.0.1.255", true},      {"192.0.2.0", false},
                  {"192.0.2.255", false},     {"192.0.3.0", true},        {"192.31.196.1", false},
                  {"192.52.193.1", false},    {"192.88.98.255", true},    {"192.88.99.0", false},
                  {"192.88.99.255", false},   {"192.88.100.0", true},     {"192.167.255.255", true},
                  {"192.168.0.0", false},     {"192.168.255.255", false}, {"192.169.0.0", true},
                  {"192.175.48.6", false},    {"198.17.255.255", true},   {"198.18.0.0", false},
                  {"198.19.255.255", false},  {"198.20.0.0", true},       {"198.51.99.255", true},
                  {"198.51.100.0", false},    {"198.51.100.255", false},  {"198.51.101.0", true},
                  {"203.0.112.255", true},    {"203.0.113.0", false},     {"203.0.113.255", false},
                  {"203.0.114.0", true},      {"223.255.255.255", true},  {"224.0.0.0", false},
                  {"239.255.255.255", false}, {"240.0.0.0", false},       {"255.255.255.254", false},
                  {"255.255.255.255", false}});
}

TEST(RelayAddress, OfIpv6IsPublicOrNotAtEachBorder) {
  expect_borders({{"::", false},
                  {"::1", false},
                  {"::2", false},
                  {"::8.8.8.8", false},          // compatible, long gone
                  {"::ffff:8.8.8.8", false},     // mapped, even of a public one
                  {"::ffff:127.0.0.1", false},   //
                  {"::ffff:0:8.8.8.8", false},   // translated (RFC 2765)
                  {"64:ff9b::8.8.8.8", false},   // translated (RFC 6052)
                  {"64:ff9b::10.0.0.1", false},  //
                  {"64:ff9b:1::1", false},       // (RFC 8215)
                  {"100::1", false},             // discard-only
                  {"1fff:ffff::", false},
                  {"2000::", true},
                  {"2000:ffff::1", true},
                  {"2001::1", false},  // Teredo
                  {"2001:2::1", false},
                  {"2001:10::1", false},
                  {"2001:20::1", false},
                  {"2001:1ff:ffff::", false},
                  {"2001:200::", true},
                  {"2001:db7:ffff::1", true},
                  {"2001:db8::", false},
                  {"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", false},
                  {"2001:db9::1", true},
                  {"2001:4860:4860::8888", true},
                  {"2001:ffff::1", true},
                  {"2002::", false},
                  {"2002:7f00:1::1", false},
                  {"2002:808:808::1", false},
                  {"2002:ffff::1", false},
                  {"2003::1", true},
                  {"2620:4f:8000::1", false},
                  {"2620:4f:8001::1", true},
                  {"2a00:1450::1", true},
                  {"3ffd:ffff::1", true},
                  {"3ffe::1", false},
                  {"3fff::1", false},
                  {"3fff:fff:ffff::1", false},
                  {"3fff:1000::1", true},
                  {"3fff:ffff:ffff::1", true},
                  {"4000::1", false},
                  {"5f00::1", false},
                  {"fbff::1", false},
                  {"fc00::1", false},
                  {"fd00:ec2::254", false},
                  {"fdff:ffff::1", false},
                  {"fe00::1", false},
                  {"fe80::1", false},
                  {"febf:ffff::1", false},
                  {"fec0::1", false},
                  {"ff00::1", false},
                  {"ff02::1", false},
                  {"ff0e::1", false}});
}

TEST(RelayPolicy, WhatTheOperatorNamesIsReachedAndNothingBesideIt) {
  const RelayPolicy policy = policy_with({"Server.Test:8443:127.0.0.1:9443", "v6.test:443:[::1]:8443"});
  const RelayResolution* named = policy.resolution("server.test", 8443);
  ASSERT_NE(named, nullptr);
  EXPECT_EQ(to_text(named->address), "127.0.0.1");
  EXPECT_EQ(named->address_port, 9443);
  EXPECT_EQ(policy.resolution("server.test", 443), nullptr);
  EXPECT_EQ(policy.resolution("other.test", 8443), nullptr);

  EXPECT_TRUE(policy.may_connect("server.test", 8443, SocketAddress("127.0.0.1", 9443).get()));
  EXPECT_FALSE(policy.may_connect("server.test", 8443, SocketAddress("127.0.0.1", 8443).get()));
  EXPECT_FALSE(policy.may_connect("server.test", 8443, SocketAddress("127.0.0.2", 9443).get()));
  EXPECT_FALSE(policy.may_connect("server.test", 8443, SocketAddress("::1", 9443).get()));
  EXPECT_FALSE(policy.may_connect("server.test", 8443, SocketAddress("::ffff:127.0.0.1", 9443).get()));
  EXPECT_FALSE(policy.may_connect("server.test", 443, SocketAddress("127.0.0.1", 9443).get()));
  EXPECT_FALSE(policy.may_connect("other.test", 8443, SocketAddress("127.0.0.1", 9443).get()));
  EXPECT_TRUE(policy.may_connect("v6.test", 443, SocketAddress("::1", 8443).get()));
  EXPECT_TRUE(policy.may_connect("other.test", 8443, SocketAddress("8.8.8.8", 8443).get()));
}

TEST(RelayPolicy, ResolutionsAreRead) {
  const auto plain = parse_resolution("host:443:10.1.2.3");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->port, 443);
  EXPECT_EQ(plain->address_port, 443);
  const auto bare = parse_resolution("host:443:fd00::1");
  ASSERT_TRUE(bare);
  EXPECT_EQ(to_text(bare->address), "fd00::1");
  EXPECT_EQ(bare->address_port, 443);
  const auto bracketed = parse_resolution("[2001:DB8::1]:443:[::1]");
  ASSERT_TRUE(bracketed);
  EXPECT_EQ(bracketed->host, "[2001:db8::1]");
  for (const char* text :
       {"", "host", "host:443", "host:443:", "host:443:name", "host::127.0.0.1", "host:0:127.0.0.1",
        "host:65536:127.0.0.1", "host:443:127.0.0.1:", "host:443:127.0.0.1:0", "host:443:127.0.0.1:80:1",
        "ho st:443:127.0.0.1", "host:443:[::1", "host:+1:127.0.0.1"}) {
    const auto parsed = parse_resolution(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error(), std::string("not HOST:PORT:ADDRESS or HOST:PORT:ADDRESS:PORT: ") + text);
  }
}

TEST(RelayPolicy, NamesAreComparedInOneForm) {
  EXPECT_EQ(canonical_host("API.Example.com."), "api.example.com");
  EXPECT_EQ(canonical_host("[2001:DB8:0::1]"), "[2001:db8::1]");
  EXPECT_EQ(canonical_host("127.0.0.1"), "127.0.0.1");
  for (const char* text : {"", ".", "..", ".example.com", "a..b", "a b", "a/b", "b\303\274cher.example",
                           "a%2eb", "[127.0.0.1]", "[::1", "[]", "user@host"})
    EXPECT_EQ(canonical_host(text), "") << text;
  EXPECT_EQ(canonical_host("a\0b"s), "");
  EXPECT_EQ(canonical_host(std::string(254, 'a')), "");
}

TEST(RelayPolicy, AnEmptyListAllowsEveryHost) {
  EXPECT_TRUE(AllowedHosts({}).allows("anything.example", 443));
  EXPECT_FALSE(AllowedHosts({"not a host"}).allows("anything.example", 443));
}

TEST(RelayPolicy, EntriesAllowHostsAndWhatIsBelowDomains) {
  const AllowedHosts hosts({"Api.Example.com", "exact.example:8443", "*.devices.example", "*.x.example:444",
                            "[2001:4860::1]:443"});
  EXPECT_TRUE(hosts.allows("api.example.com", 443));
  EXPECT_TRUE(hosts.allows("api.example.com", 9));
  EXPECT_FALSE(hosts.allows("www.api.example.com", 443));
  EXPECT_FALSE(hosts.allows("example.com", 443));
  EXPECT_FALSE(hosts.allows("evil-api.example.com", 443));
  EXPECT_TRUE(hosts.allows("exact.example", 8443));
  EXPECT_FALSE(hosts.allows("exact.example", 443));
  EXPECT_TRUE(hosts.allows("a.devices.example", 443));
  EXPECT_TRUE(hosts.allows("a.b.devices.example", 443));
  EXPECT_FALSE(hosts.allows("devices.example", 443));
  EXPECT_FALSE(hosts.allows(".devices.example", 443));
  EXPECT_FALSE(hosts.allows("evildevices.example", 443));
  EXPECT_TRUE(hosts.allows("a.x.example", 444));
  EXPECT_FALSE(hosts.allows("a.x.example", 443));
  EXPECT_TRUE(hosts.allows("[2001:4860::1]", 443));
  EXPECT_FALSE(hosts.allows("[2001:4860::2]", 443));
}

TEST(RelayPolicy, EntriesHaveOneForm) {
  EXPECT_EQ(AllowedHosts::canonical("API.example.com."), "api.example.com");
  EXPECT_EQ(AllowedHosts::canonical("*.Example.com:8443"), "*.example.com:8443");
  EXPECT_EQ(AllowedHosts::canonical("[2001:DB8::1]:443"), "[2001:db8::1]:443");
  EXPECT_EQ(AllowedHosts::canonical("[2001:DB8::1]"), "[2001:db8::1]");
  for (const char* text : {"", "*", "*.", "*.*.a", "a:", "a:0", "a:x", "a:65536", "https://a", "a/b", "a b",
                           ":443", "*.[::1]", "a:1:2", "[::1]x", "[::1]:"})
    EXPECT_EQ(AllowedHosts::canonical(text), "") << text;
}

TEST(RelayPolicy, AuthoritiesOfTheOperatorAreReadOrRefusedWhole) {
  const std::string path = std::filesystem::temp_directory_path() / ("mv-ca-" + std::to_string(::getpid()));
  const auto missing = RelayPolicy::make({{}, path + ".missing"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error(), "cannot read " + path + ".missing");
  for (const char* content :
       {"", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}) {
    std::ofstream(path) << content;
    const auto made = RelayPolicy::make({{}, path});
    ASSERT_FALSE(made) << content;
    EXPECT_EQ(made.error(), path + " is not a file of certificates in PEM form");
  }
  std::filesystem::remove(path);
}

TEST(RelayPolicy, AResolutionThatIsNoneIsRefused) {
  const auto made = RelayPolicy::make({{"host"}, {}});
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().find("not HOST:PORT:ADDRESS"), std::string::npos);
}

}  // namespace
}  // namespace microvisor::cloud

// What is an endpoint's address and what is none.
#include "cloud/relay/endpoint_url.hpp"

#include <gtest/gtest.h>

namespace microvisor::cloud {
namespace {

TEST(EndpointUrl, HasSchemeHostAndPort) {
  const auto tcp = parse_endpoint_url("tcp://Backend.Example.:7000");
  ASSERT_TRUE(tcp);
  EXPECT_EQ(tcp->scheme, EndpointScheme::Tcp);
  EXPECT_EQ(tcp->host, "backend.example");
  EXPECT_EQ(tcp->port, 7000);
  const auto tls = parse_endpoint_url("tls://[2001:db8::1]:65535");
  ASSERT_TRUE(tls);
  EXPECT_EQ(tls->scheme, EndpointScheme::Tls);
  EXPECT_EQ(tls->host, "[2001:db8::1]");
  EXPECT_EQ(tls->port, 65535);
}

TEST(EndpointUrl, OfAWebSocketHasAPathAndMayHaveAPort) {
  const auto plain = parse_endpoint_url("wss://backend.example/devices?kind=2");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->scheme, EndpointScheme::WebSocket);
  EXPECT_EQ(plain->port, 443);
  EXPECT_EQ(plain->target, "/devices?kind=2");
  const auto ported = parse_endpoint_url("wss://192.0.2.1:8443/");
  ASSERT_TRUE(ported);
  EXPECT_EQ(ported->host, "192.0.2.1");
  EXPECT_EQ(ported->port, 8443);
  EXPECT_EQ(ported->target, "/");
}

TEST(EndpointUrl, WhatIsNone) {
  for (const std::string text : {"",
                                 "backend.example:1",
                                 "udp://a:1",
                                 "ws://a/",
                                 "http://a/",
                                 "tcp://",
                                 "tcp://a",
                                 "tcp://a:",
                                 "tcp://a:0",
                                 "tcp://a:65536",
                                 "tcp://a:1/",
                                 "tcp://a:1x",
                                 "tcp://u@a:1",
                                 "tcp://a b:1",
                                 "tcp://:1",
                                 "tls://2001:db8::1:1",
                                 "tls://[::1",
                                 "tls://[::1]",
                                 "wss://a",
                                 "wss://a:1",
                                 "wss://a/ b",
                                 "wss://a/#f",
                                 "wss:///",
                                 "wss://u@a/",
                                 "wss://a/\r\nX: y",
                                 "TCP://a:1"})
    EXPECT_FALSE(parse_endpoint_url(text)) << text;
  EXPECT_TRUE(parse_endpoint_url("wss://a/" + std::string(504, 'p')));
  EXPECT_FALSE(parse_endpoint_url("wss://a/" + std::string(505, 'p')));
}

}  // namespace
}  // namespace microvisor::cloud

// Whom the relay of HTTP speaks to: certificates, redirects, addresses, the account's list.
#include <gtest/gtest.h>

#include <cstdlib>

#include "cloud/test/http_relay_fixture.hpp"

namespace microvisor::cloud {
namespace {

using namespace test;

struct HttpReachTest : HttpRelayTest {};

// Who the server is.

TEST_F(HttpReachTest, CertificatesAreVerifiedAgainstTheHost) {
  const auto handler = [](const Request&, Peer& peer) { peer.write(response_with("x")); };
  const TlsAuthority stranger{"A stranger"};
  const HttpsServer other_name(authority.issue("A server of a test", "DNS:other.test"), handler);
  const HttpsServer other_authority(stranger.issue("A server of a test", "DNS:server.test"), handler);
  const HttpsServer expired(authority.issue("A server of a test", "DNS:server.test", true), handler);
  const HttpsServer address_only(authority.issue("A server of a test", "IP:127.0.0.1"), handler);
  for (const HttpsServer* it : {&other_name, &other_authority, &expired, &address_only}) {
    relay.reset();
    resolve.clear();
    name("server.test:443", *it);
    EXPECT_EQ(result(), HttpResult::RequestFailed);
    EXPECT_EQ(it->connections(), 1);
  }
}

TEST_F(HttpReachTest, ACertificateForAllBelowADomainWillDo) {
  server = std::make_unique<HttpsServer>(authority.issue("A server of a test", "DNS:*.server.test"),
                                         [](const Request&, Peer& peer) { peer.write(response_with("x")); });
  name("a.server.test:443", *server);
  name("server.test:443", *server);
  EXPECT_EQ(result_of(request_for("https://a.server.test/")), HttpResult::Ok);
  EXPECT_EQ(result(), HttpResult::RequestFailed);
}

TEST_F(HttpReachTest, WithoutTheOperatorsAuthorityNobodyTrustsIt) {
  serve(response_with("x"));
  policy = *RelayPolicy::make({resolve, {}});
  start_relay();
  EXPECT_EQ(result(), HttpResult::RequestFailed);
  EXPECT_EQ(server->connections(), 1);
}

// Redirects.

std::string redirect_to(const std::string& location, const std::string& status = "302 Found") {
  return "HTTP/1.1 " + status + "\r\nLocation: " + location + "\r\nContent-Length: 7\r\n\r\nignored";
}

TEST_F(HttpReachTest, RedirectsAreFollowedToTheLastResponse) {
  serve([](const Request& request, Peer& peer) {
    if (request.line == "POST /start HTTP/1.1") return void(peer.write(redirect_to("/303", "303 See Other")));
    if (request.line == "GET /303 HTTP/1.1")
      return void(peer.write(redirect_to("https://second.test:8443/end")));
    peer.write(response_with("here"));
  });
  HttpsServer second(authority.issue("A server of a test", "DNS:second.test"),
                     [](const Request& request, Peer& peer) {
                       peer.write(response_with(request.line + "|" + request.header("Authorization") + "|" +
                                                request.header("Accept")));
                     });
  name("second.test:8443", second);
  auto request = request_for("https://server.test/start", "POST", "body");
  request.add_headers("Authorization: Bearer secret");
  request.add_headers("Accept: text/plain");
  const auto response = ask(request);
  EXPECT_EQ(response.result(), 0U);
  EXPECT_EQ(response.body(), "GET /end HTTP/1.1||text/plain");
  EXPECT_EQ(response.headers_size(), 1);
  ASSERT_EQ(server->requests().size(), 2U);
  EXPECT_EQ(server->requests()[1].header("Authorization"), "Bearer secret");
  EXPECT_EQ(server->requests()[1].body, "");
  EXPECT_EQ(second.requests().at(0).header("Host"), "second.test:8443");
}

TEST_F(HttpReachTest, ARedirectOf307KeepsMethodAndBody) {
  serve([](const Request& request, Peer& peer) {
    if (request.line.find("/start") != std::string::npos)
      return void(peer.write(redirect_to("/end", "307 Temporary Redirect")));
    peer.write(response_with(request.line + " " + request.body));
  });
  EXPECT_EQ(ask(request_for("https://server.test/start", "PUT", "body")).body(), "PUT /end HTTP/1.1 body");
}

TEST_F(HttpReachTest, RedirectsThatLeadNowhere) {
  std::string location;
  serve([&](const Request&, Peer& peer) { peer.write(redirect_to(location)); });
  for (const char* to : {"http://server.test/", "ftp://server.test/", "https://", "/again"}) {
    location = to;
    EXPECT_EQ(result(), HttpResult::RequestFailed) << to;
  }
  EXPECT_EQ(server->requests().size(), 3U + 1 + limits.redirects);  // the last one is a loop
}

TEST_F(HttpReachTest, TheTimeoutIsThatOfAllRedirectsTogether) {
  limits.longest = 300ms;
  limits.redirects = 1000;
  serve([&](const Request&, Peer& peer) { peer.write(redirect_to("/again")); });
  EXPECT_EQ(result(), HttpResult::RequestFailed);
  EXPECT_LT(server->requests().size(), 1000U);
}

// Policy.

/// The lines that the log stream has of refusals.
std::vector<std::string> refusals(const World& world) { return world.messages(log_type::kConnection); }

TEST_F(HttpReachTest, TheCloudsOwnMachineIsNotReachedByAnyName) {
  serve(response_with("secret"), "DNS:server.test,DNS:localhost,IP:127.0.0.1,IP:::1");
  const std::string port = std::to_string(server->port());
  made();
  for (const char* host :
       {"127.0.0.1", "localhost", "LOCALHOST", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0",
        "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "169.254.169.254", "10.0.0.1",
        "[fd00:ec2::254]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"}) {
    world.records.clear();
    EXPECT_EQ(result_of(request_for("https://" + std::string(host) + ":" + port + "/")),
              HttpResult::RequestFailed)
        << host;
    EXPECT_EQ(refusals(world).size(), 1U) << host;
  }
  // What is named on the command line stands for that port alone.
  EXPECT_EQ(result_of(request_for("https://server.test:" + port + "/")), HttpResult::RequestFailed);
  EXPECT_EQ(server->connections(), 0);
  EXPECT_EQ(result(), HttpResult::Ok);
  EXPECT_EQ(server->connections(), 1);
}

TEST_F(HttpReachTest, ARefusalIsToldToTheOperatorOnce) {
  made();
  const auto channel = open(4096, "UVabc");
  send(*channel, request_for("https://localhost/"));
  EXPECT_EQ(answer(*channel).result(), 5U);
  ASSERT_EQ(world.records.size(), 1U);
  EXPECT_EQ(world.records[0].device_sid, "UVabc");
  EXPECT_EQ(world.records[0].message,
            "HTTP request not relayed: localhost has no address on the public internet");
  EXPECT_EQ(relay->counters().refused, 1U);
}

TEST_F(HttpReachTest, ARedirectToAPrivateAddressIsNotFollowed) {
  const HttpsServer inside(authority.issue("A server of a test", "DNS:inside.test,IP:127.0.0.1"),
                           [](const Request&, Peer& peer) { peer.write(response_with("secret")); });
  const std::string port = std::to_string(inside.port());
  std::string location;
  serve([&](const Request&, Peer& peer) { peer.write(redirect_to(location)); });
  for (const std::string& host : {"127.0.0.1:" + port, "localhost:" + port, "[::ffff:7f00:1]:" + port}) {
    location = "https://" + host + "/";
    EXPECT_EQ(result(), HttpResult::RequestFailed);
  }
  EXPECT_EQ(inside.connections(), 0);
  EXPECT_EQ(refusals(world).size(), 3U);
}

TEST_F(HttpReachTest, AnAccountsListHoldsForTheFirstServerAndForEachRedirect) {
  std::string location = "https://second.test/";
  serve([&](const Request& request, Peer& peer) {
    peer.write(request.line.find("/away") != std::string::npos ? redirect_to(location) : response_with("x"));
  });
  HttpsServer second(authority.issue("A server of a test", "DNS:second.test"),
                     [](const Request&, Peer& peer) { peer.write(response_with("x")); });
  name("second.test:443", second);
  world.store->allow_host(world.account.sid, "server.test");
  EXPECT_EQ(result(), HttpResult::Ok);
  EXPECT_TRUE(refusals(world).empty());
  EXPECT_EQ(result_of(request_for("https://second.test/")), HttpResult::RequestFailed);
  EXPECT_EQ(result_of(request_for("https://server.test/away")), HttpResult::RequestFailed);
  EXPECT_EQ(second.connections(), 0);
  EXPECT_EQ(refusals(world),
            std::vector<std::string>(
                2, "HTTP request not relayed: second.test is not on the account's list of hosts"));
  world.store->allow_host(world.account.sid, "*.test:443");
  EXPECT_EQ(result_of(request_for("https://server.test/away")), HttpResult::Ok);
}

TEST_F(HttpReachTest, AProxyOfTheEnvironmentIsNotUsed) {
  serve(response_with("x"));
  const std::string proxy = "http://127.0.0.1:" + std::to_string(server->port());
  for (const char* variable : {"https_proxy", "HTTPS_PROXY", "all_proxy"})
    ::setenv(variable, proxy.c_str(), 1);
  EXPECT_EQ(result(), HttpResult::Ok);
  EXPECT_EQ(result_of(request_for("https://10.0.0.1/")), HttpResult::RequestFailed);
  for (const char* variable : {"https_proxy", "HTTPS_PROXY", "all_proxy"}) ::unsetenv(variable);
  EXPECT_EQ(server->connections(), 1);
}

}  // namespace
}  // namespace microvisor::cloud

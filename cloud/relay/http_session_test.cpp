// The relay of HTTP from end to end: a device's session over TLS, the running cloud, a server on loopback,
// and what REST, log stream and metrics show of it.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cloud/channels/channel.hpp"
#include "cloud/test/device_client.hpp"
#include "cloud/test/https_server.hpp"
#include "cloud/test/running_server.hpp"

namespace microvisor::cloud {
namespace {

using nlohmann::json;
using test::DeviceClient;
using test::HttpsServer;

link::Frame on_stream(std::uint32_t stream) {
  link::Frame frame;
  frame.set_stream(stream);
  return frame;
}

struct HttpSessionTest : testing::Test {
  test::TlsAuthority authority{"Authority of a test"};
  HttpsServer server{authority.issue("A server of a test", "DNS:server.test"),
                     [](const HttpsServer::Request& request, HttpsServer::Peer& peer) {
                       const std::string body(20000, request.body.empty() ? '-' : request.body[0]);
                       peer.write("HTTP/1.1 201 Created\r\nContent-Length: 20000\r\n\r\n" + body);
                     }};
  std::string file = std::filesystem::temp_directory_path() / ("mv-session-ca-" + std::to_string(::getpid()));
  test::RunningServer running{options()};
  test::HttpClient client = running.client();
  test::DeviceIdentity identity = test::provision(client);

  [[nodiscard]] RelayOptions options() const {
    std::ofstream(file) << authority.own().certificate_pem;
    return {{"server.test:443:127.0.0.1:" + std::to_string(server.port())}, file};
  }

  HttpSessionTest() = default;
  ~HttpSessionTest() override { std::filesystem::remove(file); }
  HttpSessionTest(const HttpSessionTest&) = delete;
  HttpSessionTest& operator=(const HttpSessionTest&) = delete;

  /// As a device does it: the channel is opened, the request sent, and credit given as data is taken.
  static channel::HttpResponse ask(DeviceClient& device, std::uint32_t stream, const std::string& url,
                                   const std::string& body = "") {
    link::Frame open = on_stream(stream);
    open.mutable_open()->set_service(link::SERVICE_HTTP);
    open.mutable_open()->set_credit(30000);
    device.send(open);
    channel::HttpRequest request;
    request.set_method("POST");
    request.set_url(url);
    request.set_timeout_milliseconds(10000);
    request.set_body(body);
    const std::string message = request.SerializeAsString();
    link::Frame data = on_stream(stream);
    const std::string header = {static_cast<char>(message.size() & 0xFF),
                                static_cast<char>(message.size() >> 8), 0, channel::KIND_HTTP_REQUEST};
    data.set_data(header + message);
    device.send(data);
    return response_of(device);
  }
  static channel::HttpResponse response_of(DeviceClient& device) {
    std::string bytes;
    std::size_t size = 4;
    while (bytes.size() < size) {
      const auto frame = device.receive(link::Frame::kData);
      if (!frame) throw std::runtime_error("the connection has ended");
      bytes += frame->data();
      if (bytes.size() >= 4)
        size = 4 + (static_cast<std::uint8_t>(bytes[0]) | static_cast<std::uint8_t>(bytes[1]) << 8U);
    }
    channel::HttpResponse response;
    EXPECT_EQ(bytes[3], channel::KIND_HTTP_RESPONSE);
    EXPECT_TRUE(response.ParseFromString(bytes.substr(4)));
    return response;
  }
};

TEST_F(HttpSessionTest, ADeviceReachesWhatTheOperatorNames) {
  DeviceClient device(identity);
  device.hello();
  const auto response = ask(device, 1, "https://server.test/", "x");
  EXPECT_EQ(response.status_code(), 201U);
  EXPECT_EQ(response.body(), std::string(20000, 'x'));
  const std::string metrics = client.get("/metrics").body;
  EXPECT_NE(metrics.find("\nmicrovisor_http_requests_total 1\n"), std::string::npos) << metrics;
  EXPECT_NE(metrics.find("\nmicrovisor_http_responses_total 1\n"), std::string::npos);
  EXPECT_NE(metrics.find("\nmicrovisor_http_request_bytes_total 1\n"), std::string::npos);
  EXPECT_NE(metrics.find("\nmicrovisor_http_response_bytes_total 20000\n"), std::string::npos);
  EXPECT_NE(metrics.find("\nmicrovisor_http_requests_open 0\n"), std::string::npos);
}

TEST_F(HttpSessionTest, WhatPolicyRefusesStandsInTheDevicesLog) {
  DeviceClient device(identity);
  device.hello();
  test::LineStream log(client, "/api/devices/" + identity.sid + "/logs?Since=1");
  EXPECT_EQ(log.next_json()["message"], "Connection established for device " + identity.sid);
  EXPECT_EQ(ask(device, 1, "https://127.0.0.1:" + std::to_string(server.port()) + "/").result(), 5U);
  const json record = log.next_json();
  EXPECT_EQ(record["type"], "connection");
  EXPECT_EQ(record["message"], "HTTP request not relayed: 127.0.0.1:" + std::to_string(server.port()) +
                                   " has no address on the public internet");
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(HttpSessionTest, TheAccountsListIsKeptAndHolds) {
  DeviceClient device(identity);
  device.hello();
  EXPECT_EQ(client.get("/api/relay/hosts").json(), json({{"hosts", json::array()}}));
  const auto added = client.post_json("/api/relay/hosts", {{"host", "*.Example.com:8443"}});
  EXPECT_EQ(added.status, 201);
  EXPECT_EQ(added.json(), json({{"host", "*.example.com:8443"}}));
  EXPECT_EQ(ask(device, 1, "https://server.test/").result(), 5U);
  EXPECT_EQ(server.connections(), 0);
  EXPECT_EQ(client.post_json("/api/relay/hosts", {{"host", "server.test"}}).status, 201);
  EXPECT_EQ(ask(device, 3, "https://server.test/").result(), 0U);
  EXPECT_EQ(client.get("/api/relay/hosts").json(), json({{"hosts", {"*.example.com:8443", "server.test"}}}));
  EXPECT_EQ(client.request("DELETE", "/api/relay/hosts/%2A.example.com%3A8443", "", "").status, 204);
  EXPECT_EQ(client.request("DELETE", "/api/relay/hosts/%2A.example.com%3A8443", "", "").status, 404);
  EXPECT_EQ(client.request("DELETE", "/api/relay/hosts/not%20a%20host", "", "").status, 400);
  EXPECT_EQ(client.post_json("/api/relay/hosts", {{"host", "https://server.test/"}}).status, 400);
  EXPECT_EQ(client.post_json("/api/relay/hosts", json::object()).status, 400);
  EXPECT_EQ(client.get("/api/relay/hosts").json(), json({{"hosts", {"server.test"}}}));
}

TEST_F(HttpSessionTest, TheCloudStopsWhileARequestIsUnderWay) {
  HttpsServer silent(authority.issue("A server of a test", "DNS:server.test"),
                     [](const HttpsServer::Request&, HttpsServer::Peer& peer) { peer.wait_until_gone(); });
  ServerOptions options = running.options();
  options.relay.resolve = {"server.test:443:127.0.0.1:" + std::to_string(silent.port())};
  running.restart(options);
  identity.gateway_port = running.server->gateway_port();
  DeviceClient device(identity);
  device.hello();
  std::thread stopper([&] {
    while (silent.requests().empty()) std::this_thread::yield();
    running.server->stop();
  });
  EXPECT_THROW(ask(device, 1, "https://server.test/"), std::runtime_error);
  stopper.join();
  running.server.reset();
}

TEST(RelayOfServer, OptionsThatAreNoneAreRefused) {
  const test::RunningServer running;
  ServerOptions options = running.options();
  options.data += "-other";
  options.relay.resolve = {"server.test"};
  auto started = Server::start(options);
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().find("server.test"), std::string::npos);
  options.relay = {{}, "/nonexistent.pem"};
  started = Server::start(options);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error(), "cannot read /nonexistent.pem");
  EXPECT_FALSE(std::filesystem::exists(options.data));
}

}  // namespace
}  // namespace microvisor::cloud

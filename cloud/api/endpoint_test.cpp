// Endpoints from the REST API to a device and through it: who may define what, what devices are told, and a
// channel to one over all of the cloud.
#include <gtest/gtest.h>

#include "cloud/test/device_client.hpp"
#include "cloud/test/far_end.hpp"
#include "cloud/test/running_server.hpp"
#include "protocol/link/endpoint_name.hpp"

namespace microvisor::cloud {
namespace {

using nlohmann::json;
using test::DeviceClient;
using test::FarEnd;
using Wire = FarEnd::Wire;

std::vector<std::uint32_t> endpoints_of(const link::Settings& settings) {
  return {settings.endpoints().begin(), settings.endpoints().end()};
}

class EndpointTest : public testing::Test {
 protected:
  FarEnd far_end{[](Wire& wire) {
    for (std::string bytes; !(bytes = wire.read()).empty();) wire.write(bytes);
  }};
  test::RunningServer running{{{"far.test:7:127.0.0.1:" + std::to_string(far_end.port())}, ""}};
  test::HttpClient client = running.client();

  int add(const std::string& name, const std::string& url) const {
    return client.post_json("/api/endpoints", {{"name", name}, {"url", url}}).status;
  }
  json list() const { return client.get("/api/endpoints").json()["endpoints"]; }

  static void open(DeviceClient& device, std::uint32_t stream, const std::string& name) {
    link::Frame frame;
    frame.set_stream(stream);
    frame.mutable_open()->set_service(link::SERVICE_CHANNEL);
    frame.mutable_open()->set_name(name);
    frame.mutable_open()->set_credit(512);
    device.send(frame);
  }
};

TEST_F(EndpointTest, AreDefinedListedAndTakenAway) {
  EXPECT_EQ(list(), json::array());
  EXPECT_EQ(add("telemetry", "tcp://far.test:7"), 201);
  EXPECT_EQ(add("commands", "wss://b.example/devices"), 201);
  EXPECT_EQ(add("telemetry", "tls://far.test:8"), 201);
  EXPECT_EQ(list(), json::parse(R"([{"name": "commands", "url": "wss://b.example/devices"},
                                    {"name": "telemetry", "url": "tls://far.test:8"}])"));
  EXPECT_EQ(client.remove("/api/endpoints/commands").status, 204);
  EXPECT_EQ(client.remove("/api/endpoints/commands").status, 404);
  EXPECT_EQ(list().size(), 1U);
}

TEST_F(EndpointTest, NamesAndUrlsAreChecked) {
  for (const std::string name : {"", "with space", "log", "\xC3\xA9", "12345678901234567890123456789012"})
    EXPECT_EQ(add(name, "tcp://far.test:7"), 400) << name;
  for (const std::string url : {"", "http://far.test/", "tcp://far.test", "tcp://user@far.test:7"})
    EXPECT_EQ(add("telemetry", url), 400) << url;
  EXPECT_EQ(client.post_json("/api/endpoints", {{"name", "telemetry"}}).status, 400);
  EXPECT_EQ(list(), json::array());
}

TEST_F(EndpointTest, AreSixteenAtMost) {
  for (int i = 0; i < 16; ++i) EXPECT_EQ(add("endpoint" + std::to_string(i), "tcp://far.test:7"), 201);
  EXPECT_EQ(add("one-more", "tcp://far.test:7"), 409);
  EXPECT_EQ(add("endpoint3", "tcp://far.test:8"), 201) << "it is there already";
  EXPECT_EQ(list().size(), 16U);
}

TEST_F(EndpointTest, BelongToTheirAccount) {
  const json made = client.post_json("/api/accounts", json::object()).json();
  const test::HttpClient stranger(running.server->api_port(), made["account_sid"], made["auth_token"]);
  EXPECT_EQ(add("telemetry", "tcp://far.test:7"), 201);
  EXPECT_EQ(stranger.get("/api/endpoints").json()["endpoints"], json::array());
  EXPECT_EQ(stranger.remove("/api/endpoints/telemetry").status, 404);
  DeviceClient device(test::provision(stranger));
  EXPECT_EQ(device.hello().welcome().settings().endpoints_size(), 0);
  open(device, 1, "telemetry");
  EXPECT_EQ(device.receive(link::Frame::kClose)->close().error(), link::STREAM_ERROR_NOT_FOUND);
  EXPECT_EQ(client.request("GET", "/api/endpoints", "", "").status, 200);
}

TEST_F(EndpointTest, DevicesAreToldTheirHashes) {
  EXPECT_EQ(add("telemetry", "tcp://far.test:7"), 201);
  DeviceClient device(test::provision(client));
  const std::uint32_t telemetry = protocol::endpoint_hash("telemetry");
  const std::uint32_t commands = protocol::endpoint_hash("commands");
  EXPECT_EQ(endpoints_of(device.hello().welcome().settings()), std::vector{telemetry});
  EXPECT_EQ(add("commands", "tcp://far.test:7"), 201);
  const auto more = device.receive(link::Frame::kSettings);
  ASSERT_TRUE(more);
  EXPECT_TRUE(more->settings().logging_enabled());
  EXPECT_EQ(endpoints_of(more->settings()), (std::vector{commands, telemetry}));
  EXPECT_EQ(client.remove("/api/endpoints/telemetry").status, 204);
  EXPECT_EQ(endpoints_of(device.receive(link::Frame::kSettings)->settings()), std::vector{commands});
}

TEST_F(EndpointTest, BytesGoThroughAllOfTheCloud) {
  EXPECT_EQ(add("telemetry", "tcp://far.test:7"), 201);
  DeviceClient device(test::provision(client));
  device.hello();
  open(device, 1, "telemetry");
  ASSERT_EQ(device.receive(link::Frame::kCredit)->credit().bytes(), 4096U);
  link::Frame data;
  data.set_stream(1);
  data.set_data("there and back");
  device.send(data);
  std::string back;
  while (back.size() < 14) {
    const auto frame = device.receive(link::Frame::kData);
    ASSERT_TRUE(frame);
    back += frame->data();
  }
  EXPECT_EQ(back, "there and back");
  const std::string metrics = client.get("/metrics").body;
  EXPECT_NE(metrics.find("microvisor_byte_streams_open 1\n"), std::string::npos) << metrics;
  EXPECT_NE(metrics.find("microvisor_byte_stream_bytes_from_devices_total 14\n"), std::string::npos);
  EXPECT_NE(metrics.find("microvisor_byte_stream_bytes_to_devices_total 14\n"), std::string::npos);
}

TEST_F(EndpointTest, WhyAChannelHasEndedStandsInTheLog) {
  EXPECT_EQ(add("inside", "tcp://127.0.0.1:" + std::to_string(far_end.port())), 201);
  const test::DeviceIdentity identity = test::provision(client);
  test::LineStream log(client, "/api/devices/" + identity.sid + "/logs");
  DeviceClient device(identity);
  device.hello();
  open(device, 1, "inside");
  EXPECT_EQ(device.receive(link::Frame::kClose)->close().error(), link::STREAM_ERROR_REFUSED);
  EXPECT_EQ(log.next_json()["type"], "connection");
  const json record = log.next_json();
  EXPECT_EQ(record["type"], "connection");
  EXPECT_EQ(record["message"], "Channel to inside ended: 127.0.0.1:" + std::to_string(far_end.port()) +
                                   " is not on the public internet");
  EXPECT_EQ(far_end.connections(), 0);
}

}  // namespace
}  // namespace microvisor::cloud

// Debug sessions through the whole service: a WebSocket with credentials, the gateway, and a scripted device
// on real TLS, with the device's own code for sessions behind it.
#include <gtest/gtest.h>

#include <thread>

#include "cloud/test/device_client.hpp"
#include "cloud/test/running_server.hpp"
#include "cloud/test/web_socket.hpp"
#include "protocol/debug/test_session.hpp"

namespace microvisor::cloud {
namespace {

using nlohmann::json;
using test::DeviceClient;
using test::HttpClient;
using test::WebSocket;

link::Frame close_frame(std::uint32_t stream, link::StreamError error) {
  link::Frame frame;
  frame.set_stream(stream);
  frame.mutable_close()->set_error(error);
  return frame;
}

struct DebugSocketTest : testing::Test {
  test::RunningServer running;
  HttpClient client = running.client();
  test::DeviceIdentity identity = test::provision(client);
  std::string own_path = "/api/devices/" + identity.sid;
  std::string path = own_path + "/debug";
  std::unique_ptr<DeviceClient> device;

  void connect(std::uint32_t debug_version = 1) {
    device = std::make_unique<DeviceClient>(identity);
    ASSERT_EQ(device->error(), "");
    link::Frame hello;
    hello.mutable_hello()->set_protocol_version(1);
    hello.mutable_hello()->set_device_sid(identity.sid);
    hello.mutable_hello()->set_debug_version(debug_version);
    device->send(hello);
    ASSERT_TRUE(device->receive(link::Frame::kWelcome));
  }
  /// The stream that the gateway has opened, to which the device gives this credit.
  std::uint32_t opened(std::uint32_t credit = 4096) {
    const auto open = device->receive(link::Frame::kOpen);
    EXPECT_TRUE(open && open->open().service() == link::SERVICE_DEBUG && open->stream() % 2 == 0);
    give_credit(open->stream(), credit);
    return open->stream();
  }
  void give_credit(std::uint32_t stream, std::uint32_t bytes) {
    link::Frame frame;
    frame.set_stream(stream);
    frame.mutable_credit()->set_bytes(bytes);
    if (bytes > 0) device->send(frame);
  }
  void say(std::uint32_t stream, const std::string& bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += 1024) {
      link::Frame frame;
      frame.set_stream(stream);
      frame.set_data(bytes.substr(at, 1024));
      device->send(frame);
    }
  }
  /// `count` bytes of a stream.
  std::string heard(std::uint32_t stream, std::size_t count) {
    std::string bytes;
    while (bytes.size() < count) {
      const auto frame = device->receive(link::Frame::kData);
      if (!frame) break;
      EXPECT_EQ(frame->stream(), stream);
      bytes += frame->data();
    }
    return bytes;
  }
  /// Waits for a change that another thread is about to make.
  json wait_for_state(const std::function<bool(const json&)>& reached) const {
    json state;
    for (int i = 0; i < 20'000; ++i) {
      state = client.get(own_path).json();
      if (reached(state)) return state;
    }
    ADD_FAILURE() << "never reached: " << state.dump();
    return state;
  }
};

std::string text_of(std::span<const std::uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

// Who may.

TEST_F(DebugSocketTest, AsksForCredentials) {
  connect();
  EXPECT_EQ(WebSocket(HttpClient(client.port, "", ""), path).status(), 401);
  EXPECT_EQ(WebSocket(HttpClient(client.port, client.user, "wrong"), path).status(), 401);
}

TEST_F(DebugSocketTest, IsForDevicesOfTheAccountAlone) {
  connect();
  const json other = client.post_json("/api/accounts", json::object()).json();
  const HttpClient stranger(client.port, other["account_sid"], other["auth_token"]);
  EXPECT_EQ(WebSocket(stranger, path).status(), 404);
  EXPECT_EQ(client.get(own_path).json()["debug"]["sessions"], 0) << "the device has heard nothing of it";
}

TEST_F(DebugSocketTest, ADeviceThatIsNotConnectedIsAnAnswerAtOnce) {
  const WebSocket socket(client, path);
  EXPECT_EQ(socket.status(), 409);
  EXPECT_EQ(socket.reply().json()["message"], "Device " + identity.sid + " is not connected");
  EXPECT_EQ(socket.reply().json()["code"], 20406);
}

TEST_F(DebugSocketTest, ADeviceThatDoesNotKnowDebuggingIsLeftAlone) {
  connect(0);
  EXPECT_EQ(WebSocket(client, path).status(), 409);
}

TEST_F(DebugSocketTest, IsAWebSocket) {
  connect();
  const auto reply = client.get(path);
  EXPECT_EQ(reply.status, 426);
  EXPECT_EQ(reply.headers.at("upgrade"), "websocket");
  EXPECT_EQ(client.post_json(path, json::object()).status, 405);
}

// What it carries.

TEST_F(DebugSocketTest, CarriesBytesBothWays) {
  connect();
  WebSocket socket(client, path);
  ASSERT_EQ(socket.status(), 101);
  // The example of RFC 6455, section 1.3.
  EXPECT_EQ(socket.reply().headers.at("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  const std::uint32_t stream = opened();
  socket.send("to the device");
  EXPECT_EQ(heard(stream, 13), "to the device");
  say(stream, "to the machine");
  EXPECT_EQ(socket.receive(14), "to the machine");
}

TEST_F(DebugSocketTest, CarriesASessionOfMachineAndDevice) {
  connect();
  WebSocket socket(client, path);
  ASSERT_EQ(socket.status(), 101);
  const std::uint32_t stream = opened();
  protocol::debug::OpensslCrypto crypto;
  protocol::debug::test::Sides sides(crypto, crypto);
  ASSERT_TRUE(sides.device.open(stream, sides.now));
  ASSERT_TRUE(sides.machine.start());
  using Sides = protocol::debug::test::Sides;

  socket.send(text_of(Sides::taken(sides.machine)));
  sides.to_device(stream, protocol::as_bytes(heard(stream, 83)));
  say(stream, text_of(sides.taken(stream)));
  const std::string second = socket.receive(83);
  ASSERT_EQ(sides.machine.push(protocol::as_bytes(second)), 83U);
  ASSERT_TRUE(sides.machine.open());
  ASSERT_TRUE(sides.machine.send(protocol::Bytes{0x01}));
  socket.send(text_of(Sides::taken(sides.machine)));
  sides.to_device(stream, protocol::as_bytes(heard(stream, 19)));
  EXPECT_EQ(sides.received(), protocol::Bytes{0x01});
  EXPECT_EQ(sides.device.session(), 1U);

  const json state = client.get(own_path).json();
  EXPECT_EQ(state["debug"]["sessions"], 1);
  EXPECT_EQ(state["debug"]["bytes_to_device"], 83 + 19);
  EXPECT_EQ(state["debug"]["bytes_from_device"], 83);
}

/// A device that gives no credit is sent nothing, and the machine is held up in the end.
TEST_F(DebugSocketTest, SendsOnlyWhatTheDeviceHasRoomFor) {
  connect();
  WebSocket socket(client, path);
  ASSERT_EQ(socket.status(), 101);
  const std::uint32_t stream = opened(10);
  const std::string bytes(5000, 'x');
  socket.send(bytes);
  EXPECT_EQ(heard(stream, 10), bytes.substr(0, 10));
  // An answer that follows shows that nothing else has been on its way.
  link::Frame ping;
  ping.mutable_ping()->set_token(7);
  device->send(ping);
  const auto next = device->receive();
  ASSERT_TRUE(next && next->kind_case() == link::Frame::kPong);
  give_credit(stream, 4990);
  EXPECT_EQ(heard(stream, 4990), bytes.substr(10));
}

TEST_F(DebugSocketTest, AMachineThatSendsTooMuchIsHeldUp) {
  connect();
  WebSocket socket(client, path);
  ASSERT_EQ(socket.status(), 101);
  const std::uint32_t stream = opened(0);
  constexpr std::size_t kMessages = 200;
  const std::string message(8192, 'y');
  std::thread sender([&] {
    for (std::size_t i = 0; i < kMessages; ++i) socket.send(message);
  });
  json state = wait_for_state([](const json& now) { return now["debug"]["bytes_to_device"] > 0; });
  // Whoever answers these could have read on in between.
  for (int i = 0; i < 50; ++i) state = client.get(own_path).json();
  EXPECT_LE(state["debug"]["bytes_to_device"], 2 * 8192) << "the window, and the message that overran it";
  std::size_t got = 0;
  while (got < kMessages * message.size()) {
    give_credit(stream, 64 * 1024);
    const std::size_t part = heard(stream, 64 * 1024).size();
    if (part == 0) break;
    got += part;
  }
  sender.join();
  EXPECT_EQ(got, kMessages * message.size()) << "nothing is lost by it";
}

/// The device gets its credit back only when the machine has been given the bytes.
TEST_F(DebugSocketTest, ADeviceHasTheCreditOfTheWindow) {
  connect();
  WebSocket socket(client, path);
  ASSERT_EQ(socket.status(), 101);
  const std::uint32_t stream = opened();
  const std::string bytes(8192, 'z');
  say(stream, bytes);
  EXPECT_EQ(socket.receive(8192), bytes);
  std::size_t credit = 0;
  while (credit < bytes.size()) {
    const auto frame = device->receive(link::Frame::kCredit);
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->stream(), stream);
    credit += frame->credit().bytes();
  }
  EXPECT_EQ(credit, bytes.size());
}

// How it ends.

TEST_F(DebugSocketTest, RefusalsOfTheDeviceHaveTheirOwnCodes) {
  connect();
  for (const auto& [error, code] : {std::pair{link::STREAM_ERROR_NO_DEBUG_KEY, 4005},
                                    {link::STREAM_ERROR_PROTECTION_LEVEL, 4006},
                                    {link::STREAM_ERROR_BUSY, 4007},
                                    {link::STREAM_ERROR_TAKEN_OVER, 4008},
                                    {link::STREAM_ERROR_AUTHENTICATION, 4009},
                                    {link::STREAM_ERROR_EXPIRED, 4010}}) {
    WebSocket socket(client, path);
    ASSERT_EQ(socket.status(), 101);
    device->send(close_frame(opened(0), error));
    EXPECT_EQ(socket.receive(), "");
    EXPECT_EQ(socket.close_code(), code);
    EXPECT_NE(socket.close_reason(), "");
  }
}

TEST_F(DebugSocketTest, WhatTheDeviceSaidLastStillArrives) {
  connect();
  WebSocket socket(client, path);
  ASSERT_EQ(socket.status(), 101);
  const std::uint32_t stream = opened();
  say(stream, "the last words");
  device->send(close_frame(stream, link::STREAM_ERROR_NONE));
  EXPECT_EQ(socket.receive(100), "the last words");
  EXPECT_EQ(socket.close_code(), 1000);
  const auto answer = device->receive(link::Frame::kClose);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->close().error(), link::STREAM_ERROR_NONE);
}

TEST_F(DebugSocketTest, TheStreamEndsWhenTheMachineGoes) {
  connect();
  {
    WebSocket socket(client, path);
    ASSERT_EQ(socket.status(), 101);
    socket.close();
    EXPECT_EQ(socket.receive(), "");
    EXPECT_EQ(socket.close_code(), 1000);
  }
  std::uint32_t stream = opened();
  auto close = device->receive(link::Frame::kClose);
  ASSERT_TRUE(close);
  EXPECT_EQ(close->stream(), stream);
  EXPECT_EQ(close->close().error(), link::STREAM_ERROR_NONE);
  { const WebSocket torn(client, path); }
  stream = opened();
  close = device->receive(link::Frame::kClose);
  ASSERT_TRUE(close);
  EXPECT_EQ(close->stream(), stream) << "a connection that is torn is an end as well";
}

TEST_F(DebugSocketTest, TheMachineIsToldWhenTheDeviceGoes) {
  connect();
  WebSocket socket(client, path);
  ASSERT_EQ(socket.status(), 101);
  opened();
  device.reset();
  EXPECT_EQ(socket.receive(), "");
  EXPECT_EQ(socket.close_code(), 4100);
  EXPECT_EQ(socket.close_reason(), "the device is not connected any more");
}

TEST_F(DebugSocketTest, TheMachineIsToldWhenTheDeviceComesAnew) {
  connect();
  WebSocket socket(client, path);
  ASSERT_EQ(socket.status(), 101);
  opened();
  const std::unique_ptr<DeviceClient> old = std::move(device);
  connect();
  EXPECT_EQ(socket.receive(), "");
  EXPECT_EQ(socket.close_code(), 4100);
}

TEST_F(DebugSocketTest, TheMachineIsToldWhenTheServiceStops) {
  connect();
  WebSocket socket(client, path);
  ASSERT_EQ(socket.status(), 101);
  opened();
  std::thread stopper([&] { running.server->stop(); });
  EXPECT_EQ(socket.receive(), "");
  EXPECT_EQ(socket.close_code(), 1001);
  stopper.join();
}

TEST_F(DebugSocketTest, TextIsRefused) {
  connect();
  WebSocket socket(client, path);
  ASSERT_EQ(socket.status(), 101);
  socket.send("text", WebSocket::kText);
  EXPECT_EQ(socket.receive(), "");
  EXPECT_EQ(socket.close_code(), 1003);
}

TEST_F(DebugSocketTest, NoMoreThanFourAtATime) {
  connect();
  std::vector<std::unique_ptr<WebSocket>> sockets;
  for (int i = 0; i < 4; ++i) {
    sockets.push_back(std::make_unique<WebSocket>(client, path));
    ASSERT_EQ(sockets.back()->status(), 101);
  }
  EXPECT_EQ(WebSocket(client, path).status(), 409);
  sockets.pop_back();
  wait_for_state([](const json& state) { return state["debug"]["sessions"] == 3; });
  EXPECT_EQ(WebSocket(client, path).status(), 101);
}

TEST_F(DebugSocketTest, IsMeteredAndLogged) {
  connect();
  test::LineStream log(client, own_path + "/logs");
  ASSERT_EQ(log.status(), 200);
  WebSocket socket(client, path);
  ASSERT_EQ(socket.status(), 101);
  const std::uint32_t stream = opened();
  socket.send("12345");
  EXPECT_EQ(heard(stream, 5), "12345");
  say(stream, "123");
  EXPECT_EQ(socket.receive(3), "123");
  device->send(close_frame(stream, link::STREAM_ERROR_EXPIRED));
  EXPECT_EQ(socket.receive(), "");
  EXPECT_EQ(log.next_json()["message"], "Debug session requested for device " + identity.sid);
  EXPECT_EQ(
      log.next_json()["message"],
      "Debug session ended: the device has heard nothing for too long; 5 bytes to the device, 3 from it");
  const std::string metrics = client.get("/metrics").body;
  EXPECT_NE(metrics.find("\nmicrovisor_debug_sessions_open 0\n"), std::string::npos) << metrics;
  EXPECT_NE(metrics.find("\nmicrovisor_debug_sessions_total 1\n"), std::string::npos);
  EXPECT_NE(metrics.find("\nmicrovisor_debug_bytes_to_devices_total 5\n"), std::string::npos);
  EXPECT_NE(metrics.find("\nmicrovisor_debug_bytes_from_devices_total 3\n"), std::string::npos);
}

}  // namespace
}  // namespace microvisor::cloud

// Opaque channels to the account's endpoints, from the firmware's link to the cloud's session: which there
// are, bytes both ways through small buffers, and what each end is to the application.
#include <gtest/gtest.h>

#include "protocol/bundle/crypto.hpp"
#include "protocol/link/endpoint_name.hpp"
#include "tests/link/test_device.hpp"

namespace microvisor::test {
namespace {

using cloud::ByteStream;
using firmware::link::ChannelEnd;
using protocol::endpoint_hash;

void echo(ByteStream& stream) { stream.from_far_end(stream.take_for_far_end()); }

class ByteStreams : public ::testing::Test {
 protected:
  ByteStreams() : device(line, gateway, owner.public_key()) {}

  /// The application opens a channel; slot 0.
  void open(const std::string& endpoint) {
    device.channel_endpoint = endpoint;
    device.channel_id = ++opened;
    device.channel_end.reset();
  }

  protocol::SigningKey owner = protocol::SigningKey::generate();
  TestGateway gateway{kDeviceSid};
  ModelledLine line;
  TestDevice device;
  std::uint32_t opened = 0;
};

TEST_F(ByteStreams, TheDeviceLearnsWhichEndpointsThereAre) {
  gateway.set_endpoints({{"telemetry", echo}});
  bool changed = false;
  ASSERT_TRUE(device.run_until([&] {
    if (!changed && device.endpoints == std::vector{endpoint_hash("telemetry")}) {
      gateway.set_endpoints({{"commands", echo}, {"telemetry", echo}});
      changed = true;
    }
    return device.endpoints == std::vector{endpoint_hash("commands"), endpoint_hash("telemetry")};
  }));
  EXPECT_TRUE(changed);
  EXPECT_EQ(device.logging, true);
}

TEST_F(ByteStreams, BytesGoThereAndBackThroughSixteenBytes) {
  gateway.set_endpoints({{"telemetry", echo}});
  std::string sent;
  for (int i = 0; i < 3000; ++i) sent += static_cast<char>(i * 13 + i / 251);
  open("telemetry");
  device.channel_buffer = 16;
  device.channel_output = sent;
  std::string back;
  unsigned turn = 0;
  line.meanwhile = [&] {  // the application takes some now and then
    const std::size_t count = std::min<std::size_t>(device.channel_input.size(), ++turn % 7);
    back += device.channel_input.substr(0, count);
    device.channel_input.erase(0, count);
  };
  ASSERT_TRUE(device.run_until([&] { return back.size() >= sent.size() && !device.channel_end; }, 600));
  EXPECT_EQ(back, sent);
}

TEST_F(ByteStreams, AFarEndThatTakesNothingGivesNoCredit) {
  gateway.set_endpoints({{"telemetry", [](ByteStream&) {}}});
  open("telemetry");
  device.channel_output = std::string(10'000, 'x');
  std::size_t left = 0;
  bool logged = false;
  ASSERT_TRUE(device.run_until([&] {
    left = device.channel_output.size();
    if (!logged && left == 10'000 - ByteStream::kWindow) {
      device.log = {"others go on"};
      logged = true;
    }
    return !gateway.seen().log.empty();
  }));
  EXPECT_EQ(left, 10'000 - ByteStream::kWindow);
}

TEST_F(ByteStreams, WhatEndsItIsTheReason) {
  const auto closes = [](link::StreamError error) {
    return [error](ByteStream& stream) {
      stream.from_far_end(protocol::as_bytes("last words"));
      stream.close(error);
    };
  };
  gateway.set_endpoints({{"orderly", closes(link::STREAM_ERROR_NONE)},
                         {"broken", closes(link::STREAM_ERROR_CANCELLED)},
                         {"refused", closes(link::STREAM_ERROR_REFUSED)}});
  const std::pair<const char*, ChannelEnd> cases[] = {{"orderly", ChannelEnd::ClosedByServer},
                                                      {"broken", ChannelEnd::ResetByServer},
                                                      {"refused", ChannelEnd::TerminatedByError}};
  for (const auto& [endpoint, reason] : cases) {
    open(endpoint);
    device.channel_input.clear();
    device.channel_output = "x";
    ASSERT_TRUE(device.run_until([&] { return device.channel_end.has_value(); })) << endpoint;
    EXPECT_EQ(device.channel_end, reason) << endpoint;
    EXPECT_EQ(device.channel_input, "last words") << endpoint;
  }
  open("nowhere");
  ASSERT_TRUE(device.run_until([&] { return device.channel_end.has_value(); }));
  EXPECT_EQ(device.channel_end, ChannelEnd::TerminatedByError);
}

}  // namespace
}  // namespace microvisor::test

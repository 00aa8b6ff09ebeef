// An opaque channel through a session: bytes within the credits, an end from either side, and what the other
// side hears of it.
#include "cloud/channels/byte_stream.hpp"

#include "cloud/test/session_fixture.hpp"

namespace microvisor::cloud {
namespace {

using test::SessionTest;
using DeviceEnd = ByteStream::DeviceEnd;

class ByteStreamTest : public SessionTest {
 protected:
  static link::Frame open_to(std::uint32_t stream, const std::string& name, std::uint32_t credit) {
    link::Frame frame = open(stream, link::SERVICE_CHANNEL, credit);
    frame.mutable_open()->set_name(name);
    return frame;
  }
  /// Stream 1, with room for `credit` bytes at the device.
  void begin(std::uint32_t credit = 512) {
    greet();
    send(open_to(1, "telemetry", credit));
    const auto frames = output();
    ASSERT_EQ(frames.size(), 1U);
    ASSERT_EQ(frames[0].credit().bytes(), ByteStream::kWindow);
    host.opened->set_server([this] { ++server_wakes; });
  }
  std::string sent() {
    std::string bytes;
    for (const link::Frame& frame : output())
      if (frame.kind_case() == link::Frame::kData) bytes += frame.data();
    return bytes;
  }
  std::string taken() { return std::string(protocol::as_text(host.opened->take_for_far_end())); }
  void from_far_end(const std::string& bytes) { host.opened->from_far_end(protocol::as_bytes(bytes)); }

  int server_wakes = 0;
};

TEST_F(ByteStreamTest, BytesGoBothWays) {
  begin();
  EXPECT_EQ(host.opened->owner().device_sid, test::kSid);
  EXPECT_EQ(host.opened->endpoint(), "telemetry");
  send(data(1, "up"));
  send(data(1, "stream"));
  EXPECT_EQ(server_wakes, 2);
  EXPECT_EQ(taken(), "upstream");
  from_far_end("down");
  EXPECT_EQ(sent(), "down");
  EXPECT_EQ(host.byte_counters.bytes_from_devices, 8U);
  EXPECT_EQ(host.byte_counters.bytes_to_devices, 4U);
}

TEST_F(ByteStreamTest, CreditGoesBackWhenTheFarEndHasTakenThem) {
  begin();
  for (int i = 0; i < 4; ++i) send(data(1, std::string(1024, 'a')));
  EXPECT_TRUE(output().empty());
  EXPECT_EQ(taken().size(), 4096U);
  const auto frames = output();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].credit().bytes(), 4096U);
}

TEST_F(ByteStreamTest, ADeviceThatSendsBeyondItsCreditIsDropped) {
  begin();
  for (int i = 0; i < 4; ++i) send(data(1, std::string(1024, 'a')));
  send(data(1, "b"));
  expect_end("credit");
}

TEST_F(ByteStreamTest, TheFarEndWaitsForTheDevicesCredit) {
  begin(16);
  from_far_end(std::string(20, 'a'));
  EXPECT_EQ(sent(), std::string(16, 'a'));
  EXPECT_EQ(sent(), "");
  send(credit(1, 10));
  EXPECT_EQ(sent(), std::string(4, 'a'));
  from_far_end(std::string(ByteStream::kWindow + 6, 'b'));
  EXPECT_FALSE(host.opened->has_room());
  server_wakes = 0;
  EXPECT_EQ(sent(), std::string(6, 'b'));
  EXPECT_EQ(server_wakes, 1) << "there may be room again";
  EXPECT_FALSE(host.opened->has_room());
  send(credit(1, 1));
  EXPECT_EQ(sent(), "b");
  EXPECT_TRUE(host.opened->has_room());
}

TEST_F(ByteStreamTest, TheEndComesAfterTheLastByte) {
  begin(4);
  from_far_end("12345678");
  host.opened->close(link::STREAM_ERROR_NONE);
  from_far_end("too late");
  EXPECT_EQ(sent(), "1234");
  send(credit(1, 100));
  const auto frames = output();
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(frames[0].data(), "5678");
  EXPECT_EQ(frames[1].close().error(), link::STREAM_ERROR_NONE);
  EXPECT_EQ(host.opened->device_end(), DeviceEnd::Closed);
  EXPECT_TRUE(host.failures.empty());
  send(data(1, "crossed it"));
  EXPECT_FALSE(session->finished());
}

TEST_F(ByteStreamTest, WhatBreaksTheFarEndOffIsToldBothSides) {
  begin();
  host.opened->close(link::STREAM_ERROR_CANCELLED, "reset by peer");
  host.opened->close(link::STREAM_ERROR_NONE);
  EXPECT_EQ(output().at(0).close().error(), link::STREAM_ERROR_CANCELLED);
  EXPECT_EQ(host.failures, std::vector<std::string>{"reset by peer"});
  EXPECT_EQ(host.byte_counters.failed, 1U);
}

TEST_F(ByteStreamTest, ADeviceThatClosesInOrderIsHeardToItsEnd) {
  begin();
  send(data(1, "last words"));
  send(close(1));
  EXPECT_EQ(output().back().close().error(), link::STREAM_ERROR_NONE);
  EXPECT_EQ(host.opened->device_end(), DeviceEnd::Closed);
  EXPECT_EQ(taken(), "last words");
}

TEST_F(ByteStreamTest, WhatElseEndsADeviceBreaksItOff) {
  begin();
  send(close(1, link::STREAM_ERROR_CANCELLED));
  EXPECT_EQ(host.opened->device_end(), DeviceEnd::Gone);
  send(open_to(3, "telemetry", 512));
  output();
  const auto ended = host.opened;
  session->end_relays(RelayEnd::By::Connection);
  EXPECT_EQ(ended->device_end(), DeviceEnd::Gone);
  send(open_to(5, "telemetry", 512));
  const auto destroyed = host.opened;
  session.reset();
  EXPECT_EQ(destroyed->device_end(), DeviceEnd::Gone);
}

TEST_F(ByteStreamTest, AnEndpointThatIsNotThereIsNotFound) {
  greet();
  send(open_to(1, "nowhere", 512));
  EXPECT_EQ(output().at(0).close().error(), link::STREAM_ERROR_NOT_FOUND);
  send(open_to(3, "telemetry", 512));
  EXPECT_EQ(host.byte_counters.open, 1U);
  send(close(3));
  host.opened.reset();
  EXPECT_EQ(host.byte_counters.open, 0U);
}

}  // namespace
}  // namespace microvisor::cloud

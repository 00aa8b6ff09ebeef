// Messages of a channel, through a session as a device has it: cut anywhere, within the credit, and wrong
// ones.
#include "cloud/channels/channel.hpp"

#include "cloud/test/session_fixture.hpp"

namespace microvisor::cloud {
namespace {

using test::SessionTest;

/// What a message looks like on the wire.
std::string framed(channel::Kind kind, const std::string& message) {
  const auto header = static_cast<std::uint32_t>(message.size()) | static_cast<std::uint32_t>(kind) << 24U;
  std::string bytes;
  for (unsigned shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(header >> shift));
  return bytes + message;
}

struct Received {
  channel::Kind kind;
  std::string bytes;
};

struct Recorder final : ChannelServer {
  Recorder(Channel& to_serve, std::vector<Received>& into, int& drains, bool& gone_flag)
      : channel(to_serve), received_messages(into), drained_count(drains), gone(gone_flag) {}
  ~Recorder() override { gone = true; }
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  bool received(channel::Kind kind, protocol::ByteView message) override {
    received_messages.push_back({kind, std::string(message.begin(), message.end())});
    return kind == channel::KIND_HTTP_REQUEST;
  }
  void drained() override { ++drained_count; }
  Channel& channel;
  std::vector<Received>& received_messages;
  int& drained_count;
  bool& gone;
};

struct ChannelTest : SessionTest {
  std::vector<Received> messages;
  int drains = 0;
  bool gone = false;
  Channel* served = nullptr;

  void open_channel(std::uint32_t receive_buffer = 512) {
    host.service = [this](Channel& channel) {
      served = &channel;
      return std::make_unique<Recorder>(channel, messages, drains, gone);
    };
    greet();
    send(open(1, link::SERVICE_HTTP, receive_buffer));
    const auto frames = output();
    ASSERT_EQ(frames.size(), 1U);
    EXPECT_EQ(frames[0].credit().bytes(), Channel::kWindow);
  }
  static channel::HttpResponse response(std::size_t body) {
    channel::HttpResponse message;
    message.set_status_code(200);
    message.set_body(std::string(body, 'x'));
    return message;
  }
};

TEST_F(ChannelTest, AMessageIsHandledWhenItIsThereAsAWhole) {
  open_channel();
  EXPECT_EQ(host.channel_types, std::vector{link::SERVICE_HTTP});
  EXPECT_EQ(served->owner().device_sid, test::kSid);
  EXPECT_EQ(served->receive_buffer(), 512U);
  const std::string wire =
      framed(channel::KIND_HTTP_REQUEST, "hello") + framed(channel::KIND_HTTP_REQUEST, "");
  for (std::size_t at = 0; at < wire.size(); ++at) {
    send(data(1, wire.substr(at, 1)));
    EXPECT_EQ(messages.size(), at + 1 < 9 ? 0U : at + 1 < 13 ? 1U : 2U) << at;
  }
  EXPECT_EQ(messages[0].bytes, "hello");
  EXPECT_EQ(messages[1].bytes, "");
}

TEST_F(ChannelTest, CreditGoesBackAsMessagesAreTaken) {
  open_channel();
  send(data(1, framed(channel::KIND_HTTP_REQUEST, std::string(600, 'a'))));
  const auto frames = output();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].credit().bytes(), 604U);
}

TEST_F(ChannelTest, WhatIsSentStaysWithinTheDevicesCredit) {
  open_channel(64);
  const channel::HttpResponse message = response(100);
  const std::string expected = framed(channel::KIND_HTTP_RESPONSE, message.SerializeAsString());
  served->send(channel::KIND_HTTP_RESPONSE, message);
  EXPECT_EQ(host.wakes, 1);
  std::string got;
  const auto take = [&] {
    for (const link::Frame& frame : output()) got += frame.data();
  };
  take();
  EXPECT_EQ(got.size(), 64U);
  EXPECT_EQ(served->queued(), expected.size() - 64);
  EXPECT_EQ(drains, 0);
  send(credit(1, 1000));
  take();
  EXPECT_EQ(got, expected);
  EXPECT_EQ(drains, 1);
}

TEST_F(ChannelTest, WhatFitsIsAMessageWithItsHeader) {
  open_channel(64);
  EXPECT_TRUE(served->fits(response(55)));  // 4 for the header, 3 for the status, 2 in front of the body
  EXPECT_FALSE(served->fits(response(56)));
}

TEST_F(ChannelTest, AClosedChannelFirstSendsWhatWaits) {
  open_channel(64);
  served->send(channel::KIND_HTTP_RESPONSE, response(100));
  served->close(link::STREAM_ERROR_NONE);
  for (const link::Frame& frame : output()) EXPECT_EQ(frame.kind_case(), link::Frame::kData);
  EXPECT_FALSE(gone);
  send(credit(1, 1000));
  const auto frames = output();
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(frames[1].kind_case(), link::Frame::kClose);
  EXPECT_EQ(frames[1].close().error(), link::STREAM_ERROR_NONE);
  EXPECT_TRUE(gone);
}

TEST_F(ChannelTest, AMessageThatTheServerDoesNotTakeEndsTheChannelOnly) {
  open_channel();
  send(data(1, framed(channel::KIND_HTTP_RESPONSE, "x") + framed(channel::KIND_HTTP_REQUEST, "y")));
  EXPECT_EQ(messages.size(), 1U);
  const auto frames = output();
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(frames.back().close().error(), link::STREAM_ERROR_PROTOCOL);
  EXPECT_TRUE(gone);
  EXPECT_FALSE(session->finished());
}

TEST_F(ChannelTest, AMessageThatIsTooLongIsNotWaitedFor) {
  open_channel();
  send(data(1, std::string("\x01\x00\x04\x01", 4)));  // 256 KiB and a byte
  EXPECT_TRUE(messages.empty());
  EXPECT_EQ(output().back().close().error(), link::STREAM_ERROR_PROTOCOL);
}

TEST_F(ChannelTest, ADeviceThatClosesOrGoesEndsItsServer) {
  open_channel();
  send(close(1));
  EXPECT_TRUE(gone);
  EXPECT_EQ(output().back().kind_case(), link::Frame::kClose);
  gone = false;
  send(open(3, link::SERVICE_MQTT, 512));
  output();
  session.reset();
  EXPECT_TRUE(gone);
}

TEST_F(ChannelTest, AChannelThatNobodyServesIsRefused) {
  greet();
  send(open(1, link::SERVICE_CONFIG, 512));
  EXPECT_EQ(output().back().close().error(), link::STREAM_ERROR_REFUSED);
}

}  // namespace
}  // namespace microvisor::cloud

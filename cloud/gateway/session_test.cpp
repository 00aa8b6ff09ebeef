// The rules of the link that hold for a connection as a whole: introduction, silence, framing, floods.
#include "cloud/test/session_fixture.hpp"

namespace microvisor::cloud {
namespace {

using test::FakeHost;
using test::SessionTest;

TEST_F(SessionTest, HelloIsWelcomed) {
  host.greeting.settings = {true, {0x1234'5678, 9}};
  host.greeting.target.hash = host.content_hash;
  send(hello());
  const auto frames = output();
  ASSERT_EQ(frames.size(), 1U);
  const link::Welcome& welcome = frames[0].welcome();
  EXPECT_EQ(welcome.unix_microseconds(), static_cast<std::uint64_t>(host.now()));
  EXPECT_TRUE(welcome.settings().logging_enabled());
  EXPECT_EQ(std::vector<std::uint32_t>(welcome.settings().endpoints().begin(),
                                       welcome.settings().endpoints().end()),
            (std::vector<std::uint32_t>{0x1234'5678, 9}));
  EXPECT_EQ(welcome.keep_alive_seconds(), 180U);
  EXPECT_EQ(welcome.target().manifest_hash(), test::bytes_of(host.content_hash));
}

TEST_F(SessionTest, WithoutATargetNoneIsNamed) {
  send(hello());
  EXPECT_FALSE(output().at(0).welcome().has_target());
}

TEST_F(SessionTest, IntroductionsThatEnd) {
  send(hello("UV" + std::string(32, 'f')));
  expect_end("different devices");
  restart({});
  link::Frame frame = hello();
  frame.mutable_hello()->set_protocol_version(2);
  send(frame);
  expect_end("protocol version");
  restart({});
  host.refusal = "unknown device";
  send(hello());
  EXPECT_TRUE(session->finished());
  EXPECT_EQ(output().back().goodbye().calm_seconds(), 30U);
  host.refusal.clear();
  restart({});
  link::Frame ping;
  ping.mutable_ping();
  send(ping);
  expect_end("Hello");
  restart({});
  greet();
  send(hello());
  expect_end("second Hello");
}

TEST_F(SessionTest, PingIsAnsweredWithTheTime) {
  greet();
  link::Frame ping;
  ping.mutable_ping()->set_token(77);
  send(ping);
  const auto frames = output();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].pong().token(), 77U);
  EXPECT_EQ(frames[0].pong().unix_microseconds(), static_cast<std::uint64_t>(host.now()));
}

TEST_F(SessionTest, SilenceEndsTheSession) {
  greet();
  host.clock.advance(360 * kSecond);
  session->tick();
  EXPECT_FALSE(session->finished());
  host.clock.advance(1);
  session->tick();
  expect_end("nothing heard");
}

TEST_F(SessionTest, OnlyTheGatewaySendsEncoded) {
  greet();
  link::Frame frame;
  frame.set_stream(1);
  frame.mutable_encoded()->set_version(1);
  send(frame);
  expect_end("control frame on a stream");
}

TEST_F(SessionTest, ControlFramesAreNotStuckBehindALargeObject) {
  host = FakeHost(1 << 20);
  greet();
  send(fetch(1, 2 << 20));
  protocol::Bytes first;
  session->take_output(first);
  EXPECT_LT(first.size(), 20'000U);
  reader.feed(first);
  link::Frame ping;
  ping.mutable_ping()->set_token(1);
  send(ping);
  protocol::Bytes second;
  session->take_output(second);
  protocol::FrameReader fresh;
  fresh.feed(second);
  link::Frame frame;
  ASSERT_EQ(fresh.next(frame), protocol::FrameReader::Status::Frame);
  EXPECT_EQ(frame.kind_case(), link::Frame::kPong);
}

TEST_F(SessionTest, StreamRulesThatEndTheConnection) {
  const auto violation = [&](const std::string& reason, const std::vector<link::Frame>& frames) {
    restart({});
    greet();
    for (const auto& frame : frames) send(frame);
    expect_end(reason);
  };
  violation("odd", {open(2, link::SERVICE_LOG, 0)});
  violation("used again", {open(1, link::SERVICE_LOG, 0), open(1, link::SERVICE_LOG, 0)});
  violation("used again", {open(3, link::SERVICE_LOG, 0), open(1, link::SERVICE_LOG, 0)});
  violation("never opened", {data(1, "x")});
  violation("never opened", {open(1, link::SERVICE_LOG, 0), credit(2, 5)});
  violation("only the gateway fills", {fetch(1, 0), data(1, "x")});
  violation("stream 0", {open(0, link::SERVICE_LOG, 0)});
  violation("too much data", {open(1, link::SERVICE_LOG, 0), data(1, std::string(1025, 'x'))});
  violation("more credit", {fetch(1, 0xFFFFFFFF), credit(1, 1)});
  link::Frame ping;
  ping.set_stream(1);
  ping.mutable_ping();
  violation("control frame on a stream", {ping});
  link::Frame target;
  target.mutable_target();
  violation("only the gateway", {target});
}

TEST_F(SessionTest, DataBeyondTheCreditEndsTheConnection) {
  SessionLimits small;
  small.channel_credit = 100;
  restart(small);
  greet();
  link::Frame frame = open(1, link::SERVICE_CHANNEL, 0);
  frame.mutable_open()->set_name("log");
  send(frame);
  send(data(1, std::string(101, 'x')));
  expect_end("beyond the credit");
}

TEST_F(SessionTest, FramesThatAreNoFramesEndTheConnection) {
  greet();
  session->receive(protocol::Bytes{0x08, 0x01});  // 2049 bytes
  expect_end("length");
  restart({});
  greet();
  session->receive(protocol::Bytes{0, 0});
  expect_end("length");
  restart({});
  greet();
  session->receive(protocol::Bytes{0, 2, 0xFF, 0xFF});
  expect_end("malformed");
}

TEST_F(SessionTest, KindsOfALaterVersionAreIgnored) {
  greet();
  session->receive(protocol::Bytes{0, 3, 0x9A, 0x06, 0x00});  // field 99
  EXPECT_FALSE(session->finished());
}

TEST_F(SessionTest, TooManyStreams) {
  SessionLimits small;
  small.streams = 2;
  restart(small);
  greet();
  for (const std::uint32_t number : {1U, 3U, 5U}) send(open(number, link::SERVICE_LOG, 0));
  EXPECT_EQ(output().back().close().error(), link::STREAM_ERROR_REFUSED);
  send(close(1));
  send(open(7, link::SERVICE_LOG, 0));
  EXPECT_EQ(output().back().kind_case(), link::Frame::kCredit);
}

TEST_F(SessionTest, FloodsOfControlFramesEndTheConnection) {
  SessionLimits small;
  small.control_frames_burst = 10;
  small.control_frames_per_second = 1;
  restart(small);
  greet();
  link::Frame ping;
  ping.mutable_ping();
  for (int i = 0; i < 9; ++i) send(ping);
  EXPECT_FALSE(session->finished());
  host.clock.advance(kSecond);
  send(ping);
  EXPECT_FALSE(session->finished());
  send(ping);
  expect_end("too many");
}

TEST_F(SessionTest, ADeviceThatDoesNotReadIsDropped) {
  SessionLimits small;
  small.backlog_bytes = 1000;
  restart(small);
  greet();
  link::Frame ping;
  ping.mutable_ping()->set_token(1);
  for (int i = 0; i < 200 && !session->finished(); ++i) send(ping);
  EXPECT_TRUE(session->finished());
  EXPECT_NE(session->reason().find("does not read"), std::string::npos);
}

TEST_F(SessionTest, WhatTheGatewaySays) {
  greet();
  session->send_target(host.content_hash);
  session->send_settings({false, {7}});
  session->send_restart_app();
  const auto frames = output();
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames[0].target().manifest_hash(), test::bytes_of(host.content_hash));
  EXPECT_FALSE(frames[1].settings().logging_enabled());
  ASSERT_EQ(frames[1].settings().endpoints_size(), 1);
  EXPECT_EQ(frames[1].settings().endpoints(0), 7U);
  EXPECT_EQ(frames[2].kind_case(), link::Frame::kRestartApp);
}

}  // namespace
}  // namespace microvisor::cloud

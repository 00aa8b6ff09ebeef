// The rules of the streams on a link: objects and their encodings, logs, channels, crash reports.
#include "cloud/test/session_fixture.hpp"

namespace microvisor::cloud {
namespace {

using test::SessionTest;

TEST_F(SessionTest, FetchKeepsWithinTheCreditAndEndsWithClose) {
  greet();
  send(fetch(1, 1500));
  std::string received;
  auto frames = output();
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(frames[0].data().size(), 1024U);
  EXPECT_EQ(frames[1].data().size(), 476U);
  received = frames[0].data() + frames[1].data();
  EXPECT_TRUE(output().empty());
  send(credit(1, 100'000));
  bool closed = false;
  for (const auto& frame : output()) {
    EXPECT_EQ(frame.stream(), 1U);
    EXPECT_FALSE(closed);
    received += frame.data();
    closed = frame.kind_case() == link::Frame::kClose;
    EXPECT_EQ(frame.close().error(), link::STREAM_ERROR_NONE);
  }
  EXPECT_TRUE(closed);
  EXPECT_EQ(received, std::string(host.content->begin(), host.content->end()));
  send(close(1));
  send(credit(1, 5));  // crossed on the way
  EXPECT_FALSE(session->finished());
}

/// A fetch by a device that decodes version 1.
link::Frame accepting(link::Frame frame) {
  frame.mutable_open()->set_accepts_encodings(1U << 1);
  return frame;
}

EncodingPtr encoding_of(const protocol::Bytes& object) {
  return std::make_shared<const SharedEncoding>(protocol::transfer::encode(object));
}

/// 40,000 bytes that compress well.
SharedBytes compressible() {
  protocol::Bytes bytes(40'000);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i / 1000);
  return std::make_shared<const protocol::Bytes>(std::move(bytes));
}

TEST_F(SessionTest, AnEncodingComesWhenItIsThere) {
  host.content = compressible();
  greet();
  send(accepting(fetch(1, 100'000)));
  ASSERT_EQ(host.opens.size(), 1U);
  EXPECT_EQ(host.opens[0].object_hash(), test::bytes_of(host.content_hash));
  EXPECT_TRUE(output().empty()) << "it is being made";
  const EncodingPtr encoding = encoding_of(*host.content);
  host.answers[0](encoding);
  const auto frames = output();
  ASSERT_GE(frames.size(), 3U);
  EXPECT_EQ(frames[0].encoded().version(), 1U);
  std::string received;
  for (const auto& frame : frames) received += frame.data();
  EXPECT_EQ(received, std::string(protocol::as_text(*encoding->stream(0))));
  EXPECT_EQ(frames.back().kind_case(), link::Frame::kClose);
  EXPECT_EQ(host.sent, received.size());
}

TEST_F(SessionTest, AnEncodingBeginsWithTheSegmentThatHasTheOffset) {
  host.content = compressible();
  greet();
  send(accepting(fetch(1, 100'000, 2 * 16'384 + 128)));
  const EncodingPtr encoding = encoding_of(*host.content);
  host.answers.at(0)(encoding);
  std::string received;
  for (const auto& frame : output()) received += frame.data();
  EXPECT_EQ(received, std::string(protocol::as_text(*encoding->stream(2))));
}

TEST_F(SessionTest, WhatIsLessTravels) {
  greet();
  send(accepting(fetch(1, 100'000)));
  const protocol::Bytes noise = [] {
    protocol::Bytes bytes(5000);
    std::uint32_t state = 1;
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
    return bytes;
  }();
  host.answers.at(0)(encoding_of(noise));  // as long as the object, and a header
  auto frames = output();
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(frames[0].kind_case(), link::Frame::kData);
  send(accepting(fetch(3, 100'000)));
  host.answers.at(1)(nullptr);
  frames = output();
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(frames[0].kind_case(), link::Frame::kData);
}

TEST_F(SessionTest, NobodyIsSentAnEncodingWhoDoesNotAskForOne) {
  greet();
  send(fetch(1, 100'000));
  link::Frame later = fetch(3, 100'000);
  later.mutable_open()->set_accepts_encodings(1U << 2);  // a version that does not exist
  send(later);
  send(accepting(fetch(5, 100'000, 5000)));  // nothing is left
  EXPECT_TRUE(host.opens.empty());
  for (const auto& frame : output()) EXPECT_NE(frame.kind_case(), link::Frame::kEncoded);
}

TEST_F(SessionTest, AnAnswerThatComesTooLateIsNoHarm) {
  greet();
  send(accepting(fetch(1, 100'000)));
  send(close(1, link::STREAM_ERROR_CANCELLED));
  host.answers.at(0)(encoding_of(*host.content));
  EXPECT_TRUE(output().empty());
  send(accepting(fetch(3, 100'000)));
  session.reset();
  host.answers.at(1)(encoding_of(*host.content));
}

TEST_F(SessionTest, FetchGoesOnAtAnOffset) {
  greet();
  send(fetch(1, 100'000, 4990));
  auto frames = output();
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(frames[0].data(), std::string(host.content->begin() + 4990, host.content->end()));
  EXPECT_EQ(frames[1].kind_case(), link::Frame::kClose);
  send(fetch(3, 100, 5000));
  frames = output();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].close().error(), link::STREAM_ERROR_NONE);
  send(fetch(5, 100, 5001));
  EXPECT_EQ(output().at(0).close().error(), link::STREAM_ERROR_REFUSED);
}

TEST_F(SessionTest, UnknownObjects) {
  greet();
  link::Frame frame = fetch(1, 100);
  frame.mutable_open()->set_object_hash(std::string(32, 'x'));
  send(frame);
  EXPECT_EQ(output().at(0).close().error(), link::STREAM_ERROR_NOT_FOUND);
  frame.set_stream(3);
  frame.mutable_open()->set_object_hash("short");
  send(frame);
  EXPECT_EQ(output().at(0).close().error(), link::STREAM_ERROR_NOT_FOUND);
  EXPECT_FALSE(session->finished());
}

TEST_F(SessionTest, FetchesShareTheLine) {
  greet();
  send(fetch(1, 100'000));
  send(fetch(3, 100'000));
  std::vector<std::uint32_t> order;
  for (const auto& frame : output()) order.push_back(frame.stream());
  ASSERT_GE(order.size(), 4U);
  EXPECT_EQ((std::vector<std::uint32_t>{order[0], order[1], order[2], order[3]}),
            (std::vector<std::uint32_t>{1, 3, 1, 3}));
}

TEST_F(SessionTest, CancelledFetch) {
  greet();
  send(fetch(1, 10));
  output();
  send(close(1, link::STREAM_ERROR_CANCELLED));
  send(credit(1, 1000));
  EXPECT_TRUE(output().empty());
  EXPECT_FALSE(session->finished());
}

std::string delimited(const link::LogRecord& record) {
  const std::string encoded = record.SerializeAsString();
  return static_cast<char>(encoded.size()) + encoded;
}

TEST_F(SessionTest, LogRecordsArriveInPieces) {
  greet();
  send(open(1, link::SERVICE_LOG, 0));
  const auto frames = output();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].credit().bytes(), limits.log_credit);
  link::LogRecord one;
  one.set_text("one");
  one.set_unix_microseconds(5);
  link::LogRecord two;
  two.set_text("two");
  two.set_dropped(3);
  for (const char byte : delimited(one) + delimited(two)) send(data(1, std::string(1, byte)));
  ASSERT_EQ(host.records.size(), 2U);
  EXPECT_EQ(host.records[0].text(), "one");
  EXPECT_EQ(host.records[0].unix_microseconds(), 5U);
  EXPECT_EQ(host.records[1].dropped(), 3U);
}

TEST_F(SessionTest, LogCreditComesBack) {
  greet();
  send(open(1, link::SERVICE_LOG, 0));
  std::uint64_t allowed = output().at(0).credit().bytes();
  link::LogRecord record;
  record.set_text(std::string(100, 'x'));
  const std::string bytes = delimited(record);
  for (int i = 0; i < 500; ++i) {
    ASSERT_GE(allowed, bytes.size());
    send(data(1, bytes));
    allowed -= bytes.size();
    for (const auto& frame : output()) allowed += frame.credit().bytes();
  }
  EXPECT_EQ(host.records.size(), 500U);
}

TEST_F(SessionTest, RecordsThatCannotBeRead) {
  greet();
  send(open(1, link::SERVICE_LOG, 0));
  output();
  send(data(1, "\x02\xFF\xFF"));
  EXPECT_EQ(output().at(0).close().error(), link::STREAM_ERROR_PROTOCOL);
  send(open(3, link::SERVICE_LOG, 0));
  output();
  send(data(3, "\xFF\xFF\xFF\xFF\xFF\xFF"));
  EXPECT_EQ(output().at(0).close().error(), link::STREAM_ERROR_PROTOCOL);
  send(open(5, link::SERVICE_LOG, 0));
  output();
  send(data(5, "\xFF\x7F"));  // 16 KiB to come
  EXPECT_EQ(output().at(0).close().error(), link::STREAM_ERROR_PROTOCOL);
  EXPECT_FALSE(session->finished());
}

TEST_F(SessionTest, TheLogChannelBecomesLines) {
  greet();
  link::Frame frame = open(1, link::SERVICE_CHANNEL, 0);
  frame.mutable_open()->set_name("log");
  send(frame);
  output();
  for (const char* piece : {"hel", "lo\nwo", "rld\n", "rest"}) send(data(1, piece));
  EXPECT_EQ(host.lines, (std::vector<std::string>{"hello", "world"}));
  EXPECT_EQ(output().size(), 4U) << "credit comes back for each piece";
  send(close(1));
  EXPECT_EQ(host.lines.back(), "rest");
  EXPECT_EQ(output().at(0).kind_case(), link::Frame::kClose);
}

TEST_F(SessionTest, OtherServicesAreRefused) {
  greet();
  send(open(3, link::SERVICE_NONE, 0));
  EXPECT_EQ(output().at(0).close().error(), link::STREAM_ERROR_REFUSED);
}

link::Frame crash_open(std::uint32_t stream, const protocol::Hash& hash) {
  link::Frame frame;
  frame.set_stream(stream);
  frame.mutable_open()->set_service(link::SERVICE_CRASH_REPORT);
  frame.mutable_open()->set_object_hash(hash.data(), hash.size());
  return frame;
}

link::Frame crash_data(std::uint32_t stream, const protocol::Bytes& bytes) {
  link::Frame frame;
  frame.set_stream(stream);
  frame.set_data(bytes.data(), bytes.size());
  return frame;
}

link::Frame crash_close(std::uint32_t stream) {
  link::Frame frame;
  frame.set_stream(stream);
  frame.mutable_close();
  return frame;
}

TEST_F(SessionTest, ACrashReportIsAcknowledgedOnceItIsStored) {
  greet();
  const protocol::Bytes report(700, 9);
  send(crash_open(1, protocol::sha256(report)));
  auto frames = output();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].credit().bytes(), limits.crash_report_bytes) << "all of it at once";
  send(crash_data(1, report));
  EXPECT_TRUE(output().empty()) << "no credit comes back";
  EXPECT_TRUE(host.crashes.empty());
  send(crash_close(1));
  EXPECT_EQ(host.crashes, std::vector<protocol::Bytes>{report});
  frames = output();
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].close().error(), link::STREAM_ERROR_NONE);
}

TEST_F(SessionTest, ACrashReportThatIsNotWholeOrNotStoredIsNotAcknowledged) {
  greet();
  const protocol::Bytes report(100, 9);
  const auto answer_to = [&](std::uint32_t stream, const protocol::Bytes& sent) {
    send(crash_open(stream, protocol::sha256(report)));
    output();
    if (!sent.empty()) send(crash_data(stream, sent));
    send(crash_close(stream));
    const auto frames = output();
    return frames.empty() ? link::STREAM_ERROR_NONE : frames.back().close().error();
  };
  EXPECT_EQ(answer_to(1, protocol::Bytes(99, 9)), link::STREAM_ERROR_PROTOCOL);
  EXPECT_EQ(answer_to(3, {}), link::STREAM_ERROR_PROTOCOL);
  EXPECT_TRUE(host.crashes.empty());
  host.takes_crashes = false;
  EXPECT_EQ(answer_to(5, report), link::STREAM_ERROR_REFUSED);
  EXPECT_FALSE(session->finished());
}

TEST_F(SessionTest, ACrashReportBeyondItsLimitEndsTheSession) {
  SessionLimits small;
  small.crash_report_bytes = 1000;
  restart(small);
  greet();
  send(crash_open(1, {}));
  output();
  send(crash_data(1, protocol::Bytes(1000, 1)));
  EXPECT_FALSE(session->finished());
  send(crash_data(1, protocol::Bytes(1, 1)));
  EXPECT_TRUE(session->finished());
}

}  // namespace
}  // namespace microvisor::cloud

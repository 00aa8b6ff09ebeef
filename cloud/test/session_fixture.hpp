// A session without network: its host is made up, frames go in and come out one by one.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "cloud/gateway/session.hpp"
#include "cloud/test/fixtures.hpp"
#include "protocol/bundle/crypto.hpp"

namespace microvisor::cloud::test {

inline const std::string kSid = "UV0123456789abcdef0123456789abcdef";

struct FakeHost final : SessionHost {
  ManualClock clock;
  Greeting greeting;
  std::string refusal;
  std::shared_ptr<const protocol::Bytes> content;
  protocol::Hash content_hash{};
  std::vector<link::UpdateReport> reports;
  std::vector<link::DeviceEvent> events;
  std::vector<link::LogRecord> records;
  std::vector<std::string> lines;

  explicit FakeHost(std::size_t size = 5000) {
    protocol::Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
    content_hash = protocol::sha256(bytes);
    content = std::make_shared<const protocol::Bytes>(std::move(bytes));
  }
  [[nodiscard]] Timestamp now() const override { return clock.now(); }
  tl::expected<Greeting, Refusal> greet(Session&, const link::Hello&) override {
    if (!refusal.empty()) return tl::unexpected(Refusal{refusal, 30});
    return greeting;
  }
  std::shared_ptr<const protocol::Bytes> object(const Session&, const protocol::Hash& hash) override {
    return hash == content_hash ? content : nullptr;
  }
  void encoding(const Session&, const link::Open& open, const SharedBytes&,
                Encodings::Answer answer) override {
    opens.push_back(open);
    answers.push_back(std::move(answer));
  }
  std::vector<link::Open> opens;
  std::vector<Encodings::Answer> answers;
  void object_sent(const Session&, const protocol::Hash&, std::size_t bytes) override { sent += bytes; }
  std::size_t sent = 0;
  void update_report(const Session&, const link::UpdateReport& report) override { reports.push_back(report); }
  void kernel_report(const Session&, const link::UpdateReport& report) override {
    kernel_reports.push_back(report);
  }
  std::vector<link::UpdateReport> kernel_reports;
  void keys_report(const Session&, const link::KeysReport& report) override { keys.push_back(report); }
  std::vector<link::KeysReport> keys;
  void attestation(const Session&, const link::Attestation& answer) override {
    attestations.push_back(answer);
  }
  std::vector<link::Attestation> attestations;
  void device_event(const Session&, const link::DeviceEvent& event) override { events.push_back(event); }
  void log_record(const Session&, const link::LogRecord& record) override { records.push_back(record); }
  bool crash_report(const Session&, const protocol::Bytes& report) override {
    if (!takes_crashes) return false;
    crashes.push_back(report);
    return true;
  }
  bool takes_crashes = true;
  std::vector<protocol::Bytes> crashes;
  std::unique_ptr<Channel> channel(const Session& session, link::Service type,
                                   std::size_t receive_buffer) override {
    if (!service) return nullptr;
    auto channel = std::make_unique<Channel>(
        ChannelOwner{
            "AC",
            session.device_sid(),
        },
        receive_buffer, [this] { ++wakes; });
    channel_types.push_back(type);
    channel->serve(service(*channel));
    return channel;
  }
  ChannelService service;
  std::vector<link::Service> channel_types;
  int wakes = 0;
  tl::expected<std::shared_ptr<ByteStream>, link::StreamError> byte_stream(
      const Session& session, const std::string& endpoint) override {
    if (endpoint != "telemetry") return tl::unexpected(link::STREAM_ERROR_NOT_FOUND);
    opened = std::make_shared<ByteStream>(ChannelOwner{"AC", session.device_sid()}, endpoint, byte_counters,
                                          [this](const std::string& why) { failures.push_back(why); });
    opened->set_device([this] { ++wakes; });
    return opened;
  }
  std::shared_ptr<ByteStream> opened;  // the last one
  ByteStreamCounters byte_counters;
  std::vector<std::string> failures;
  void channel_line(const Session&, std::string line) override { lines.push_back(std::move(line)); }
};

struct SessionTest : testing::Test {
  FakeHost host;
  SessionLimits limits;
  std::unique_ptr<Session> session = std::make_unique<Session>(host, kSid);
  protocol::FrameReader reader;

  void restart(SessionLimits changed) {
    limits = changed;
    session = std::make_unique<Session>(host, kSid, limits);
  }
  void send(const link::Frame& frame) {
    protocol::Bytes wire;
    ASSERT_TRUE(protocol::append_frame(wire, frame));
    session->receive(wire);
  }
  std::vector<link::Frame> output() {
    protocol::Bytes wire;
    session->take_output(wire);
    reader.feed(wire);
    std::vector<link::Frame> frames;
    link::Frame frame;
    while (reader.next(frame) == protocol::FrameReader::Status::Frame) frames.push_back(frame);
    return frames;
  }
  static link::Frame hello(const std::string& sid = kSid) {
    link::Frame frame;
    frame.mutable_hello()->set_protocol_version(1);
    frame.mutable_hello()->set_device_sid(sid);
    return frame;
  }
  void greet() {
    send(hello());
    ASSERT_TRUE(session->welcomed());
    output();
  }
  static link::Frame open(std::uint32_t stream, link::Service service, std::uint32_t credit) {
    link::Frame frame;
    frame.set_stream(stream);
    frame.mutable_open()->set_service(service);
    frame.mutable_open()->set_credit(credit);
    return frame;
  }
  link::Frame fetch(std::uint32_t stream, std::uint32_t credit, std::uint32_t offset = 0) {
    link::Frame frame = open(stream, link::SERVICE_FETCH, credit);
    frame.mutable_open()->set_object_hash(bytes_of(host.content_hash));
    frame.mutable_open()->set_offset(offset);
    return frame;
  }
  static link::Frame data(std::uint32_t stream, const std::string& bytes) {
    link::Frame frame;
    frame.set_stream(stream);
    frame.set_data(bytes);
    return frame;
  }
  static link::Frame credit(std::uint32_t stream, std::uint32_t bytes) {
    link::Frame frame;
    frame.set_stream(stream);
    frame.mutable_credit()->set_bytes(bytes);
    return frame;
  }
  static link::Frame close(std::uint32_t stream, link::StreamError error = link::STREAM_ERROR_NONE) {
    link::Frame frame;
    frame.set_stream(stream);
    frame.mutable_close()->set_error(error);
    return frame;
  }
  /// The session has said Goodbye with a reason that contains `text`.
  void expect_end(const std::string& text) {
    EXPECT_TRUE(session->finished());
    const auto frames = output();
    ASSERT_FALSE(frames.empty());
    EXPECT_EQ(frames.back().kind_case(), link::Frame::kGoodbye);
    EXPECT_NE(frames.back().goodbye().reason().find(text), std::string::npos)
        << frames.back().goodbye().reason();
  }
};

}  // namespace microvisor::cloud::test

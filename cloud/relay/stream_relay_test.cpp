// The relay of byte streams between a stream as a session has it and real far ends on loopback: TCP, TLS with
// an authority of the test's, WebSocket, and those that stall, reset, close half and lie.
#include "cloud/relay/stream_relay.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>

#include "cloud/test/far_end.hpp"
#include "cloud/test/tls_authority.hpp"

namespace microvisor::cloud {
namespace {

using namespace std::chrono_literals;
using test::Credential;
using test::FarEnd;
using DeviceEnd = ByteStream::DeviceEnd;
using Wire = FarEnd::Wire;

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31 + i / 253);
  return bytes;
}

/// Sends back what comes.
void echo(Wire& wire) {
  for (std::string bytes; !(bytes = wire.read()).empty();) wire.write(bytes);
  if (wire.failure() == 0) wire.finish();
}

class StreamRelayTest : public testing::Test {
 protected:
  ~StreamRelayTest() override {
    if (stream) stream->device_ended(DeviceEnd::Gone);
    EXPECT_TRUE(run_until([&] { return !relay || relay->carried() == 0; })) << "something is left";
    std::filesystem::remove(authorities);
  }

  /// Runs the service until then.
  template <class Done>
  [[nodiscard]] bool run_until(Done done, std::chrono::milliseconds limit = 20s) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      io.run_one_for(5ms);
    }
    return true;
  }

  void listen(FarEnd::Handler handler, const Credential* identity = nullptr) {
    far_end = std::make_unique<FarEnd>(std::move(handler), identity);
    resolve.push_back("far.test:7:127.0.0.1:" + std::to_string(far_end->port()));
  }
  void listen_with_tls(FarEnd::Handler handler, const std::string& alternative = "DNS:far.test",
                       bool expired = false) {
    const Credential identity = authority.issue("far.test", alternative, expired);
    listen(std::move(handler), &identity);
  }
  void open(const std::string& url) {
    if (stream) stream->device_ended(DeviceEnd::Gone);
    ASSERT_TRUE(run_until([&] { return !relay || relay->carried() == 0; }));
    std::ofstream(authorities) << authority.own().certificate_pem;
    policy = *RelayPolicy::make({resolve, trusts ? authorities : ""});
    relay = std::make_unique<StreamRelay>(
        io, *policy, [this](const std::string&) { return allowed; }, limits);
    stream = std::make_shared<ByteStream>(ChannelOwner{"AC1", "UV1"}, "far", counters,
                                          [this](const std::string& why) { failure = why; });
    credit = ByteStream::kWindow;
    EXPECT_TRUE(relay->serve(stream, url));
  }

  /// Both directions at once, as the session does it, within the credits. `at_once`: what the device takes.
  std::string exchange(const std::string& up, std::size_t expected, std::size_t at_once = 512) {
    std::string down;
    std::size_t sent = 0;
    EXPECT_TRUE(run_until([&] {
      credit += stream->take_credit();
      const std::size_t piece = std::min<std::size_t>({credit, up.size() - sent, 1024});
      if (piece > 0) stream->from_device(protocol::as_bytes(up.substr(sent, piece)));
      sent += piece;
      credit -= static_cast<std::uint32_t>(piece);
      const auto bytes = stream->take_for_device(at_once);
      down.append(bytes.begin(), bytes.end());
      return sent == up.size() && down.size() >= expected;
    }));
    return down;
  }
  /// Why the session is to close the stream; what came before it is thrown away.
  std::optional<link::StreamError> end() {
    EXPECT_TRUE(run_until([&] {
      (void)stream->take_for_device(4096);
      return stream->to_be_closed().has_value();
    }));
    return stream->to_be_closed();
  }

  boost::asio::io_context io;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
  test::TlsAuthority authority{"Authority of a test"};
  std::string authorities =
      std::filesystem::temp_directory_path() / ("mv-stream-ca-" + std::to_string(::getpid()));
  std::vector<std::string> resolve, allowed;
  bool trusts = true;
  StreamRelayLimits limits;
  ByteStreamCounters counters;
  std::string failure;
  std::uint32_t credit = 0;
  std::optional<RelayPolicy> policy;
  std::unique_ptr<FarEnd> far_end;
  std::unique_ptr<StreamRelay> relay;
  std::shared_ptr<ByteStream> stream;
};

// --- the three ways to speak

TEST_F(StreamRelayTest, BytesGoBothWaysOverTcp) {
  listen(echo);
  open("tcp://far.test:7");
  const std::string sent = pattern(100 * 1024);
  EXPECT_EQ(exchange(sent, sent.size(), 16), sent);
  EXPECT_EQ(counters.bytes_from_devices, sent.size());
  EXPECT_EQ(counters.bytes_to_devices, sent.size());
  stream->device_ended(DeviceEnd::Closed);
  EXPECT_EQ(end(), link::STREAM_ERROR_NONE);
  EXPECT_EQ(counters.failed, 0U);
}

TEST_F(StreamRelayTest, BytesGoBothWaysOverTls) {
  listen_with_tls(echo);
  open("tls://far.test:7");
  const std::string sent = pattern(100 * 1024);
  EXPECT_EQ(exchange(sent, sent.size()), sent);
  stream->device_ended(DeviceEnd::Closed);
  EXPECT_EQ(end(), link::STREAM_ERROR_NONE);
  EXPECT_EQ(failure, "");
}

TEST_F(StreamRelayTest, AWebSocketGetsBinaryMessagesAndTheDevice) {
  std::string request;
  listen_with_tls([&](Wire& wire) {
    request = wire.accept_web_socket();
    int opcode = 2;
    for (std::string content; opcode == 2;) {
      content = wire.read_frame(opcode);
      if (opcode == 2) wire.write_frame(content);
    }
    if (opcode == 8) wire.write_frame("\x03\xE8", 8);
  });
  open("wss://far.test:7/devices?kind=2");
  const std::string sent = pattern(100 * 1024);
  EXPECT_EQ(exchange(sent, sent.size()), sent);
  stream->device_ended(DeviceEnd::Closed);
  EXPECT_EQ(end(), link::STREAM_ERROR_NONE);
  ASSERT_TRUE(run_until([&] { return far_end->served() == 1; }));
  EXPECT_TRUE(request.starts_with("GET /devices?kind=2 HTTP/1.1\r\n")) << request;
  EXPECT_NE(request.find("\r\nHost: far.test:7\r\n"), std::string::npos) << request;
  EXPECT_NE(request.find("\r\nMicrovisor-Device: UV1\r\n"), std::string::npos) << request;
}

TEST_F(StreamRelayTest, ALongMessageComesInPieces) {
  const std::string message = pattern(300 * 1024);
  listen_with_tls([&](Wire& wire) {
    wire.accept_web_socket();
    wire.write_frame(message);
    int opcode = 0;
    wire.read_frame(opcode);
  });
  open("wss://far.test:7/");
  EXPECT_EQ(exchange("", message.size()), message);
}

// --- how a far end ends

TEST_F(StreamRelayTest, AFarEndThatHasSaidItsLastMayStillBeTold) {
  std::string heard;
  listen([&](Wire& wire) {
    wire.write("bye");
    wire.finish();
    for (std::string bytes; !(bytes = wire.read()).empty();) heard += bytes;
  });
  open("tcp://far.test:7");
  EXPECT_EQ(exchange("", 3), "bye");
  ASSERT_TRUE(run_until([&] { return stream->to_be_closed().has_value(); }));
  EXPECT_EQ(stream->to_be_closed(), link::STREAM_ERROR_NONE);
  stream->from_device(protocol::as_bytes("on its way"));
  stream->device_ended(DeviceEnd::Closed);
  ASSERT_TRUE(run_until([&] { return far_end->served() == 1; }));
  EXPECT_EQ(heard, "on its way");
}

TEST_F(StreamRelayTest, AResetIsNoEndInOrder) {
  listen([](Wire& wire) {
    wire.read();
    wire.reset();
  });
  open("tcp://far.test:7");
  stream->from_device(protocol::as_bytes("x"));
  EXPECT_EQ(end(), link::STREAM_ERROR_CANCELLED);
  EXPECT_NE(failure.find("far.test:7: Connection reset"), std::string::npos) << failure;
  EXPECT_EQ(counters.failed, 1U);
}

TEST_F(StreamRelayTest, TlsThatIsCutIsNoEndInOrder) {
  listen_with_tls([](Wire& wire) {
    wire.read();
    wire.cut();
  });
  open("tls://far.test:7");
  stream->from_device(protocol::as_bytes("x"));
  EXPECT_EQ(end(), link::STREAM_ERROR_CANCELLED);
}

TEST_F(StreamRelayTest, TlsThatIsClosedIsOne) {
  listen_with_tls([](Wire& wire) {
    wire.read();
    wire.finish();
  });
  open("tls://far.test:7");
  stream->from_device(protocol::as_bytes("x"));
  EXPECT_EQ(end(), link::STREAM_ERROR_NONE);
}

TEST_F(StreamRelayTest, HowAWebSocketIsClosedSaysWhy) {
  std::string last;
  int opcode = 8;
  listen_with_tls([&](Wire& wire) {
    wire.accept_web_socket();
    wire.write_frame(last, opcode);
    int ignored = 0;
    wire.read_frame(ignored);
  });
  const auto outcome = [&](const std::string& content, int kind) {
    last = content;
    opcode = kind;
    open("wss://far.test:7/");
    return end();
  };
  EXPECT_EQ(outcome("\x03\xE8", 8), link::STREAM_ERROR_NONE);       // 1000: normal
  EXPECT_EQ(outcome("\x03\xE9", 8), link::STREAM_ERROR_NONE);       // 1001: going away
  EXPECT_EQ(outcome("\x03\xF3", 8), link::STREAM_ERROR_CANCELLED);  // 1011: internal error
  EXPECT_EQ(outcome("text", 1), link::STREAM_ERROR_CANCELLED);
  EXPECT_EQ(outcome("not a frame", 3), link::STREAM_ERROR_CANCELLED);
}

TEST_F(StreamRelayTest, AWebSocketThatIsNoneIsNotReached) {
  listen_with_tls([](Wire& wire) {
    wire.read();
    wire.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  });
  open("wss://far.test:7/");
  EXPECT_EQ(end(), link::STREAM_ERROR_REFUSED);
}

// --- how a device ends

TEST_F(StreamRelayTest, WhatTheDeviceSaidLastArrivesBeforeTheEnd) {
  std::string heard;
  int failed = -1;
  listen([&](Wire& wire) {
    for (std::string bytes; !(bytes = wire.read()).empty();) heard += bytes;
    failed = wire.failure();
    wire.write("too late");
  });
  open("tcp://far.test:7");
  stream->from_device(protocol::as_bytes("last words"));
  stream->device_ended(DeviceEnd::Closed);
  ASSERT_TRUE(run_until([&] { return far_end->served() == 1 && relay->carried() == 0; }));
  EXPECT_EQ(heard, "last words");
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(counters.failed, 0U);
}

TEST_F(StreamRelayTest, AFarEndThatNeverClosesIsNotWaitedForForEver) {
  limits.linger = 100ms;
  std::atomic<bool> ended = false;
  listen([&](Wire& wire) {
    while (!wire.read().empty()) {
    }
    ended.wait(false);
  });
  open("tcp://far.test:7");
  stream->from_device(protocol::as_bytes("last words"));
  stream->device_ended(DeviceEnd::Closed);
  EXPECT_TRUE(run_until([&] { return relay->carried() == 0; }));
  EXPECT_EQ(far_end->served(), 0);
  EXPECT_EQ(counters.failed, 0U);
  ended = true;
  ended.notify_all();
  far_end.reset();
}

TEST_F(StreamRelayTest, ADeviceThatIsGoneIsAResetForTheFarEnd) {
  int failed = 0;
  listen([&](Wire& wire) {
    wire.write("hello");
    wire.read();
    failed = wire.failure();
  });
  open("tcp://far.test:7");
  EXPECT_EQ(exchange("", 5), "hello");
  stream->device_ended(DeviceEnd::Gone);
  ASSERT_TRUE(run_until([&] { return far_end->served() == 1; }));
  EXPECT_EQ(failed, ECONNRESET);
  EXPECT_EQ(failure, "");
}

// --- back-pressure

TEST_F(StreamRelayTest, AFarEndThatTakesNothingStopsTheDevice) {
  limits.stall = 300ms;
  std::atomic<bool> over = false;
  listen([&](Wire&) { over.wait(false); });
  open("tcp://far.test:7");
  std::size_t sent = 0;
  // Sent as fast as credit comes back, until it stalls for the limit.
  EXPECT_TRUE(run_until([&] {
    credit += stream->take_credit();
    const std::string piece(std::min<std::size_t>(credit, 4096), 'x');
    if (!piece.empty()) stream->from_device(protocol::as_bytes(piece));
    sent += piece.size();
    credit = 0;
    return stream->to_be_closed().has_value();
  }));
  EXPECT_EQ(stream->to_be_closed(), link::STREAM_ERROR_CANCELLED);
  EXPECT_EQ(failure, "far.test:7: takes nothing any more");
  EXPECT_LT(sent, std::size_t{64} << 20) << "what the sockets hold";
  over = true;
  over.notify_all();
  far_end.reset();
}

TEST_F(StreamRelayTest, ADeviceThatTakesNothingStopsTheFarEnd) {
  const std::string all = pattern(8 << 20);
  listen([&](Wire& wire) {
    wire.write(all);
    wire.finish();
  });
  open("tcp://far.test:7");
  ASSERT_TRUE(run_until([&] { return !stream->has_room(); }));
  for (int i = 0; i < 100; ++i) io.poll();
  EXPECT_LT(counters.bytes_to_devices, 2 * ByteStream::kWindow);
  EXPECT_EQ(far_end->served(), 0) << "it cannot get rid of all";
  EXPECT_EQ(exchange("", all.size(), 65536), all);
  EXPECT_EQ(end(), link::STREAM_ERROR_NONE);
}

// --- what may be reached

TEST_F(StreamRelayTest, CertificatesAreCheckedForNameAuthorityAndDate) {
  listen_with_tls(echo, "DNS:other.test");
  open("tls://far.test:7");
  EXPECT_EQ(end(), link::STREAM_ERROR_REFUSED);
  EXPECT_NE(failure.find("certificate verify failed"), std::string::npos) << failure;
}

TEST_F(StreamRelayTest, AnAuthorityThatNobodyTrustsIsNone) {
  trusts = false;
  listen_with_tls(echo);
  open("tls://far.test:7");
  EXPECT_EQ(end(), link::STREAM_ERROR_REFUSED);
  EXPECT_NE(failure.find("certificate verify failed"), std::string::npos) << failure;
}

TEST_F(StreamRelayTest, AnExpiredCertificateIsNone) {
  listen_with_tls(echo, "DNS:far.test", true);
  open("wss://far.test:7/");
  EXPECT_EQ(end(), link::STREAM_ERROR_REFUSED);
  EXPECT_NE(failure.find("certificate verify failed"), std::string::npos) << failure;
}

TEST_F(StreamRelayTest, AddressesAreComparedWithAddressesInTheCertificate) {
  listen_with_tls(echo, "IP:127.0.0.1");
  resolve = {"127.0.0.1:7:127.0.0.1:" + std::to_string(far_end->port())};
  open("tls://127.0.0.1:7");
  EXPECT_EQ(exchange("there", 5), "there");
}

TEST_F(StreamRelayTest, OnlyThePublicInternetIsReached) {
  listen(echo);
  for (const char* host : {"127.0.0.1", "localhost", "[::1]"}) {
    open(std::string("tcp://") + host + ":" + std::to_string(far_end->port()));
    EXPECT_EQ(end(), link::STREAM_ERROR_REFUSED) << host;
    EXPECT_NE(failure.find("is not on the public internet"), std::string::npos) << failure;
  }
  EXPECT_EQ(far_end->connections(), 0);
}

TEST_F(StreamRelayTest, TheAllowListComesFirst) {
  listen(echo);
  allowed = {"other.test"};
  open("tcp://far.test:7");
  EXPECT_EQ(end(), link::STREAM_ERROR_REFUSED);
  EXPECT_EQ(failure, "far.test is not on the account's allow-list");
  EXPECT_EQ(far_end->connections(), 0);
  allowed = {"far.test:7"};
  open("tcp://far.test:7");
  EXPECT_EQ(exchange("there", 5), "there");
}

TEST_F(StreamRelayTest, WhereNobodyListensNothingIsReached) {
  listen(echo);
  far_end.reset();
  open("tcp://far.test:7");
  EXPECT_EQ(end(), link::STREAM_ERROR_REFUSED);
  EXPECT_NE(failure.find("cannot connect to far.test:7: Connection refused"), std::string::npos) << failure;
}

TEST_F(StreamRelayTest, ASilentFarEndIsGivenUp) {
  limits.connect = 200ms;
  listen([](Wire& wire) { wire.read_exactly(1 << 20); });  // never says a word of TLS
  open("tls://far.test:7");
  EXPECT_EQ(end(), link::STREAM_ERROR_REFUSED);
  EXPECT_EQ(failure, "far.test:7 does not answer");
}

TEST_F(StreamRelayTest, WhatIsNoUrlIsNotServed) {
  open("tcp://far.test:7");
  EXPECT_FALSE(relay->serve(stream, "udp://far.test:7"));
}

}  // namespace
}  // namespace microvisor::cloud

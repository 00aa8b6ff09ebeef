// The relay of HTTP against real servers on loopback, with a real channel: good ones, broken ones, hostile
// ones.
#include "cloud/relay/http.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include "cloud/test/http_relay_fixture.hpp"

namespace microvisor::cloud {
namespace {

using namespace std::string_literals;

using namespace test;

std::string gzip(const std::string& plain) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, plain.size()), '\0');
  std::string input = plain;
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

// Good ones.

TEST_F(HttpRelayTest, EachMethodGoesOutWithItsBody) {
  serve([](const Request& request, Peer& peer) {
    peer.write(response_with(request.body, "X-Was: " + request.line + "\r\n"));
  });
  for (const char* method : {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"}) {
    for (const std::string& body : {std::string(), "a\0b"s, std::string(20000, 'z')}) {
      const auto response = ask(request_for("https://server.test/path?q=1", method, body), 30000);
      EXPECT_EQ(response.result(), 0U) << method;
      EXPECT_EQ(response.status_code(), 200U);
      EXPECT_EQ(response.body(), body) << method;
      EXPECT_EQ(response.headers(0), std::string("X-Was: ") + method + " /path?q=1 HTTP/1.1");
      EXPECT_EQ(response.header_count(), 2U);
      const Request seen = server->requests().back();
      const bool announces = !body.empty() || std::string("POST PUT PATCH").find(method) != std::string::npos;
      EXPECT_EQ(seen.header("Content-Length"), announces ? std::to_string(body.size()) : "") << method;
      EXPECT_EQ(seen.header("Content-Type"), "");
      EXPECT_EQ(seen.header("Expect"), "");
      EXPECT_EQ(seen.header("Host"), "server.test");
    }
  }
}

TEST_F(HttpRelayTest, HeadHasHeadersAndNoBody) {
  serve("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\nContent-Encoding: gzip\r\n\r\n");
  const auto response = ask(request_for("https://server.test/", "HEAD"));
  EXPECT_EQ(response.result(), 0U);
  EXPECT_EQ(response.headers_size(), 2);
  EXPECT_EQ(response.body(), "");
  EXPECT_EQ(server->requests().at(0).line, "HEAD / HTTP/1.1");
}

TEST_F(HttpRelayTest, TheApplicationsHeadersGoAsTheyAre) {
  serve(response_with("x"));
  auto request = request_for("https://server.test/", "POST", "{}");
  for (const char* line : {"Content-Type: application/json", "X-Twice: 1", "X-Twice: 2",
                           "X-Empty:", "User-Agent:me", "Content-Length: 2", "Host: server.test"})
    request.add_headers(line);
  EXPECT_EQ(result_of(request), HttpResult::Ok);
  const Request seen = server->requests().at(0);
  EXPECT_EQ(seen.header("Content-Type"), "application/json");
  EXPECT_EQ(seen.header("User-Agent"), "me");
  const auto count = [&](const std::string& line) {
    return std::count(seen.headers.begin(), seen.headers.end(), line);
  };
  EXPECT_EQ(count("X-Twice: 1"), 1);
  EXPECT_EQ(count("X-Twice: 2"), 1);
  EXPECT_EQ(count("X-Empty:"), 1);
  EXPECT_EQ(count("Content-Length: 2"), 1);
  EXPECT_EQ(count("Host: server.test"), 1);
}

TEST_F(HttpRelayTest, AStatusOfFailureIsAResponse) {
  serve("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 4\r\n\r\nbusy");
  const auto response = ask(request_for("https://server.test/"));
  EXPECT_EQ(response.result(), 0U);
  EXPECT_EQ(response.status_code(), 503U);
  EXPECT_EQ(response.body(), "busy");
  EXPECT_EQ(response.headers(0), "Retry-After: 5");
}

TEST_F(HttpRelayTest, ChunkedAndOneHundredAndTrailers) {
  serve(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3\r\n yo\r\n0\r\nX-Trailer: "
      "t\r\n\r\n");
  const auto response = ask(request_for("https://server.test/"));
  EXPECT_EQ(response.status_code(), 200U);
  EXPECT_EQ(response.body(), "hello yo");
  ASSERT_EQ(response.headers_size(), 1);
  EXPECT_EQ(response.headers(0), "Transfer-Encoding: chunked");
}

TEST_F(HttpRelayTest, CompressedBodiesAreDecoded) {
  const std::string text(1500, 'a');
  const std::string brotli = "\x0b\x02\x80hello\x03"s;
  serve([&](const Request& request, Peer& peer) {
    EXPECT_NE(request.header("Accept-Encoding").find("gzip"), std::string::npos);
    const bool br = request.line.find("/br") != std::string::npos;
    peer.write(response_with(br ? brotli : gzip(text),
                             std::string("Content-Encoding: ") + (br ? "br" : "gzip") + "\r\n"));
  });
  const auto unpacked = ask(request_for("https://server.test/gzip"));
  EXPECT_EQ(unpacked.body(), text);
  EXPECT_EQ(unpacked.headers_size(), 0);
  EXPECT_EQ(ask(request_for("https://server.test/br")).body(), "hello");
}

TEST_F(HttpRelayTest, OverIpv6) {
  const HttpsServer v6(
      authority.issue("A server of a test", "DNS:server.test"),
      [](const Request&, Peer& peer) { peer.write(response_with("six")); }, true);
  resolve.push_back("server.test:443:[::1]:" + std::to_string(v6.port()));
  EXPECT_EQ(ask(request_for("https://server.test/")).body(), "six");
}

// Broken and hostile ones.

TEST_F(HttpRelayTest, ATricklingServerEndsAtTheTimeout) {
  limits.longest = 300ms;
  for (const std::string begin :
       {"HTTP/1.1 200 OK\r\nX-Endless: ", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"}) {
    relay.reset();
    resolve.clear();
    serve([begin](const Request&, Peer& peer) {
      std::size_t at = 0;
      while (peer.write(at < begin.size() ? begin.substr(at, 1) : "x")) {
        ++at;
        std::this_thread::sleep_for(5ms);  // that is what it does
      }
    });
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(result(100000), HttpResult::RequestFailed);
    EXPECT_GE(std::chrono::steady_clock::now() - start, 290ms);
    EXPECT_TRUE(queue.run_until([&] { return server->open() == 0; }));
  }
}

TEST_F(HttpRelayTest, ASilentServerEndsAtTheTimeout) {
  limits.longest = 200ms;
  serve([](const Request&, Peer& peer) { peer.wait_until_gone(); });
  EXPECT_EQ(result(), HttpResult::RequestFailed);
  EXPECT_TRUE(queue.run_until([&] { return server->open() == 0; }));
}

TEST_F(HttpRelayTest, ServersThatBreakOff) {
  serve([](const Request& request, Peer& peer) {
    if (request.line.find("/headers") != std::string::npos) peer.write("HTTP/1.1 200 OK\r\nA: b\r\n");
    if (request.line.find("/body") != std::string::npos)
      peer.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    if (request.line.find("/chunk") != std::string::npos)
      peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
    if (request.line.find("/reset") != std::string::npos) {
      peer.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
      peer.reset();
    }
  });
  for (const char* path : {"nothing", "headers", "body", "chunk", "reset"})
    EXPECT_EQ(result_of(request_for(std::string("https://server.test/") + path)), HttpResult::RequestFailed)
        << path;
}

TEST_F(HttpRelayTest, NobodyThere) {
  serve(response_with("x"));
  server.reset();
  EXPECT_EQ(result(), HttpResult::RequestFailed);
}

TEST_F(HttpRelayTest, ResponsesThatAreNone) {
  std::string said;
  serve([&](const Request&, Peer& peer) { peer.write(said); });
  for (const std::string& bad :
       {std::string("220 ready\r\n\r\n"), std::string("<html>0.9</html>"),
        std::string("HTTP/1.1 2x0 OK\r\n\r\n"), std::string("HTTP/1.1 99 Low\r\n\r\n"),
        std::string("HTTP/1.1 1000 OK\r\n\r\n"), std::string("HTTP/1.1 200 OK\r\nno colon\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nA\x01: b\r\n\r\n"), "HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n"s,
        std::string("HTTP/1.1 200 OK\r\n : x\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nbody"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nbody"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nbody"),
        std::string("HTTP/1.1 101 Switching\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"),
        std::string("HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nContent-Length: 4\r\n\r\nnope"),
        std::string("HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: 4\r\n\r\nnope")}) {
    said = bad;
    EXPECT_EQ(result(), HttpResult::RequestFailed) << bad;
  }
}

TEST_F(HttpRelayTest, ABodyThatIsTooLargeStopsTheDownload) {
  std::atomic<std::size_t> written{0};
  serve([&](const Request& request, Peer& peer) {
    written = 0;
    const std::string piece(16384, 'x');
    if (request.line.find("/announced") != std::string::npos) {
      peer.write("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
      return peer.wait_until_gone();
    }
    peer.write("HTTP/1.1 200 OK\r\n\r\n");
    while (peer.write(piece)) written += piece.size();
  });
  EXPECT_EQ(result_of(request_for("https://server.test/announced")), HttpResult::ResponseTooLarge);
  EXPECT_EQ(result_of(request_for("https://server.test/endless")), HttpResult::ResponseTooLarge);
  EXPECT_TRUE(queue.run_until([&] { return server->open() == 0; }));
  EXPECT_LT(written, 64U << 20);  // what sockets hold, not what the server would have sent
}

TEST_F(HttpRelayTest, EndlessHeadersStopTheDownload) {
  serve([&](const Request& request, Peer& peer) {
    const bool early = request.line.find("/early") != std::string::npos;
    if (!early) peer.write("HTTP/1.1 200 OK\r\n");
    while (peer.write(early ? "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" : "X-Header: value\r\n")) {
    }
  });
  EXPECT_EQ(result_of(request_for("https://server.test/")), HttpResult::ResponseTooLarge);
  EXPECT_EQ(result_of(request_for("https://server.test/early")), HttpResult::RequestFailed);
}

TEST_F(HttpRelayTest, ADecompressionBombIsNoMoreThanALargeBody) {
  const std::string bomb = gzip(std::string(50 << 20, '\0'));
  ASSERT_LT(bomb.size(), 60000U);
  serve(response_with(bomb, "Content-Encoding: gzip\r\n"));
  EXPECT_EQ(result(100000), HttpResult::ResponseTooLarge);
}

TEST_F(HttpRelayTest, TheBufferIsUsedToItsLastByte) {
  serve(response_with(std::string(1000, 'x')));
  const auto whole = ask(request_for("https://server.test/"), 100000);
  const std::size_t size = Channel::kHeader + whole.ByteSizeLong();
  EXPECT_EQ(result(size), HttpResult::Ok);
  EXPECT_EQ(result(size - 1), HttpResult::ResponseTooLarge);
}

TEST_F(HttpRelayTest, ABufferThatADeviceMakesUpIsNotBelieved) {
  limits.response_bytes = 10000;
  serve(response_with(std::string(20000, 'x')));
  EXPECT_EQ(result(0xFFFFFFFF), HttpResult::ResponseTooLarge);
}

TEST_F(HttpRelayTest, ABufferThatTakesNoAnswerEndsTheChannel) {
  serve(response_with("x"));
  const auto channel = open(5);
  send(*channel, request_for("https://server.test/"));
  EXPECT_TRUE(queue.run_until([&] { return channel->closed().has_value(); }));
  EXPECT_EQ(channel->queued(), 0U);
}

// Channels.

TEST_F(HttpRelayTest, WhatMayNotBeAskedIsAnsweredAtOnce) {
  made();
  auto request = request_for("http://server.test/");
  EXPECT_EQ(result_of(request), HttpResult::UnsupportedScheme);
  request = request_for("https://server.test/", "TRACE");
  EXPECT_EQ(result_of(request), HttpResult::UnsupportedMethod);
  request = request_for("https://server.test/");
  request.add_headers("X: a\r\nY: b");
  EXPECT_EQ(result_of(request), HttpResult::InvalidHeaders);
  request.clear_headers();
  request.set_timeout_milliseconds(4999);
  EXPECT_EQ(result_of(request), HttpResult::InvalidTimeout);
  EXPECT_EQ(relay->counters().requests, 0U);
}

TEST_F(HttpRelayTest, MessagesThatAreNoRequestEndTheChannel) {
  const auto closes = [&](const std::string& wire) {
    const auto channel = open();
    channel->from_device(protocol::as_bytes(wire));
    return channel->closed() == link::STREAM_ERROR_PROTOCOL;
  };
  const std::string good = request_for("https://server.test/").SerializeAsString();
  EXPECT_TRUE(closes(framed(channel::KIND_HTTP_RESPONSE, good)));
  EXPECT_TRUE(closes(framed(channel::KIND_HTTP_REQUEST, "\xFF\xFF\xFF")));
  EXPECT_TRUE(closes(framed(channel::KIND_HTTP_REQUEST, good) + framed(channel::KIND_HTTP_REQUEST, good)));
  EXPECT_FALSE(closes(framed(channel::KIND_HTTP_REQUEST, good)));
}

TEST_F(HttpRelayTest, AClosedChannelTakesItsTransferAlong) {
  serve([](const Request&, Peer& peer) { peer.wait_until_gone(); });
  auto channel = open();
  send(*channel, request_for("https://server.test/"));
  ASSERT_TRUE(queue.run_until([&] { return server->requests().size() == 1; }));
  channel.reset();
  EXPECT_TRUE(queue.run_until([&] { return server->open() == 0; }));
  EXPECT_EQ(relay->counters().cancelled, 1U);
  EXPECT_EQ(relay->counters().open, 0U);
}

TEST_F(HttpRelayTest, AnAnswerThatComesTooLateIsForNobody) {
  serve(response_with("x"));
  auto channel = open();
  send(*channel, request_for("https://server.test/"));
  ASSERT_TRUE(queue.wait());  // it is there, and nobody has looked
  channel.reset();
  EXPECT_EQ(relay->counters().cancelled, 1U);
  channel = open();
  send(*channel, request_for("https://server.test/"));
  EXPECT_EQ(answer(*channel).body(), "x");
}

TEST_F(HttpRelayTest, TheRelayMayGoWhileTransfersRun) {
  serve([](const Request&, Peer& peer) { peer.wait_until_gone(); });
  const auto channel = open();
  send(*channel, request_for("https://server.test/"));
  ASSERT_TRUE(queue.run_until([&] { return server->requests().size() == 1; }));
  const auto late = open();
  relay.reset();
  EXPECT_TRUE(queue.run_until([&] { return server->open() == 0; }));
  send(*late, request_for("https://server.test/"));
  EXPECT_EQ(answer(*late).result(), 5U);
}

TEST_F(HttpRelayTest, ManyAtOnceAllHaveTheirOwnAnswer) {
  limits.running_of_device = 3;
  std::atomic<int> most{0};
  std::atomic<int> now{0};
  serve([&](const Request& request, Peer& peer) {
    const int count = ++now;
    int seen = most;
    while (count > seen && !most.compare_exchange_weak(seen, count)) {
    }
    const std::string response = response_with(request.line);
    --now;
    peer.write(response);
  });
  std::vector<std::unique_ptr<Channel>> channels;
  for (int i = 0; i < 40; ++i) {
    channels.push_back(open(4096, "UV" + std::to_string(i % 3)));
    send(*channels.back(), request_for("https://server.test/" + std::to_string(i)));
  }
  for (int i = 0; i < 40; ++i)
    EXPECT_EQ(answer(*channels[static_cast<std::size_t>(i)]).body(),
              "GET /" + std::to_string(i) + " HTTP/1.1");
  EXPECT_LE(most, 9);
  EXPECT_EQ(relay->counters().answered, 40U);
  EXPECT_EQ(relay->counters().open, 0U);
}

TEST_F(HttpRelayTest, WhoWaitsTooLongForATurnIsTold) {
  limits.running_of_device = 1;
  limits.longest = 300ms;
  serve([](const Request&, Peer& peer) { peer.wait_until_gone(); });
  const auto first = open();
  send(*first, request_for("https://server.test/"));
  const auto second = open();
  send(*second, request_for("https://server.test/"));
  EXPECT_EQ(answer(*first).result(), 5U);
  EXPECT_EQ(answer(*second).result(), 5U);
}

TEST_F(HttpRelayTest, TooManyThatWaitAreRefusedAndOthersNot) {
  limits.running_of_device = 1;
  limits.waiting_of_device = 1;
  serve([](const Request& request, Peer& peer) {
    if (request.line.find("/wait") != std::string::npos) return peer.wait_until_gone();
    peer.write(response_with("x"));
  });
  const auto first = open();
  send(*first, request_for("https://server.test/wait"));
  ASSERT_TRUE(queue.run_until([&] { return server->requests().size() == 1; }));
  const auto second = open();
  send(*second, request_for("https://server.test/"));
  EXPECT_EQ(result(), HttpResult::RequestFailed);
  const auto other = open(4096, "UV2");
  send(*other, request_for("https://server.test/"));
  EXPECT_EQ(answer(*other).body(), "x");
}

}  // namespace
}  // namespace microvisor::cloud

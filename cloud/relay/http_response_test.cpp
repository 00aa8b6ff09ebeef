// Responses line by line: what is kept of them, and the first moment at which one is clearly too much.
#include "cloud/relay/http_response.hpp"

#include <gtest/gtest.h>

namespace microvisor::cloud {
namespace {

using namespace std::string_literals;

using Verdict = HttpResponseReader::Verdict;

/// Lines until one of them ends it.
Verdict feed(HttpResponseReader& reader, std::initializer_list<const char*> lines) {
  for (const char* line : lines) {
    const Verdict verdict = reader.header(std::string(line) + "\r\n");
    if (verdict != Verdict::GoOn) return verdict;
  }
  return Verdict::GoOn;
}

Verdict verdict_of(std::initializer_list<const char*> lines) {
  HttpResponseReader reader(10000, false);
  return feed(reader, lines);
}

TEST(HttpResponse, IsWhatTheServerSaid) {
  HttpResponseReader reader(10000, false);
  ASSERT_EQ(feed(reader, {"HTTP/1.1 404 Not Found", "Content-Type: text/plain ", "X-Two:  a",
                          "Content-Length: 5", ""}),
            Verdict::GoOn);
  EXPECT_TRUE(reader.complete());
  EXPECT_EQ(reader.body("he"), Verdict::GoOn);
  EXPECT_EQ(reader.body("llo"), Verdict::GoOn);
  EXPECT_EQ(feed(reader, {"X-Trailer: not ours", ""}), Verdict::GoOn);
  const channel::HttpResponse response = reader.take();
  EXPECT_EQ(response.result(), 0U);
  EXPECT_EQ(response.status_code(), 404U);
  EXPECT_EQ(response.body(), "hello");
  ASSERT_EQ(response.header_count(), 3U);
  ASSERT_EQ(response.headers_size(), 3);
  EXPECT_EQ(response.headers(0), "Content-Type: text/plain");
  EXPECT_EQ(response.headers(1), "X-Two:  a");
  EXPECT_EQ(response.headers(2), "Content-Length: 5");
}

TEST(HttpResponse, WhatComesBeforeTheLastIsForgotten) {
  HttpResponseReader reader(10000, false);
  ASSERT_EQ(feed(reader, {"HTTP/1.1 100 Continue", "", "HTTP/1.1 103 Early Hints", "Link: x", "",
                          "HTTP/1.1 204", "A: b", ""}),
            Verdict::GoOn);
  const channel::HttpResponse response = reader.take();
  EXPECT_EQ(response.status_code(), 204U);
  ASSERT_EQ(response.headers_size(), 1);
  EXPECT_EQ(response.headers(0), "A: b");
}

TEST(HttpResponse, FoldedLinesAreOne) {
  HttpResponseReader reader(10000, false);
  ASSERT_EQ(feed(reader, {"HTTP/1.1 200 OK", "A: b", " \tc", ""}), Verdict::GoOn);
  EXPECT_EQ(reader.take().headers(0), "A: b c");
  EXPECT_EQ(verdict_of({"HTTP/1.1 200 OK", " folded"}), Verdict::Bad);
}

TEST(HttpResponse, StatusLinesThatAreNone) {
  for (const char* line :
       {"", "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 20", "HTTP/1.1 2000", "HTTP/1.1 099", "HTTP/1.1 -20 X",
        "HTTP/1.1 2x0 OK", "SMTP/1.1 200 OK", "220 ready", "HTTP/1.1  200 OK"})
    EXPECT_EQ(verdict_of({line}), Verdict::Bad) << line;
  EXPECT_EQ(verdict_of({"HTTP/1.1 101 Switching Protocols", ""}), Verdict::Bad);
}

TEST(HttpResponse, HeaderLinesThatAreNone) {
  for (const char* line : {"no colon", ": nameless", "Space : x", "X: a\x01", "X: \x7F", "(X): a"})
    EXPECT_EQ(verdict_of({"HTTP/1.1 200 OK", line}), Verdict::Bad) << line;
  HttpResponseReader reader(10000, false);
  ASSERT_EQ(reader.header("HTTP/1.1 200 OK\r\n"), Verdict::GoOn);
  EXPECT_EQ(reader.header("X: a\0b\r\n"s), Verdict::Bad);
}

TEST(HttpResponse, ARedirectEndsAtItsHeaders) {
  HttpResponseReader reader(40, false);
  EXPECT_EQ(feed(reader, {"HTTP/1.1 302 Found", "Set-Cookie: larger than what the device could take",
                          "location:  /next ", ""}),
            Verdict::Redirect);
  EXPECT_EQ(reader.status(), 302);
  EXPECT_EQ(reader.location(), "/next");
  // Without a Location it is a response like others, also of its size.
  EXPECT_EQ(verdict_of({"HTTP/1.1 302 Found", "A: b", ""}), Verdict::GoOn);
  HttpResponseReader large(40, false);
  EXPECT_EQ(feed(large, {"HTTP/1.1 302 Found", "Set-Cookie: larger than what the device could take", ""}),
            Verdict::TooLarge);
  EXPECT_EQ(verdict_of({"HTTP/1.1 304 Not Modified", "Location: /x", ""}), Verdict::GoOn);
}

TEST(HttpResponse, OfADecodedBodyTheLinesAboutItsEncodingAreGone) {
  HttpResponseReader reader(10000, false);
  ASSERT_EQ(feed(reader, {"HTTP/1.1 200 OK", "Content-Encoding: GZip", "A: b", "Content-Length: 99999", ""}),
            Verdict::GoOn);
  ASSERT_EQ(reader.body("decoded"), Verdict::GoOn);
  const channel::HttpResponse response = reader.take();
  ASSERT_EQ(response.headers_size(), 1);
  EXPECT_EQ(response.headers(0), "A: b");
  HttpResponseReader head(10000, true);
  ASSERT_EQ(feed(head, {"HTTP/1.1 200 OK", "Content-Encoding: gzip", "Content-Length: 99999", ""}),
            Verdict::GoOn);
  EXPECT_EQ(head.take().headers_size(), 2);
}

TEST(HttpResponse, OneEncodingThatIsKnown) {
  const auto verdict = [](const char* line) { return verdict_of({"HTTP/1.1 200 OK", line, ""}); };
  for (const char* name : {"gzip", "x-gzip", "deflate", "br", "identity", "identity, gzip", " ,"})
    EXPECT_EQ(verdict(("Content-Encoding: " + std::string(name)).c_str()), Verdict::GoOn) << name;
  for (const char* name : {"zstd", "compress", "gzip, gzip", "gzip,br", "gzip zstd", "x"})
    EXPECT_EQ(verdict(("Content-Encoding: " + std::string(name)).c_str()), Verdict::Bad) << name;
  EXPECT_EQ(verdict_of({"HTTP/1.1 200 OK", "Content-Encoding: gzip", "Content-Encoding: gzip", ""}),
            Verdict::Bad);
}

/// A response with `body`, in a buffer of `limit` bytes.
Verdict fits(std::size_t limit, const std::string& body) {
  HttpResponseReader reader(limit, false);
  const Verdict verdict = feed(reader, {"HTTP/1.1 200 OK", "A: b", "Other: 123", ""});
  return verdict == Verdict::GoOn && !body.empty() ? reader.body(body) : verdict;
}

TEST(HttpResponse, FitsExactlyIfItsMessageDoes) {
  for (const std::size_t length : {0U, 1U, 100U, 127U, 128U, 16383U, 16384U}) {
    const std::string body(length, 'x');
    channel::HttpResponse message;
    message.set_status_code(200);
    message.set_header_count(2);
    message.add_headers("A: b");
    message.add_headers("Other: 123");
    message.set_body(body);
    const std::size_t size = 4 + message.ByteSizeLong();
    EXPECT_EQ(fits(size, body), Verdict::GoOn) << length;
    EXPECT_EQ(fits(size - 1, body), Verdict::TooLarge) << length;
  }
}

TEST(HttpResponse, IsTooLargeAsSoonAsThatIsCertain) {
  HttpResponseReader announced(1000, false);
  EXPECT_EQ(feed(announced, {"HTTP/1.1 200 OK", "Content-Length: 1000", ""}), Verdict::TooLarge);
  HttpResponseReader huge(1000, false);
  EXPECT_EQ(feed(huge, {"HTTP/1.1 200 OK", "Content-Length: 18446744073709551615", ""}), Verdict::TooLarge);
  HttpResponseReader headers(1000, false);
  EXPECT_EQ(feed(headers, {"HTTP/1.1 200 OK", ("A: " + std::string(1000, 'x')).c_str()}), Verdict::TooLarge);
  HttpResponseReader head(1000, true);
  EXPECT_EQ(feed(head, {"HTTP/1.1 200 OK", "Content-Length: 100000", ""}), Verdict::GoOn);
  HttpResponseReader unmodified(1000, false);
  EXPECT_EQ(feed(unmodified, {"HTTP/1.1 304 Not Modified", "Content-Length: 100000", ""}), Verdict::GoOn);
  HttpResponseReader folded(1000, false);
  EXPECT_EQ(feed(folded, {"HTTP/1.1 200 OK", "A: b", (" " + std::string(1000, 'x')).c_str()}),
            Verdict::TooLarge);
}

TEST(HttpResponse, LinesThatGoNowhereHaveABoundToo) {
  HttpResponseReader reader(1 << 20, false);
  Verdict verdict = Verdict::GoOn;
  std::size_t bytes = 0;
  while (verdict == Verdict::GoOn && bytes < 10'000'000) {
    for (const char* line : {"HTTP/1.1 100 Continue\r\n", "A: b\r\n", "\r\n"}) {
      if (verdict == Verdict::GoOn) verdict = reader.header(line);
      bytes += std::string(line).size();
    }
  }
  EXPECT_EQ(verdict, Verdict::Bad);
  EXPECT_LE(bytes, HttpResponseReader::kMostHeaderBytes + 100);
}

TEST(HttpResponse, ABodyWhereNoneCanBe) {
  HttpResponseReader reader(1000, false);
  EXPECT_EQ(reader.body("x"), Verdict::Bad);
  HttpResponseReader head(1000, true);
  ASSERT_EQ(feed(head, {"HTTP/1.1 200 OK", ""}), Verdict::GoOn);
  EXPECT_EQ(head.body("x"), Verdict::Bad);
}

}  // namespace
}  // namespace microvisor::cloud

// What a device may ask for, and what a redirect makes of it: RFC 9110, and the results that the application
// is promised.
#include "cloud/relay/http_request.hpp"

#include <gtest/gtest.h>

namespace microvisor::cloud {
namespace {

using namespace std::string_literals;

channel::HttpRequest request(const std::string& method = "GET",
                             const std::string& url = "https://api.example/path") {
  channel::HttpRequest made;
  made.set_method(method);
  made.set_url(url);
  made.set_timeout_milliseconds(5000);
  return made;
}

HttpResult check(const channel::HttpRequest& made) {
  HttpOrder order;
  return check_http_request(made, order);
}

HttpResult check_header(const std::string& line, const std::string& body = "") {
  channel::HttpRequest made = request("POST");
  made.set_body(body);
  made.add_headers(line);
  return check(made);
}

HttpOrder order_of(const channel::HttpRequest& made) {
  HttpOrder order;
  EXPECT_EQ(check_http_request(made, order), HttpResult::Ok);
  return order;
}

TEST(HttpRequest, MethodsAreSeven) {
  for (const char* method : {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
    EXPECT_EQ(check(request(method)), HttpResult::Ok) << method;
  for (const char* method : {"", "get", "TRACE", "CONNECT", "GET ", "GET / HTTP/1.1\r\nX:", "PROPFIND"})
    EXPECT_EQ(check(request(method)), HttpResult::UnsupportedMethod) << method;
}

TEST(HttpRequest, OnlyHttps) {
  for (const char* url :
       {"", "api.example", "http://api.example/", "ftp://api.example/", "file:///etc/passwd",
        "https:/api.example", "https:api.example", " https://api.example", "gopher://x/"})
    EXPECT_EQ(check(request("GET", url)), HttpResult::UnsupportedScheme) << url;
  EXPECT_EQ(check(request("GET", "HTTPS://API.example")), HttpResult::Ok);
}

TEST(HttpRequest, UrlsThatAreNone) {
  for (const char* url :
       {"https://", "https:///path", "https://a b/", "https://a/b c", "https://a:0/", "https://a:65536/",
        "https://a:x/", "https://[::1/", "https://[::1%25eth0]/", "https://a\r\nb/",
        "https://b\303\274cher.example/", "https://a..b/", "https://106%353216/", "https://user@/"})
    EXPECT_EQ(check(request("GET", url)), HttpResult::RequestFailed) << url;
  EXPECT_EQ(check(request("GET", "https://good.example\0.evil.example/"s)), HttpResult::RequestFailed);
}

TEST(HttpRequest, ThePartsOfAUrlAreThoseOfTheOneWhoOpensIt) {
  const auto host = [](const std::string& url) { return HttpUrl::parse(url)->authority(); };
  EXPECT_EQ(host("https://Api.Example./x"), "api.example");
  EXPECT_EQ(host("https://api.example:8443"), "api.example:8443");
  EXPECT_EQ(host("https://good.example@evil.example/"), "evil.example");
  EXPECT_EQ(host("https://good.example#@evil.example/"), "good.example");
  EXPECT_EQ(host("https://0x7f.1/"), "127.0.0.1");
  EXPECT_EQ(host("https://2130706433/"), "127.0.0.1");
  EXPECT_EQ(host("https://[::FFFF:127.0.0.1]/"), "[::ffff:127.0.0.1]");
}

TEST(HttpRequest, TimeoutsAreBetweenFiveAndTenSeconds) {
  channel::HttpRequest made = request();
  for (const std::uint32_t timeout : {5000U, 7500U, 10000U}) {
    made.set_timeout_milliseconds(timeout);
    EXPECT_EQ(order_of(made).timeout.count(), timeout);
  }
  for (const std::uint32_t timeout : {0U, 4999U, 10001U, 0xFFFFFFFFU}) {
    made.set_timeout_milliseconds(timeout);
    EXPECT_EQ(check(made), HttpResult::InvalidTimeout) << timeout;
  }
}

TEST(HttpRequest, TheLeastOfSeveralFaultsCounts) {
  channel::HttpRequest made = request("TRACE", "http://x/");
  made.set_timeout_milliseconds(1);
  made.add_headers("none");
  EXPECT_EQ(check(made), HttpResult::UnsupportedScheme);
  made.set_url("https://a b/");
  EXPECT_EQ(check(made), HttpResult::UnsupportedMethod);
  made.set_method("GET");
  EXPECT_EQ(check(made), HttpResult::InvalidHeaders);
  made.clear_headers();
  EXPECT_EQ(check(made), HttpResult::InvalidTimeout);
  made.set_timeout_milliseconds(5000);
  EXPECT_EQ(check(made), HttpResult::RequestFailed);
}

TEST(HttpRequest, HeaderLines) {
  for (const char* line :
       {"Accept: text/plain", "X-Empty:", "X-Empty: ", "x!#$%&'*+-.^_`|~9: \tv\t", "X:a:b", "X: \xC3\xBC"})
    EXPECT_EQ(check_header(line), HttpResult::Ok) << line;
  for (const char* line :
       {"", ":", ": value", "No colon", "Space : value", " Leading: value", "Br(acket): v", "X: a\r\nY: b",
        "X: a\nY: b", "X: a\rb", "X: a\x01", "X: \x7F", "X\r\n: a", "X: a\r\n", "Na\xC3\xBCme: x"})
    EXPECT_EQ(check_header(line), HttpResult::InvalidHeaders) << line;
  EXPECT_EQ(check_header("X: a\0b"s), HttpResult::InvalidHeaders);
  EXPECT_EQ(check_header("X\0: a"s), HttpResult::InvalidHeaders);
}

TEST(HttpRequest, HeadersOfTheConnectionAreNotTheApplications) {
  for (const char* line : {"Connection: close", "keep-alive: 5", "Proxy-Authenticate: x",
                           "PROXY-AUTHORIZATION: x", "TE: trailers", "Trailer: X",
                           "Transfer-Encoding: chunked", "transfer-encoding:", "Upgrade: websocket",
                           "Expect: 100-continue", "Proxy-Connection: keep-alive", "HTTP2-Settings: x"})
    EXPECT_EQ(check_header(line), HttpResult::InvalidHeaders) << line;
}

TEST(HttpRequest, LengthAndHostMayBeGivenIfTheyAreRight) {
  EXPECT_EQ(check_header("Content-Length: 4", "body"), HttpResult::Ok);
  for (const char* line : {"Content-Length: 3", "Content-Length: 5", "content-length: 04",
                           "Content-Length: +4", "Content-Length:", "Content-Length: 4, 4"})
    EXPECT_EQ(check_header(line, "body"), HttpResult::InvalidHeaders) << line;
  EXPECT_EQ(check_header("Host: API.example"), HttpResult::Ok);
  EXPECT_EQ(check_header("Host: other.example"), HttpResult::InvalidHeaders);
  EXPECT_EQ(check_header("Host: api.example:444"), HttpResult::InvalidHeaders);
  channel::HttpRequest made = request();
  made.add_headers("Host: api.example");
  made.add_headers("Content-Length: 0");
  EXPECT_TRUE(order_of(made).headers.empty());  // the one who frames the message writes them
}

TEST(HttpRequest, AtMost32Headers) {
  channel::HttpRequest made = request();
  for (int i = 0; i < 32; ++i) made.add_headers("X-Same: " + std::to_string(i));
  EXPECT_EQ(order_of(made).headers.size(), 32U);
  made.add_headers("X-More: 1");
  EXPECT_EQ(check(made), HttpResult::InvalidHeaders);
}

struct Redirect : testing::Test {
  HttpOrder order;
  void ask(const std::string& method) {
    channel::HttpRequest made = request(method, "https://name:secret@first.example/a/b?q");
    for (const char* line : {"Authorization: Bearer x", "Cookie: c", "X-Api-Key: k", "Accept: a/b",
                             "Content-Type: t/u", "User-Agent: app"})
      made.add_headers(line);
    made.set_body("body");
    order = order_of(made);
  }
  [[nodiscard]] std::string names() const {
    std::string all;
    for (const HttpHeader& header : order.headers) all += header.name + " ";
    return all;
  }
};

TEST_F(Redirect, WhichStatusIsOne) {
  for (int status = 200; status < 600; ++status)
    EXPECT_EQ(is_redirect(status),
              status == 301 || status == 302 || status == 303 || status == 307 || status == 308);
}

TEST_F(Redirect, MethodsAndBodies) {
  struct Case {
    int status;
    const char* method;
    const char* then;
  };
  for (const Case& each :
       {Case{301, "POST", "GET"}, Case{302, "POST", "GET"}, Case{303, "POST", "GET"}, Case{303, "PUT", "GET"},
        Case{303, "DELETE", "GET"}, Case{303, "HEAD", "HEAD"}, Case{301, "HEAD", "HEAD"},
        Case{301, "PUT", "PUT"}, Case{302, "DELETE", "DELETE"}, Case{302, "PATCH", "PATCH"},
        Case{307, "POST", "POST"}, Case{308, "POST", "POST"}}) {
    ask(each.method);
    ASSERT_TRUE(follow_redirect(order, each.status, "/next"));
    EXPECT_EQ(order.method, each.then) << each.status << each.method;
    const bool changed = std::string(each.method) != each.then;
    EXPECT_EQ(order.body, changed ? "" : "body");
    EXPECT_EQ(names().find("Content-Type") == std::string::npos, changed);
  }
}

TEST_F(Redirect, TheSameOriginKeepsWhatItWasGiven) {
  for (const char* location :
       {"/next", "next", "?x", "https://name:secret@first.example/next",
        "https://name:secret@FIRST.example:443/next", "//name:secret@first.example/next"}) {
    ask("GET");
    ASSERT_TRUE(follow_redirect(order, 302, location)) << location;
    EXPECT_EQ(names(), "Authorization Cookie X-Api-Key Accept Content-Type User-Agent ");
    EXPECT_NE(order.url.text().find("name:secret@"), std::string::npos) << location;
  }
}

TEST_F(Redirect, AnotherOriginIsToldNoSecrets) {
  for (const char* location : {"https://second.example/", "https://first.example:444/", "//second.example/",
                               "https://sub.first.example/", "https://first.example.evil.example/",
                               "https://other:password@second.example/"}) {
    ask("GET");
    ASSERT_TRUE(follow_redirect(order, 307, location)) << location;
    EXPECT_EQ(names(), "Accept Content-Type User-Agent ") << location;
    EXPECT_EQ(order.url.text().find('@'), std::string::npos) << order.url.text();
  }
}

TEST_F(Redirect, NowhereButHttps) {
  for (const char* location : {"http://first.example/", "http:next", "ftp://first.example/",
                               "file:///etc/passwd", "https://", "javascript:x", "//", "https://a..b/"}) {
    ask("GET");
    EXPECT_FALSE(follow_redirect(order, 302, location)) << location;
  }
  ask("GET");
  EXPECT_FALSE(follow_redirect(order, 302, "https://a\0.b/"s));
}

TEST_F(Redirect, LocationsAsServersWriteThem) {
  ask("GET");
  ASSERT_TRUE(follow_redirect(order, 302, "/with space/\xC3\xBC"));
  EXPECT_EQ(order.url.text(), "https://name:secret@first.example/with%20space/%c3%bc");
}

}  // namespace
}  // namespace microvisor::cloud

// HTTP calls: the request as the service gets it, the response as the application reads it, and everything
// that can be wrong with either.
#include <set>

#include "firmware/kernel/calls/message_fixture.hpp"

namespace microvisor::firmware::kernel {
namespace {

using abi::EventType;
using abi::Gate;
using abi::HttpResult;
using abi::Status;

class HttpCallsTest : public MessageTest {
 protected:
  HttpCallsTest() : MessageTest(abi::ChannelType::HTTP) {}

  abi::HttpRequest request(const std::vector<std::string>& headers = {}, const std::string& body = "") {
    const Address list = reserve(headers.size() * sizeof(abi::HttpHeader) + 4);
    for (std::size_t i = 0; i < headers.size(); ++i) {
      const abi::SizedString line = text(headers[i]);
      app.write(list + static_cast<Address>(i * sizeof(abi::HttpHeader)),
                abi::HttpHeader{line.length, line.data});
    }
    return {text("GET"),
            text("https://example.com/a?b=c"),
            static_cast<std::uint32_t>(headers.size()),
            list,
            text(body),
            10'000};
  }
  Status send(const abi::HttpRequest& request) {
    return call(Gate::SendHttpRequest, channel, place(request));
  }
  static channel::HttpResponse response(const std::vector<std::string>& headers, const std::string& body) {
    channel::HttpResponse message;
    message.set_status_code(200);
    message.set_header_count(static_cast<std::uint32_t>(headers.size()));
    message.set_body(body);
    for (const std::string& header : headers) message.add_headers(header);
    return message;
  }
  void answer(const std::vector<std::string>& headers, const std::string& body) {
    deliver(channel::KIND_HTTP_RESPONSE, response(headers, body));
  }
  std::string header(std::uint32_t index, Status expected = Status::OKAY) {
    const Address to = reserve(64);
    app.write(to, std::array<char, 64>{});
    EXPECT_EQ(call(Gate::ReadHttpResponseHeader, channel, index, to, 64), expected);
    return std::string(bytes(to, 64).c_str());
  }
};

TEST_F(HttpCallsTest, TheServiceGetsTheRequest) {
  open();
  const std::string body(300, 'b');
  ASSERT_EQ(send(request({"Accept: text/plain", "X-Empty:"}, body)), Status::OKAY);
  const auto got = sent<channel::HttpRequest>(channel::KIND_HTTP_REQUEST);
  EXPECT_EQ(got.timeout_milliseconds(), 10'000U);
  EXPECT_EQ(got.method(), "GET");
  EXPECT_EQ(got.url(), "https://example.com/a?b=c");
  ASSERT_EQ(got.headers_size(), 2);
  EXPECT_EQ(got.headers(0), "Accept: text/plain");
  EXPECT_EQ(got.headers(1), "X-Empty:");
  EXPECT_EQ(got.body(), body);
  EXPECT_GT(traps, 5U);
  EXPECT_EQ(events(EventType::CHANNELDATAREADABLE), 0U);
}

TEST_F(HttpCallsTest, NothingIsSentBeforeAllOfItIsThere) {
  open();
  between_traps = [this] { EXPECT_EQ(sent(), ""); };
  ASSERT_EQ(send(request({"A: 1", "B: 2"}, "body")), Status::OKAY);
  EXPECT_EQ(sent<channel::HttpRequest>(channel::KIND_HTTP_REQUEST).body(), "body");
}

TEST_F(HttpCallsTest, AChannelCarriesOneRequest) {
  open();
  ASSERT_EQ(send(request()), Status::OKAY);
  EXPECT_EQ(send(request()), Status::REQUESTALREADYSENT);
}

TEST_F(HttpCallsTest, ThirtyTwoHeadersAndNoMore) {
  open();
  EXPECT_EQ(send(request(std::vector<std::string>(33, "A: b"))), Status::TOOMANYELEMENTS);
  EXPECT_EQ(send(request(std::vector<std::string>(32, "A: b"))), Status::OKAY);
  EXPECT_EQ(sent<channel::HttpRequest>(channel::KIND_HTTP_REQUEST).headers_size(), 32);
}

TEST_F(HttpCallsTest, ARequestFitsTheSendBufferOrIsRefused) {
  open(512, 512);
  // 4 bytes of header, 3 for the time-out, 5 for the method, 27 for the URL, 3 in front of the body.
  EXPECT_EQ(send(request({}, std::string(471, 'x'))), Status::INVALIDBUFFERSIZE);
  EXPECT_EQ(sent(), "");
  EXPECT_EQ(send(request({}, std::string(470, 'x'))), Status::OKAY);
  EXPECT_EQ(sent().size(), 512U);
}

TEST_F(HttpCallsTest, BadPointersAreFaults) {
  open();
  EXPECT_EQ(call(Gate::SendHttpRequest, channel, kNowhere), Status::PARAMETERFAULT);
  const abi::SizedString nowhere{kNowhere, 4};
  auto bad = request();
  bad.method = nowhere;
  EXPECT_EQ(send(bad), Status::PARAMETERFAULT);
  bad = request();
  bad.url = nowhere;
  EXPECT_EQ(send(bad), Status::PARAMETERFAULT);
  bad = request();
  bad.body = nowhere;
  EXPECT_EQ(send(bad), Status::PARAMETERFAULT);
  bad = request({"A: b"});
  bad.headers = kNowhere;
  EXPECT_EQ(send(bad), Status::PARAMETERFAULT);
  bad = request({"A: b", "C: d"});
  app.write(bad.headers + sizeof(abi::HttpHeader), abi::HttpHeader{4, kNowhere});
  EXPECT_EQ(send(bad), Status::LATEFAULT);
  EXPECT_EQ(sent(), "");
  EXPECT_EQ(send(request()), Status::REQUESTALREADYSENT);  // after a LATEFAULT the channel is of no use
}

TEST_F(HttpCallsTest, HandlesOfOtherThingsAreNoHandles) {
  open();
  EXPECT_EQ(call(Gate::SendHttpRequest, 0, place(request())), Status::INVALIDHANDLE);
  EXPECT_EQ(call(Gate::SendHttpRequest, channel + 1, place(request())), Status::INVALIDHANDLE);
  EXPECT_EQ(call(Gate::SendConfigFetchRequest, channel, place(request())), Status::INVALIDHANDLE);
  EXPECT_EQ(call(Gate::MqttRequestDisconnect, channel), Status::INVALIDHANDLE);
  EXPECT_EQ(call(Gate::WriteChannel, channel, kReceive, 4, out()), Status::INVALIDHANDLE);
  EXPECT_EQ(call(Gate::ReadChannel, channel, out(), out()), Status::INVALIDHANDLE);
}

TEST_F(HttpCallsTest, ARequestChangedMeanwhileGoesOutTheOldWayOrTheNewOne) {
  std::set<std::size_t> sizes;
  for (unsigned when = 1; when < 12; ++when) {
    SetUp();
    open();
    const auto changing = request({}, std::string(300, 'x'));
    const Address at = place(changing);
    between_traps = [&] {
      if (traps == when)
        app.write(at + offsetof(abi::HttpRequest, body), abi::SizedString{changing.body.data, 5});
    };
    EXPECT_EQ(call(Gate::SendHttpRequest, channel, at), Status::OKAY);
    sizes.insert(sent<channel::HttpRequest>(channel::KIND_HTTP_REQUEST).body().size());
  }
  EXPECT_EQ(sizes, (std::set<std::size_t>{5, 300}));
}

TEST_F(HttpCallsTest, APointerThatGoesBadMeanwhileEndsTheRequest) {
  open();
  const Address at = place(request({}, std::string(300, 'x')));
  between_traps = [&] {
    if (traps == 4) app.write(at + offsetof(abi::HttpRequest, body), abi::SizedString{kNowhere, 300});
  };
  EXPECT_EQ(call(Gate::SendHttpRequest, channel, at), Status::LATEFAULT);
  EXPECT_EQ(sent(), "");
}

TEST_F(HttpCallsTest, OneEventAndTheResponse) {
  open();
  ASSERT_EQ(send(request()), Status::OKAY);
  EXPECT_EQ(call(Gate::ReadHttpResponseData, channel, out()), Status::RESPONSENOTPRESENT);
  EXPECT_EQ(call(Gate::ReadHttpResponseBody, channel, 0, out(), 4), Status::RESPONSENOTPRESENT);
  EXPECT_EQ(call(Gate::ReadHttpResponseHeader, channel, 0, out(), 4), Status::RESPONSENOTPRESENT);
  const std::string body(700, 'y');
  const std::string wire =
      framed(channel::KIND_HTTP_RESPONSE, response({"A: 1", "B: 22"}, body).SerializeAsString());
  for (std::size_t i = 0; i < wire.size(); i += 100) {
    EXPECT_EQ(events(EventType::CHANNELDATAREADABLE), 0U);
    deliver_bytes(wire.substr(i, 100));
  }
  EXPECT_EQ(events(EventType::CHANNELDATAREADABLE), 1U);
  ASSERT_EQ(call(Gate::ReadHttpResponseData, channel, out()), Status::OKAY);
  const auto data = told<abi::HttpResponseData>();
  EXPECT_EQ(data.result, HttpResult::OK);
  EXPECT_EQ(data.status_code, 200U);
  EXPECT_EQ(data.num_headers, 2U);
  EXPECT_EQ(data.body_length, 700U);
  const Address to = reserve(1500);
  ASSERT_EQ(call(Gate::ReadHttpResponseBody, channel, 0, to, 1500), Status::OKAY);  // larger than the body
  EXPECT_EQ(bytes(to, 702), body + "\xA5\xA5");
  EXPECT_EQ(traps, 1U + 700 / 256 + 1);
}

TEST_F(HttpCallsTest, TheBodyIsReadFromAnyOffset) {
  open();
  answer({}, "0123456789");
  const Address to = reserve(16);
  ASSERT_EQ(call(Gate::ReadHttpResponseBody, channel, 3, to, 4), Status::OKAY);
  EXPECT_EQ(bytes(to, 5), "3456\xA5");
  ASSERT_EQ(call(Gate::ReadHttpResponseBody, channel, 8, to, 4), Status::OKAY);
  EXPECT_EQ(bytes(to, 4), "8956");
  EXPECT_EQ(call(Gate::ReadHttpResponseBody, channel, 10, to, 4), Status::OKAY);
  EXPECT_EQ(call(Gate::ReadHttpResponseBody, channel, 11, to, 4), Status::OFFSETINVALID);
  EXPECT_EQ(call(Gate::ReadHttpResponseBody, channel, 0xFFFF'FFFF, to, 4), Status::OFFSETINVALID);
  EXPECT_EQ(call(Gate::ReadHttpResponseBody, channel, 0, kNowhere, 4), Status::PARAMETERFAULT);
}

TEST_F(HttpCallsTest, HeadersAreReadInAnyOrder) {
  open();
  std::vector<std::string> headers(20);
  for (std::size_t i = 0; i < headers.size(); ++i) headers[i] = "Header-" + std::to_string(i) + ": value";
  answer(headers, "body");
  for (const unsigned index : {0U, 19U, 3U, 4U, 2U}) EXPECT_EQ(header(index), headers[index]);
  header(20, Status::INDEXINVALID);
  header(0xFFFF'FFFF, Status::INDEXINVALID);
  EXPECT_EQ(header(1), headers[1]);
  const Address to = reserve(8);
  ASSERT_EQ(call(Gate::ReadHttpResponseHeader, channel, 0, to, 6), Status::OKAY);
  EXPECT_EQ(bytes(to, 7), "Header\xA5");
  EXPECT_EQ(call(Gate::ReadHttpResponseHeader, channel, 0, kNowhere, 6), Status::PARAMETERFAULT);
}

TEST_F(HttpCallsTest, WithoutSuccessThereIsTheResultAlone) {
  open();
  channel::HttpResponse failed;
  failed.set_result(static_cast<std::uint32_t>(HttpResult::REQUESTFAILED));
  deliver(channel::KIND_HTTP_RESPONSE, failed);
  ASSERT_EQ(call(Gate::ReadHttpResponseData, channel, out()), Status::OKAY);
  EXPECT_EQ(told<abi::HttpResponseData>().result, HttpResult::REQUESTFAILED);
  EXPECT_EQ(told<abi::HttpResponseData>().body_length, 0U);
  EXPECT_EQ(call(Gate::ReadHttpResponseBody, channel, 0, out(), 4), Status::REQUESTUNSUCCESSFUL);
  EXPECT_EQ(call(Gate::ReadHttpResponseHeader, channel, 0, out(), 4), Status::REQUESTUNSUCCESSFUL);
}

TEST_F(HttpCallsTest, WhatHasArrivedOutlivesTheConnection) {
  open();
  answer({}, "ok");
  lose_connection();
  EXPECT_EQ(events(EventType::CHANNELNOTCONNECTED), 1U);
  EXPECT_EQ(call(Gate::ReadHttpResponseData, channel, out()), Status::OKAY);
  EXPECT_EQ(send(request()), Status::CHANNELCLOSED);
}

TEST_F(HttpCallsTest, WithoutAnAnswerALostConnectionEndsTheChannel) {
  open();
  ASSERT_EQ(send(request()), Status::OKAY);
  lose_connection();
  EXPECT_EQ(call(Gate::ReadHttpResponseData, channel, out()), Status::CHANNELCLOSED);
  EXPECT_EQ(call(Gate::ReadHttpResponseBody, channel, 0, out(), 4), Status::CHANNELCLOSED);
}

/// Whatever the application writes into its receive buffer, calls end and touch nothing else.
TEST_F(HttpCallsTest, ABufferThatTheApplicationSpoilsHarmsOnlyItself) {
  std::uint32_t random = 1;
  for (unsigned round = 0; round < 300; ++round) {
    open(512, 512);
    answer({"A: 1", "B: 2"}, std::string(100, 'z'));
    for (unsigned i = 0; i < 1 + round % 8; ++i) {
      random = random * 1664525 + 1013904223;
      app.write(kReceive + (random >> 8) % 140, static_cast<std::uint8_t>(random >> 24));
    }
    const Address guard = reserve(128);
    for (const std::uint32_t index : {0U, 1U, 7U}) {
      EXPECT_NE(call(Gate::ReadHttpResponseData, channel, guard), kAgain);
      EXPECT_NE(call(Gate::ReadHttpResponseHeader, channel, index, guard, 32), kAgain);
      EXPECT_NE(call(Gate::ReadHttpResponseBody, channel, index, guard, 32), kAgain);
    }
    EXPECT_EQ(bytes(guard + 32, 96), std::string(96, '\xA5')) << round;
    const Address handle = place(channel);
    EXPECT_EQ(call(Gate::CloseChannel, handle), Status::OKAY);
    services().channels.released(slot);
    app.now += 1'000'000;
  }
}

}  // namespace
}  // namespace microvisor::firmware::kernel

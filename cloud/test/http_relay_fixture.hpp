// The relay of HTTP between a channel as a device has it and servers on loopback.
//
// The test's thread is the service thread: what the relay posts runs when the test waits for something.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <fstream>

#include "cloud/relay/http.hpp"
#include "cloud/test/fixtures.hpp"
#include "cloud/test/https_server.hpp"

namespace microvisor::cloud::test {

using namespace std::chrono_literals;
using Request = HttpsServer::Request;
using Peer = HttpsServer::Peer;

/// Functions for the service thread, which is the test's.
class Queue {
 public:
  void post(std::function<void()> function) {
    const std::lock_guard lock(mutex_);
    functions_.push_back(std::move(function));
    changed_.notify_one();
  }
  /// Runs what is posted until `done`.
  template <class Done>
  bool run_until(Done done) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!done()) {
      std::unique_lock lock(mutex_);
      // What is waited for may also happen in a server's thread, which posts nothing.
      changed_.wait_for(lock, 5ms, [this] { return !functions_.empty(); });
      if (functions_.empty()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        continue;
      }
      const auto function = std::move(functions_.front());
      functions_.pop_front();
      lock.unlock();
      function();
    }
    return true;
  }

  /// Until something is posted, which is not run.
  bool wait() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [this] { return !functions_.empty(); });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> functions_;
};

inline std::string framed(channel::Kind kind, const std::string& message) {
  const auto header = static_cast<std::uint32_t>(message.size()) | static_cast<std::uint32_t>(kind) << 24U;
  std::string bytes;
  for (unsigned shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(header >> shift));
  return bytes + message;
}

inline std::string response_with(const std::string& body, const std::string& headers = "") {
  return "HTTP/1.1 200 OK\r\n" + headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

inline channel::HttpRequest request_for(const std::string& url, const std::string& method = "GET",
                                        const std::string& body = "") {
  channel::HttpRequest request;
  request.set_method(method);
  request.set_url(url);
  request.set_timeout_milliseconds(10000);
  request.set_body(body);
  return request;
}

struct HttpRelayTest : testing::Test {
  World world;
  TlsAuthority authority{"Authority of a test"};
  Queue queue;
  HttpLimits limits;
  std::vector<std::string> resolve;
  std::string authorities =
      std::filesystem::temp_directory_path() / ("mv-relay-ca-" + std::to_string(::getpid()));
  std::optional<RelayPolicy> policy;
  std::shared_ptr<HttpRelay> relay;
  std::unique_ptr<HttpsServer> server;

  ~HttpRelayTest() override {
    relay.reset();  // its channels may outlive it
    std::filesystem::remove(authorities);
  }
  HttpRelayTest() = default;
  HttpRelayTest(const HttpRelayTest&) = delete;
  HttpRelayTest& operator=(const HttpRelayTest&) = delete;

  /// A server called server.test on port 443, and what it does.
  void serve(HttpsServer::Handler handler, const std::string& names = "DNS:server.test") {
    server = std::make_unique<HttpsServer>(authority.issue("A server of a test", names), std::move(handler));
    name("server.test:443", *server);
  }
  void serve(const std::string& response, const std::string& names = "DNS:server.test") {
    serve([response](const Request&, Peer& peer) { peer.write(response); }, names);
  }
  void name(const std::string& host_and_port, const HttpsServer& it) {
    resolve.push_back(host_and_port + ":127.0.0.1:" + std::to_string(it.port()));
  }
  HttpRelay& made() {
    if (relay) return *relay;
    std::ofstream(authorities) << authority.own().certificate_pem;
    policy = *RelayPolicy::make({resolve, authorities});
    start_relay();
    return *relay;
  }
  void start_relay() {
    relay = HttpRelay::make(
        *world.store, *world.bus, world.clock, *policy,
        [this](std::function<void()> function) { queue.post(std::move(function)); }, limits);
  }
  std::unique_ptr<Channel> open(std::size_t buffer = 4096, const std::string& device = "UV1") {
    auto channel = std::make_unique<Channel>(ChannelOwner{world.account.sid, device}, buffer, [] {});
    channel->serve(made().service()(*channel));
    return channel;
  }
  static void send(Channel& channel, const channel::HttpRequest& request) {
    channel.from_device(protocol::as_bytes(framed(channel::KIND_HTTP_REQUEST, request.SerializeAsString())));
  }
  channel::HttpResponse answer(Channel& channel) {
    channel::HttpResponse response;
    EXPECT_TRUE(queue.run_until([&] { return channel.queued() > 0; }));
    const protocol::Bytes bytes = channel.take_for_device(1 << 24);
    EXPECT_LE(bytes.size(), channel.receive_buffer());
    if (bytes.size() < 4 || bytes[3] != channel::KIND_HTTP_RESPONSE) {
      ADD_FAILURE() << "no response";
      return response;
    }
    EXPECT_TRUE(response.ParseFromArray(bytes.data() + 4, static_cast<int>(bytes.size() - 4)));
    return response;
  }
  channel::HttpResponse ask(const channel::HttpRequest& request, std::size_t buffer = 4096) {
    const auto channel = open(buffer);
    send(*channel, request);
    return answer(*channel);
  }
  HttpResult result_of(const channel::HttpRequest& request, std::size_t buffer = 4096) {
    return static_cast<HttpResult>(ask(request, buffer).result());
  }
  HttpResult result(std::size_t buffer = 4096) {
    return result_of(request_for("https://server.test/"), buffer);
  }
};

}  // namespace microvisor::cloud::test

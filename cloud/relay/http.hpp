// The relay of HTTP: an application's request is performed by the cloud.
//
// A channel carries one request. It is checked here, on the service thread, and handed to the client's
// thread; the outcome comes back by `post` and goes to the channel, if that still stands. A channel that is
// closed takes its transfer along. Lives on the service thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "cloud/bus/bus.hpp"
#include "cloud/channels/channel.hpp"
#include "cloud/clock/clock.hpp"
#include "cloud/relay/http_client.hpp"
#include "cloud/store/store.hpp"

namespace microvisor::cloud {

/// Of all requests since the start.
struct HttpCounters {
  std::uint64_t requests = 0;
  std::uint64_t open = 0;      ///< at this moment
  std::uint64_t answered = 0;  ///< with a server's response
  std::uint64_t refused = 0;   ///< by policy
  std::uint64_t cancelled = 0;
  std::uint64_t request_bytes = 0;   ///< of bodies
  std::uint64_t response_bytes = 0;  ///< of bodies, decoded
};

class HttpRelay : public std::enable_shared_from_this<HttpRelay> {
 public:
  /// Has a function called on the service thread. From any thread.
  using Post = std::function<void(std::function<void()>)>;

  /// What it is given must outlive it; channels need not be gone before it.
  static std::shared_ptr<HttpRelay> make(Store& store, Bus& bus, const Clock& clock,
                                         const RelayPolicy& policy, Post post, const HttpLimits& limits = {});
  ~HttpRelay();
  HttpRelay(const HttpRelay&) = delete;
  HttpRelay& operator=(const HttpRelay&) = delete;

  [[nodiscard]] ChannelService service();
  [[nodiscard]] const HttpCounters& counters() const { return counters_; }

 private:
  class Server;
  HttpRelay(Store& store, Bus& bus, const Clock& clock, Post post, const HttpLimits& limits);
  [[nodiscard]] std::uint64_t start(Server& server, HttpOrder order);
  void cancel(std::uint64_t id);
  void answered(std::uint64_t id, HttpOutcome& outcome);

  Store& store_;
  Bus& bus_;
  const Clock& clock_;
  Post post_;
  HttpLimits limits_;
  HttpCounters counters_;
  std::uint64_t last_id_ = 0;
  std::unordered_map<std::uint64_t, Server*> servers_;
  std::unique_ptr<HttpClient> client_;
};

}  // namespace microvisor::cloud

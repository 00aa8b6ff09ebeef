// The thread on which the relay's transfers run.
//
// A thread of its own with libcurl's multi interface, and not libcurl's sockets driven by the service thread:
// the cloud's core knows no event loop, and whatever libcurl should one day do that takes time (TLS
// handshakes, loading a resolver) holds up other requests and not devices. Between the threads go whole jobs
// and whole outcomes, under one lock. Owned by the service thread.
#pragma once

#include <curl/curl.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "cloud/relay/http_exchange.hpp"
#include "cloud/relay/http_turns.hpp"

namespace microvisor::cloud {

class HttpClient {
 public:
  /// Called on the client's thread, once for each job that is not cancelled before.
  using Answer = std::function<void(std::uint64_t id, HttpOutcome outcome)>;

  /// `policy` must outlive it.
  HttpClient(const RelayPolicy& policy, const HttpLimits& limits, Answer answer);
  /// Ends all transfers; jobs without an answer get none.
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // From any thread.
  void start(HttpJob job);
  void cancel(std::uint64_t id);

 private:
  using Moment = HttpExchange::Moment;
  struct FreeMulti {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
  };
  using Exchanges = std::unordered_map<std::uint64_t, std::unique_ptr<HttpExchange>>;

  void work();
  [[nodiscard]] bool take_orders();
  void enter(HttpJob job);
  void drop(std::uint64_t id);
  void begin_those_whose_turn_it_is();
  void end_those_that_waited_too_long();
  [[nodiscard]] bool collect_finished();
  void run(HttpExchange& exchange);
  void answer(std::uint64_t id, HttpOutcome outcome);
  [[nodiscard]] int time_to_sleep() const;

  const RelayPolicy& policy_;
  HttpLimits limits_;
  Answer answer_;
  // Of the thread.
  std::unique_ptr<CURLM, FreeMulti> multi_;
  HttpTurns turns_;
  Exchanges waiting_;
  Exchanges running_;
  // Shared.
  std::mutex mutex_;
  std::vector<HttpJob> started_;
  std::vector<std::uint64_t> cancelled_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace microvisor::cloud

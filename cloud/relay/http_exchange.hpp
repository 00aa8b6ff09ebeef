// One request on its way: a transfer of libcurl's for each server that it is sent to.
//
// Redirects are followed here and not by libcurl, so that each of them passes the same gate as the first
// request: the account's list for the name, and, whenever a socket is about to be connected, the policy for
// its address. A connection serves one request: what one device has said or heard cannot touch what another
// does. Owned by the relay's thread.
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "cloud/relay/http_request.hpp"
#include "cloud/relay/http_response.hpp"
#include "cloud/relay/policy.hpp"

namespace microvisor::cloud {

struct HttpJob {
  std::uint64_t id = 0;
  std::string device_sid;
  HttpOrder order;
  AllowedHosts hosts;
  std::size_t limit = 0;  ///< bytes of the message for the device
};

struct HttpOutcome {
  HttpResult result = HttpResult::RequestFailed;
  channel::HttpResponse response{};  ///< with Ok, and without its result
  std::string refused{};             ///< what the policy has against it, for the operator; empty: nothing
};

struct FreeCurlList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlList = std::unique_ptr<curl_slist, FreeCurlList>;

class HttpExchange {
 public:
  using Moment = std::chrono::steady_clock::time_point;
  HttpExchange(HttpJob job, const RelayPolicy& policy, unsigned redirects, Moment deadline);
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;

  /// Prepares the first transfer. False: there will be none, the outcome is known.
  [[nodiscard]] bool begin(Moment now);
  /// What is to be transferred; it must be in no multi handle while begin() or finished() runs.
  [[nodiscard]] CURL* handle() const { return curl_.get(); }
  /// libcurl says the transfer is over. True: the next one is prepared; false: the outcome is known.
  [[nodiscard]] bool finished(CURLcode code, Moment now);

  [[nodiscard]] std::uint64_t id() const { return job_.id; }
  [[nodiscard]] Moment deadline() const { return deadline_; }
  [[nodiscard]] HttpOutcome take_outcome() { return std::move(outcome_); }

 private:
  using Verdict = HttpResponseReader::Verdict;
  struct FreeEasy {
    void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
  };

  void set_up(std::chrono::milliseconds time_left);
  void set_method();
  void set_headers();
  void set_route();
  void set_callbacks();
  bool fail(std::string refused = {});

  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  static curl_socket_t on_socket(void* self, curlsocktype purpose, curl_sockaddr* address);
  static CURLcode on_tls(CURL* curl, void* context, void* self);

  HttpJob job_;
  const RelayPolicy& policy_;
  unsigned redirects_left_;
  Moment deadline_;
  CurlList headers_;
  CurlList route_;
  std::unique_ptr<CURL, FreeEasy> curl_;  // refers to what stands above
  std::optional<HttpResponseReader> reader_;
  Verdict verdict_ = Verdict::GoOn;
  bool address_refused_ = false;
  HttpOutcome outcome_;
};

}  // namespace microvisor::cloud

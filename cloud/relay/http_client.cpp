// One round of the loop: orders in, turns given, libcurl's work done, outcomes out; then it sleeps until a
// socket, an order or a moment wakes it.
#include "cloud/relay/http_client.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace microvisor::cloud {
namespace {

constexpr int kLongestSleep = 60'000;  // ms

HttpClient::Answer checked(HttpClient::Answer answer) {
  // Counted by libcurl, and safe beside other users of it in the same process.
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) throw std::runtime_error("cannot start libcurl");
  return answer;
}

}  // namespace

HttpClient::HttpClient(const RelayPolicy& policy, const HttpLimits& limits, Answer answer)
    : policy_(policy),
      limits_(limits),
      answer_(checked(std::move(answer))),
      multi_(curl_multi_init()),
      turns_(limits) {
  if (!multi_) throw std::bad_alloc();
  thread_ = std::thread([this] { work(); });
}

HttpClient::~HttpClient() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  curl_multi_wakeup(multi_.get());
  thread_.join();
}

void HttpClient::start(HttpJob job) {
  {
    const std::lock_guard lock(mutex_);
    started_.push_back(std::move(job));
  }
  curl_multi_wakeup(multi_.get());
}

void HttpClient::cancel(std::uint64_t id) {
  {
    const std::lock_guard lock(mutex_);
    cancelled_.push_back(id);
  }
  curl_multi_wakeup(multi_.get());
}

void HttpClient::work() {
  while (take_orders()) {
    begin_those_whose_turn_it_is();
    int still_running = 0;
    curl_multi_perform(multi_.get(), &still_running);
    if (collect_finished()) continue;  // they have made room for others
    curl_multi_poll(multi_.get(), nullptr, 0, time_to_sleep(), nullptr);
    end_those_that_waited_too_long();
  }
  for (const auto& [id, exchange] : running_) curl_multi_remove_handle(multi_.get(), exchange->handle());
}

/// False: the client stops.
bool HttpClient::take_orders() {
  std::vector<HttpJob> started;
  std::vector<std::uint64_t> cancelled;
  {
    const std::lock_guard lock(mutex_);
    if (stop_) return false;
    started.swap(started_);
    cancelled.swap(cancelled_);
  }
  for (HttpJob& job : started) enter(std::move(job));
  for (const std::uint64_t id : cancelled) drop(id);
  return true;
}

void HttpClient::enter(HttpJob job) {
  const Moment now = std::chrono::steady_clock::now();
  const std::uint64_t id = job.id;
  if (!turns_.enter(id, job.device_sid, now)) return answer(id, {});
  const Moment deadline = now + std::min(job.order.timeout, limits_.longest);
  waiting_[id] = std::make_unique<HttpExchange>(std::move(job), policy_, limits_.redirects, deadline);
}

void HttpClient::drop(std::uint64_t id) {
  turns_.leave(id);
  waiting_.erase(id);
  const auto found = running_.find(id);
  if (found == running_.end()) return;
  curl_multi_remove_handle(multi_.get(), found->second->handle());
  running_.erase(found);
}

void HttpClient::begin_those_whose_turn_it_is() {
  const Moment now = std::chrono::steady_clock::now();
  while (const auto id = turns_.next(now)) {
    auto entry = waiting_.extract(*id);
    HttpExchange& exchange = *entry.mapped();
    running_.insert(std::move(entry));
    if (exchange.begin(now)) {
      run(exchange);
    } else {
      answer(*id, exchange.take_outcome());
    }
  }
}

void HttpClient::run(HttpExchange& exchange) {
  if (curl_multi_add_handle(multi_.get(), exchange.handle()) != CURLM_OK) throw std::bad_alloc();
}

/// Whether any was.
bool HttpClient::collect_finished() {
  bool any = false;
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    any = true;
    const CURLcode code = message->data.result;
    CURL* curl = message->easy_handle;
    HttpExchange* exchange = nullptr;
    curl_easy_getinfo(curl, CURLINFO_PRIVATE, &exchange);
    curl_multi_remove_handle(multi_.get(), curl);
    if (exchange->finished(code, std::chrono::steady_clock::now())) {
      run(*exchange);
    } else {
      answer(exchange->id(), exchange->take_outcome());
    }
  }
  return any;
}

void HttpClient::end_those_that_waited_too_long() {
  const Moment now = std::chrono::steady_clock::now();
  std::vector<std::uint64_t> over;
  for (const auto& [id, exchange] : waiting_)
    if (exchange->deadline() <= now) over.push_back(id);
  for (const std::uint64_t id : over) answer(id, {});
}

void HttpClient::answer(std::uint64_t id, HttpOutcome outcome) {
  turns_.leave(id);
  waiting_.erase(id);
  running_.erase(id);
  answer_(id, std::move(outcome));
}

int HttpClient::time_to_sleep() const {
  const Moment now = std::chrono::steady_clock::now();
  Moment wake = now + std::chrono::milliseconds(kLongestSleep);
  if (const auto moment = turns_.next_moment()) wake = std::min(wake, *moment);
  for (const auto& [id, exchange] : waiting_) wake = std::min(wake, exchange->deadline());
  return static_cast<int>(
      std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(wake - now).count()));
}

}  // namespace microvisor::cloud

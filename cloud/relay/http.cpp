// A channel's server and the relay know each other by a number, so that either may be gone when the other
// speaks.
#include "cloud/relay/http.hpp"

#include <algorithm>
#include <utility>

namespace microvisor::cloud {

class HttpRelay::Server final : public ChannelServer {
 public:
  Server(Channel& channel, std::weak_ptr<HttpRelay> relay) : channel_(channel), relay_(std::move(relay)) {}
  ~Server() override {
    const auto relay = relay_.lock();
    if (relay && id_ != 0) relay->cancel(id_);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  bool received(channel::Kind kind, protocol::ByteView message) override;
  void answer(channel::HttpResponse response);
  [[nodiscard]] Channel& channel() { return channel_; }

 private:
  Channel& channel_;
  std::weak_ptr<HttpRelay> relay_;
  std::uint64_t id_ = 0;  // of the request that is under way
  bool asked_ = false;
};

namespace {

channel::HttpResponse only(HttpResult result) {
  channel::HttpResponse response;
  response.set_result(static_cast<std::uint32_t>(result));
  return response;
}

}  // namespace

bool HttpRelay::Server::received(channel::Kind kind, protocol::ByteView message) {
  channel::HttpRequest request;
  if (kind != channel::KIND_HTTP_REQUEST || asked_) return false;
  if (!request.ParseFromArray(message.data(), static_cast<int>(message.size()))) return false;
  asked_ = true;
  HttpOrder order;
  const HttpResult result = check_http_request(request, order);
  const auto relay = relay_.lock();
  if (result != HttpResult::Ok || !relay) {
    answer(only(result == HttpResult::Ok ? HttpResult::RequestFailed : result));
  } else {
    id_ = relay->start(*this, std::move(order));
  }
  return true;
}

void HttpRelay::Server::answer(channel::HttpResponse response) {
  id_ = 0;
  if (!channel_.fits(response)) response = only(HttpResult::ResponseTooLarge);
  if (channel_.fits(response)) return channel_.send(channel::KIND_HTTP_RESPONSE, response);
  channel_.close(link::STREAM_ERROR_NONE);  // a buffer that takes no answer at all
}

std::shared_ptr<HttpRelay> HttpRelay::make(Store& store, Bus& bus, const Clock& clock,
                                           const RelayPolicy& policy, Post post, const HttpLimits& limits) {
  std::shared_ptr<HttpRelay> relay(new HttpRelay(store, bus, clock, std::move(post), limits));
  relay->client_ = std::make_unique<HttpClient>(
      policy, limits,
      [weak = std::weak_ptr(relay), post = relay->post_](std::uint64_t id, HttpOutcome outcome) {
        post([weak, id, shared = std::make_shared<HttpOutcome>(std::move(outcome))] {
          if (const auto self = weak.lock()) self->answered(id, *shared);
        });
      });
  return relay;
}

HttpRelay::HttpRelay(Store& store, Bus& bus, const Clock& clock, Post post, const HttpLimits& limits)
    : store_(store), bus_(bus), clock_(clock), post_(std::move(post)), limits_(limits) {}

HttpRelay::~HttpRelay() { client_.reset(); }

ChannelService HttpRelay::service() {
  return [weak = weak_from_this()](Channel& channel) { return std::make_unique<Server>(channel, weak); };
}

std::uint64_t HttpRelay::start(Server& server, HttpOrder order) {
  const ChannelOwner& owner = server.channel().owner();
  const std::uint64_t id = ++last_id_;
  ++counters_.requests;
  ++counters_.open;
  counters_.request_bytes += order.body.size();
  servers_[id] = &server;
  client_->start({id, owner.device_sid, std::move(order),
                  AllowedHosts(store_.allowed_hosts(owner.account_sid)),
                  std::min(server.channel().receive_buffer(), limits_.response_bytes)});
  return id;
}

void HttpRelay::cancel(std::uint64_t id) {
  if (servers_.erase(id) == 0) return;
  --counters_.open;
  ++counters_.cancelled;
  client_->cancel(id);
}

void HttpRelay::answered(std::uint64_t id, HttpOutcome& outcome) {
  const auto entry = servers_.extract(id);
  if (entry.empty()) return;  // the device has closed the channel meanwhile
  Server& server = *entry.mapped();
  --counters_.open;
  if (!outcome.refused.empty()) {
    ++counters_.refused;
    bus_.publish(LogRecord{clock_.now(), server.channel().owner().device_sid, log_type::kConnection,
                           "HTTP request not relayed: " + outcome.refused});
  }
  if (outcome.result != HttpResult::Ok) return server.answer(only(outcome.result));
  ++counters_.answered;
  counters_.response_bytes += outcome.response.body().size();
  server.answer(std::move(outcome.response));
}

}  // namespace microvisor::cloud

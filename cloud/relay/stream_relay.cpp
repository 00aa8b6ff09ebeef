// Each stream is one carrier: it connects, then two coroutines carry bytes, one a direction, until both
// directions have ended. What ends a stream at once closes its socket, which ends whatever is under way.
#include "cloud/relay/stream_relay.hpp"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>

#include "cloud/relay/name_lookups.hpp"
#include "cloud/relay/stream_peer.hpp"

namespace microvisor::cloud {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using Clock = std::chrono::steady_clock;
using Error = StreamPeer::Error;
using DeviceEnd = ByteStream::DeviceEnd;
using namespace asio::experimental::awaitable_operators;

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);

asio::ssl::context make_tls_context(const RelayPolicy& policy) {
  asio::ssl::context context(asio::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
  SSL_CTX_set1_cert_store(context.native_handle(), policy.authorities());
  context.set_verify_mode(asio::ssl::verify_peer);
  return context;
}

tcp::endpoint endpoint_of(const RelayResolution& resolution) {
  if (!resolution.address.v6) {
    asio::ip::address_v4::bytes_type bytes;
    std::copy_n(resolution.address.bytes.begin(), bytes.size(), bytes.begin());
    return {asio::ip::address_v4(bytes), resolution.address_port};
  }
  return {asio::ip::address_v6(resolution.address.bytes), resolution.address_port};
}

}  // namespace

/// What carriers need, for as long as one is there.
struct StreamRelay::Shared {
  Shared(asio::io_context& service, const RelayPolicy& rules, StreamRelayLimits times)
      : io(service), policy(rules), limits(times), tls(make_tls_context(rules)) {}
  asio::io_context& io;
  const RelayPolicy& policy;
  StreamRelayLimits limits;
  asio::ssl::context tls;
  std::optional<NameLookups> names{io};
  std::size_t carried = 0;
};

class StreamRelay::Carrier : public std::enable_shared_from_this<Carrier> {
 public:
  Carrier(std::shared_ptr<Shared> shared, std::shared_ptr<ByteStream> stream, EndpointUrl url)
      : shared_(std::move(shared)),
        stream_(std::move(stream)),
        url_(std::move(url)),
        peer_(make_stream_peer(shared_->io.get_executor(), url_, shared_->tls, stream_->owner().device_sid)),
        news_(shared_->io),
        room_(shared_->io),
        limit_(shared_->io) {
    ++shared_->carried;
    stream_->set_server([this] { device_changed(); });
  }
  ~Carrier() {
    stream_->set_server(nullptr);
    --shared_->carried;
  }
  Carrier(const Carrier&) = delete;
  Carrier& operator=(const Carrier&) = delete;

  /// `self` keeps it until then.
  static asio::awaitable<void> run(std::shared_ptr<Carrier> self) {
    const bool connected = co_await self->connect();
    if (connected) co_await (self->to_far_end() && self->from_far_end());
    self->no_limit();
    self->break_off();
  }

 private:
  [[nodiscard]] bool device_gone() const { return stream_->device_end() == DeviceEnd::Gone; }
  [[nodiscard]] std::string where() const { return url_.host + ":" + std::to_string(url_.port); }

  void device_changed() {
    if (device_gone()) break_off();
    news_.cancel();
    room_.cancel();
  }

  /// The far end gets a reset, unless there has been an end in order.
  void break_off() {
    Error ignored;
    if (!finished_ && peer_->socket().is_open())
      peer_->socket().set_option(asio::socket_base::linger(true, 0), ignored);
    peer_->socket().close(ignored);
    over_ = true;
    news_.cancel();
    room_.cancel();
  }

  /// Until then, or break_off(). One limit at a time.
  void limit(std::chrono::milliseconds time) {
    limited_ = false;
    limit_.expires_after(time);
    limit_.async_wait([weak = weak_from_this(), number = ++limits_](const Error& error) {
      const auto self = weak.lock();
      if (error || !self || number != self->limits_) return;
      self->limited_ = true;
      self->break_off();
    });
  }

  void no_limit() {
    ++limits_;  // one that has passed in this moment counts no more
    limit_.cancel();
  }

  asio::awaitable<void> wait(asio::steady_timer& event) {
    event.expires_at(Clock::time_point::max());
    co_await event.async_wait(kNoThrow);
  }

  // --- connecting

  /// False: it did not come to that, and the device has been told.
  asio::awaitable<bool> connect() {
    limit(shared_->limits.connect);
    std::string why = co_await reach();
    if (why.empty()) {
      const Error error = co_await peer_->handshake();
      if (error) why = "no session with " + where() + ": " + error.message();
    }
    if (limited_) why = where() + " does not answer";
    no_limit();
    if (!why.empty()) stream_->close(link::STREAM_ERROR_REFUSED, why);
    co_return why.empty() && !over_;
  }

  asio::awaitable<NameLookups::Addresses> addresses() {
    if (const RelayResolution* named = shared_->policy.resolution(url_.host, url_.port))
      co_return NameLookups::Addresses{endpoint_of(*named)};
    if (!shared_->names) co_return NameLookups::Addresses{};  // the service stops
    const bool brackets = url_.host.front() == '[';
    shared_->names->look_up(brackets ? url_.host.substr(1, url_.host.size() - 2) : url_.host, url_.port,
                            [weak = weak_from_this()](const NameLookups::Addresses& answer) {
                              const auto self = weak.lock();
                              if (!self) return;
                              self->found_ = answer;
                              self->news_.cancel();
                            });
    while (!found_ && !over_) co_await wait(news_);
    co_return found_.value_or(NameLookups::Addresses{});
  }

  /// A connection to the first address that may be reached and can be. Else why there is none.
  asio::awaitable<std::string> reach() {
    const auto candidates = co_await addresses();
    if (candidates.empty()) co_return "the name " + url_.host + " has no address";
    std::string why;
    for (const tcp::endpoint& candidate : candidates) {
      if (over_) break;
      if (!shared_->policy.may_connect(url_.host, url_.port, *candidate.data())) {
        if (why.empty()) why = where() + " is not on the public internet";
        continue;
      }
      Error error;
      peer_->socket().close(error);
      std::tie(error) = co_await peer_->socket().async_connect(candidate, kNoThrow);
      if (!error) {
        peer_->socket().set_option(tcp::no_delay(true), error);
        peer_->socket().set_option(asio::socket_base::keep_alive(true), error);
        co_return "";
      }
      why = "cannot connect to " + where() + ": " + error.message();
    }
    co_return why.empty() ? "given up" : why;
  }

  // --- carrying

  /// Until the device has ended, and all that it had said before is written.
  asio::awaitable<void> to_far_end() {
    for (;;) {
      const protocol::Bytes bytes = stream_->take_for_far_end();
      if (over_) co_return;
      if (!bytes.empty()) {
        limit(shared_->limits.stall);
        const Error error = co_await peer_->write(asio::buffer(bytes));
        no_limit();
        if (error) co_return far_end_failed(error);
      } else if (stream_->device_end() == DeviceEnd::Closed) {
        break;
      } else {
        co_await wait(news_);
      }
    }
    finished_ = true;
    limit(shared_->limits.linger);
    co_await peer_->finish();
  }

  /// Until the far end has ended. What nobody wants any more is read all the same, to get there.
  asio::awaitable<void> from_far_end() {
    std::array<std::uint8_t, ByteStream::kWindow> piece{};
    for (;;) {
      while (!stream_->has_room() && stream_->device_end() == DeviceEnd::None && !over_) co_await wait(room_);
      std::size_t count = 0;
      const Error error = co_await peer_->read(asio::buffer(piece), count);
      if (error == asio::error::eof || (error && finished_))
        co_return stream_->close(link::STREAM_ERROR_NONE);
      if (error) co_return far_end_failed(error);
      stream_->from_far_end({piece.data(), count});
    }
  }

  void far_end_failed(const Error& error) {
    stream_->close(link::STREAM_ERROR_CANCELLED,
                   where() + ": " + (limited_ ? "takes nothing any more" : error.message()));
    break_off();
  }

  std::shared_ptr<Shared> shared_;
  std::shared_ptr<ByteStream> stream_;
  EndpointUrl url_;
  std::unique_ptr<StreamPeer> peer_;
  std::optional<NameLookups::Addresses> found_;
  asio::steady_timer news_;
  asio::steady_timer room_;
  asio::steady_timer limit_;
  unsigned limits_ = 0;    // that there have been
  bool limited_ = false;   // the last one has passed
  bool finished_ = false;  // our direction has ended in order
  bool over_ = false;
};

StreamRelay::StreamRelay(asio::io_context& io, const RelayPolicy& policy, Allowed allowed,
                         StreamRelayLimits limits)
    : shared_(std::make_shared<Shared>(io, policy, limits)), allowed_(std::move(allowed)) {}

StreamRelay::~StreamRelay() { shared_->names.reset(); }

std::size_t StreamRelay::carried() const { return shared_->carried; }

bool StreamRelay::serve(std::shared_ptr<ByteStream> stream, const std::string& text) {
  const auto url = parse_endpoint_url(text);
  if (!url) return false;
  if (!AllowedHosts(allowed_(stream->owner().account_sid)).allows(url->host, url->port)) {
    stream->close(link::STREAM_ERROR_REFUSED, url->host + " is not on the account's allow-list");
    return true;
  }
  auto carrier = std::make_shared<Carrier>(shared_, std::move(stream), *url);
  asio::co_spawn(shared_->io, Carrier::run(std::move(carrier)), asio::detached);
  return true;
}

}  // namespace microvisor::cloud

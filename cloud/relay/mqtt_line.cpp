// A connection has one coroutine that opens it and then reads, and one that writes. Both hold on to it;
// whoever asked for it does not: when they have gone, events go nowhere and the socket is closed under the
// coroutines, which end at once.
#include "cloud/relay/mqtt_line.hpp"

#include <netdb.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "cloud/relay/mqtt_tls.hpp"

namespace microvisor::cloud::mqtt {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using namespace std::chrono_literals;

namespace {

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kResolverThreads = 4;
constexpr std::size_t kReadBytes = 16 * 1024;
constexpr auto kAddressTime = 10s;  // for one of several addresses
constexpr auto kCloseTime = 3s;

tcp::endpoint endpoint_of(const RelayResolution& resolution) {
  if (!resolution.address.v6) {
    asio::ip::address_v4::bytes_type bytes;
    std::copy_n(resolution.address.bytes.begin(), bytes.size(), bytes.begin());
    return {asio::ip::address_v4(bytes), resolution.address_port};
  }
  return {asio::ip::address_v6(resolution.address.bytes), resolution.address_port};
}

/// As the policy compares it; an address of IPv6 may come without brackets.
std::string host_of(const BrokerAddress& address) {
  const bool bare = address.host.find(':') != std::string::npos && address.host.front() != '[';
  return canonical_host(bare ? "[" + address.host + "]" : address.host);
}

}  // namespace

tl::expected<Endpoints, RequestState> resolve_by_system(const std::string& host, std::uint16_t port) {
  const bool brackets = host.front() == '[';
  const std::string name = brackets ? host.substr(1, host.size() - 2) : host;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(name.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) {
    const bool unknown = error == EAI_NONAME || error == EAI_NODATA || error == EAI_ADDRFAMILY;
    return tl::unexpected(unknown ? RequestState::NameUnknown : RequestState::SocketError);
  }
  Endpoints endpoints;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    tcp::endpoint endpoint;
    if (entry->ai_addrlen > endpoint.capacity()) continue;
    std::memcpy(endpoint.data(), entry->ai_addr, entry->ai_addrlen);
    endpoints.push_back(endpoint);
  }
  ::freeaddrinfo(found);
  return endpoints;
}

/// One connection, from its name to its end. Owned by its coroutines and its Line.
struct Connection : std::enable_shared_from_this<Connection> {
  Connection(Dialler& dialler_, std::string host_, std::uint16_t port_, OwnedSslContext tls_context,
             BrokerEvents& events_)
      : dialler(dialler_),
        host(std::move(host_)),
        port(port_),
        has_tls(tls_context != nullptr),
        context(has_tls ? asio::ssl::context(tls_context.release())
                        : asio::ssl::context(asio::ssl::context::tls_client)),
        stream(dialler.executor_, context),
        wake(dialler.executor_),
        events(&events_) {}

  asio::awaitable<void> run();
  asio::awaitable<RequestState> open();
  asio::awaitable<tl::expected<Endpoints, RequestState>> find();
  asio::awaitable<RequestState> shake_hands();
  asio::awaitable<void> write();
  asio::awaitable<void> close_in_order();
  asio::awaitable<std::tuple<boost::system::error_code, std::size_t>> read_some(asio::mutable_buffer buffer);
  asio::awaitable<std::tuple<boost::system::error_code, std::size_t>> write_all(asio::const_buffer bytes);
  [[nodiscard]] tcp::socket& socket() { return stream.next_layer(); }
  void close() {
    boost::system::error_code ignored;
    socket().close(ignored);
    wake.cancel();
  }
  void end(RequestState why) {
    close();
    if (events != nullptr) std::exchange(events, nullptr)->line_ended(why);
  }
  /// Closes the socket if nothing else has ended `timer` by then.
  void limit(asio::steady_timer& timer, std::chrono::seconds time) {
    timer.expires_after(time);
    timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (!error) self->close();
    });
  }

  Dialler& dialler;
  std::string host;
  std::uint16_t port;
  bool has_tls;
  asio::ssl::context context;
  asio::ssl::stream<tcp::socket> stream;
  asio::steady_timer wake;  // of the writer
  BrokerEvents* events;
  std::string outgoing;
  std::size_t writing = 0;
  bool finishing = false;
};

namespace {

class Line final : public BrokerLine {
 public:
  explicit Line(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}
  ~Line() override {
    connection_->events = nullptr;
    if (!connection_->finishing) connection_->close();
  }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  void send(std::string bytes) override {
    connection_->outgoing += bytes;
    connection_->wake.cancel();
  }
  [[nodiscard]] std::size_t queued() const override {
    return connection_->outgoing.size() + connection_->writing;
  }
  void finish() override {
    connection_->finishing = true;
    connection_->wake.cancel();
  }

 private:
  std::shared_ptr<Connection> connection_;
};

}  // namespace

asio::awaitable<std::tuple<boost::system::error_code, std::size_t>> Connection::read_some(
    asio::mutable_buffer buffer) {
  if (has_tls) co_return co_await stream.async_read_some(buffer, kNoThrow);
  co_return co_await socket().async_read_some(buffer, kNoThrow);
}

asio::awaitable<std::tuple<boost::system::error_code, std::size_t>> Connection::write_all(
    asio::const_buffer bytes) {
  if (has_tls) co_return co_await asio::async_write(stream, bytes, kNoThrow);
  co_return co_await asio::async_write(socket(), bytes, kNoThrow);
}

asio::awaitable<void> Connection::run() {
  const auto self = shared_from_this();
  co_await asio::post(dialler.executor_, asio::use_awaitable);  // nothing is told within dial()
  const RequestState opened = co_await open();
  if (events == nullptr) co_return close();
  if (opened != RequestState::Completed) co_return end(opened);
  asio::co_spawn(
      dialler.executor_, [self] { return self->write(); }, asio::detached);
  events->line_open();
  std::vector<std::uint8_t> buffer(kReadBytes);
  for (;;) {
    const auto [error, size] = co_await read_some(asio::buffer(buffer));
    if (error) {
      const bool of_tls = error.category() == asio::error::get_ssl_category();
      co_return end(of_tls ? failure_of(stream.native_handle(), static_cast<unsigned long>(error.value()))
                           : RequestState::SocketError);
    }
    // What comes behind a farewell is read and dropped, so that it is not lost to a reset.
    if (events != nullptr) events->line_received(protocol::ByteView(buffer).first(size));
  }
}

/// Each address is asked for right before it is connected to.
asio::awaitable<RequestState> Connection::open() {
  const auto endpoints = co_await find();
  if (!endpoints) co_return endpoints.error();
  for (const tcp::endpoint& endpoint : *endpoints) {
    if (events == nullptr) break;
    if (!dialler.policy_.may_connect(host, port, *endpoint.data())) continue;
    boost::system::error_code ignored;
    socket().close(ignored);
    asio::steady_timer timer(dialler.executor_);
    limit(timer, kAddressTime);
    const auto [error] = co_await socket().async_connect(endpoint, kNoThrow);
    timer.cancel();
    if (error) continue;
    socket().set_option(tcp::no_delay(true), ignored);
    socket().set_option(asio::socket_base::keep_alive(true), ignored);
    if (has_tls) co_return co_await shake_hands();
    co_return RequestState::Completed;
  }
  co_return RequestState::SocketError;
}

asio::awaitable<tl::expected<Endpoints, RequestState>> Connection::find() {
  if (const RelayResolution* named = dialler.policy_.resolution(host, port); named != nullptr)
    co_return Endpoints{endpoint_of(*named)};
  const auto elsewhere = [](Resolve resolve, std::string name,
                            std::uint16_t number) -> asio::awaitable<tl::expected<Endpoints, RequestState>> {
    co_return resolve(name, number);
  };
  co_return co_await asio::co_spawn(dialler.resolvers_, elsewhere(dialler.resolve_, host, port),
                                    asio::use_awaitable);
}

asio::awaitable<RequestState> Connection::shake_hands() {
  if (!expect_host(stream.native_handle(), host)) co_return RequestState::InvalidParameters;
  const auto [error] = co_await stream.async_handshake(asio::ssl::stream_base::client, kNoThrow);
  if (!error) co_return RequestState::Completed;
  const bool of_tls = error.category() == asio::error::get_ssl_category();
  co_return failure_of(stream.native_handle(), of_tls ? static_cast<unsigned long>(error.value()) : 0);
}

asio::awaitable<void> Connection::write() {
  const auto self = shared_from_this();
  while (socket().is_open()) {
    if (outgoing.empty()) {
      if (finishing) co_return co_await close_in_order();
      wake.expires_at(asio::steady_timer::time_point::max());
      co_await wake.async_wait(kNoThrow);
      continue;
    }
    const std::string bytes = std::exchange(outgoing, {});
    writing = bytes.size();
    asio::steady_timer timer(dialler.executor_);
    if (finishing) limit(timer, kCloseTime);
    const auto [error, size] = co_await write_all(asio::buffer(bytes));
    timer.cancel();
    writing = 0;
    if (error) co_return;  // the reader hears of it too
    if (outgoing.empty() && events != nullptr) events->line_drained();
  }
}

/// Our end first; the reader ends when the broker has closed too, or when it takes too long.
asio::awaitable<void> Connection::close_in_order() {
  asio::steady_timer timer(dialler.executor_);
  limit(timer, kCloseTime);
  boost::system::error_code ignored;
  if (has_tls) co_await stream.async_shutdown(kNoThrow);
  socket().shutdown(tcp::socket::shutdown_send, ignored);
  co_await timer.async_wait(kNoThrow);
  close();
}

Dialler::Dialler(asio::any_io_executor executor, const RelayPolicy& policy, AllowedHostsOf allowed,
                 Resolve resolve)
    : executor_(std::move(executor)),
      policy_(policy),
      allowed_(std::move(allowed)),
      resolve_(std::move(resolve)),
      resolvers_(kResolverThreads) {}

Dialler::~Dialler() { stop(); }

void Dialler::stop() {
  resolvers_.stop();
  resolvers_.join();
}

tl::expected<std::unique_ptr<BrokerLine>, RequestState> Dialler::dial(const ChannelOwner& owner,
                                                                      const BrokerAddress& address,
                                                                      BrokerEvents& events) {
  const std::string host = host_of(address);
  if (host.empty()) return tl::unexpected(RequestState::InvalidParameters);
  if (!allowed_(owner.account_sid).allows(host, address.port))
    return tl::unexpected(RequestState::SocketError);
  OwnedSslContext context;
  if (address.tls) {
    context = client_context(*address.tls, policy_.authorities());
    if (!context) return tl::unexpected(RequestState::InvalidParameters);
  }
  auto connection = std::make_shared<Connection>(*this, host, address.port, std::move(context), events);
  asio::co_spawn(
      executor_, [connection] { return connection->run(); }, asio::detached);
  return std::make_unique<Line>(connection);
}

}  // namespace microvisor::cloud::mqtt

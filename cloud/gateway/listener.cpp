// Coroutines of the gateway. A Connection never waits; whoever has output for it cancels the timer its writer
// sleeps on.
#include "cloud/gateway/listener.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <optional>

namespace microvisor::cloud {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using SteadyClock = std::chrono::steady_clock;
using namespace std::chrono_literals;
using namespace asio::experimental::awaitable_operators;

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);
constexpr auto kWriteTime = 60s;
constexpr std::size_t kMaxPeers = 50'000;

}  // namespace

struct Listener::Peer {
  Peer(Listener& listener_, tcp::socket socket_)
      : listener(listener_),
        socket(std::move(socket_)),
        wake(socket.get_executor()),
        connection(listener.gateway_.accept([this] { wake.cancel(); })) {
    place = listener.peers_.insert(listener.peers_.end(), this);
  }
  ~Peer() { listener.peers_.erase(place); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  Listener& listener;
  tcp::socket socket;
  asio::steady_timer wake;
  std::unique_ptr<Connection> connection;
  std::optional<SteadyClock::time_point> writing_since;
  std::list<Peer*>::iterator place;
};

void Listener::run(tcp::acceptor acceptor) {
  const auto executor = acceptor.get_executor();
  asio::co_spawn(executor, accept(std::move(acceptor)), asio::detached);
  asio::co_spawn(executor, tick(), asio::detached);
}

void Listener::close() {
  closing_ = true;
  if (acceptor_ != nullptr) {
    boost::system::error_code ignored;
    acceptor_->close(ignored);
  }
  gateway_.end_all("the gateway stops");
  for (Peer* peer : peers_) peer->wake.cancel();
}

asio::awaitable<void> Listener::accept(tcp::acceptor acceptor) {
  acceptor_ = &acceptor;
  while (!closing_) {
    auto [error, socket] = co_await acceptor.async_accept(kNoThrow);
    if (!error && peers_.size() < kMaxPeers) {
      asio::co_spawn(acceptor.get_executor(), serve(std::move(socket)), asio::detached);
    } else if (error && !closing_) {
      asio::steady_timer pause(acceptor.get_executor(), 100ms);
      co_await pause.async_wait(kNoThrow);
    }
  }
  acceptor_ = nullptr;
}

asio::awaitable<void> Listener::tick() {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  while (!closing_) {
    timer.expires_after(1s);
    co_await timer.async_wait(kNoThrow);
    gateway_.tick();
    for (Peer* peer : peers_) {
      peer->connection->tick();
      if (peer->writing_since && SteadyClock::now() - *peer->writing_since > kWriteTime) {
        boost::system::error_code ignored;
        peer->socket.close(ignored);
      }
    }
  }
}

asio::awaitable<void> Listener::serve(tcp::socket socket) {
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  Peer peer(*this, std::move(socket));
  co_await (read(peer) || write(peer));
  peer.connection->disconnected();
  peer.socket.shutdown(tcp::socket::shutdown_both, ignored);
}

/// Until the device closes. What comes after the session's end is read and dropped, so that the Goodbye is
/// not lost to a reset.
asio::awaitable<void> Listener::read(Peer& peer) {
  std::vector<std::uint8_t> buffer(8192);
  for (;;) {
    const auto [error, size] = co_await peer.socket.async_read_some(asio::buffer(buffer), kNoThrow);
    if (error) co_return;
    peer.connection->receive(protocol::ByteView(buffer).first(size));
    peer.wake.cancel();
  }
}

asio::awaitable<void> Listener::write(Peer& peer) {
  for (;;) {
    const protocol::Bytes output = peer.connection->take_output();
    if (!output.empty()) {
      peer.writing_since = SteadyClock::now();
      const auto [error, size] = co_await asio::async_write(peer.socket, asio::buffer(output), kNoThrow);
      peer.writing_since.reset();
      if (error) co_return;
      continue;
    }
    if (peer.connection->finished() || peer.listener.closing_) co_return;
    peer.wake.expires_at(asio::steady_timer::time_point::max());
    co_await peer.wake.async_wait(kNoThrow);
  }
}

}  // namespace microvisor::cloud

// Two coroutines, one a direction. The one that reads goes on until the WebSocket has ended, so that the
// other can close it in order; neither takes more than the other side of the relay has room for.
#include "cloud/api/debug_socket.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <chrono>

namespace microvisor::cloud::api {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using namespace std::chrono_literals;
using namespace asio::experimental::awaitable_operators;

constexpr auto kHandshakeTime = 10s;  // and for the other side's answer to a Close
constexpr auto kIdleTime = 60s;       // with a ping in between
constexpr std::size_t kMaximumMessage = 16 * 1024;
constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);

class DebugConnection {
 public:
  DebugConnection(beast::tcp_stream& stream, std::shared_ptr<DebugRelay> relay)
      : socket_(stream),
        room_(stream.get_executor()),
        news_(stream.get_executor()),
        relay_(std::move(relay)) {
    websocket::stream_base::timeout times{kHandshakeTime, kIdleTime, true};
    socket_.set_option(times);
    socket_.read_message_max(kMaximumMessage);
    socket_.binary(true);
    relay_->set_machine([this] {
      room_.cancel();
      news_.cancel();
    });
  }
  ~DebugConnection() {
    relay_->set_machine(nullptr);
    relay_->end({RelayEnd::By::Machine});
  }
  DebugConnection(const DebugConnection&) = delete;
  DebugConnection& operator=(const DebugConnection&) = delete;

  asio::awaitable<void> serve(const beast::http::request_header<>& request) {
    beast::http::request<beast::http::empty_body> upgrade(request);
    const auto [error] = co_await socket_.async_accept(upgrade, kNoThrow);
    if (!error) co_await (from_machine() && to_machine());
  }

 private:
  asio::awaitable<void> from_machine() {
    beast::flat_buffer buffer;
    for (;;) {
      while (!relay_->has_room() && !relay_->ended()) {
        room_.expires_at(asio::steady_timer::time_point::max());
        co_await room_.async_wait(kNoThrow);
      }
      const auto [error, size] = co_await socket_.async_read(buffer, kNoThrow);
      if (error) break;
      if (!socket_.got_binary()) {
        text_ = true;
        relay_->end({RelayEnd::By::Machine});
      }
      relay_->from_machine({static_cast<const std::uint8_t*>(buffer.data().data()), buffer.size()});
      buffer.clear();
    }
    relay_->end({RelayEnd::By::Machine});
  }

  asio::awaitable<void> to_machine() {
    for (;;) {
      const protocol::Bytes bytes = relay_->take_for_machine();
      if (!bytes.empty()) {
        const auto [error, size] = co_await socket_.async_write(asio::buffer(bytes), kNoThrow);
        if (error) co_return relay_->end({RelayEnd::By::Machine});
      } else if (relay_->ended()) {
        break;
      } else {
        news_.expires_at(asio::steady_timer::time_point::max());
        co_await news_.async_wait(kNoThrow);
      }
    }
    websocket::close_reason reason(static_cast<websocket::close_code>(close_code(*relay_->ended())),
                                   describe(*relay_->ended()));
    if (text_) reason = {websocket::close_code::unknown_data, "only binary messages"};
    co_await socket_.async_close(reason, kNoThrow);
  }

  websocket::stream<beast::tcp_stream&> socket_;
  asio::steady_timer room_;
  asio::steady_timer news_;
  std::shared_ptr<DebugRelay> relay_;
  bool text_ = false;
};

}  // namespace

asio::awaitable<void> serve_debug_socket(beast::tcp_stream& stream, beast::http::request_header<> request,
                                         std::shared_ptr<DebugRelay> relay) {
  DebugConnection connection(stream, std::move(relay));
  co_await connection.serve(request);
}

}  // namespace microvisor::cloud::api

// Coroutines of the HTTP server. The size of a body is judged before it is read; a refusal is sent while the
// client may still be sending, so the rest is read and dropped.
#include "cloud/api/http_server.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>

#include "cloud/api/debug_socket.hpp"
#include "cloud/api/json_views.hpp"

namespace microvisor::cloud::api {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::use_awaitable;
using tcp = asio::ip::tcp;
using namespace std::chrono_literals;
using namespace asio::experimental::awaitable_operators;

constexpr auto kIdleTime = 60s;
constexpr auto kBodyTime = 300s;
constexpr auto kWriteTime = 60s;
constexpr auto kStreamKeepAlive = 15s;
constexpr std::size_t kMaxHeaderBytes = 16 * 1024;
constexpr std::size_t kMaxDrainBytes = 96U << 20;
constexpr std::size_t kStreamChunkBytes = 64 * 1024;
constexpr unsigned kHttp11 = 11;

/// Token for operations whose failure is an ordinary end.
constexpr auto kNoThrow = asio::as_tuple(use_awaitable);

bool is_plain_host(std::string_view host) {
  return !host.empty() && host.size() < 256 && std::all_of(host.begin(), host.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view(".:-[]_").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

http::response<http::string_body> to_beast(Response response, bool keep_alive) {
  http::response<http::string_body> message(static_cast<http::status>(response.status), kHttp11);
  message.set(http::field::server, "microvisor");
  if (!response.content_type.empty()) message.set(http::field::content_type, response.content_type);
  for (const auto& [name, value] : response.headers) message.set(name, value);
  message.keep_alive(keep_alive);
  message.body() = std::move(response.body);
  message.prepare_payload();
  return message;
}

/// Comes back when the other side has closed (or never, if it sends something instead).
asio::awaitable<void> watch(tcp::socket& socket) {
  const auto [error] = co_await socket.async_wait(tcp::socket::wait_read, kNoThrow);
  if (error) co_return;
  char byte = 0;
  boost::system::error_code status;
  const std::size_t count = socket.receive(asio::buffer(&byte, 1), tcp::socket::message_peek, status);
  if (count == 0 || status) co_return;
  asio::steady_timer forever(socket.get_executor(), asio::steady_timer::time_point::max());
  co_await forever.async_wait(kNoThrow);
}

}  // namespace

struct HttpServer::Client {
  Client(HttpServer& server_, tcp::socket socket) : server(server_), stream(std::move(socket)) {
    boost::system::error_code error;
    const auto remote = stream.socket().remote_endpoint(error);
    loopback = !error && remote.address().is_loopback();
    place = server.clients_.insert(server.clients_.end(), this);
  }
  ~Client() { server.clients_.erase(place); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  HttpServer& server;
  beast::tcp_stream stream;
  beast::flat_buffer buffer{kMaxHeaderBytes + kStreamChunkBytes};
  bool loopback = false;
  bool idle = true;
  bool keep_alive = false;         ///< asked for by the request being answered
  http::request_header<> upgrade;  ///< that asks for a WebSocket
  std::list<Client*>::iterator place;
};

/// Somebody waiting for a change of a device.
struct HttpServer::Waiter {
  Waiter(HttpServer& server_, std::string sid, const asio::any_io_executor& executor)
      : server(server_), device_sid(std::move(sid)), timer(executor) {
    place = server.waiters_.insert(server.waiters_.end(), this);
  }
  ~Waiter() { server.waiters_.erase(place); }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  HttpServer& server;
  std::string device_sid;
  asio::steady_timer timer;
  std::list<Waiter*>::iterator place;
};

HttpServer::HttpServer(LogHub& hub, Bus& bus, Store& store, const Clock& clock)
    : hub_(hub), store_(store), clock_(clock) {
  bus.subscribe(Bus::Handler<DeviceChanged>([this](const DeviceChanged& change) {
    for (Waiter* waiter : waiters_) {
      if (waiter->device_sid == change.device_sid) waiter->timer.cancel();
    }
  }));
}

void HttpServer::run(tcp::acceptor acceptor, const Api& api, std::string base_url) {
  api_ = &api;
  base_url_ = std::move(base_url);
  const auto executor = acceptor.get_executor();
  asio::co_spawn(executor, accept(std::move(acceptor)), asio::detached);
}

void HttpServer::close() {
  closing_ = true;
  if (acceptor_ != nullptr) {
    boost::system::error_code ignored;
    acceptor_->close(ignored);
  }
  for (Waiter* waiter : waiters_) waiter->timer.cancel();
  for (Client* client : clients_) {
    if (client->idle) client->stream.close();
  }
}

asio::awaitable<void> HttpServer::accept(tcp::acceptor acceptor) {
  acceptor_ = &acceptor;
  while (!closing_) {
    auto [error, socket] = co_await acceptor.async_accept(kNoThrow);
    if (!error) {
      asio::co_spawn(acceptor.get_executor(), serve(std::move(socket)), asio::detached);
    } else if (!closing_) {
      // Out of file descriptors, most likely: others have to end before it makes sense to go on.
      asio::steady_timer pause(acceptor.get_executor(), 100ms);
      co_await pause.async_wait(kNoThrow);
    }
  }
  acceptor_ = nullptr;
}

asio::awaitable<void> HttpServer::serve(tcp::socket socket) {
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  Client client(*this, std::move(socket));
  try {
    for (bool open = true; open && !closing_;) {
      const std::optional<Request> request = co_await next_request(client);
      open = request && co_await answer(client, *request);
    }
  } catch (const boost::system::system_error&) {
    // The client went away, was too slow, or does not speak HTTP: nobody is left to tell.
  }
  client.stream.socket().shutdown(tcp::socket::shutdown_both, ignored);
}

std::string HttpServer::base_of(std::string_view host, std::string_view forwarded, bool loopback) const {
  if (!is_plain_host(host)) return base_url_;
  const bool tls_in_front = loopback && forwarded == "https";
  return (tls_in_front ? "https://" : "http://") + std::string(host);
}

/// Nothing when the connection is over; a body too large has been refused by then.
asio::awaitable<std::optional<Request>> HttpServer::next_request(Client& client) {
  http::request_parser<http::string_body> parser;
  parser.header_limit(kMaxHeaderBytes);
  parser.body_limit(boost::none);
  client.idle = true;
  client.stream.expires_after(kIdleTime);
  co_await http::async_read_header(client.stream, client.buffer, parser, use_awaitable);
  client.idle = false;
  const auto& header = parser.get();
  Request request;
  request.method = std::string(header.method_string());
  request.target = std::string(header.target());
  request.base = base_of(header[http::field::host], header["X-Forwarded-Proto"], client.loopback);
  request.authorization = std::string(header[http::field::authorization]);
  request.content_type = std::string(header[http::field::content_type]);
  request.from_loopback = client.loopback;
  request.websocket = beast::websocket::is_upgrade(header);
  if (request.websocket) client.upgrade = header.base();

  const std::size_t limit = Api::body_limit(request.method, request.target);
  if (parser.content_length().value_or(0) > limit) {
    co_await refuse_large(client, request.base);
    co_return std::nullopt;
  }
  parser.body_limit(limit);
  client.stream.expires_after(kBodyTime);
  if (beast::iequals(header[http::field::expect], "100-continue")) {
    http::response<http::empty_body> go_on(http::status::continue_, kHttp11);
    co_await http::async_write(client.stream, go_on, use_awaitable);
  }
  const auto [error, size] = co_await http::async_read(client.stream, client.buffer, parser, kNoThrow);
  if (error == http::error::body_limit) {
    co_await refuse_large(client, request.base);
    co_return std::nullopt;
  }
  if (error) co_return std::nullopt;
  client.keep_alive = header.keep_alive();
  request.body = std::move(parser.get().body());
  co_return request;
}

/// False when the connection ends with the answer.
asio::awaitable<bool> HttpServer::answer(Client& client, const Request& request) {
  Answer answer = api_->handle(request);
  if (const auto* stream = std::get_if<LogStream>(&answer)) {
    co_await stream_log(client, *stream);
    co_return false;
  }
  if (const auto* debug = std::get_if<DebugSocket>(&answer)) {
    client.stream.expires_never();
    co_await serve_debug_socket(client.stream, std::move(client.upgrade), debug->relay);
    co_return false;
  }
  if (const auto* deployment = std::get_if<WaitForDeployment>(&answer))
    answer = co_await wait(client, *deployment);
  auto message = to_beast(std::move(std::get<Response>(answer)), client.keep_alive && !closing_);
  client.stream.expires_after(kWriteTime);
  co_await http::async_write(client.stream, message, use_awaitable);
  co_return message.keep_alive();
}

/// Answers, then reads on for a while: a client that is still sending would lose the answer to a reset.
asio::awaitable<void> HttpServer::refuse_large(Client& client, const std::string& base) {
  auto message = to_beast(Api::too_large(base), false);
  client.stream.expires_after(kIdleTime);
  co_await http::async_write(client.stream, message, use_awaitable);
  client.stream.socket().shutdown(tcp::socket::shutdown_send);
  std::vector<char> scratch(kStreamChunkBytes);
  for (std::size_t drained = 0; drained < kMaxDrainBytes;) {
    const auto [error, size] = co_await client.stream.async_read_some(asio::buffer(scratch), kNoThrow);
    if (error) break;
    drained += size;
  }
}

asio::awaitable<void> HttpServer::stream_log(Client& client, const LogStream& request) {
  asio::steady_timer timer(client.stream.get_executor());
  const auto reader = hub_.subscribe(request.device_sid, request.replay, [&timer] { timer.cancel(); });
  http::response<http::empty_body> message(http::status::ok, kHttp11);
  message.set(http::field::content_type, "application/x-ndjson");
  message.set(http::field::cache_control, "no-store");
  message.keep_alive(false);
  message.chunked(true);
  http::response_serializer<http::empty_body> serializer(message);
  client.stream.expires_after(kWriteTime);
  co_await http::async_write_header(client.stream, serializer, use_awaitable);

  const auto pump = [&]() -> asio::awaitable<void> {
    for (;;) {
      std::string text;
      while (text.size() < kStreamChunkBytes) {
        const auto record = reader->next();
        if (!record) break;
        text += to_json(*record) + "\n";
      }
      if (text.empty() && (reader->closed() || closing_)) break;
      if (text.empty()) {
        timer.expires_after(kStreamKeepAlive);
        const auto [woken] = co_await timer.async_wait(kNoThrow);
        if (woken) continue;
        text = "\n";
      }
      client.stream.expires_after(kWriteTime);
      co_await asio::async_write(client.stream, http::make_chunk(asio::buffer(text)), use_awaitable);
    }
    co_await asio::async_write(client.stream, http::make_chunk_last(), use_awaitable);
  };
  co_await (pump() || watch(client.stream.socket()));
}

asio::awaitable<void> HttpServer::wait_until_over(const WaitForDeployment& request) {
  Waiter waiter(*this, request.device_sid, co_await asio::this_coro::executor);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(request.timeout_seconds);
  while (!closing_ && std::chrono::steady_clock::now() < deadline) {
    const auto device = store_.device(request.account_sid, request.device_sid);
    if (!device || device->status != UpdateStatus::Pending) co_return;
    waiter.timer.expires_at(deadline);
    co_await waiter.timer.async_wait(kNoThrow);
  }
}

asio::awaitable<Response> HttpServer::wait(Client& client, const WaitForDeployment& request) {
  client.stream.expires_never();
  co_await (wait_until_over(request) || watch(client.stream.socket()));
  const auto device = store_.device(request.account_sid, request.device_sid);
  if (!device) co_return error_response(request.base, not_found("The device was not found"));
  Response response;
  response.body = view_device(*device, request.base, clock_.now()).dump();
  co_return response;
}

}  // namespace microvisor::cloud::api

// One coroutine reads until the end; writes are posted to the same thread, one after the other. What has come
// waits in a queue, of which an eventfd tells the GDB server.
#include "cli/debug/web_socket_pipe.hpp"

#include <fmt/core.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>
#include <variant>

#include "protocol/bundle/bytes.hpp"

namespace microvisor::cli::debug {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using Tcp = asio::ip::tcp;

namespace {

constexpr auto kConnectTime = std::chrono::seconds(15);
constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);

struct Address {
  bool secure = false;
  std::string host, port, prefix;
};

Address parse(std::string_view url) {
  Address address;
  address.secure = url.starts_with("https://");
  url.remove_prefix(std::min(url.size(), url.find("://") + 3));
  const auto slash = url.find('/');
  address.prefix = slash == std::string_view::npos ? "" : std::string(url.substr(slash));
  url = url.substr(0, slash);
  const auto colon = url.rfind(':');
  address.host = std::string(url.substr(0, colon));
  address.port =
      colon == std::string_view::npos ? (address.secure ? "443" : "80") : std::string(url.substr(colon + 1));
  return address;
}

/// The cloud's words, without what a terminal would obey.
std::string on_one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char letter) { return letter < 0x20 || letter == 0x7F; }, ' ');
  return text;
}

/// What the API says of a refused upgrade: its message, or the status.
std::string refusal(const beast::http::response<beast::http::string_body>& response) {
  const auto body = nlohmann::json::parse(response.body(), nullptr, false);
  if (body.is_object() && body.contains("message") && body["message"].is_string())
    return on_one_line(body["message"]);
  return fmt::format("the cloud answers {}", response.result_int());
}

}  // namespace

class WebSocketPipe::Socket {
 public:
  Socket() : event_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
  ~Socket() {
    asio::post(context_, [this] { context_.stop(); });
    if (thread_.joinable()) thread_.join();
    ::close(event_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  /// Connects on the caller's thread, then goes on on its own. The error, or nothing.
  std::optional<std::string> connect(const Credentials& credentials, const std::string& path) {
    const Address address = parse(credentials.base_url);
    const std::string login = credentials.account_sid + ":" + credentials.auth_token;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(login.data());
    authorization_ = "Basic " + protocol::to_base64({bytes, bytes + login.size()});
    std::optional<std::string> error = "no answer";
    asio::co_spawn(
        context_, [&]() -> asio::awaitable<void> { error = co_await open(address, address.prefix + path); },
        asio::detached);
    context_.run();
    if (error) return fmt::format("cannot reach {}: {}", credentials.base_url, *error);
    context_.restart();
    asio::co_spawn(context_, read(), asio::detached);
    thread_ = std::thread([this] { context_.run(); });
    return std::nullopt;
  }

  bool send(std::span<const std::uint8_t> bytes) {
    const std::lock_guard lock(mutex_);
    if (ended_) return false;
    outbox_.emplace_back(bytes.begin(), bytes.end());
    if (outbox_.size() == 1) asio::co_spawn(context_, write(), asio::detached);
    return true;
  }

  std::optional<Bytes> take() {
    const std::lock_guard lock(mutex_);
    std::uint64_t count = 0;
    if (inbox_.empty() && ended_) return std::nullopt;
    if (!ended_) static_cast<void>(::read(event_, &count, sizeof count));
    return std::exchange(inbox_, {});
  }
  std::string why() {
    const std::lock_guard lock(mutex_);
    return why_;
  }
  [[nodiscard]] int event() const { return event_; }

 private:
  using Plain = websocket::stream<beast::tcp_stream>;
  using Secure = websocket::stream<beast::ssl_stream<beast::tcp_stream>>;

  asio::awaitable<std::optional<std::string>> open(const Address& address, const std::string& target) {
    Tcp::resolver resolver(context_);
    const auto [unresolved, endpoints] =
        co_await resolver.async_resolve(address.host, address.port, kNoThrow);
    if (unresolved) co_return unresolved.message();
    if (!address.secure) {
      stream_.emplace<Plain>(context_);
    } else {
      tls_.set_default_verify_paths();
      tls_.set_verify_mode(asio::ssl::verify_peer);
      stream_.emplace<Secure>(context_, tls_);
    }
    std::optional<std::string> error;
    if (auto* plain = std::get_if<Plain>(&stream_))
      error = co_await shake_hands(*plain, endpoints, address, target);
    if (auto* secure = std::get_if<Secure>(&stream_))
      error = co_await shake_hands(*secure, endpoints, address, target);
    co_return error;
  }

  template <class Stream>
  asio::awaitable<std::optional<std::string>> shake_hands(Stream& stream,
                                                          const Tcp::resolver::results_type& endpoints,
                                                          const Address& address, const std::string& target) {
    auto& tcp = beast::get_lowest_layer(stream);
    tcp.expires_after(kConnectTime);
    if (const auto [error, endpoint] = co_await tcp.async_connect(endpoints, kNoThrow); error)
      co_return error.message();
    tcp.socket().set_option(Tcp::no_delay(true));
    if constexpr (std::is_same_v<Stream, Secure>) {
      auto& tls = stream.next_layer();
      std::string name = address.host;  // OpenSSL's macro for this has a cast of the old style
      SSL_ctrl(tls.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
      tls.set_verify_callback(asio::ssl::host_name_verification(address.host));
      const auto [error] = co_await tls.async_handshake(asio::ssl::stream_base::client, kNoThrow);
      if (error) co_return error.message();
    }
    stream.set_option(websocket::stream_base::decorator([this](websocket::request_type& request) {
      request.set(beast::http::field::authorization, authorization_);
    }));
    stream.binary(true);
    websocket::response_type response;
    const auto [error] = co_await stream.async_handshake(response, address.host, target, kNoThrow);
    if (error) co_return response.result_int() >= 400 ? refusal(response) : error.message();
    tcp.expires_never();
    stream.set_option(websocket::stream_base::timeout::suggested(beast::role_type::client));
    co_return std::nullopt;
  }

  asio::awaitable<void> read() {
    return std::visit([this](auto& stream) { return read_from(stream); }, stream_);
  }
  asio::awaitable<void> write() {
    return std::visit([this](auto& stream) { return write_to(stream); }, stream_);
  }
  asio::awaitable<void> read_from(std::monostate&) { co_return; }
  asio::awaitable<void> write_to(std::monostate&) { co_return; }

  template <class Stream>
  asio::awaitable<void> read_from(Stream& stream) {
    beast::flat_buffer buffer;
    for (;;) {
      const auto [error, size] = co_await stream.async_read(buffer, kNoThrow);
      const std::lock_guard lock(mutex_);
      if (error) {
        const std::string reason(stream.reason().reason.data(), stream.reason().reason.size());
        why_ = reason.empty() ? "the connection to the cloud has ended: " + error.message()
                              : on_one_line(reason);
        ended_ = true;
      }
      const auto* data = static_cast<const std::uint8_t*>(buffer.data().data());
      inbox_.insert(inbox_.end(), data, data + size);
      buffer.consume(size);
      tell();
      if (ended_) co_return;
    }
  }

  template <class Stream>
  asio::awaitable<void> write_to(Stream& stream) {
    for (;;) {
      Bytes bytes;
      {
        const std::lock_guard lock(mutex_);
        if (outbox_.empty()) co_return;
        bytes = outbox_.front();
      }
      const auto [error, size] = co_await stream.async_write(asio::buffer(bytes), kNoThrow);
      const std::lock_guard lock(mutex_);
      outbox_.pop_front();
      if (error || outbox_.empty()) co_return;  // an error is reading's to tell
    }
  }

  void tell() const {
    const std::uint64_t one = 1;
    static_cast<void>(::write(event_, &one, sizeof one));
  }

  asio::io_context context_{1};
  asio::ssl::context tls_{asio::ssl::context::tls_client};
  std::variant<std::monostate, Plain, Secure> stream_;
  std::string authorization_;
  int event_;
  std::mutex mutex_;
  Bytes inbox_;
  std::deque<Bytes> outbox_;  // the first is being sent
  bool ended_ = false;
  std::string why_;
  std::thread thread_;
};

WebSocketPipe::WebSocketPipe(std::unique_ptr<Socket> socket) : socket_(std::move(socket)) {}
WebSocketPipe::~WebSocketPipe() = default;

tl::expected<std::unique_ptr<WebSocketPipe>, std::string> WebSocketPipe::connect(
    const Credentials& credentials, const std::string& path) {
  auto socket = std::make_unique<Socket>();
  if (const auto error = socket->connect(credentials, path)) return tl::unexpected(*error);
  return std::unique_ptr<WebSocketPipe>(new WebSocketPipe(std::move(socket)));
}

bool WebSocketPipe::send(std::span<const std::uint8_t> bytes) { return socket_->send(bytes); }

std::optional<Bytes> WebSocketPipe::receive(std::chrono::milliseconds wait) {
  pollfd entry{socket_->event(), POLLIN, 0};
  ::poll(&entry, 1, static_cast<int>(wait.count()));
  return socket_->take();
}

std::string WebSocketPipe::why() const { return socket_->why(); }
int WebSocketPipe::descriptor() const { return socket_->event(); }

}  // namespace microvisor::cli::debug

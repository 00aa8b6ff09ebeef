// An end in order is one that cannot be forged: of TLS the alert, of a WebSocket its Close.
#include "cloud/relay/stream_peer.hpp"

#include <openssl/x509v3.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <chrono>

namespace microvisor::cloud {
namespace {

namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;
using tcp = asio::ip::tcp;
using Error = StreamPeer::Error;
using TlsStream = asio::ssl::stream<tcp::socket>;

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);
constexpr auto kCloseTime = std::chrono::seconds(10);
constexpr const char* kDeviceHeader = "Microvisor-Device";

/// An address is compared with the addresses in the certificate, and is not sent as a name (RFC 6066,
/// section 3).
void expect_host(SSL* tls, const std::string& host) {
  const bool brackets = host.front() == '[';
  const std::string bare = brackets ? host.substr(1, host.size() - 2) : host;
  X509_VERIFY_PARAM* parameters = SSL_get0_param(tls);
  if (X509_VERIFY_PARAM_set1_ip_asc(parameters, bare.c_str()) == 1) return;
  X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  X509_VERIFY_PARAM_set1_host(parameters, bare.c_str(), bare.size());
  SSL_ctrl(tls, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(bare.c_str()));
}

class TcpPeer final : public StreamPeer {
 public:
  explicit TcpPeer(const asio::any_io_executor& executor) : socket_(executor) {}
  tcp::socket& socket() override { return socket_; }
  Task<Error> handshake() override { co_return Error(); }
  Task<Error> read(asio::mutable_buffer into, std::size_t& count) override {
    Error error;
    std::tie(error, count) = co_await socket_.async_read_some(into, kNoThrow);
    co_return error;
  }
  Task<Error> write(asio::const_buffer bytes) override {
    const auto [error, count] = co_await asio::async_write(socket_, bytes, kNoThrow);
    co_return error;
  }
  Task<void> finish() override {
    Error ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    co_return;
  }

 private:
  tcp::socket socket_;
};

class TlsPeer final : public StreamPeer {
 public:
  TlsPeer(const asio::any_io_executor& executor, asio::ssl::context& context, const std::string& host)
      : stream_(executor, context) {
    expect_host(stream_.native_handle(), host);
  }
  tcp::socket& socket() override { return stream_.next_layer(); }
  Task<Error> handshake() override {
    const auto [error] = co_await stream_.async_handshake(TlsStream::client, kNoThrow);
    co_return error;
  }
  Task<Error> read(asio::mutable_buffer into, std::size_t& count) override {
    Error error;
    std::tie(error, count) = co_await stream_.async_read_some(into, kNoThrow);
    co_return error;
  }
  Task<Error> write(asio::const_buffer bytes) override {
    const auto [error, count] = co_await asio::async_write(stream_, bytes, kNoThrow);
    co_return error;
  }
  Task<void> finish() override { co_await stream_.async_shutdown(kNoThrow); }

 private:
  TlsStream stream_;
};

class WebSocketPeer final : public StreamPeer {
 public:
  WebSocketPeer(const asio::any_io_executor& executor, asio::ssl::context& context, EndpointUrl url,
                const std::string& device_sid)
      : url_(std::move(url)), stream_(executor, context) {
    expect_host(stream_.next_layer().native_handle(), url_.host);
    stream_.binary(true);
    stream_.auto_fragment(false);
    stream_.read_message_max(0);  // a message is passed on while it comes
    // Also the time that a far end has after words that are no WebSocket's, before it is left alone.
    stream_.set_option(websocket::stream_base::timeout{kCloseTime, websocket::stream_base::none(), false});
    stream_.set_option(websocket::stream_base::decorator(
        [device_sid](websocket::request_type& request) { request.set(kDeviceHeader, device_sid); }));
  }
  tcp::socket& socket() override { return stream_.next_layer().next_layer(); }
  Task<Error> handshake() override {
    const auto [failed] = co_await stream_.next_layer().async_handshake(TlsStream::client, kNoThrow);
    if (failed) co_return failed;
    const std::string host = url_.host + (url_.port == 443 ? "" : ":" + std::to_string(url_.port));
    const auto [error] = co_await stream_.async_handshake(host, url_.target, kNoThrow);
    co_return error;
  }
  Task<Error> read(asio::mutable_buffer into, std::size_t& count) override {
    Error error;
    std::tie(error, count) = co_await stream_.async_read_some(into, kNoThrow);
    // Once there has been a Close it does not matter how the TLS below it ends.
    const auto code = stream_.reason().code;
    if (error == websocket::error::closed || (error && code != websocket::close_code::none)) {
      const bool orderly = code == websocket::close_code::normal ||
                           code == websocket::close_code::going_away || code == websocket::close_code::none;
      co_return orderly ? Error(asio::error::eof) : Error(asio::error::connection_reset);
    }
    if (error == asio::error::eof) co_return Error(asio::error::connection_aborted);  // without a Close
    if (!error && count > 0 && !stream_.got_binary())
      co_return Error(websocket::error::bad_opcode);  // text is none of our business
    co_return error;
  }
  Task<Error> write(asio::const_buffer bytes) override {
    const auto [error, count] = co_await stream_.async_write(bytes, kNoThrow);
    co_return error;
  }
  Task<void> finish() override { co_await stream_.async_close(websocket::close_code::normal, kNoThrow); }

 private:
  EndpointUrl url_;
  websocket::stream<TlsStream> stream_;
};

}  // namespace

std::unique_ptr<StreamPeer> make_stream_peer(const asio::any_io_executor& executor, const EndpointUrl& url,
                                             asio::ssl::context& context, const std::string& device_sid) {
  switch (url.scheme) {
    case EndpointScheme::Tcp: return std::make_unique<TcpPeer>(executor);
    case EndpointScheme::Tls: return std::make_unique<TlsPeer>(executor, context, url.host);
    default: return std::make_unique<WebSocketPeer>(executor, context, url, device_sid);
  }
}

}  // namespace microvisor::cloud

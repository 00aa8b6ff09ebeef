// The far end of an opaque channel, one way of speaking to it each: TCP, TLS, and WebSocket on TLS.
//
// One that is connected already gets its handshake, then bytes both ways at once. No time-outs of its own:
// whoever closes the socket ends whatever is under way. Owned by one relayed stream; lives on the service
// thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <memory>
#include <string>

#include "cloud/relay/endpoint_url.hpp"

namespace microvisor::cloud {

class StreamPeer {
 public:
  using Error = boost::system::error_code;
  template <class T>
  using Task = boost::asio::awaitable<T>;

  virtual ~StreamPeer() = default;
  [[nodiscard]] virtual boost::asio::ip::tcp::socket& socket() = 0;
  [[nodiscard]] virtual Task<Error> handshake() = 0;
  /// The error asio::error::eof: it has ended its direction in order. `count` may be 0 without an error.
  [[nodiscard]] virtual Task<Error> read(boost::asio::mutable_buffer into, std::size_t& count) = 0;
  /// All of it.
  [[nodiscard]] virtual Task<Error> write(boost::asio::const_buffer bytes) = 0;
  /// Ends our direction in order.
  [[nodiscard]] virtual Task<void> finish() = 0;
};

/// The device is told to a WebSocket. Certificates are checked as `context` says, and for the host's name.
[[nodiscard]] std::unique_ptr<StreamPeer> make_stream_peer(const boost::asio::any_io_executor& executor,
                                                           const EndpointUrl& url,
                                                           boost::asio::ssl::context& context,
                                                           const std::string& device_sid);

}  // namespace microvisor::cloud

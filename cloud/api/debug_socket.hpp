// A debug session on a WebSocket (RFC 6455): binary messages whose contents, one behind the other, are the
// stream of protocol/debug/FORMAT.md, whatever their borders.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <memory>

#include "cloud/debug/relay.hpp"

namespace microvisor::cloud::api {

/// Accepts the upgrade that `request` asks for, and carries until either side ends. The relay has ended when
/// this comes back.
boost::asio::awaitable<void> serve_debug_socket(boost::beast::tcp_stream& stream,
                                                boost::beast::http::request_header<> request,
                                                std::shared_ptr<DebugRelay> relay);

}  // namespace microvisor::cloud::api

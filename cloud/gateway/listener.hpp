// The gateway on sockets: moves bytes between TCP connections and Connection objects.
//
// One reading and one writing coroutine a connection, and one that ticks for all; everything on the service
// thread. As with the HTTP server, the object has to outlive the io_context.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <list>

#include "cloud/gateway/gateway.hpp"

namespace microvisor::cloud {

class Listener {
 public:
  explicit Listener(Gateway& gateway) : gateway_(gateway) {}
  void run(boost::asio::ip::tcp::acceptor acceptor);
  /// Stops accepting and says Goodbye to all devices.
  void close();
  [[nodiscard]] bool quiet() const { return peers_.empty() && acceptor_ == nullptr; }

 private:
  struct Peer;
  boost::asio::awaitable<void> accept(boost::asio::ip::tcp::acceptor acceptor);
  boost::asio::awaitable<void> tick();
  boost::asio::awaitable<void> serve(boost::asio::ip::tcp::socket socket);
  static boost::asio::awaitable<void> read(Peer& peer);
  static boost::asio::awaitable<void> write(Peer& peer);

  Gateway& gateway_;
  boost::asio::ip::tcp::acceptor* acceptor_ = nullptr;  // in the frame of accept()
  std::list<Peer*> peers_;
  bool closing_ = false;
};

}  // namespace microvisor::cloud

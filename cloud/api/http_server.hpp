// HTTP on sockets: carries requests to the Api and answers back, streams included.
//
// One coroutine a connection, all on the service thread. The object has to outlive the io_context (coroutines
// that are destroyed with it still refer to it); close() lets go of everything that needs the io_context.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <list>
#include <optional>
#include <string>

#include "cloud/api/api.hpp"
#include "cloud/logs/log_hub.hpp"

namespace microvisor::cloud::api {

class HttpServer {
 public:
  HttpServer(LogHub& hub, Bus& bus, Store& store, const Clock& clock);

  /// Takes an acceptor that listens already. `base_url` stands in for a request without a Host header.
  void run(boost::asio::ip::tcp::acceptor acceptor, const Api& api, std::string base_url);
  /// Stops accepting and closes connections that wait for a request; the others end after their answer.
  void close();
  [[nodiscard]] bool quiet() const { return clients_.empty() && acceptor_ == nullptr; }

 private:
  struct Client;
  struct Waiter;
  boost::asio::awaitable<void> accept(boost::asio::ip::tcp::acceptor acceptor);
  boost::asio::awaitable<void> serve(boost::asio::ip::tcp::socket socket);
  boost::asio::awaitable<std::optional<Request>> next_request(Client& client);
  boost::asio::awaitable<bool> answer(Client& client, const Request& request);
  boost::asio::awaitable<void> refuse_large(Client& client, const std::string& base);
  boost::asio::awaitable<void> stream_log(Client& client, const LogStream& stream);
  boost::asio::awaitable<Response> wait(Client& client, const WaitForDeployment& request);
  boost::asio::awaitable<void> wait_until_over(const WaitForDeployment& request);
  [[nodiscard]] std::string base_of(std::string_view host, std::string_view forwarded, bool loopback) const;

  LogHub& hub_;
  Store& store_;
  const Clock& clock_;
  const Api* api_ = nullptr;
  std::string base_url_;
  boost::asio::ip::tcp::acceptor* acceptor_ = nullptr;  // in the frame of accept()
  std::list<Client*> clients_;
  std::list<Waiter*> waiters_;
  bool closing_ = false;
};

}  // namespace microvisor::cloud::api

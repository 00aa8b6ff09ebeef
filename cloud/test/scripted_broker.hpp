// A broker of the test's own, which does what no broker should: it sends the bytes that it is told to, when
// it is told to.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>

#include "cloud/relay/mqtt_packets.hpp"

namespace microvisor::cloud::test {

/// One connection at a time, the newest.
class ScriptedBroker {
 public:
  explicit ScriptedBroker(boost::asio::io_context& io)
      : acceptor_(io, {boost::asio::ip::address_v4::loopback(), 0}), socket_(io) {
    accept();
  }
  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  /// Reads without waiting what has come.
  void poll() {
    char buffer[4096];
    boost::system::error_code error;
    while (reads && socket_.is_open()) {
      const std::size_t size = socket_.read_some(boost::asio::buffer(buffer), error);
      if (error == boost::asio::error::would_block) break;
      if (error) {
        closed_by_relay = true;
        socket_.close(error);
        break;
      }
      received.append(buffer, size);
    }
    write_some();
  }
  void send(const std::string& bytes) { outgoing_ += bytes; }
  /// Whether everything has been taken.
  [[nodiscard]] bool sent() const { return outgoing_.empty(); }
  void drop() {
    boost::system::error_code ignored;
    socket_.set_option(boost::asio::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
  }
  /// Forgets what it has been sent.
  void clear() { received.clear(); }
  [[nodiscard]] bool has(const std::string& bytes) const { return received.find(bytes) != std::string::npos; }

  std::string received;
  int connections = 0;
  bool closed_by_relay = false;
  bool reads = true;

 private:
  void accept() {
    acceptor_.async_accept(
        [this](const boost::system::error_code& error, boost::asio::ip::tcp::socket socket) {
          if (error) return;
          socket_ = std::move(socket);
          socket_.non_blocking(true);
          received.clear();
          outgoing_.clear();
          closed_by_relay = false;
          ++connections;
          accept();
        });
  }
  void write_some() {
    boost::system::error_code error;
    while (!outgoing_.empty() && socket_.is_open()) {
      const std::size_t size = socket_.write_some(boost::asio::buffer(outgoing_), error);
      if (error && error != boost::asio::error::would_block) outgoing_.clear();
      if (error) return;
      outgoing_.erase(0, size);
    }
  }

  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::ip::tcp::socket socket_;
  std::string outgoing_;
};

}  // namespace microvisor::cloud::test

// A WebSocket client for tests (RFC 6455) on a plain socket: frames by hand.
#pragma once

#include <optional>
#include <string>

#include "cloud/test/http_client.hpp"

namespace microvisor::cloud::test {

class WebSocket {
 public:
  /// Asks for the upgrade with the client's credentials. `status()` is 101 if that worked, else `reply()` has
  /// the answer.
  WebSocket(const HttpClient& client, const std::string& target);

  [[nodiscard]] int status() const { return reply_.status; }
  [[nodiscard]] const HttpReply& reply() const { return reply_; }

  static constexpr int kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10;
  /// One frame, masked with zeros. False if the other side is gone.
  bool send(const std::string& bytes, int opcode = kBinary) const;
  /// Contents of the next binary message; empty at the end of the WebSocket.
  std::string receive();
  /// `count` bytes of binary messages; fewer at the end.
  std::string receive(std::size_t count);
  /// What the server has closed it with; 0: it has not.
  [[nodiscard]] int close_code() const { return close_code_; }
  [[nodiscard]] const std::string& close_reason() const { return close_reason_; }
  /// Begins to close: status 1000.
  void close() const { send(std::string("\x03\xE8", 2), kClose); }

 private:
  bool fill(std::size_t size);
  Socket socket_;
  HttpReply reply_;
  std::string raw_;
  std::string rest_;
  int close_code_ = 0;
  std::string close_reason_;
};

}  // namespace microvisor::cloud::test
